//! Subscriptions and invoices, and moving business time over them.
//!
//! Decisions are pure ([`subscription::rules`]): state, command and now give the new state and what is
//! to be billed. Operations load, decide, save and state facts, in one transaction.

pub mod advice;
pub mod bill_run;
pub mod cancellation;
pub mod charge;
pub mod clock;
pub mod coupon;
pub mod credit;
pub mod credit_note;
pub mod customers;
pub mod figures;
pub mod import;
pub mod invoice;
pub mod migration;
pub mod payment;
pub mod renewal;
mod schema;
pub mod simulate;
pub mod subscription;
pub mod trial;
pub mod usage;

pub use schema::CONTEXT;

/// What falls due in billing, in the order it runs within an instant.
pub static DUE: &[jobs::due::DueKind] = &[subscription::TRIAL_REMINDER, subscription::EDGE];
