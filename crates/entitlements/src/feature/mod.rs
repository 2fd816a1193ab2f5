//! Features of the price book: what a customer may use of them.

mod course;
mod load;
mod model;
pub mod rules;

#[cfg(test)]
mod tests;

pub use course::{Course, Stand, Turn};
pub use load::{account, accounts};
pub use model::{Account, Agreement, Decision, Kind, Reason, Tier, Upgrade, Value};
