//! Overrides: what one customer may use beside what it agreed to, until a time.

mod model;
mod ops;
pub(crate) mod sql;

pub use model::{Given, Override};
pub use ops::{forget_reasons, of_customer, of_customers, remove, set};
