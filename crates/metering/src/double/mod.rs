//! Double entry of critical meters: a second count beside the tallies, and its proof.
//!
//! A tally is written as the whole it is in the owner's memory. For a meter that the price book calls `critical` the same
//! commit also posts what it accepted, from `source:{meter}` to `usage:{customer}`, as differences that the database adds
//! up itself: one row for the meter, one for each hour of a series. A tally that lost an update, was overwritten by
//! somebody else or came back from an old backup no longer agrees with them. When a stretch of a subscription is settled,
//! [`settle`] posts what was measured of it from `usage` to `billed`; when it is settled again, by a late figure, what was
//! measured then takes its place, whether that led to a line, to a credit or to neither. What becomes of the invoice is a
//! matter of money: a stretch whose invoice is voided is not billed again, so that it stays where it is.
//!
//! [`prove`] shows that for each meter the three come to zero, and [`crate::reconcile`] that each hour's posting is what
//! the log says. Once a meter is critical its postings go on, also when a later price book does not call it so: a gap
//! could not be told from a loss.
//!
//! Quantities are scaled by the meter's decimals. A sum may be more than the 64 bits a database counts with, so that it is
//! kept as two that cannot overflow: [`Parts`].

mod billed;
mod model;
mod proof;
pub(crate) mod sql;

pub use billed::{Billed, Place, Settled, differs, mark, posted_after, posted_of, read_to, settle};
pub(crate) use model::Posting;
pub use model::{Balance, Parts, Source};
pub(crate) use proof::{Sources, of_chain, posted_at, quantity};
pub use proof::{prove, sources};
