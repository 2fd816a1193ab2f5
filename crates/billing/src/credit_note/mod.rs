//! Credit notes: what was billed and is no longer owed, taken back line by line.

mod model;
mod ops;
mod rules;
mod search;
pub(crate) mod sql;

pub use model::{Cause, Credit, CreditLine, CreditNote, Derivation, Unused};
pub(crate) use ops::{billed_in_arrears, ended, fees, issue_for, running};
pub use ops::{find, lines, of_invoice, resolve, taxes};
pub use rules::{Ended, Running, restored, tax_of, unused};
pub use search::{load, of_customer, of_subscription};
