//! Metering.
mod desk;
pub mod event;
pub mod limit;
pub mod log;
pub mod once;
mod schema;
mod sql;
pub mod usage;

pub use desk::{Account, Agreement, Changed, Directory, Metering, Options, Resolved};
pub use schema::CONTEXT;
