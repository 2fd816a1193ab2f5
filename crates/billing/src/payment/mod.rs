//! Payments: money received, written down by hand, and what it settles.

mod model;
mod ops;
mod rules;
mod schema;
pub(crate) mod sql;

pub use model::{Cause, Method, NewPayment, Payment, Received, Settlement};
pub(crate) use ops::release;
pub use ops::{Recorded, find, list, of_invoice, record, record_all, reverse, settlements};
pub use rules::{Open, Split, split, take_back};
pub(crate) use schema::MIGRATION;
