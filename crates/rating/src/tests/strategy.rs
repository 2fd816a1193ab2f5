//! Prices and figures of all sorts.

use catalog::{PercentTier, Percentage, Price, PriceKind, Started, Tier, Tiers};
use kernel::{Exact, Rate, UnitPrice};
use proptest::prelude::*;

use super::{price_in, unit_price};

/// Small and large, coarse and fine.
pub(super) fn amount() -> impl Strategy<Value = UnitPrice> {
    prop_oneof![
        Just(UnitPrice::ZERO),
        (0_u64..1_000_000, 0_u32..=12).prop_map(|(digits, places)| decimal(digits, places)),
        (0_u64..=u64::MAX / 20, 12_u32..=12).prop_map(|(digits, places)| decimal(digits, places)),
        Just(unit_price("1000000000000")),
    ]
}

fn decimal(digits: u64, places: u32) -> UnitPrice {
    let scale = 10_u64.pow(places);
    unit_price(&format!("{}.{:0width$}", digits / scale, digits % scale, width = places.max(1) as usize))
}

/// A figure of a meter: whole, fractional, huge, or not a decimal at all.
pub(super) fn figure() -> impl Strategy<Value = Exact> {
    prop_oneof![
        (0_i64..5_000).prop_map(Exact::from),
        (any::<i64>(), 0_u32..=9)
            .prop_map(|(scaled, places)| Exact::ratio(scaled.into(), 10_i128.pow(places))),
        (0_i64..1_000_000_000, 1_i64..100_000).prop_map(|(n, d)| Exact::ratio(n.into(), d.into())),
        any::<i128>().prop_map(Exact::from),
    ]
}

/// Ends of tiers in rising order, some of them fractional, and the last tier without one.
fn ends() -> impl Strategy<Value = Vec<Option<Exact>>> {
    prop::collection::vec(1_i64..2_000, 0..5).prop_map(|steps| {
        let mut end = 0;
        let mut ends: Vec<Option<Exact>> = Vec::new();
        for step in steps {
            end += step;
            ends.push(Some(Exact::ratio(end.into(), 4)));
        }
        ends.push(None);
        ends
    })
}

fn size() -> impl Strategy<Value = Exact> {
    (1_i64..5_000, 0_u32..3).prop_map(|(size, places)| Exact::ratio(size.into(), 10_i128.pow(places)))
}

fn tiers() -> impl Strategy<Value = Tiers> {
    let row = (amount(), amount(), prop::option::weighted(0.2, size()));
    (ends(), prop::collection::vec(row, 6), any::<bool>()).prop_map(|(ends, rows, flat_at_zero)| {
        let tier =
            |(up_to, (price, flat, package)): (Option<Exact>, (UnitPrice, UnitPrice, Option<Exact>))| Tier {
                up_to,
                price,
                flat,
                package,
            };
        Tiers { unit: "call".into(), tiers: ends.into_iter().zip(rows).map(tier).collect(), flat_at_zero }
    })
}

fn started() -> impl Strategy<Value = Started> {
    prop::sample::select(vec![Started::Charged, Started::Free])
}

fn counting_kind() -> impl Strategy<Value = PriceKind> {
    let unit = || "call".to_owned();
    prop_oneof![
        amount().prop_map(move |amount| PriceKind::PerUnit { unit: unit(), amount }),
        (size(), amount(), started()).prop_map(move |(size, amount, started)| PriceKind::Package {
            unit: unit(),
            size,
            amount,
            started
        }),
        tiers().prop_map(PriceKind::Graduated),
        tiers().prop_map(PriceKind::Volume),
    ]
}

pub(super) fn percent() -> impl Strategy<Value = Rate> {
    (0_u32..20_000).prop_map(|points| Rate::from_basis_points(points).unwrap())
}

pub(super) fn rule() -> impl Strategy<Value = Percentage> {
    let bounds = (prop::option::of(0_u32..500), prop::option::of(500_u32..5_000));
    let free = (prop::option::of(0_u64..100_000), prop::option::of(0_u64..6));
    (percent(), amount(), free, bounds).prop_map(
        |(rate, fixed, (free_amount, free_events), (least, most))| {
            let cents = |minor: u32| decimal(minor.into(), 2);
            Percentage {
                rate,
                fixed,
                free_amount: free_amount.map(|minor| decimal(minor, 2)),
                free_events,
                at_least: least.map(cents),
                at_most: most.map(cents),
            }
        },
    )
}

fn money_kind() -> impl Strategy<Value = PriceKind> {
    let percent_tiers = (ends(), prop::collection::vec((percent(), amount()), 6), any::<bool>());
    prop_oneof![
        percent().prop_map(|rate| PriceKind::Percentage(Percentage::of(rate))),
        percent_tiers.prop_map(|(ends, rows, flat_at_zero)| {
            let tier = |(up_to, (percent, flat))| PercentTier { up_to, percent, flat };
            PriceKind::GraduatedPercentage {
                tiers: ends.into_iter().zip(rows).map(tier).collect(),
                flat_at_zero,
            }
        }),
        amount().prop_map(|times| PriceKind::Dynamic { times: times.exact() }),
        (amount(), percent()).prop_map(|(amount, rate)| PriceKind::LesserOf {
            amount,
            rate,
            of: "spend".into()
        }),
    ]
}

fn bounded(kind: impl Strategy<Value = PriceKind>) -> impl Strategy<Value = Price> {
    let bounds = (prop::option::of(0_u64..100_000), prop::option::of(100_000_u64..1_000_000));
    let code = prop::sample::select(vec!["USD", "JPY", "KWD"]);
    (kind, code, bounds).prop_map(|(kind, code, (minimum, maximum))| {
        let mut price = price_in(code, kind);
        price.minimum = minimum.map(|minor| decimal(minor, 2));
        price.maximum = maximum.map(|minor| decimal(minor, 2));
        price
    })
}

/// A price of a number of units.
pub(super) fn counting() -> impl Strategy<Value = Price> {
    bounded(counting_kind())
}

/// A price of what a meter measures, of any kind that does not look at single transactions.
pub(super) fn any_price() -> impl Strategy<Value = Price> {
    bounded(prop_oneof![counting_kind(), money_kind()])
}
