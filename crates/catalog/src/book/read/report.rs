//! The mistakes found so far.

use std::ops::Range;

use super::{
    super::mistake::{Mistake, Source},
    nearest::nearest,
};

/// Mistakes beyond this many are counted, not kept.
const MAX_MISTAKES: usize = 500;
/// Known words compared with unknown ones in one reading: keeps a hostile file from being slow.
const MAX_COMPARISONS: usize = 200_000;

/// The mistakes found so far, by their bytes in the text.
#[derive(Default)]
pub(super) struct Report {
    found: Vec<Found>,
    beyond: usize,
    compared: usize,
}

struct Found {
    span: Range<usize>,
    message: String,
    hint: Option<String>,
}

impl Report {
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many so far: unchanged over a call means that it found nothing wrong.
    pub(super) fn count(&self) -> usize {
        self.found.len() + self.beyond
    }

    pub(super) fn add(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.push(span, message.into(), None);
    }

    pub(super) fn add_hint(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(span, message.into(), Some(hint.into()));
    }

    /// `word` is none of the `known` words, one of which may have been meant.
    pub(super) fn add_unknown<'k>(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        if self.found.len() >= MAX_MISTAKES {
            return self.push(span, message.into(), None);
        }
        let known = known.into_iter().take(MAX_COMPARISONS - self.compared);
        let known = known.inspect(|_| self.compared += 1);
        let hint = nearest(word, known).map(|meant| format!("did you mean `{meant}`?"));
        self.push(span, message.into(), hint);
    }

    /// An error of the TOML parser, in our words where a founder would not understand its own.
    pub(super) fn add_syntax(&mut self, text: &str, span: Range<usize>, message: &str) {
        let at = text.get(span.clone()).unwrap_or_default();
        match message.split(',').next().unwrap_or_default() {
            "duplicate key" => {
                self.add_hint(span, format!("`{}` is given a second time", short(at)), "keep one of the two");
            }
            "string values must be quoted" => {
                let hint = format!("write \"{}\"", short(at));
                self.add_hint(span, "text must be in quotes", hint);
            }
            "invalid basic string" if message.ends_with("expected `\"`") => {
                self.add(span, "the text does not end on its line: a closing quote is missing");
            }
            _ => self.add(span, message),
        }
    }

    fn push(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        if self.found.len() < MAX_MISTAKES {
            self.found.push(Found { span, message, hint });
        } else {
            self.beyond += 1;
        }
    }

    /// The mistakes in the order of the file.
    pub(super) fn into_mistakes(mut self, source: &Source<'_>) -> Vec<Mistake> {
        self.found.sort_by_key(|found| found.span.start);
        if let Some(last) = self.found.last().filter(|_| self.beyond > 0) {
            let message = format!("and {} more mistakes, not shown", self.beyond);
            self.found.push(Found { span: last.span.clone(), message, hint: None });
        }
        self.found.into_iter().map(|found| source.mistake(found.span, found.message, found.hint)).collect()
    }
}

/// The text as it is quoted in a message: its first 60 characters.
pub(super) fn short(text: &str) -> String {
    const CHARS: usize = 60;
    match text.char_indices().nth(CHARS) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
