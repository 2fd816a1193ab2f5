//! Limits: what is used, what is held, whether more fits.

mod alert;
mod model;
mod rules;
#[cfg(test)]
mod tests;

pub use alert::{Crossing, reached};
pub use model::{Answer, HoldState, Reason, Reserved};
pub use rules::{Bound, Counter, Counting, Having, Held, decide, upgrade};
