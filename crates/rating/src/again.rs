//! Rating a closed period once more, from what its lines say about themselves: the price, what is included and
//! the share of a period stand in a line's explanation, so that a late figure is always rated under the price
//! version of its own period (domain rules §5).

use catalog::Minimums;
use kernel::{Error, Money, Result};

use crate::{
    Allowance, Explanation, Measured, Metered, Rated, Share, Step, charge::finish, metered, tariff::Sum,
};

/// What is still to be billed for the price and period that `explanation` explains, when `measured` is what was
/// measured in all and `billed` what has been billed for it. Below zero it is to be credited.
///
/// Errors: those of [`crate::rate_again`]; `internal` when the explanation is not of something measured.
pub fn rate_anew(explanation: &Explanation, measured: &Measured, billed: Money) -> Result<Rated> {
    let steps = || explanation.steps.iter();
    let tariff = steps().find_map(|step| match step {
        Step::Tariff { name, place, book, price } => Some((name, place, *book, price)),
        _ => None,
    });
    let (name, place, book, price) =
        tariff.ok_or_else(|| Error::internal("a line that is rated again has no tariff"))?;
    let allowance = steps().find_map(|step| match step {
        Step::Included { each, times, .. } => {
            Some(Allowance { each: (**each).clone(), times: times.as_ref().map(|times| (**times).clone()) })
        }
        _ => None,
    });
    let (share, minimums) = shares(explanation);
    let allowance = allowance.as_ref();
    let metered = Metered { name, place, book, price, measured, allowance, share, minimums };
    metered::rate_again(&metered, billed)
}

/// The share of a full period, and whether it counts for the minimum.
fn shares(explanation: &Explanation) -> (Share, Minimums) {
    let mut found = (Share::Whole, Minimums::Whole);
    for step in &explanation.steps {
        match step {
            Step::Share { unit, part, whole } => {
                found.0 = Share::Part { unit: *unit, part: *part, whole: *whole };
            }
            Step::Minimum { share: Some((part, whole)), .. } => {
                let unit = match found.0 {
                    Share::Part { unit, .. } => unit,
                    Share::Whole => kernel::ProrationUnit::Day, // a minimum does not say what its share counts
                };
                found = (Share::Part { unit, part: *part, whole: *whole }, Minimums::Prorated);
            }
            _ => {}
        }
    }
    found
}

/// What is still missing to the minimum that `explanation` explains, when `billed` has been billed for the period
/// apart from it and `had` for it. Below zero it is to be credited.
///
/// Errors: `amount_out_of_range`, `currency_mismatch`; `internal` when the explanation is not of a minimum.
pub fn true_up_anew(explanation: &Explanation, billed: Money, had: Money) -> Result<Rated> {
    let place = explanation.steps.iter().position(|step| matches!(step, Step::Billed { .. }));
    let place = place.ok_or_else(|| Error::internal("a minimum does not say what was billed"))?;
    let steps = explanation.steps[..place].to_vec();
    let least = Explanation { currency: explanation.currency, steps: steps.clone() }.exact()?;
    let missing = metered::not_below_zero(least - &billed.exact_major());
    let mut sum = Sum { exact: missing - &had.exact_major(), steps };
    sum.steps.extend([
        Step::Billed { amount: billed.decimal() },
        Step::Enough,
        Step::Billed { amount: had.decimal() },
    ]);
    finish(sum, explanation.currency)
}
