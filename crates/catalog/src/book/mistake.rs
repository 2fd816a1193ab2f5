//! A mistake in a price book's file, and how it is shown.

use std::{fmt, ops::Range};

use serde::Serialize;

/// Lines longer than this are shown in part, so that a mistake in a huge line stays small.
const SHOWN_BYTES: usize = 160;
/// The offending text is cut here.
const TEXT_CHARS: usize = 80;
/// Messages and hints are cut here; only words of a hostile file make them longer.
const MESSAGE_CHARS: usize = 400;

/// Something wrong in a price book's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The offending text as written, at most 80 characters of its first line.
    pub text: String,
    /// What is wrong: a phrase without a full stop.
    pub message: String,
    /// What to do about it, when that can be said.
    pub hint: Option<String>,
    /// The source line, or the part of it around the mistake.
    pub source: String,
    /// Where in `source` the text begins, in characters.
    #[serde(skip)]
    indent: usize,
}

/// `file:line:column: message; hint`, then the source line and carets under the text.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        let line = format!("{:>5}", self.line);
        let gutter = " ".repeat(line.len());
        // Tabs are repeated, so that the carets stand right whatever their width.
        let indent: String =
            self.source.chars().take(self.indent).map(|c| if c == '\t' { c } else { ' ' }).collect();
        let width =
            self.text.chars().count().min(self.source.chars().count().saturating_sub(self.indent)).max(1);
        write!(f, "\n{line} | {}\n{gutter} | {indent}{}", self.source, "^".repeat(width))
    }
}

/// The text of a file and where its lines begin.
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file, text, line_starts: std::iter::once(0).chain(starts).collect() }
    }

    /// The mistake standing at these bytes of the text.
    pub(super) fn mistake(&self, span: Range<usize>, message: String, hint: Option<String>) -> Mistake {
        let start = self.text.floor_char_boundary(span.start);
        let line = self.line_starts.partition_point(|line_start| *line_start <= start);
        let line_start = self.line_starts[line - 1];
        let line_text = self.text[line_start..].split('\n').next().unwrap_or_default();
        let line_text = line_text.strip_suffix('\r').unwrap_or(line_text);
        let offset = line_text.floor_char_boundary(start - line_start);
        let end = line_text.floor_char_boundary(span.end.saturating_sub(line_start)).max(offset);
        let from = line_text.floor_char_boundary(offset.saturating_sub(SHOWN_BYTES / 2));
        let from = if line_text.len() <= SHOWN_BYTES { 0 } else { from };
        let to = line_text.floor_char_boundary(from + SHOWN_BYTES);
        Mistake {
            file: printable(self.file, MESSAGE_CHARS),
            line,
            column: line_text[..offset].chars().count() + 1,
            text: printable(&line_text[offset..end], TEXT_CHARS),
            message: printable(&message, MESSAGE_CHARS),
            hint: hint.map(|hint| printable(&hint, MESSAGE_CHARS)),
            source: printable(&line_text[from..to], SHOWN_BYTES),
            indent: line_text[from..offset].chars().count(),
        }
    }
}

/// The first characters of a text, control characters shown as �, so that a file cannot write to a terminal.
/// Tabs stay.
fn printable(text: &str, chars: usize) -> String {
    let shown = |c: char| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(chars).map(shown).collect()
}
