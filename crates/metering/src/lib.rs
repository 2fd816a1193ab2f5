//! Metering: what customers use, counted exactly and once, and limits that hold.
//!
//! # The way of an event
//!
//! 1. **Read** ([`event::check`], in the asker's thread): name, time and data are checked, the value is read from its
//!    JSON text and rounded once to the meter's decimals, the dimensions become canonical JSON, and two keyed
//!    fingerprints are made: 128 bits of the name (source and id), 64 of the content.
//! 2. **Asked**: the event goes into the queue of its environment's **owner**, one thread of one process
//!    ([`Metering`]). The owner takes everything that waits as one **group**.
//! 3. **Looked up**: customers, series, hours and counters that are not in memory are read, with the pages of sealed
//!    names that may hold one of the group's. This is one or two reads for the whole group, and none when all is warm.
//! 4. **Decided** in memory, one after the other: known names are duplicates, limits answer, the rest is booked into
//!    the tally of its series and hour, into the names and into the counters of limits.
//! 5. **Committed**: one transaction that first renews the lease under the owner's epoch (a deposed owner changes no
//!    row and fails), then writes the group's chunks, tallies, names, acceptance seconds and holds.
//! 6. **Answered** when that is durable. When it fails, the owner's memory is ahead of what is stored: it is dropped
//!    and read again, and every asker hears of the failure. Sending again is always right: what was stored is a
//!    duplicate.
//!
//! # What is stored
//!
//! - A **series** is one customer, meter, subscription and set of dimension values. `user`, `seat` or `key` is a
//!   dimension where a plan limits the meter for each of them.
//! - A **chunk** of the log holds the entries of one series and hour that were committed together: events, voids and
//!   replacements, with the JSON as it was sent. Chunk numbers are dense and only grow; each chunk names the one
//!   before it of its series and hour, and the hour's tally names the last. So there is no index to keep, what is
//!   written together lies together, and the number of the last chunk is the **watermark** of a figure.
//! - A **tally** ([`usage::Tally`]) is what an aggregation knows of a series' hour. It is a function of the set of
//!   its events: order does not matter, and a void takes its event out exactly, where need be by counting the hour
//!   anew from its chunks. Different values are rows with a count beside it.
//! - A **figure** of any span adds up whole hours and counts the events of the hours its edges cut. Hours begin where
//!   those of the customer's zone did when the series began, so that days and months nearly never cut one. With
//!   `as_of` a figure is what it was at an earlier watermark.
//!
//! # Exactly once
//!
//! A name is known as long as its event is kept. A unique tree over random ids would touch another leaf with each
//! insert and gets slower with its size; here the names accepted last are a hash map in memory, written through to a
//! tail of rows (32 bytes each, one row a group), and about a million at a time are **sealed**: sorted, written
//! as pages that never change, and filtered in memory by at most 2.5 bytes a name ([`once::segment`]). A new name costs a
//! look at a few filters, each of many segments, and (once in some 100 times when 50 million are known) one page read to
//! be sure. Random and ordered ids cost the
//! same. At its start an owner reads the filters and the tail.
//!
//! # Limits
//!
//! `check` is answered from memory; `consume` and `reserve` go the way of an event and carry its name: repeated they
//! get the first answer, which is stored with the event. A fixed window counts by the time of events and follows
//! from tallies; a rolling one counts by seconds of acceptance on the owner's clock, which never moves back and is
//! stored with each commit. Memory is a bounded cache of what is stored ([`Options::memory`]).
//!
//! # Alerts
//!
//! A counter knows which percentages of its limit were told in its window. What an event reaches is a row beside it in
//! the same commit; [`alert::follow`] makes of it an alert and a fact in the core database, once, and marks the row.
//!
//! # Checked twice
//!
//! What is rejected is kept for staff ([`reject`]), days far above the usual are told of ([`jump`]), meters that are
//! critical are kept in double entry ([`double`]), and [`reconcile`] compares all that is stored twice. None of it is on the
//! way of an event but the postings of critical meters, which are rows of the same commit.
//!
//! # Who tells what
//!
//! Customers, subscriptions and price books are known elsewhere: metering asks a [`Directory`] and is told by
//! [`Metering::forget`] when something changed. Business time is an argument. Reading usage ([`usage`]) needs no
//! owner and works in every process.

pub mod alert;
mod desk;
pub mod double;
pub mod event;
pub mod jump;
pub mod limit;
pub mod log;
pub mod once;
pub mod reconcile;
pub mod reject;
pub mod retention;
mod schema;
mod sql;
pub mod usage;

pub use desk::{
    Account, Agreement, Beside, Changed, Changes, Directory, InForce, Metering, Options, Resolved, Standing,
    Terms,
};
pub use schema::CONTEXT;
