//! Somebody with a browser open.

use crate::world::{Page, World};

pub const BASE: &str = "/unison/rehearsal";

pub struct Person<'w> {
    pub world: &'w World,
    pub cookie: String,
}

impl Person<'_> {
    pub fn open(&self, path: &str) -> Page {
        let page = self.world.get(&format!("{BASE}{path}"), &self.cookie);
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        page
    }

    /// Send the form of a page, with its token.
    pub fn send(&self, from: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = from.hidden("csrf");
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        self.world.post(&format!("{BASE}{path}"), &self.cookie, &fields)
    }

    /// Send a form that leads on, and go there.
    pub fn follow(&self, from: &Page, path: &str, fields: &[(&str, &str)]) -> (String, Page) {
        let answer = self.send(from, path, fields);
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
        let to = answer.location().to_owned();
        (to.clone(), self.open(to.strip_prefix(BASE).unwrap()))
    }

    /// Confirm what a page shows, with these answers.
    pub fn confirm(&self, shown: &Page, path: &str, fields: &[(&str, &str)]) -> (String, Page) {
        let confirmation = [shown.hidden("once"), shown.hidden("seen")];
        let [once, seen] = &confirmation;
        let fields: Vec<_> =
            fields.iter().copied().chain([("once", once.as_str()), ("seen", seen.as_str())]).collect();
        self.follow(shown, path, &fields)
    }
}

pub fn id_in(address: &str) -> &str {
    address.split('?').next().unwrap().rsplit('/').next().unwrap()
}

/// The text of a page without its tags, so that what stands together is found together.
pub fn words(page: &Page) -> String {
    let mut out = String::new();
    for (at, part) in page.text.split('<').enumerate() {
        let text = if at == 0 { part } else { part.split_once('>').map_or("", |(_, text)| text) };
        if !text.trim().is_empty() {
            out.push_str(text.trim());
            out.push('\n');
        }
    }
    out.replace("&amp;", "&")
}
