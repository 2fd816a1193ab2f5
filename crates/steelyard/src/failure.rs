//! How a command says that it failed: one sentence what is wrong, one what to do.

use std::{fmt, io};

use kernel::{Error, Kind};

/// What a command ends with.
pub type Outcome<T = ()> = Result<T, Failure>;

/// A refusal for the person at the terminal.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong, and often what to do about it.
    what: String,
    /// Places and parts of it, one line each.
    details: Vec<String>,
    /// What to do, where the first sentence does not say.
    advice: Option<String>,
}

impl Failure {
    /// What is wrong, and what to do.
    pub fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), details: Vec::new(), advice: Some(advice.into()) }
    }

    /// The same with the parts it concerns, one line each.
    #[must_use]
    pub fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// A fault of the program that nothing else caught.
    pub fn of_ours() -> Self {
        Self::new("The program met a fault of its own.", REPORT)
    }
}

const REPORT: &str = "Run `steelyard doctor`; if it finds nothing, report this with the command you gave. \
                      STEELYARD_LOG=debug shows more.";

/// `error:` and, below it, the parts and the advice.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        self.details.iter().try_for_each(|detail| write!(f, "\n  {detail}"))?;
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, "\nhelp: {advice}"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let details = error.fields.iter().filter(|field| field.detail != error.detail);
        let details = details.map(|field| format!("{}: {}", field.pointer, field.detail)).collect();
        let advice = advice(&error).map(str::to_owned);
        let what = match error.kind {
            Kind::Internal => {
                format!("The program met a fault of its own: {}.", error.detail.trim_end_matches('.'))
            }
            _ => error.detail,
        };
        Self { what, details, advice }
    }
}

/// Why a file or folder cannot be used, in words for the middle of a sentence.
pub fn why(error: &io::Error) -> String {
    let words = match error.kind() {
        io::ErrorKind::NotFound => "it does not exist",
        io::ErrorKind::PermissionDenied => "this user may not",
        io::ErrorKind::IsADirectory => "it is a folder",
        io::ErrorKind::NotADirectory => "a file stands where a folder should",
        io::ErrorKind::AlreadyExists => "it exists already",
        io::ErrorKind::InvalidData => "it is not UTF-8 text",
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only",
        _ => return error.to_string(),
    };
    words.to_owned()
}

/// What to do about errors whose sentence does not say.
fn advice(error: &Error) -> Option<&'static str> {
    Some(match error.code {
        "internal" => REPORT,
        "database_away" => "Check --database, and that the database can be reached from here.",
        "database_url_malformed" => "Write it like postgres://user:password@host:5432/database.",
        "facts_broken" => {
            "Bring back the last good backup with `steelyard restore`, and find out who changed the database."
        }
        "clock_advancing" => "Wait for it to arrive, or run `steelyard jobs run` when no server does.",
        "clock_backwards" => "Choose a later instant; `steelyard clock show` tells where the clock stands.",
        "not_found" if error.detail.contains("meter") => "List them with `steelyard usage meters`.",
        "not_found" => {
            "List what there is with `steelyard customers|subscriptions|invoices|key|jobs list`, and check --env."
        }
        "email_malformed" => "Write it like you@example.com.",
        "id_malformed" if error.detail.contains("invoice") => {
            "Write its number, or copy its id; `steelyard invoices --json` lists both."
        }
        "id_malformed" if error.detail.contains("subscription") => {
            "Copy it from `steelyard subscriptions`; or write ext: and your own id."
        }
        "id_malformed" => {
            "Copy it from a list, such as `steelyard customers list`; or write ext: and your own id."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_is_wrong_and_what_to_do() {
        let failure = Failure::from(Error::internal("a row is gone"));
        let shown = failure.to_string();
        assert!(
            shown.starts_with("error: The program met a fault of its own: a row is gone.\nhelp: "),
            "{shown}"
        );
        let failure = Failure::new("This is wrong.", "Do that.").with_details(["a: b".to_owned()]);
        assert_eq!(failure.to_string(), "error: This is wrong.\n  a: b\nhelp: Do that.");
    }
}
