//! What a price comes to for a quantity or an amount: exact, with a step for each part.

use catalog::{PercentTier, Percentage, Price, PriceKind, Started, Tier, Tiers};
use kernel::{Error, Exact, Result};

use crate::{Number, Step};

/// A running amount and the steps that led to it.
#[derive(Debug)]
pub(crate) struct Sum {
    pub exact: Exact,
    pub steps: Vec<Step>,
}

impl Sum {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        Self { exact: Exact::zero(), steps }
    }

    pub(crate) fn add(&mut self, amount: Exact, step: Step) {
        self.exact = &self.exact + &amount;
        self.steps.push(step);
    }
}

/// Add what so many units cost; fewer than none cost nothing.
pub(crate) fn units(price: &Price, quantity: &Exact, sum: &mut Sum) -> Result<()> {
    match &price.kind {
        PriceKind::Flat { amount } => {
            let (units, each) = (Exact::one(), *amount);
            sum.add(amount.exact(), Step::Units { units: units.into(), each, amount: amount.exact().into() });
        }
        PriceKind::PerUnit { amount, .. } => {
            let cost = amount.exact() * quantity;
            sum.add(cost.clone(), Step::Units { units: quantity.into(), each: *amount, amount: cost.into() });
        }
        PriceKind::Package { size, amount, started, .. } => {
            let packages = packages(quantity, size, *started)?;
            let cost = amount.exact() * Exact::from(packages);
            let (units, size, each, total) = (quantity.into(), size.into(), *amount, Number::from(&cost));
            sum.add(cost, Step::Packages { units, size, packages, each, amount: total });
        }
        PriceKind::Graduated(tiers) => graduated(tiers, quantity, sum)?,
        PriceKind::Volume(tiers) => volume(tiers, quantity, sum)?,
        PriceKind::Percentage(_)
        | PriceKind::GraduatedPercentage { .. }
        | PriceKind::Dynamic { .. }
        | PriceKind::LesserOf { .. } => {
            return Err(Error::internal("a price of an amount was asked for a number of units"));
        }
    }
    Ok(())
}

/// How many packages the units are: a started one counts, unless it is free.
fn packages(units: &Exact, size: &Exact, started: Started) -> Result<i64> {
    let packages = units.checked_div(size).ok_or_else(|| Error::internal("a package holds nothing"))?;
    match started {
        Started::Charged => packages.ceil(),
        Started::Free => packages.floor(),
    }
}

/// Each tier's units at its own price.
fn graduated(tiers: &Tiers, quantity: &Exact, sum: &mut Sum) -> Result<()> {
    let mut from = Exact::zero();
    for (at, tier) in tiers.tiers.iter().enumerate() {
        let entered = *quantity > from || at == 0 && tiers.flat_at_zero;
        if !entered {
            break;
        }
        let last = at + 1 == tiers.tiers.len();
        let end = tier.up_to.as_ref().filter(|end| !last && *end < quantity).unwrap_or(quantity);
        add_tier(tier, &from, end - &from, sum)?;
        from = end.clone();
    }
    Ok(())
}

/// All units at the price of the tier their number is in.
fn volume(tiers: &Tiers, quantity: &Exact, sum: &mut Sum) -> Result<()> {
    if quantity.is_zero() && !tiers.flat_at_zero {
        return Ok(());
    }
    let mut from = Exact::zero();
    for (at, tier) in tiers.tiers.iter().enumerate() {
        let last = at + 1 == tiers.tiers.len();
        match &tier.up_to {
            Some(end) if !last && quantity > end => from = end.clone(),
            _ => return add_tier(tier, &from, quantity.clone(), sum),
        }
    }
    Ok(())
}

fn add_tier(tier: &Tier, from: &Exact, units: Exact, sum: &mut Sum) -> Result<()> {
    let (packages, count) = match &tier.package {
        Some(size) => {
            let packages = packages(&units, size, Started::Charged)?;
            (Some((packages, size.into())), Exact::from(packages))
        }
        None => (None, units.clone()),
    };
    let amount = tier.price.exact() * count + tier.flat.exact();
    let step = Step::Tier {
        from: from.into(),
        up_to: tier.up_to.as_ref().map(Number::from),
        units: units.into(),
        packages,
        each: tier.price,
        flat: tier.flat,
        amount: Number::from(&amount),
    };
    sum.add(amount, step);
    Ok(())
}

/// Each tier's part of an amount at its own percentage.
pub(crate) fn graduated_percentage(tiers: &[PercentTier], flat_at_zero: bool, total: &Exact, sum: &mut Sum) {
    let mut from = Exact::zero();
    for (at, tier) in tiers.iter().enumerate() {
        if *total <= from && !(at == 0 && flat_at_zero) {
            break;
        }
        let last = at + 1 == tiers.len();
        let end = tier.up_to.as_ref().filter(|end| !last && *end < total).unwrap_or(total);
        let of = end - &from;
        let amount = tier.percent.of(&of) + tier.flat.exact();
        let step = Step::PercentTier {
            from: from.into(),
            up_to: tier.up_to.as_ref().map(Number::from),
            of: of.into(),
            percent: tier.percent,
            flat: tier.flat,
            amount: Number::from(&amount),
        };
        sum.add(amount, step);
        from = end.clone();
    }
}

/// A share of a total, and a fixed amount for each of its transactions.
pub(crate) fn percent(rule: &Percentage, of: &Exact, events: u64, sum: &mut Sum) {
    let amount = rule.rate.of(of);
    sum.add(amount.clone(), Step::Percent { percent: rule.rate, of: of.into(), amount: amount.into() });
    if !rule.fixed.is_zero() && events > 0 {
        let amount = rule.fixed.exact() * count(events);
        sum.add(amount.clone(), Step::Fixed { events, each: rule.fixed, amount: amount.into() });
    }
}

pub(crate) fn count(events: u64) -> Exact {
    Exact::from(i128::from(events))
}
