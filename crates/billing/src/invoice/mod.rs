//! Invoices: drafts, issuing, and what they post.

mod model;
mod ops;
pub(crate) mod search;
pub(crate) mod sql;

pub use model::{ChargeKind, Draft, Invoice, Line, State, Totals};
pub(crate) use ops::{adjustments, income, issue, issuers, many, numbered, read_line, save_drafts};
pub use ops::{finalize, find, lines, list, of_customer, of_subscription, resolve};
pub use search::{Filter, Place, counts, load, search};
