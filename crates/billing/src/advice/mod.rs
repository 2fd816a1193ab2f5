//! Advice: which other plan would serve a customer better, and which customers seem to be one team. Nothing of it is
//! stored: it is worked out from what was used and agreed to whenever somebody asks.
//!
//! [`plans`] compares the closed periods of running subscriptions with what they would have come to on the other plans of
//! the price book in force, by the code bill runs use ([`crate::subscription::rules::of_a_period`]), on the figures
//! metering has. [`teams`] looks at who shares a mail domain. What counts stands in `[advice]` of the price book.

mod fit;
mod model;
pub mod plans;
mod reason;
mod rules;
pub(crate) mod sql;
pub mod teams;

pub use model::{Compared, PlanAdvice, Plus, Why};
pub use reason::{Reason, number};
