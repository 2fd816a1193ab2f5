//! Bringing customers and their subscriptions in from a CSV file.
//!
//! A mapping file says which column is which; every row is checked before the first is loaded, and a row
//! that cannot be loaded is named with its reason.

mod customers;
mod mapping;
mod rows;

pub use customers::{Choice, Report, customers};
pub use mapping::Mapping;
pub use rows::BadRow;
