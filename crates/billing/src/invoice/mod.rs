//! Invoices: drafts, issuing, and what they post.

mod credit;
mod model;
mod ops;
pub(crate) mod sql;

pub use credit::credit_for;
pub use model::{ChargeKind, Draft, Invoice, Line, State, Totals};
pub(crate) use ops::{adjustments, income, issue, issuers, many, numbered, read_line, save_drafts};
pub use ops::{finalize, find, lines, list, of_customer, of_subscription, resolve};
