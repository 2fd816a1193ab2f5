//! Bill runs: what fell due together, done in batches, and how far it has come.

mod forecast;
mod job;
mod model;
mod ops;
pub(crate) mod sql;

pub use forecast::{Document, Event, Forecast, Sum, What, forecast};
pub use job::{JOB, job_kind, job_kind_after, request};
pub use model::{BillRun, State, Total};
pub(crate) use ops::{close, count, open};
pub use ops::{find, invoices, list};
