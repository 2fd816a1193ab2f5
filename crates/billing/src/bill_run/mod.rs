//! Bill runs: what fell due together, done in batches, and how far it has come.

mod model;
mod ops;
pub(crate) mod sql;

pub use model::{BillRun, State, Total};
pub(crate) use ops::{close, count, open};
pub use ops::{find, invoices, list};
