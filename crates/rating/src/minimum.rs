//! The least a subscription comes to.

use catalog::{AddonPrice, PriceKind};
use kernel::{Error, Exact, Money, Result};

use crate::{Rated, Share, Step, charge::finish, metered::not_below_zero, tariff::Sum};

/// The minimum of a subscription for one period.
#[derive(Clone, Copy, Debug)]
pub struct Commitment<'a> {
    /// The plan's name.
    pub name: &'a str,
    /// Where it stands in the book, such as `plans.scale.minimum`.
    pub place: &'a str,
    /// The number of the book's version.
    pub book: i64,
    /// The minimum, and how many months of it one period is.
    pub minimum: AddonPrice<'a>,
    /// How much of a full period it counts for.
    pub share: Share,
    /// Everything billed for the period: every fixed fee and all usage, those billed earlier among them, before
    /// coupons.
    pub billed: Money,
}

/// What is missing to the minimum: minimum × months × share less what was billed, rounded once; nothing when
/// enough was billed.
///
/// Errors: `amount_out_of_range`, `currency_mismatch`; `internal` when the minimum is not a flat price.
pub fn true_up(commitment: &Commitment<'_>) -> Result<Rated> {
    let (price, billed) = (commitment.minimum.price, commitment.billed);
    let PriceKind::Flat { amount } = price.kind else {
        return Err(Error::internal("the minimum of a subscription is not a flat price"));
    };
    // Only to compare the currencies.
    Money::zero(price.currency).checked_sub(billed)?;
    let mut sum = Sum::new(vec![Step::Price {
        name: commitment.name.to_owned(),
        place: commitment.place.to_owned(),
        book: commitment.book,
        amount,
        per: None,
        every: price.when.cycle().map(|cycle| cycle.to_string()),
    }]);
    sum.exact = amount.exact() * Exact::from(i64::from(commitment.minimum.months_factor));
    if commitment.minimum.months_factor != 1 {
        sum.steps.push(Step::Months { months: commitment.minimum.months_factor });
    }
    sum.exact = sum.exact * commitment.share.exact();
    sum.steps.extend(commitment.share.step());
    sum.exact = not_below_zero(sum.exact - billed.exact_major());
    sum.steps.extend([Step::Billed { amount: billed.decimal() }, Step::Enough]);
    finish(sum, price.currency)
}
