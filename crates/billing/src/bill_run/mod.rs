//! Bill runs: what fell due together, done in batches, and how far it has come.

mod bills;
mod forecast;
mod job;
mod model;
mod ops;
mod schema;
pub(crate) mod sql;

pub(crate) use bills::{Bill, Bills, Books, Carried, Carry};
pub use forecast::{Document, Event, Forecast, Sum, What, forecast};
pub use job::{JOB, job_kind, job_kind_after, request};
pub use model::{BillRun, State, Total};
pub(crate) use ops::{close, count, open};
pub use ops::{find, invoices, list};
pub(crate) use schema::CARRIED;
