//! What the components promise: strict pages, sound references, readable colours, escaped text.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::*;

/// The values of an attribute, in document order. maud escapes quotes, so a plain search finds them all.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn pages() -> [String; 2] {
    [gallery().into_string(), error_page(404, "Nothing here", "Look elsewhere.", "not_found").into_string()]
}

fn asset(name: &str) -> &'static str {
    let (_, bytes, _) = assets::find(name).expect("a known asset");
    str::from_utf8(bytes).expect("a text")
}

#[test]
fn pages_hold_to_a_strict_content_policy() {
    for page in pages() {
        assert!(values(&page, "style").is_empty(), "an inline style");
        assert!(!page.contains("<style"), "a style element");
        assert!(!page.contains("javascript:"), "a script address");
        for script in page.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/"), "a script of its own: {script:.60}");
        }
        let handler = page.match_indices(" on").find(|(at, _)| {
            let name: String = page[at + 1..].chars().take_while(char::is_ascii_alphabetic).collect();
            page[at + 1 + name.len()..].starts_with("=\"")
        });
        assert_eq!(handler, None, "an inline handler");
    }
}

#[test]
fn every_asset_a_page_names_exists_in_the_version_it_names() {
    for page in pages() {
        let links = values(&page, "href").into_iter().chain(values(&page, "src"));
        let links: Vec<&str> = links.filter(|link| link.starts_with("/assets/")).collect();
        assert_eq!(links.len(), 3);
        for link in links {
            let (name, version) = link["/assets/".len()..].split_once("?v=").expect("a version");
            let (kind, bytes, etag) = assets::find(name).expect("an asset of this name");
            assert_eq!(etag, format!("\"{version}\""));
            assert!(!bytes.is_empty() && kind.contains('/'));
        }
    }
    assert_eq!(assets::find("../Cargo.toml"), None);
    assert_eq!(assets::names().count(), 4);
}

#[test]
fn every_reference_within_a_page_has_one_target() {
    for page in pages() {
        let ids = values(&page, "id");
        let known: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), known.len(), "an id stands twice: {ids:?}");
        let described = values(&page, "aria-describedby").into_iter().flat_map(str::split_whitespace);
        let fields = values(&page, "href").into_iter().filter_map(|link| link.strip_prefix('#'));
        let fields = fields.filter(|link| link.starts_with("field-") || *link == "main");
        for target in values(&page, "for").into_iter().chain(described).chain(fields) {
            assert!(known.contains(target), "nothing has the id {target}");
        }
    }
}

#[test]
fn the_stylesheet_knows_every_class_and_token() {
    let css = asset("style.css");
    let page = gallery().into_string();
    for class in values(&page, "class").into_iter().flat_map(str::split_whitespace) {
        let styled = css.match_indices(&format!(".{class}")).any(|(at, found)| {
            !css[at + found.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '-')
        });
        assert!(styled, "nothing styles .{class}");
    }
    for name in css.split("var(--").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(css.contains(&format!("--{name}:")), "--{name} is not defined");
    }
}

#[test]
fn the_script_stays_small() {
    assert!(asset("app.js").len() < 3 * 1024);
}

/// A token's colours in light and dark.
fn colours() -> BTreeMap<&'static str, [&'static str; 2]> {
    let token = |line: &'static str| {
        let (name, value) = line.trim().strip_prefix("--")?.split_once(": light-dark(#")?;
        let (light, dark) = value.split_once(')')?.0.split_once(", #")?;
        Some((name, [light, dark]))
    };
    asset("style.css").lines().filter_map(token).collect()
}

/// Relative luminance (WCAG 2.2) of six hexadecimal digits.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("two digits")) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn colours_are_readable_in_light_and_dark() {
    const GROUNDS: &[&str] = &["sheet", "raised", "paper", "well"];
    let text: &[(&str, &[&str])] = &[
        ("ink", &["sheet", "raised", "paper", "well", "accent-wash", "good-wash", "brass-wash", "bad-wash"]),
        (
            "ink-soft",
            &["sheet", "raised", "paper", "well", "accent-wash", "good-wash", "brass-wash", "bad-wash"],
        ),
        ("ink-faint", GROUNDS),
        ("accent", &["sheet", "raised", "paper", "well", "accent-wash"]),
        ("accent-strong", GROUNDS),
        ("good", &["sheet", "raised", "well", "good-wash"]),
        ("brass", &["sheet", "raised", "well", "brass-wash"]),
        ("bad", &["sheet", "raised", "well", "bad-wash"]),
        ("on-accent", &["accent", "accent-strong"]),
    ];
    let edges: &[(&str, &[&str])] = &[
        ("edge", &["sheet", "raised"]),
        ("accent", GROUNDS),
        ("chart-1", &["sheet", "raised"]),
        ("chart-2", &["sheet", "raised"]),
        ("chart-3", &["sheet", "raised"]),
        ("chart-4", &["sheet", "raised"]),
    ];
    let colours = colours();
    for (pairs, least) in [(text, 4.5), (edges, 3.0)] {
        for (front, grounds) in pairs {
            for ground in *grounds {
                for theme in [0, 1] {
                    let found = contrast(colours[front][theme], colours[ground][theme]);
                    assert!(found >= least, "--{front} on --{ground}, theme {theme}: {found:.2} < {least}");
                }
            }
        }
    }
}

fn evil_charts(evil: &str) -> Markup {
    let slots = [Slot { label: evil, name: evil, group: evil, open: true, href: Some(evil) }];
    let series = [Series { name: evil, values: vec![Some(Value { size: 1, text: evil.to_owned() })] }];
    let tick = |_: i128| evil.to_owned();
    let chart = Chart { title: evil, summary: evil, over: evil, slots: &slots, series: &series, tick: &tick };
    html! {
        (columns(&chart))
        (lines(&chart))
        (spark(&[1], evil))
        (against(&Against { label: evil, text: evil, value: 1, limit: Some(2) }))
        (shares(evil, [evil, evil], &[Share { label: evil, text: evil, size: 1, href: Some(evil) }]))
    }
}

#[test]
fn text_is_escaped_wherever_it_goes() {
    const EVIL: &str = "\"><script>x</script>";
    let choices = [Choice { value: EVIL, label: EVIL }];
    let input = |input| field(&Field::new(EVIL, EVIL, input).value(EVIL).hint(EVIL).error(Some(EVIL)));
    let steps = [Step { label: EVIL, working: EVIL, figure: EVIL }];
    let everything: Vec<Markup> = vec![
        amount(EVIL),
        evil_charts(EVIL),
        state(EVIL),
        copyable(EVIL),
        code_block(EVIL, EVIL),
        explanation(&steps),
        header(EVIL, EVIL, html! {}),
        notice(Kind::Error, EVIL, html! {}),
        empty(EVIL, EVIL, html! {}),
        error_page(500, EVIL, EVIL, EVIL),
        form(EVIL, EVIL, html! {}, EVIL),
        error_summary(&[(EVIL, EVIL)]),
        input(Input::Text),
        input(Input::Select(&choices)),
        input(Input::Textarea(2)),
        input(Input::Checkbox),
        progress(1, 2, EVIL),
        refreshing(EVIL, EVIL, 1, html! {}),
        pagination(Some(EVIL), Some(EVIL)),
        chosen(&[(EVIL, EVIL)]),
        figures(&[(Stat { label: EVIL, value: EVIL, note: EVIL }, Some(EVIL))]),
        countdown(
            &Countdown { urgency: Urgency::Soon, left: EVIL, title: EVIL, passed: 1, whole: 2 },
            html! {},
        ),
        totals(
            &[Total { label: EVIL, amount: EVIL, href: None }],
            &Total { label: EVIL, amount: EVIL, href: None },
        ),
        table(Table {
            caption: EVIL,
            columns: &[Column::text(EVIL)],
            rows: vec![Row::link(EVIL, vec![html! { (EVIL) }])],
            total: None,
            narrow: Narrow::Scroll,
            empty: html! {},
        }),
    ];
    for markup in everything {
        assert!(!markup.0.contains("<script>"), "{}", markup.0);
    }
}

#[test]
fn a_negative_amount_is_marked_by_a_true_minus_sign() {
    assert_eq!(amount("-$25.29").0, "<span class=\"amount negative\">\u{2212}$25.29</span>");
    assert_eq!(amount("\u{2212}1").0, amount("-1").0);
    assert_eq!(amount("$25.29").0, "<span class=\"amount\">$25.29</span>");
}

#[test]
fn states_are_named_in_plain_words() {
    assert_eq!(state("past_due").0, "<span class=\"badge attention\">Past due</span>");
    assert_eq!(state("").0, "<span class=\"badge\"></span>");
}

#[test]
fn a_wrong_field_is_tied_to_its_hint_and_its_error() {
    let wrong =
        Field::new("E-mail", "email", Input::Email).hint("Work address.").error(Some("Not an address."));
    let markup = field(&wrong).0;
    assert_eq!(values(&markup, "aria-describedby"), ["field-email-hint field-email-error"]);
    assert_eq!(values(&markup, "aria-invalid"), ["true"]);
    assert_eq!(values(&markup, "for"), ["field-email"]);
    let fine = field(&Field::new("E-mail", "email", Input::Email)).0;
    assert!(values(&fine, "aria-describedby").is_empty() && values(&fine, "aria-invalid").is_empty());
}

#[test]
fn progress_never_leaves_its_bar() {
    let over = progress(29, 25, "Users").0;
    assert_eq!((values(&over, "value"), values(&over, "max")), (vec!["25"], vec!["25"]));
    assert!(over.contains("116 %"));
    assert!(progress(0, 0, "Nothing").0.contains("0 %"));
    assert!(progress(u64::MAX, u64::MAX, "All").0.contains("100 %"));
}

#[test]
fn nothing_is_shown_where_there_is_nothing() {
    assert_eq!(pagination(None, None).0, "");
    assert_eq!(explanation(&[]).0, "");
    assert_eq!(error_summary(&[]).0, "");
    assert_eq!(optional(Some("x")).0, "x");
}
