//! Working an explanation out again, the slow and plain way. Nothing here is shared with what made it.

use catalog::{Price, PriceKind, Started, Tier, Tiers};
use kernel::{Error, Exact, Money, Result, UnitPrice};

use crate::{Explanation, Step, number};

pub(crate) fn recompute(explanation: &Explanation) -> Result<Money> {
    Money::from_exact_major(&exact(explanation)?, explanation.currency)
}

/// The running amount after the last step.
pub(crate) fn exact(explanation: &Explanation) -> Result<Exact> {
    let mut run = Run::default();
    for step in &explanation.steps {
        run.take(step, explanation)?;
    }
    Ok(run.amount())
}

/// What a reader keeps in mind from step to step.
#[derive(Default)]
struct Run<'a> {
    amount: Option<Exact>,
    tariff: Option<&'a Price>,
    /// The figure the tariff is applied to, and over how many events.
    figure: Option<Exact>,
    events: Option<u64>,
    /// The tariff has been checked as a whole, or cannot be.
    checked: bool,
}

impl<'a> Run<'a> {
    fn amount(&self) -> Exact {
        self.amount.clone().unwrap_or_else(Exact::zero)
    }

    fn figure(&self) -> Exact {
        self.figure.clone().unwrap_or_else(Exact::zero)
    }

    fn add(&mut self, said: &Exact, found: Exact) -> Result<()> {
        agree("a part of the price", said, &found)?;
        self.amount = Some(self.amount() + found);
        Ok(())
    }

    fn times(&mut self, factor: &Exact) {
        self.amount = Some(self.amount() * factor);
    }

    fn take(&mut self, step: &'a Step, whole: &'a Explanation) -> Result<()> {
        match step {
            Step::Price { amount, .. } => self.amount = Some(amount.exact()),
            Step::Prepaid { monthly, months, off } => {
                let kept = Exact::ratio(100, 1) - off.exact() * Exact::ratio(100, 1);
                let found = monthly.exact() * whole_number(i128::from(*months)) * kept * Exact::ratio(1, 100);
                agree("the price for several months", &self.amount(), &found)?;
            }
            Step::Tariff { price, .. } => self.tariff = Some(price),
            Step::Months { months } => {
                self.check_tariff()?;
                self.times(&whole_number(i128::from(*months)));
            }
            Step::Quantity { quantity, .. } => self.times(&read(quantity)?),
            Step::Measured { quantity, events, .. } => {
                let none = quantity.is_negative();
                self.figure = Some(if none { Exact::zero() } else { (**quantity).clone() });
                self.events = *events;
            }
            Step::Unmeasured => self.checked = true,
            Step::Included { each, times, left } => self.included(each, times.as_deref(), left)?,
            Step::Free { .. } | Step::Bounded { .. } => {
                self.checked = true;
                self.transactions(step)?;
            }
            Step::Share { part, whole, .. } => {
                self.check_tariff()?;
                self.times(&Exact::ratio((*part).into(), (*whole).max(1).into()));
            }
            Step::Lesser { percent, of, amount } => {
                self.check_tariff()?;
                agree("the share", amount, &(percent.exact() * &**of))?;
                if **amount < self.amount() {
                    self.amount = Some((**amount).clone());
                }
            }
            Step::Minimum { .. } | Step::Maximum { .. } => {
                self.check_tariff()?;
                self.bound(step)?;
            }
            Step::Billed { amount } | Step::Discount { amount, .. } => {
                self.amount = Some(self.amount() - read(amount)?);
            }
            Step::Restored { amount, .. } => self.amount = Some(read(amount)?),
            Step::Enough => self.amount = Some(self.amount().max(Exact::zero())),
            Step::Round { exact, amount } => {
                self.check_tariff()?;
                agree("the exact amount", &read(exact)?, &self.amount())?;
                let rounded = Money::from_exact_major(&self.amount(), whole.currency)?;
                agree("the rounded amount", &read(amount)?, &rounded.exact_major())?;
                self.amount = Some(rounded.exact_major());
            }
            _ => self.part(step)?,
        }
        Ok(())
    }

    /// A step that adds a part of the price.
    fn part(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Units { units, each, amount } => self.add(amount, each.exact() * &**units),
            Step::Packages { packages, each, amount, .. } => {
                self.add(amount, each.exact() * whole_number((*packages).into()))
            }
            Step::Tier { units, packages, each, flat, amount, .. } => {
                let count =
                    packages.as_ref().map_or((**units).clone(), |(count, _)| whole_number((*count).into()));
                self.add(amount, count * each.exact() + flat.exact())
            }
            Step::PercentTier { of, percent, flat, amount, .. } => {
                self.add(amount, &**of * &percent.exact() + flat.exact())
            }
            Step::Percent { percent, of, amount } => self.add(amount, &**of * &percent.exact()),
            Step::Fixed { events, each, amount } => {
                self.add(amount, whole_number((*events).into()) * each.exact())
            }
            Step::Times { times, amount } => {
                let found = self.figure() * &**times;
                self.add(amount, found)
            }
            Step::Level { quantity, part, whole, amount, .. } => {
                self.checked = true;
                let price = self.tariff()?;
                let share = Exact::ratio((*part).into(), (*whole).max(1).into());
                self.add(amount, apply(price, quantity, false)? * share)
            }
            Step::Flats { highest, amount } => {
                let price = self.tariff()?;
                self.add(amount, apply(price, highest, true)? - apply(price, highest, false)?)
            }
            _ => Ok(()),
        }
    }

    fn tariff(&self) -> Result<&'a Price> {
        self.tariff.ok_or_else(|| Error::internal("an explanation has no price"))
    }

    fn included(&mut self, each: &Exact, times: Option<&Exact>, said: &Exact) -> Result<()> {
        let units = times.map_or_else(|| each.clone(), |times| times * each);
        let left = (self.figure() - units).max(Exact::zero());
        agree("what is left after what is included", said, &left)?;
        self.figure = Some(left);
        Ok(())
    }

    fn transactions(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Bounded { events, each, amount, .. } => {
                self.add(amount, whole_number((*events).into()) * each.exact())
            }
            _ => Ok(()),
        }
    }

    fn bound(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Minimum { minimum, share, added } => {
                let share = share.map_or_else(Exact::one, |(part, whole)| {
                    Exact::ratio(part.into(), i128::from(whole.max(1)))
                });
                let least = &**minimum * &share;
                let higher = if self.amount() < least { least } else { self.amount() };
                agree("what is missing to the minimum", added, &(&higher - &self.amount()))?;
                self.amount = Some(higher);
            }
            Step::Maximum { maximum, taken } => {
                let lower = if self.amount() > **maximum { (**maximum).clone() } else { self.amount() };
                agree("what is beyond the maximum", taken, &(self.amount() - &lower))?;
                self.amount = Some(lower);
            }
            _ => {}
        }
        Ok(())
    }

    /// The parts added so far are what the whole price comes to for the figure.
    fn check_tariff(&mut self) -> Result<()> {
        let Some(price) = self.tariff.filter(|_| !self.checked) else { return Ok(()) };
        self.checked = true;
        let figure = self.figure();
        let found = match &price.kind {
            PriceKind::LesserOf { amount, .. } => amount.exact(),
            PriceKind::Percentage(rule) => {
                let fixed = rule.fixed.exact() * whole_number(self.events.unwrap_or(0).into());
                rule.rate.exact() * figure + fixed
            }
            PriceKind::GraduatedPercentage { tiers, flat_at_zero } => {
                let mut total = Exact::zero();
                let mut above = Exact::zero();
                for (at, tier) in tiers.iter().enumerate() {
                    let last = at + 1 == tiers.len();
                    let part = within(&figure, &above, tier.up_to.as_ref().filter(|_| !last));
                    if figure > above || at == 0 && *flat_at_zero {
                        total = total + part * tier.percent.exact() + tier.flat.exact();
                    }
                    above = tier.up_to.clone().unwrap_or(above);
                }
                total
            }
            PriceKind::Dynamic { times } => figure * times,
            _ => apply(price, &figure, true)?,
        };
        agree("the price as a whole", &self.amount(), &found)
    }
}

/// A price that counts units, for so many, with or without the flat amounts of its tiers.
fn apply(price: &Price, quantity: &Exact, flats: bool) -> Result<Exact> {
    let flat = |tier: &Tier| if flats { tier.flat.exact() } else { Exact::zero() };
    Ok(match &price.kind {
        PriceKind::Flat { amount } => amount.exact(),
        PriceKind::PerUnit { amount, .. } => quantity * &amount.exact(),
        PriceKind::Package { size, amount, started, .. } => {
            in_packages(quantity, size, *started == Started::Charged, *amount)?
        }
        PriceKind::Graduated(Tiers { tiers, flat_at_zero, .. }) => {
            let (mut total, mut above) = (Exact::zero(), Exact::zero());
            for (at, tier) in tiers.iter().enumerate() {
                let last = at + 1 == tiers.len();
                let units = within(quantity, &above, tier.up_to.as_ref().filter(|_| !last));
                if *quantity > above || at == 0 && *flat_at_zero {
                    total = total + tier_cost(tier, &units)? + flat(tier);
                }
                above = tier.up_to.clone().unwrap_or(above);
            }
            total
        }
        PriceKind::Volume(Tiers { tiers, flat_at_zero, .. }) => {
            let reached =
                tiers.iter().filter(|tier| tier.up_to.as_ref().is_some_and(|end| end < quantity)).count();
            match tiers.get(reached.min(tiers.len().saturating_sub(1))) {
                Some(tier) if !quantity.is_zero() || *flat_at_zero => tier_cost(tier, quantity)? + flat(tier),
                _ => Exact::zero(),
            }
        }
        _ => return Err(Error::internal("an explanation counts units of a price that does not")),
    })
}

fn tier_cost(tier: &Tier, units: &Exact) -> Result<Exact> {
    match &tier.package {
        Some(size) => in_packages(units, size, true, tier.price),
        None => Ok(units * &tier.price.exact()),
    }
}

/// Whole packages first, then one more for what is left over.
fn in_packages(units: &Exact, size: &Exact, charge_started: bool, price: UnitPrice) -> Result<Exact> {
    let packages = units.checked_div(size).ok_or_else(|| Error::internal("a package holds nothing"))?;
    let full = Exact::from(packages.floor()?);
    let started = charge_started && &full * size < *units;
    Ok((if started { full + Exact::one() } else { full }) * price.exact())
}

/// How much of `figure` lies above `from` and up to `to`.
fn within(figure: &Exact, from: &Exact, to: Option<&Exact>) -> Exact {
    let top = match to {
        Some(to) if to < figure => to,
        _ => figure,
    };
    (top - from).max(Exact::zero())
}

fn whole_number(value: i128) -> Exact {
    Exact::from(value)
}

fn read(text: &str) -> Result<Exact> {
    number::parse(text).ok_or_else(|| Error::internal(format!("an explanation holds {text:?}, no number")))
}

fn agree(what: &str, said: &Exact, found: &Exact) -> Result<()> {
    if said == found {
        return Ok(());
    }
    Err(Error::internal(format!("{what} comes to {found}, and the explanation says {said}")))
}
