//! Tables of the file: with fixed keys ([`Section`]) and with keys of the founder's choice ([`entries`]).

use std::{collections::HashMap, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    report::{Report, short},
    value::wrong_kind,
};

/// Most characters of a key.
const MAX_KEY: usize = 63;

/// A value of the file and its place.
pub(super) type Item<'t> = Spanned<DeValue<'t>>;

/// A table with fixed keys. Whoever reads it asks for each key; what nobody asked for is unknown.
pub(super) struct Section<'t> {
    what: String,
    span: Range<usize>,
    table: &'t DeTable<'t>,
    known: Vec<&'static str>,
}

impl<'t> Section<'t> {
    /// `what` names the table in messages; `span` is where a missing key is reported.
    pub(super) fn open(
        what: impl Into<String>,
        span: Range<usize>,
        item: &'t Item<'t>,
        report: &mut Report,
    ) -> Option<Self> {
        match item.get_ref() {
            DeValue::Table(table) => Some(Self { what: what.into(), span, table, known: Vec::new() }),
            _ => {
                wrong_kind(item, &format!("{} is a section with keys of its own", what.into()), report);
                None
            }
        }
    }

    pub(super) fn optional(&mut self, key: &'static str) -> Option<&'t Item<'t>> {
        self.known.push(key);
        self.table.get(key)
    }

    pub(super) fn required(&mut self, key: &'static str, report: &mut Report) -> Option<&'t Item<'t>> {
        let item = self.optional(key);
        if item.is_none() {
            report.add(self.span.clone(), format!("{} has no `{key}`", self.what));
        }
        item
    }

    /// The place of a key that is there.
    pub(super) fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.table.get_key_value(key).map(|(key, _)| key.span())
    }

    /// Report the keys nobody asked for.
    pub(super) fn close(self, report: &mut Report) {
        for key in self.table.keys() {
            let word = key.get_ref();
            if !self.known.contains(&word.as_ref()) {
                let message = format!("`{}` is not a key of {}", short(word), self.what);
                report.add_unknown(key.span(), message, word, self.known.iter().copied());
            }
        }
    }
}

/// One entry of a table whose keys are the founder's.
pub(super) struct Entry<'t> {
    pub key: &'t str,
    pub key_span: Range<usize>,
    pub item: &'t Item<'t>,
}

/// The entries of a table in the order of the file. Keys that are not well formed are reported.
pub(super) fn entries<'t>(what: &str, item: Option<&'t Item<'t>>, report: &mut Report) -> Vec<Entry<'t>> {
    let Some(item) = item else { return Vec::new() };
    let DeValue::Table(table) = item.get_ref() else {
        wrong_kind(item, &format!("`{what}` is a section with keys of its own"), report);
        return Vec::new();
    };
    let entry = |(key, item): (&'t Spanned<_>, &'t Item<'t>)| {
        let word: &std::borrow::Cow<'t, str> = key.get_ref();
        Entry { key: word.as_ref(), key_span: key.span(), item }
    };
    let mut entries: Vec<Entry<'t>> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    for entry in entries.iter().filter(|entry| !is_key(entry.key)) {
        report.add_hint(
            entry.key_span.clone(),
            format!("`{}` is not a key", short(entry.key)),
            format!(
                "a key is a lower case word of at most {MAX_KEY} letters, digits and _, such as `extra_user`"
            ),
        );
    }
    entries
}

/// Whether it is a lower case word such as `extra_user`.
pub(super) fn is_key(word: &str) -> bool {
    word.len() <= MAX_KEY
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Finds two entries of a kind that look alike on a page.
pub(super) struct Names {
    noun: &'static str,
    seen: HashMap<String, String>,
}

impl Names {
    pub(super) fn of(noun: &'static str) -> Self {
        Self { noun, seen: HashMap::new() }
    }

    /// Report the name when an earlier entry has it too.
    pub(super) fn check(&mut self, key: &str, name: &str, item: &Item<'_>, report: &mut Report) {
        let before = self.seen.entry(name.to_lowercase()).or_insert_with(|| key.to_owned());
        if before != key {
            let (noun, before) = (self.noun, short(before));
            report.add(item.span(), format!("{noun} `{before}` is already called \"{}\"", short(name)));
        }
    }
}
