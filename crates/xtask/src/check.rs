//! `cargo xtask check`: everything about the source but its tests.

use crate::{Outcome, cargo, execute, licences};

/// A check: its name, and what it does.
type Check = (&'static str, fn() -> Outcome);

const CHECKS: &[Check] = &[
    ("format", || execute(cargo(&["fmt", "--all", "--check"]))),
    ("lints", || execute(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))),
    ("licences", licences::run),
];

/// Runs all checks, also after one has failed.
///
/// # Errors
/// With the sentence of each that failed.
pub fn run() -> Outcome {
    let mut failures = Vec::new();
    for (name, check) in CHECKS {
        println!("check: {name}");
        if let Err(sentence) = check() {
            failures.push(format!("{name}: {sentence}"));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n       ")) }
}
