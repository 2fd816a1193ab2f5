//! From a price, a quantity and a period to an amount and its explanation. Pure.
//!
//! Everything is computed exactly and rounded once, when the line is written: half away from zero, to
//! the minor unit (domain rules §1).

mod charge;
mod explanation;

pub use charge::{Charge, Rated, Share, rate};
pub use explanation::{Explanation, Step};
