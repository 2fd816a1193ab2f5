//! Coupons on subscriptions, and how often each was redeemed.

mod ops;
pub(crate) mod sql;
mod uses;

pub use ops::{Redemption, comp, counts, of_coupon, redeem, take_away};
pub(crate) use ops::{can_take, take_all};
pub(crate) use uses::{first_uses, give_back, used, uses};
