//! Features of the price book: what a customer may use of them.

mod load;
mod model;
pub mod rules;

#[cfg(test)]
mod tests;

pub use load::{account, accounts};
pub use model::{Account, Agreement, Decision, Kind, Reason, Tier, Turn, Upgrade, Value};
