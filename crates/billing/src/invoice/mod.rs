//! Invoices: drafts, their taxes, issuing, taking them back, and what they post.

mod credit;
mod model;
mod ops;
mod rules;
pub(crate) mod search;
pub(crate) mod sql;

pub use credit::credit_for;
pub use model::{ChargeKind, Draft, End, Invoice, Line, State, Totals};
pub(crate) use ops::{
    adjustments, carried, carry, forget, issue, issue_carried, issuers, many, numbered, party_json, read,
    read_line, read_party, save_drafts,
};
pub use ops::{
    assessed, finalize, find, give_up, lines, list, of_customer, of_subscription, resolve, taxes, void,
};
pub(crate) use rules::{Sums, credit_account, earned_on, receivable_account, tax_account};
pub use rules::{Transition, assess, credited};
pub use search::{Filter, Place, count, load, search};
