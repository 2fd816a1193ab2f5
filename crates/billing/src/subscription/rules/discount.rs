//! What coupons take off the lines of a subscription. Pure.

use jiff::civil::Date;
use kernel::{Currency, Error, Exact, Money, Result};
use rating::{Coupon, Reduction, discount};

use crate::{
    invoice::{ChargeKind, Line},
    subscription::agreement::{Discount, Off},
};

/// When lines are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// At the edge of a period: a use of each coupon that covers a line.
    Edge,
    /// For the rest of a period that already took its use: an amount counts for its share.
    Rest(Exact),
}

/// Take what runs on the local date `on` off the lines: one coupon after the other, each spread over the lines it
/// covers in proportion to what is left of them (domain rules §6). `months` is how many a period has.
///
/// Errors: `amount_out_of_range`.
pub(super) fn take_off(
    discounts: &mut [Discount],
    lines: &mut [Line],
    currency: Currency,
    months: u32,
    on: Date,
    turn: &Turn,
) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut running: Vec<(&mut Discount, Reduction, Vec<bool>)> = Vec::new();
    for discount in discounts.iter_mut().filter(|discount| discount.runs(on)) {
        let covers: Vec<bool> = lines.iter().map(|line| takes_off(discount, line)).collect();
        if covers.contains(&true) && reaches_minimum(discount, lines, &covers, currency)? {
            let reduction = reduction(discount, currency, months, turn)?;
            running.push((discount, reduction, covers));
        }
    }
    let coupons: Vec<Coupon<'_>> =
        running.iter().map(|(_, reduction, covers)| Coupon { reduction: *reduction, covers }).collect();
    let amounts: Vec<Money> = lines.iter().map(|line| line.amount).collect();
    let splits = discount(&amounts, &coupons)?;
    for ((discount, _, _), split) in running.iter().zip(splits) {
        for (line, part) in lines.iter_mut().zip(split.parts).filter(|(_, part)| !part.is_zero()) {
            line.discount = line.discount.checked_add(part)?;
            line.amount = line.amount.checked_sub(part)?;
            let explanation = line.explanation.clone();
            line.explanation = explanation.discounted(&discount.name, part);
        }
    }
    if *turn == Turn::Edge {
        running.into_iter().for_each(|(discount, _, _)| use_up(discount, months));
    }
    Ok(())
}

/// Whether a coupon covers a line. Free months make a period free, not what is charged once.
fn takes_off(discount: &Discount, line: &Line) -> bool {
    let once = line.kind == ChargeKind::OneOff && discount.reduction == Off::FreeMonths;
    !once && discount.covers(&line.key)
}

/// Whether the lines a coupon covers come to what it asks for.
fn reaches_minimum(discount: &Discount, lines: &[Line], covers: &[bool], currency: Currency) -> Result<bool> {
    let Some(least) = discount.minimum else { return Ok(true) };
    let covered = lines.iter().zip(covers).filter(|(_, covers)| **covers).map(|(line, _)| line.amount);
    Ok(Money::total(covered, currency)?.exact_major() >= least.exact())
}

fn reduction(discount: &Discount, currency: Currency, months: u32, turn: &Turn) -> Result<Reduction> {
    Ok(match discount.reduction {
        Off::Percent(rate) => Reduction::Percent(rate),
        Off::FreeMonths => Reduction::FreeMonths { free: free(discount, months), of: months },
        Off::Amount(_) => {
            let amount = discount.amount(currency)?;
            let amount = amount.ok_or_else(|| Error::internal("an amount that is none"))?;
            Reduction::Amount(match turn {
                Turn::Edge => amount,
                Turn::Rest(share) => Money::from_exact_major(&(amount.exact_major() * share), currency)?,
            })
        }
    })
}

/// How many months of a period are free.
fn free(discount: &Discount, months: u32) -> u32 {
    discount.left.unwrap_or(months).min(months)
}

fn use_up(discount: &mut Discount, months: u32) {
    let used = if discount.reduction == Off::FreeMonths { free(discount, months) } else { 1 };
    discount.left = discount.left.map(|left| left.saturating_sub(used));
}
