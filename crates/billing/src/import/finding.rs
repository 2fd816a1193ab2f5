//! What an import finds and does.

use std::collections::{BTreeMap, HashSet};

use kernel::Error;

/// Bad rows and notices a report names; all are counted.
pub const NAMED: usize = 10_000;

/// A row that cannot be loaded, or one to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// Its line in the file, from 1; the heading is line 1.
    pub line: u64,
    /// The column it is about, when there is one.
    pub column: Option<String>,
    /// What stands there, its first 80 characters.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
}

/// How many were loaded and how many were there before and left alone; in a dry run, would be loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Loaded.
    pub loaded: u64,
    /// There before.
    pub already: u64,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Customers.
    pub customers: Count,
    /// Subscriptions.
    pub subscriptions: Count,
    /// Good subscriptions by the word of their state, those that were there before not among them.
    pub states: BTreeMap<&'static str, u64>,
    /// Rows left out because the mapping says so.
    pub skipped: u64,
    /// Bad rows in the order of files and lines, at most [`NAMED`].
    pub bad: Vec<Finding>,
    /// All bad rows.
    pub bad_rows: u64,
    /// Good rows to look at, at most [`NAMED`].
    pub notices: Vec<Finding>,
    /// All good rows to look at.
    pub noticed_rows: u64,
    /// Nothing was loaded: the rows were only checked, or some were bad and it was to stop then.
    pub only_checked: bool,
}

/// What is wrong with a row, before it is said in which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    column: Option<String>,
    value: String,
    reason: String,
}

impl Fault {
    pub(super) fn new(column: Option<&str>, value: &str, reason: &str) -> Self {
        // A whole document in one cell is not repeated in the report.
        let value = value.chars().take(80).collect();
        Self { column: column.map(str::to_owned), value, reason: reason.to_owned() }
    }

    /// The fault an operation finds with a value.
    pub(super) fn of(column: Option<&str>, value: &str, error: &Error) -> Self {
        Self::new(column, value, &lower(error))
    }

    fn at(self, file: &str, line: u64) -> Finding {
        let Self { column, value, reason } = self;
        Finding { file: file.to_owned(), line, column, value, reason }
    }
}

/// A sentence in the middle of another: its first letter small, its full stop gone.
fn lower(error: &Error) -> String {
    let text = error.detail.trim_end_matches('.');
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A row of one of the files: the file's place among them and the line.
pub(super) type Place = (usize, u64);

/// Everything found so far.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) report: Report,
    bad: HashSet<Place>,
}

impl Findings {
    pub(super) fn bad(&mut self, place: Place, file: &str, fault: Fault) {
        // Loading decides again what checking decided: a row is bad once.
        if self.bad.insert(place) {
            self.report.bad_rows += 1;
            if self.report.bad.len() < NAMED {
                self.report.bad.push(fault.at(file, place.1));
            }
        }
    }

    pub(super) fn notice(&mut self, line: u64, file: &str, fault: Fault) {
        self.report.noticed_rows += 1;
        if self.report.notices.len() < NAMED {
            self.report.notices.push(fault.at(file, line));
        }
    }

    pub(super) fn is_bad(&self, place: Place) -> bool {
        self.bad.contains(&place)
    }
}
