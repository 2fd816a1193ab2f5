//! Rating what is bought, for one period.

use catalog::{Price, PriceKind};
use kernel::{Exact, Money, Period, ProrationUnit, Quantity, Result, Zone, units};

use crate::{Explanation, Number, Step, metered, tariff, tariff::Sum};

/// How much of a full period a charge covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    Whole,
    /// `part` of `whole` units.
    Part {
        /// What is counted.
        unit: ProrationUnit,
        /// Units charged.
        part: i64,
        /// Units of the full period.
        whole: i64,
    },
}

impl Share {
    /// The share of `whole` that `part` is, counted in `unit` in `zone`.
    pub fn of(unit: ProrationUnit, zone: &Zone, part: Period, whole: Period) -> Self {
        if unit == ProrationUnit::None || part == whole {
            return Self::Whole;
        }
        let (charged, full) =
            (units(unit, zone, &part.start, &part.end), units(unit, zone, &whole.start, &whole.end));
        if charged == full || full <= 0 {
            Self::Whole
        } else {
            Self::Part { unit, part: charged, whole: full }
        }
    }

    /// The exact share; a part of nothing is all of it.
    pub fn exact(self) -> Exact {
        match self {
            Self::Part { part, whole, .. } if whole > 0 => Exact::ratio(part.into(), whole.into()),
            _ => Exact::one(),
        }
    }

    pub(crate) fn step(self) -> Option<Step> {
        match self {
            Self::Whole => None,
            Self::Part { unit, part, whole } => Some(Step::Share { unit, part, whole }),
        }
    }
}

/// One thing to charge for one period.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'a> {
    /// The plan's or add-on's name.
    pub name: &'a str,
    /// Where its price stands in the book, such as `plans.starter`.
    pub place: &'a str,
    /// The number of the book's version.
    pub book: i64,
    /// The price.
    pub price: &'a Price,
    /// How many months of a monthly price one period is; 1 when the price is the period's own.
    pub months: u32,
    /// How many units; a flat price does not look at it.
    pub quantity: Quantity,
    /// How much of a full period.
    pub share: Share,
}

/// A rated charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    /// The line's amount before tax.
    pub amount: Money,
    /// How it came to be.
    pub explanation: Explanation,
}

/// The amount of what is bought: price × months × share, the price for the quantity, rounded once. A minimum and a
/// maximum bound the price of one whole period, before months and share. Of a lesser-of price the flat amount
/// stands: nothing is measured here.
///
/// Errors: `amount_out_of_range`; `internal` for a price of what a meter measures.
pub fn rate(charge: &Charge<'_>) -> Result<Rated> {
    let price = charge.price;
    let mut sum = match &price.kind {
        PriceKind::Flat { amount } | PriceKind::LesserOf { amount, .. } => one_figure(charge, amount.exact()),
        PriceKind::PerUnit { amount, unit } => {
            let mut sum = one_figure(charge, amount.exact() * charge.quantity.exact());
            sum.steps.push(Step::Quantity { quantity: charge.quantity.to_string(), unit: unit.clone() });
            sum
        }
        _ => {
            let mut sum = Sum::new(vec![tariff_step(charge.name, charge.place, charge.book, price)]);
            let quantity = charge.quantity.exact();
            let unit = price.unit().map(str::to_owned);
            sum.steps.push(Step::Measured { quantity: Number::from(&quantity), unit, events: None });
            tariff::units(price, &metered::not_below_zero(quantity), &mut sum)?;
            sum
        }
    };
    metered::bound(price, Share::Whole, &mut sum);
    if charge.months != 1 {
        sum.exact = sum.exact * Exact::from(i64::from(charge.months));
        sum.steps.push(Step::Months { months: charge.months });
    }
    sum.exact = sum.exact * charge.share.exact();
    sum.steps.extend(charge.share.step());
    finish(sum, price.currency)
}

/// A price of one figure, which came to `exact` with the quantity.
fn one_figure(charge: &Charge<'_>, exact: Exact) -> Sum {
    let price = charge.price;
    let mut steps = vec![Step::Price {
        name: charge.name.to_owned(),
        place: charge.place.to_owned(),
        book: charge.book,
        amount: price.amount(),
        per: price.unit().map(str::to_owned),
        every: price.when.cycle().map(|cycle| cycle.to_string()),
    }];
    if let Some(prepaid) = &price.prepaid {
        steps.push(Step::Prepaid { monthly: prepaid.monthly, months: prepaid.months, off: prepaid.off });
    }
    Sum { exact, steps }
}

pub(crate) fn tariff_step(name: &str, place: &str, book: i64, price: &Price) -> Step {
    Step::Tariff { name: name.to_owned(), place: place.to_owned(), book, price: Box::new(price.clone()) }
}

/// Round the running amount: the last step of a line.
pub(crate) fn finish(mut sum: Sum, currency: kernel::Currency) -> Result<Rated> {
    let amount = Money::from_exact_major(&sum.exact, currency)?;
    sum.steps.push(Step::Round { exact: sum.exact.to_string(), amount: amount.decimal() });
    Ok(Rated { amount, explanation: Explanation { currency, steps: sum.steps } })
}
