//! From a price, a quantity and a period to an amount and its explanation. Pure.
//!
//! Everything is computed exactly and rounded once, when the line is written: half away from zero, to
//! the minor unit (domain rules §1).
//!
//! | what | function |
//! |---|---|
//! | what is bought: flat, per seat, packages, tiers | [`rate`] |
//! | what is measured: the same, percentages, dynamic, lesser-of, minimum and maximum | [`rate_metered`] |
//! | the same again when more has been measured | [`rate_again`] |
//! | a closed period again, from its line alone | [`rate_anew`], [`true_up_anew`] |
//! | a quantity that changes within the period | [`rate_levels`] |
//! | the minimum of a subscription | [`true_up`] |
//! | coupons | [`discount`] |

mod again;
mod charge;
mod discount;
mod each;
mod explanation;
mod levels;
mod metered;
mod minimum;
mod number;
mod recompute;
mod sentences;
mod tariff;

#[cfg(test)]
mod tests;

pub use again::{rate_anew, true_up_anew};
pub use charge::{Charge, Rated, Share, rate};
pub use discount::{Coupon, Reduction, Split, discount};
pub use each::Each;
pub use explanation::{Bound, Explanation, Step};
pub use levels::{Level, Levels, rate_levels};
pub use metered::{Allowance, Measured, Metered, rate_again, rate_metered};
pub use minimum::{Commitment, true_up};
pub use number::Number;
