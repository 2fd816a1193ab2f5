//! Invoices: drafts, issuing, and what they post.

mod model;
mod ops;
pub(crate) mod sql;

pub use model::{ChargeKind, Draft, Invoice, Line, State, Totals};
pub use ops::{finalize, find, lines, list, of_customer, of_subscription};
pub(crate) use ops::{issue, save_drafts};
