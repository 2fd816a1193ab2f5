//! What the tests of every crate share: a private PostgreSQL, a browser and a checker of HTML, and the rules about the
//! source tree itself.

pub mod arrows;
pub mod browser;
#[cfg(feature = "product")]
mod engines;
pub mod html;
pub mod package;
pub mod postgres;

#[cfg(feature = "product")]
pub use engines::{START, TestDb, every_statement_prepares, on_both};

/// Written past the capture of the test harness: what is skipped must be seen.
fn note(sentence: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "note: {sentence}");
}
