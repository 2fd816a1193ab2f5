//! Renewal offers: what staff offer for the next term, and what the customer says to it.

mod model;
mod ops;
mod rules;
mod schema;
pub(crate) mod sql;

pub use model::{Answer, OfferedTerms, RenewalOffer, RenewalPreview};
pub use ops::{accept, decline, of_subscription, offer, open, preview, withdraw};
pub(crate) use schema::MIGRATION;
