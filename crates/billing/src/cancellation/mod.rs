//! Why customers cancel, what they are offered to stay, and how they come back.

mod back;
mod model;
mod ops;
mod rules;
mod schema;
pub(crate) mod sql;

pub use back::{preview_reactivation, reactivate, successor};
pub use model::{Cancel, CancelPreview, Counted, Offer, Outcome, Place, Reactivated, Recorded};
pub(crate) use ops::{blank_comments, kept};
pub use ops::{cancel, counts, list, of_subscription, preview, stay};
pub(crate) use schema::MIGRATION;
