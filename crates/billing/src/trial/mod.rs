//! Who may have a trial: one for each customer, and for whoever turns out to be the same (domain rules §4).

mod model;
mod ops;
pub mod rules;
pub(crate) mod sql;

pub use model::{Had, Sign};
pub use ops::{MayTry, may_try};
pub(crate) use ops::{check, keep};
