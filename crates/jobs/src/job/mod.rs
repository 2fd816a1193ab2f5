//! A job: what it is, how it is enqueued and read, and how a runner takes and settles it.

pub(crate) mod claim;
mod model;
mod ops;
mod rules;
mod sql;

pub use model::{DEFAULT_ATTEMPTS, INSTALLATION, Job, Lease, NewJob, Run, RunOutcome, State};
pub(crate) use ops::{Order, insert};
pub use ops::{enqueue, find, forget, hold, list, runs};
pub use rules::{LEASE, backoff};
pub(crate) use sql::ALL;
