//! Credit notes: what was billed and is no longer owed, taken back line by line.

mod model;
mod ops;
mod rules;
pub(crate) mod sql;

pub use model::{Cause, Credit, CreditLine, CreditNote, Derivation};
pub use ops::{find, lines, of_invoice};
pub(crate) use ops::{issue, running};
pub use rules::{Running, unused};
