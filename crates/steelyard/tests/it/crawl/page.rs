//! What a crawler sees of a page: where it leads, and which of its amounts lead nowhere.

use std::collections::HashSet;

/// Elements without an end.
const VOID: [&str; 8] = ["meta", "link", "input", "br", "img", "hr", "wbr", "source"];

/// A page.
#[derive(Debug, Default)]
pub struct Page {
    /// Where it leads, as written.
    pub links: Vec<String>,
    /// What can be led to within it.
    pub ids: HashSet<String>,
    /// Amounts of money from which no click leads to why.
    pub stuck: Vec<String>,
}

/// An element that is open.
struct Open<'t> {
    name: &'t str,
    class: &'t str,
    id: &'t str,
    /// Of a row: whether anything in it is a link, and its amounts.
    links: bool,
    amounts: Vec<String>,
}

/// Parts whose amounts say why themselves: links, explanations, lines that open into theirs, sums of the lines above,
/// taxes with the reason beside them.
fn explains(open: &Open<'_>) -> bool {
    let has = |class| open.class.split(' ').any(|one| one == class);
    matches!(open.name, "a" | "details" | "tfoot" | "svg" | "nav")
        || has("lines")
        || has("totals")
        || open.id == "tax"
}

impl Page {
    /// Read a page of ours: well-formed HTML, as the checker has seen.
    pub fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut stack: Vec<Open<'_>> = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('<') {
            let Some(end) = rest[at..].find('>') else { break };
            let tag = &rest[at + 1..at + end];
            rest = &rest[at + end + 1..];
            if let Some(name) = tag.strip_prefix('/') {
                page.close(&mut stack, name);
            } else if !tag.starts_with('!') {
                page.open(&mut stack, tag, rest);
            }
        }
        page
    }

    fn open<'t>(&mut self, stack: &mut Vec<Open<'t>>, tag: &'t str, rest: &'t str) {
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        let class = attribute(tag, "class").unwrap_or_default();
        if let Some(href) = attribute(tag, "href").filter(|_| name == "a").or(attribute(tag, "data-refresh"))
        {
            self.links.push(href.replace("&amp;", "&"));
            stack.iter_mut().for_each(|open| open.links = true);
        }
        self.ids.extend(attribute(tag, "id").map(str::to_owned));
        let inside = rest.split('<').next().unwrap_or_default();
        if class.split(' ').any(|one| one == "amount") && is_money(inside) {
            let explained = stack.iter().any(explains);
            let row = stack.iter_mut().rev().find(|open| open.name == "tr");
            match row {
                _ if explained => {}
                Some(row) => row.amounts.push(inside.to_owned()),
                None => self.stuck.push(inside.to_owned()),
            }
        }
        if !VOID.contains(&name) && !tag.ends_with('/') {
            let id = attribute(tag, "id").unwrap_or_default();
            stack.push(Open { name, class, id, links: false, amounts: Vec::new() });
        }
    }

    fn close(&mut self, stack: &mut Vec<Open<'_>>, name: &str) {
        while let Some(open) = stack.pop() {
            if !open.links {
                self.stuck.extend(open.amounts);
            }
            if open.name == name {
                return;
            }
        }
    }
}

/// `USD 49.00`, `−JPY 1,200`.
fn is_money(text: &str) -> bool {
    let text = text.trim_start_matches('\u{2212}').as_bytes();
    text.len() > 4
        && text[..3].iter().all(u8::is_ascii_uppercase)
        && text[3] == b' '
        && text[4].is_ascii_digit()
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let start = format!(" {name}=\"");
    tag.split_once(&start).and_then(|(_, rest)| rest.split('"').next())
}

#[test]
fn an_amount_that_leads_nowhere_is_found() {
    let amount = |text: &str| format!("<span class=\"amount\">{text}</span>");
    let page =
        |body: String| Page::read(&format!("<!DOCTYPE html><html><body><main>{body}</main></body></html>"));
    assert_eq!(page(amount("USD 49.00")).stuck, ["USD 49.00"]);
    assert_eq!(page(format!("<tr><td>{}</td><td>x</td></tr>", amount("−KWD 1.250"))).stuck, ["−KWD 1.250"]);
    let led = format!("<tr><th><a href=\"/a?b=1&amp;c=2\">x</a></th><td>{}</td></tr>", amount("USD 49.00"));
    assert_eq!((page(led.clone()).stuck.len(), page(led).links), (0, vec!["/a?b=1&c=2".to_owned()]));
    let explained = format!("<details><summary>{}</summary><br></details><p>x", amount("USD 49.00"));
    assert!(page(explained).stuck.is_empty() && page(amount("12")).stuck.is_empty());
}
