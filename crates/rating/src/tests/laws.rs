//! Laws that hold for every price and quantity.

use catalog::{Minimums, Tiers};
use proptest::prelude::*;

use super::*;
use crate::{Commitment, Each, Level, Levels, rate_again, rate_anew, rate_levels, true_up, true_up_anew};

fn shares() -> impl Strategy<Value = Share> {
    prop_oneof![Just(Share::Whole), (0_i64..366, 1_i64..366).prop_map(|(part, rest)| days(part, part + rest))]
}

/// The amount for a figure, or none when it is beyond any amount of money.
fn amount(price: &Price, figure: &Exact) -> Option<Money> {
    let measured = Measured::Quantity(figure.clone());
    match rate_metered(&metered(price, &measured, None)) {
        Ok(rated) => Some(sound(rated).amount),
        Err(error) => {
            assert_eq!(error.code, "amount_out_of_range");
            None
        }
    }
}

/// The price without what bounds it.
fn free_of_bounds(price: &Price) -> Price {
    Price { minimum: None, maximum: None, ..price.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Whatever the price and the figure: an amount whose explanation gives it again, or the one error there is.
    #[test]
    fn an_explanation_gives_the_amount_again(
        price in strategy::any_price(), figure in strategy::figure(), share in shares(),
        allowance in prop::option::of((0_i64..10_000, prop::option::of(0_i64..100))), prorated: bool,
    ) {
        let allowance = allowance.map(|(each, times)| Allowance { each: each.into(), times: times.map(Exact::from) });
        let measured = Measured::Quantity(figure);
        let minimums = if prorated { Minimums::Prorated } else { Minimums::Whole };
        let metered = Metered { share, minimums, ..metered(&price, &measured, allowance.as_ref()) };
        match rate_metered(&metered) {
            Ok(rated) => _ = sound(rated),
            Err(error) => prop_assert_eq!(error.code, "amount_out_of_range"),
        }
    }

    /// A line says enough to rate its period again, as it would have been rated at first.
    #[test]
    fn a_line_is_enough_to_rate_its_period_again(
        price in strategy::any_price(), first in strategy::figure(), then in strategy::figure(), share in shares(),
        allowance in prop::option::of((0_i64..10_000, prop::option::of(0_i64..100))), prorated: bool,
    ) {
        let allowance = allowance.map(|(each, times)| Allowance { each: each.into(), times: times.map(Exact::from) });
        let minimums = if prorated { Minimums::Prorated } else { Minimums::Whole };
        let (first, then) = (Measured::Quantity(first), Measured::Quantity(then));
        let of = |measured| Metered { share, minimums, ..metered(&price, measured, allowance.as_ref()) };
        if let (Ok(first), Ok(expected)) = (rate_metered(&of(&first)), rate_metered(&of(&then))) {
            let delta = sound(rate_anew(&first.explanation, &then, first.amount).unwrap());
            prop_assert_eq!(first.amount.checked_add(delta.amount).unwrap(), expected.amount);
        }
    }

    /// The same for a minimum, however often.
    #[test]
    fn a_minimum_follows_what_is_billed(least in 0_i64..1_000_000, billed in prop::collection::vec(0_i64..1_000_000, 1..5)) {
        let money = |minor| Money::new(minor, currency("USD")).unwrap();
        let month = price(PriceKind::Flat { amount: unit_price(&money(least).decimal()) });
        let minimum = catalog::AddonPrice { price: &month, unit_price: month.amount(), months_factor: 1 };
        let of = |billed| Commitment { name: "Scale", place: "plans.scale.minimum", book: 1, minimum, share: Share::Whole, billed };
        let mut line = sound(true_up(&of(money(billed[0]))).unwrap());
        let mut had = line.amount;
        for next in &billed[1..] {
            line = sound(true_up_anew(&line.explanation, money(*next), had).unwrap());
            had = had.checked_add(line.amount).unwrap();
            prop_assert_eq!(had.minor(), (least - next).max(0));
        }
    }

    /// More never costs less, except by volume.
    #[test]
    fn more_costs_no_less(price in strategy::any_price(), a in strategy::figure(), b in strategy::figure()) {
        let (less, more) = if a < b { (a, b) } else { (b, a) };
        if let (false, Some(less), Some(more)) =
            (matches!(price.kind, PriceKind::Volume(_)), amount(&price, &less), amount(&price, &more))
        {
            prop_assert!(less.minor() <= more.minor());
        }
    }

    #[test]
    fn minimum_and_maximum_hold(price in strategy::any_price(), figure in strategy::figure()) {
        if let Some(amount) = amount(&price, &figure) {
            let bound = |bound: UnitPrice| Money::from_exact_major(&bound.exact(), price.currency).unwrap().minor();
            prop_assert!(price.minimum.is_none_or(|least| amount.minor() >= bound(least)));
            prop_assert!(price.maximum.is_none_or(|most| amount.minor() <= bound(most)));
        }
    }

    /// Billed bit by bit, usage costs what it costs at once.
    #[test]
    fn splitting_changes_nothing(price in strategy::any_price(), parts in prop::collection::vec(0_i64..5_000, 1..6)) {
        let mut billed = Money::zero(price.currency);
        let mut used = 0;
        for part in &parts {
            used += part;
            let measured = Measured::Quantity(used.into());
            match rate_again(&metered(&price, &measured, None), billed) {
                Ok(more) => billed = billed.checked_add(sound(more).amount).unwrap(),
                Err(error) => {
                    prop_assert_eq!(error.code, "amount_out_of_range");
                    return Ok(());
                }
            }
        }
        prop_assert_eq!(Some(billed), amount(&price, &used.into()));
    }

    /// One tier is a price per unit and a flat amount, graduated or by volume.
    #[test]
    fn one_tier_is_a_price_per_unit(each in 0_u32..100_000, flat in 0_u32..100_000, quantity in 1_i64..100_000) {
        let each = format!("{}.{:02}", each / 100, each % 100);
        let row = format!("- {each} {}", flat / 100);
        let per_unit = price(PriceKind::PerUnit { unit: "call".into(), amount: unit_price(&each) });
        let expected = amount(&per_unit, &quantity.into()).unwrap().minor() + i64::from(flat / 100 * 100);
        for kind in [PriceKind::Graduated(tiers(&[&row])), PriceKind::Volume(tiers(&[&row]))] {
            prop_assert_eq!(amount(&price(kind), &quantity.into()).unwrap().minor(), expected);
        }
    }

    /// Tiers of one price are no tiers; within the first tier graduated is volume; with falling prices volume is
    /// never dearer.
    #[test]
    fn graduated_and_volume(steps in prop::collection::vec(1_i64..500, 1..5), prices in prop::collection::vec(0_u32..10_000, 6), quantity in 0_i64..3_000) {
        let mut falling = prices.clone();
        falling.sort_unstable_by(|a, b| b.cmp(a));
        let built = |prices: &[u32]| -> Tiers {
            let mut end = 0;
            let mut rows: Vec<String> = Vec::new();
            for (step, each) in steps.iter().zip(prices) {
                end += step;
                rows.push(format!("{end} {}.{:02}", each / 100, each % 100));
            }
            let last = prices[steps.len()];
            rows.push(format!("- {}.{:02}", last / 100, last % 100));
            tiers(&rows.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let cost = |kind| amount(&price(kind), &quantity.into()).unwrap().minor();
        let same = built(&[prices[0]; 6]);
        prop_assert_eq!(cost(PriceKind::Graduated(same.clone())), i64::from(prices[0]) * quantity);
        prop_assert_eq!(cost(PriceKind::Volume(same)), i64::from(prices[0]) * quantity);
        if quantity <= steps[0] {
            prop_assert_eq!(cost(PriceKind::Graduated(built(&prices))), cost(PriceKind::Volume(built(&prices))));
        }
        prop_assert!(cost(PriceKind::Volume(built(&falling))) <= cost(PriceKind::Graduated(built(&falling))));
    }

    /// A percentage of transactions is the sum of what each costs, worked out one by one.
    #[test]
    fn transactions_add_up(rule in strategy::rule(), minor in prop::collection::vec(0_i64..200_000, 0..12)) {
        let amounts: Vec<Exact> = minor.iter().map(|minor| Exact::ratio((*minor).into(), 100)).collect();
        let (mut seen, mut expected) = (Exact::zero(), Exact::zero());
        for (at, amount) in amounts.iter().enumerate() {
            let before = seen.clone();
            seen = seen + amount;
            let events_last = rule.free_events.is_none_or(|free| (at as u64) < free);
            let any = rule.free_events.is_some() || rule.free_amount.is_some();
            let charged = match rule.free_amount.map(UnitPrice::exact) {
                _ if !any || !events_last => amount.clone(),
                None => continue,
                Some(free) if seen <= free => continue,
                Some(free) if before < free => &seen - &free,
                Some(_) => amount.clone(),
            };
            let mut fee = rule.rate.of(&charged) + rule.fixed.exact();
            fee = rule.at_least.map_or(fee.clone(), |least| fee.max(least.exact()));
            expected = expected + rule.at_most.map_or(fee.clone(), |most| fee.min(most.exact()));
        }
        let each = Each::all(&rule, &amounts);
        prop_assert_eq!((each.total(), each.events()), (amounts.iter().cloned().sum(), amounts.len() as u64));
        let stored = serde_json::to_string(&each).unwrap();
        let each = Measured::Each(Box::new(serde_json::from_str(&stored).unwrap()));
        let price = price(PriceKind::Percentage(rule));
        match rate_metered(&metered(&price, &Measured::Transactions(amounts), None)) {
            Ok(rated) => {
                // One after the other, without keeping them, they come to the same, explained in the same way.
                prop_assert_eq!(&rate_metered(&metered(&price, &each, None)).unwrap(), &rated);
                let expected = Money::from_exact_major(&expected, currency("USD")).unwrap();
                prop_assert_eq!(sound(rated).amount, expected);
            }
            Err(error) => prop_assert_eq!(error.code, "amount_out_of_range"),
        }
    }

    /// A level that stands all the time costs what the quantity costs; cutting its time changes nothing.
    #[test]
    fn a_level_that_stands_is_the_price(price in strategy::counting(), quantity in 0_i64..3_000, whole in 1_i64..366, cut in 0_i64..366) {
        let price = free_of_bounds(&price);
        let cut = cut % (whole + 1);
        let level = |part| Level { quantity: quantity.into(), part };
        let rated = |levels: &[Level]| {
            let (name, place, unit) = ("Seats", "plans.x.usage.seats", ProrationUnit::Day);
            rate_levels(&Levels { name, place, book: 1, price: &price, levels, unit, whole })
        };
        let Some(expected) = amount(&price, &quantity.into()) else { return Ok(()) };
        prop_assert_eq!(sound(rated(&[level(whole)]).unwrap()).amount, expected);
        prop_assert_eq!(sound(rated(&[level(cut), level(whole - cut)]).unwrap()).amount, expected);
    }
}
