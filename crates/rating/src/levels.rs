//! Rating a quantity that changes within the period and costs for the time it stood.

use catalog::{Price, PriceKind};
use kernel::{Exact, ProrationUnit, Result};

use crate::{
    Number, Rated, Step,
    charge::{finish, tariff_step},
    metered::not_below_zero,
    tariff::{self, Sum},
};

/// A quantity that stood for a part of the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// How many; below zero counts as none.
    pub quantity: Exact,
    /// For so many units of time.
    pub part: i64,
}

/// A price applied to a quantity that changed.
#[derive(Clone, Copy, Debug)]
pub struct Levels<'a> {
    /// What is charged.
    pub name: &'a str,
    /// Where its price stands in the book.
    pub place: &'a str,
    /// The number of the book's version.
    pub book: i64,
    /// The price.
    pub price: &'a Price,
    /// The levels, in their order. Time they leave out costs nothing.
    pub levels: &'a [Level],
    /// What time is counted in.
    pub unit: ProrationUnit,
    /// Units of the full period; at least 1.
    pub whole: i64,
}

/// What each level would cost for the whole period, for the part it stood; and the flat amounts of all tiers the
/// highest level entered, once and whole. Rounded once.
///
/// Errors: `amount_out_of_range`; `internal` for a price of an amount.
pub fn rate_levels(levels: &Levels<'_>) -> Result<Rated> {
    let price = levels.price;
    let mut sum = Sum::new(vec![tariff_step(levels.name, levels.place, levels.book, price)]);
    let mut highest = Exact::zero();
    for level in levels.levels {
        let quantity = not_below_zero(level.quantity.clone());
        let share = Exact::ratio(level.part.into(), levels.whole.max(1).into());
        let amount = without_flats(price, &quantity)? * share;
        let (unit, part, whole) = (levels.unit, level.part, levels.whole);
        sum.add(
            amount.clone(),
            Step::Level { quantity: Number::from(&quantity), unit, part, whole, amount: amount.into() },
        );
        highest = highest.max(quantity);
    }
    let mut at_highest = Sum::new(Vec::new());
    tariff::units(price, &highest, &mut at_highest)?;
    let flats = at_highest.exact - without_flats(price, &highest)?;
    if !flats.is_zero() {
        sum.add(flats.clone(), Step::Flats { highest: highest.into(), amount: flats.into() });
    }
    finish(sum, price.currency)
}

/// What so many units cost for the whole period, flat amounts apart.
fn without_flats(price: &Price, quantity: &Exact) -> Result<Exact> {
    let mut price = price.clone();
    if let PriceKind::Graduated(tiers) | PriceKind::Volume(tiers) = &mut price.kind {
        tiers.tiers.iter_mut().for_each(|tier| tier.flat = kernel::UnitPrice::ZERO);
    }
    let mut sum = Sum::new(Vec::new());
    tariff::units(&price, quantity, &mut sum)?;
    Ok(sum.exact)
}
