//! Rating one charge for one period.

use catalog::{Price, PriceKind};
use kernel::{Exact, Money, Period, ProrationUnit, Quantity, Result, Zone, units};

use crate::{Explanation, Step};

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
        if charged == full || full <= 0 { Self::Whole } else { Self::Part { unit, part: charged, whole: full } }
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

/// The amount of a charge: price × months × quantity × share, rounded once.
///
/// Errors: `amount_out_of_range`.
pub fn rate(charge: &Charge<'_>) -> Result<Rated> {
    let price = charge.price;
    let mut steps = vec![Step::Price {
        name: charge.name.to_owned(),
        place: charge.place.to_owned(),
        book: charge.book,
        amount: price.amount(),
        per: price.unit().map(str::to_owned),
        every: price.when.cycle().map(|cycle| cycle.to_string()),
    }];
    let mut exact = price.amount().exact();
    if charge.months != 1 {
        exact = exact * Exact::from(i64::from(charge.months));
        steps.push(Step::Months { months: charge.months });
    }
    if let PriceKind::PerUnit { unit, .. } = &price.kind {
        exact = exact * charge.quantity.exact();
        steps.push(Step::Quantity { quantity: charge.quantity.to_string(), unit: unit.clone() });
    }
    if let Share::Part { unit, part, whole } = charge.share {
        exact = exact * Exact::ratio(part.into(), whole.into());
        steps.push(Step::Share { unit, part, whole });
    }
    let amount = Money::from_exact_major(&exact, price.currency)?;
    steps.push(Step::Round { exact: exact.to_string(), amount: amount.decimal() });
    Ok(Rated { amount, explanation: Explanation { currency: price.currency, steps } })
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, UnitPrice};
    use proptest::prelude::*;

    use super::*;

    fn price(amount: &str, unit: Option<&str>, currency: &str) -> Price {
        let amount = UnitPrice::parse(amount).unwrap();
        Price {
            when: catalog::When::Every(kernel::Cycle::MONTH),
            currency: Currency::parse(currency).unwrap(),
            kind: match unit {
                None => PriceKind::Flat { amount },
                Some(unit) => PriceKind::PerUnit { unit: unit.into(), amount },
            },
        }
    }

    fn rated(price: &Price, months: u32, quantity: i64, share: Share) -> Rated {
        let quantity = Quantity::whole(quantity);
        rate(&Charge { name: "X", place: "plans.x", book: 1, price, months, quantity, share }).unwrap()
    }

    fn days(part: i64, whole: i64) -> Share {
        Share::Part { unit: ProrationUnit::Day, part, whole }
    }

    #[test]
    fn worked_cases() {
        let cases = [
            (price("49", None, "USD"), 1, 1, Share::Whole, "49.00"),
            (price("5", Some("user"), "USD"), 12, 6, Share::Whole, "360.00"),
            (price("0.50", Some("GB"), "USD"), 1, 3, Share::Whole, "1.50"),
            (price("49", None, "USD"), 1, 1, days(17, 31), "26.87"),
            // 0.005 rounds away from zero.
            (price("0.01", Some("GB"), "USD"), 1, 1, days(15, 30), "0.01"),
            (price("1000", None, "JPY"), 1, 1, days(1, 3), "333"),
            (price("1", None, "KWD"), 1, 1, days(1, 3), "0.333"),
            (price("0.000000000001", Some("call"), "USD"), 1, 5_000_000_000, Share::Whole, "0.01"),
            (price("49", Some("seat"), "USD"), 1, 0, Share::Whole, "0.00"),
        ];
        for (price, months, quantity, share, expected) in cases {
            let rated = rated(&price, months, quantity, share);
            assert_eq!(rated.amount.decimal(), expected, "{price} × {quantity} {share:?}");
        }
    }

    proptest! {
        /// The explanation alone gives the amount again, by other code than `rate`.
        #[test]
        fn an_explanation_can_be_recomputed(
            units in 0_u64..100_000, places in 0_u32..6, quantity in 0_i64..100_000,
            months in 1_u32..36, part in 0_i64..366, rest in 0_i64..366, per_unit: bool,
            currency in prop::sample::select(vec!["USD", "JPY", "KWD"]),
        ) {
            let amount = format!("{}.{:0width$}", units / 10_u64.pow(places), units % 10_u64.pow(places), width = places as usize);
            let price = price(amount.trim_end_matches('.'), per_unit.then_some("unit"), currency);
            let share = if rest == 0 { Share::Whole } else { days(part, part + rest) };
            let rated = rated(&price, months, quantity, share);
            let stored = serde_json::to_string(&rated.explanation).unwrap();
            let read: Explanation = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(read.recompute().unwrap(), rated.amount);
        }

        /// Parts of a period never cost more than the whole by more than each part's own rounding.
        #[test]
        fn parts_cost_what_the_whole_costs(whole in 1_i64..366, cut in 0_i64..366, minor in 0_u32..1_000_000) {
            let cut = cut % (whole + 1);
            let price = price(&format!("{}.{:02}", minor / 100, minor % 100), None, "USD");
            let parts = [days(cut, whole), days(whole - cut, whole)].map(|share| rated(&price, 1, 1, share).amount.minor());
            let together = rated(&price, 1, 1, Share::Whole).amount.minor();
            prop_assert!((parts[0] + parts[1] - together).abs() <= 1);
        }
    }
}
