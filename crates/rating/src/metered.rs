//! Rating what is measured over a period.

use catalog::{Limit, Minimums, Price, PriceKind};
use kernel::{Error, Exact, Money, Result};

use crate::{
    Each, Explanation, Number, Rated, Share, Step,
    charge::{finish, tariff_step},
    tariff::{self, Sum},
};

/// What a meter measured over a period. Figures below zero count as zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measured {
    /// A number of units, or a sum whose events do not matter.
    Quantity(Exact),
    /// An amount of money and the number of events it is the sum of.
    Amount {
        /// The sum, in major units.
        total: Exact,
        /// How many events.
        events: u64,
    },
    /// The amount of each transaction, in major units and in their order.
    Transactions(Vec<Exact>),
    /// Transactions as one price takes them, none of them kept.
    Each(Box<Each>),
    /// There is no complete figure.
    Incomplete,
}

impl Measured {
    /// The figure as a whole; none when it is incomplete.
    fn total(&self) -> Option<Exact> {
        Some(match self {
            Self::Quantity(total) | Self::Amount { total, .. } => not_below_zero(total.clone()),
            Self::Transactions(amounts) => amounts.iter().cloned().map(not_below_zero).sum(),
            Self::Each(each) => each.total(),
            Self::Incomplete => return None,
        })
    }

    /// How many events it comes from, where that is known.
    fn events(&self) -> Option<u64> {
        match self {
            Self::Amount { events, .. } => Some(*events),
            Self::Transactions(amounts) => Some(amounts.len() as u64),
            Self::Each(each) => Some(each.events()),
            Self::Quantity(_) | Self::Incomplete => None,
        }
    }
}

pub(crate) fn not_below_zero(figure: Exact) -> Exact {
    if figure.is_negative() { Exact::zero() } else { figure }
}

/// Units a plan includes before any are charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many.
    pub each: Exact,
    /// For each of so many units bought; none: not multiplied.
    pub times: Option<Exact>,
}

impl Allowance {
    /// So many units.
    pub fn of(units: Exact) -> Self {
        Self { each: units, times: None }
    }

    /// What a soft limit includes for a subscription with so many units of what the plan is priced per: the highest
    /// number billed in the period (domain rules §5).
    pub fn of_limit(limit: &Limit, quantity: &Exact) -> Self {
        Self { each: limit.amount.clone(), times: limit.per.as_ref().map(|_| quantity.clone()) }
    }

    /// How many units in all.
    fn units(&self) -> Exact {
        self.times.as_ref().map_or_else(|| self.each.clone(), |times| &self.each * times)
    }
}

/// A price applied to what was measured.
#[derive(Clone, Copy, Debug)]
pub struct Metered<'a> {
    /// What is charged.
    pub name: &'a str,
    /// Where its price stands in the book, such as `plans.growth.usage.calls`.
    pub place: &'a str,
    /// The number of the book's version.
    pub book: i64,
    /// The price.
    pub price: &'a Price,
    /// What was measured.
    pub measured: &'a Measured,
    /// What is included before anything is charged.
    pub allowance: Option<&'a Allowance>,
    /// How much of a full period was measured: the part of a flat amount that counts in a lesser-of price.
    pub share: Share,
    /// Whether the share also counts for the minimum. Measured units are never prorated.
    pub minimums: Minimums,
}

/// The amount for what was measured, rounded once.
///
/// Errors: `usage_incomplete` when there is no complete figure, except for a lesser-of price, whose flat amount
/// then stands, or when it was measured for another price of each transaction; `transactions_needed` when the price looks at single transactions and only their sum is given;
/// `amount_out_of_range`.
pub fn rate_metered(metered: &Metered<'_>) -> Result<Rated> {
    finish(exact(metered)?, metered.price.currency)
}

/// What is still to be billed when `billed` was billed for the same price and period before: the amount for
/// everything measured so far less that. Below zero it is to be credited.
///
/// Errors: those of [`rate_metered`]; `currency_mismatch`.
pub fn rate_again(metered: &Metered<'_>, billed: Money) -> Result<Rated> {
    let whole = rate_metered(metered)?;
    let amount = whole.amount.checked_sub(billed)?;
    let Explanation { currency, mut steps } = whole.explanation;
    steps.push(Step::Billed { amount: billed.decimal() });
    Ok(Rated { amount, explanation: Explanation { currency, steps } })
}

fn exact(metered: &Metered<'_>) -> Result<Sum> {
    let price = metered.price;
    let mut sum = Sum::new(vec![tariff_step(metered.name, metered.place, metered.book, price)]);
    if let PriceKind::LesserOf { amount, rate, .. } = &price.kind {
        let flat = amount.exact();
        sum.add(flat.clone(), Step::Units { units: Exact::one().into(), each: *amount, amount: flat.into() });
        sum.exact = sum.exact * metered.share.exact();
        sum.steps.extend(metered.share.step());
        lesser(*rate, metered.measured, &mut sum);
    } else {
        of_measured(metered, &mut sum)?;
    }
    let share = if metered.minimums == Minimums::Prorated { metered.share } else { Share::Whole };
    bound(price, share, &mut sum);
    Ok(sum)
}

/// The flat amount, or the share of what was measured when that is complete and less.
fn lesser(rate: kernel::Rate, measured: &Measured, sum: &mut Sum) {
    let Some(of) = measured.total() else {
        sum.steps.push(Step::Unmeasured);
        return;
    };
    let amount = rate.of(&of);
    sum.steps.push(Step::Lesser { percent: rate, of: of.into(), amount: Number::from(&amount) });
    if amount < sum.exact {
        sum.exact = amount;
    }
}

fn of_measured(metered: &Metered<'_>, sum: &mut Sum) -> Result<()> {
    let (price, measured) = (metered.price, metered.measured);
    let total = measured.total().ok_or_else(|| {
        let detail =
            format!("{} cannot be billed yet: there is no complete figure for the period.", metered.name);
        Error::conflict("usage_incomplete", detail)
    })?;
    let unit = price.unit().map(str::to_owned);
    let events = measured.events().filter(|_| unit.is_none());
    sum.steps.push(Step::Measured { quantity: Number::from(&total), unit, events });
    let left = match metered.allowance {
        Some(allowance) => {
            let left = not_below_zero(&total - &allowance.units());
            let (each, times) = (Number::from(&allowance.each), allowance.times.as_ref().map(Number::from));
            sum.steps.push(Step::Included { each, times, left: Number::from(&left) });
            left
        }
        None => total,
    };
    match &price.kind {
        PriceKind::Percentage(rule) => match measured {
            Measured::Transactions(amounts) if rule.looks_at_each() => {
                Each::all(rule, amounts).apply(sum);
            }
            Measured::Each(each) if each.rule() == rule => each.apply(sum),
            Measured::Each(_) => return Err(other_price(metered.name)),
            _ if rule.looks_at_each() => return Err(transactions_needed(metered.name)),
            Measured::Quantity(_) if !rule.fixed.is_zero() => return Err(transactions_needed(metered.name)),
            _ => tariff::percent(rule, &left, measured.events().unwrap_or(0), sum),
        },
        PriceKind::GraduatedPercentage { tiers, flat_at_zero } => {
            tariff::graduated_percentage(tiers, *flat_at_zero, &left, sum);
        }
        PriceKind::Dynamic { times } => {
            let amount = times * &left;
            sum.add(amount.clone(), Step::Times { times: times.into(), amount: amount.into() });
        }
        _ => tariff::units(price, &left, sum)?,
    }
    Ok(())
}

fn other_price(name: &str) -> Error {
    let detail = format!(
        "{name} was measured for another price of each transaction. Try again when it is measured anew."
    );
    Error::conflict("usage_incomplete", detail)
}

fn transactions_needed(name: &str) -> Error {
    let detail = format!("{name} has a price for each transaction, and only their sum was given.");
    Error::invalid("transactions_needed", detail)
}

/// Raise the amount to the minimum, or a share of it, and cut it at the maximum.
pub(crate) fn bound(price: &Price, share: Share, sum: &mut Sum) {
    if let Some(minimum) = price.minimum {
        let least = minimum.exact() * share.exact();
        let added = not_below_zero(least - &sum.exact);
        let part = match share {
            Share::Part { part, whole, .. } => Some((part, whole)),
            Share::Whole => None,
        };
        sum.steps.push(Step::Minimum {
            minimum: minimum.exact().into(),
            share: part,
            added: Number::from(&added),
        });
        sum.exact = &sum.exact + &added;
    }
    if let Some(maximum) = price.maximum {
        let taken = not_below_zero(&sum.exact - &maximum.exact());
        sum.steps.push(Step::Maximum { maximum: maximum.exact().into(), taken: Number::from(&taken) });
        sum.exact = &sum.exact - &taken;
    }
}
