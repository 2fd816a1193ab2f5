//! What the tests of every crate share: a private PostgreSQL, and the rules about the source tree itself.

pub mod arrows;
#[cfg(feature = "product")]
mod engines;
pub mod postgres;

#[cfg(feature = "product")]
pub use engines::{START, TestDb, every_statement_prepares, on_both};
