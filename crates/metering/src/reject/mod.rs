//! Rejected events, kept for staff to look at: what was wrong, how often and since when, with the last one that was so.
//!
//! Whoever sent an event has its rejection in the receipt. What is kept here is for the merchant's staff, and costs the
//! hot path nothing: rejections of one sort (the same reason, meter, source and subject) are added up in memory, and
//! [`crate::Metering::keep_rejected`] writes them down in batches. There are at most [`MOST`] sorts of an environment,
//! those seen last, so that a flood of bad events fills no disk. Of very many sorts at once those beyond are one row, [`OTHERS`],
//! that counts them.

mod model;
mod ops;
mod pending;
pub(crate) mod sql;

pub use model::{MOST_TEXT, OTHERS, Rejected, Sort};
pub use ops::{Cursor, list};
pub(crate) use ops::{drop_before, keep};
pub(crate) use pending::Noted;

/// Sorts that are kept of an environment: the ones seen last.
pub const MOST: i64 = 1_000;
/// For so many days after it was seen last.
pub const DAYS: i64 = 30;
