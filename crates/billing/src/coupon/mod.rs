//! Coupons on subscriptions, and how often each was redeemed.

mod ops;
pub(crate) mod sql;

pub(crate) use ops::take_all;
pub use ops::{Redemption, comp, counts, of_coupon, redeem, take_away};
