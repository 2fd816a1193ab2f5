//! Moving subscriptions to the price book in force: who would pay what, and doing it.

mod job;
mod model;
mod ops;

pub use job::{JOB, job_kind, request};
pub use model::{Migration, Moved, Outlook, Standing};
pub use ops::{Part, outlook, part, preview};
