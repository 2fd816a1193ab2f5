//! What is bought.

use catalog::{Prepaid, PriceKind, Started};
use kernel::Quantity;
use proptest::prelude::*;

use super::*;
use crate::{Charge, rate};

fn per(unit: &str, amount: &str) -> PriceKind {
    PriceKind::PerUnit { unit: unit.into(), amount: unit_price(amount) }
}

fn flat(amount: &str) -> PriceKind {
    PriceKind::Flat { amount: unit_price(amount) }
}

fn rated(price: &Price, months: u32, quantity: i64, share: Share) -> Rated {
    let quantity = Quantity::whole(quantity);
    sound(rate(&Charge { name: "X", place: "plans.x", book: 1, price, months, quantity, share }).unwrap())
}

#[test]
fn worked_cases() {
    let cases = [
        (price(flat("49")), 1, 1, Share::Whole, "49.00"),
        (price(per("user", "5")), 12, 6, Share::Whole, "360.00"),
        (price(per("GB", "0.50")), 1, 3, Share::Whole, "1.50"),
        (price(flat("49")), 1, 1, days(17, 31), "26.87"),
        // 0.005 rounds away from zero.
        (price(per("GB", "0.01")), 1, 1, days(15, 30), "0.01"),
        (price_in("JPY", flat("1000")), 1, 1, days(1, 3), "333"),
        (price_in("KWD", flat("1")), 1, 1, days(1, 3), "0.333"),
        (price(per("call", "0.000000000001")), 1, 5_000_000_000, Share::Whole, "0.01"),
        (price(per("seat", "49")), 1, 0, Share::Whole, "0.00"),
        // Seats in tiers: 5 at 10, 3 at 8; half a month of it.
        (price(PriceKind::Graduated(tiers(&["5 10", "- 8"]))), 1, 8, days(15, 30), "37.00"),
        (price(PriceKind::Volume(tiers(&["5 10", "- 8"]))), 1, 8, Share::Whole, "64.00"),
        (price(PriceKind::Volume(tiers(&["5 10", "- 8"]))), 12, 5, Share::Whole, "600.00"),
        (price(package("5", "20", Started::Charged)), 1, 6, Share::Whole, "40.00"),
    ];
    for (price, months, quantity, share, expected) in cases {
        let rated = rated(&price, months, quantity, share);
        assert_eq!(rated.amount.decimal(), expected, "{price} × {quantity} {share:?}");
    }
}

#[test]
fn a_minimum_and_a_maximum_bound_the_whole_period() {
    let mut price = price(per("user", "10"));
    (price.minimum, price.maximum) = (Some(unit_price("50")), Some(unit_price("100")));
    for (seats, share, expected) in [
        (3, Share::Whole, "50.00"),
        (7, Share::Whole, "70.00"),
        (11, Share::Whole, "100.00"),
        (3, days(10, 30), "16.67"),
        (20, days(10, 30), "33.33"),
    ] {
        assert_eq!(rated(&price, 1, seats, share).amount.decimal(), expected, "{seats} {share:?}");
    }
}

#[test]
fn a_discount_for_several_months_is_explained() {
    // 99 × 12 less 10 %.
    let mut price = price(per("user", "1069.2"));
    price.prepaid = Some(Prepaid { months: 12, off: rate_of("10"), monthly: unit_price("99") });
    let rated = rated(&price, 1, 3, Share::Whole);
    assert_eq!(rated.amount.decimal(), "3207.60");
    let sentences = rated.explanation.sentences();
    assert_eq!(sentences[1], "that is 12 × USD 99 a month, less 10 % for paying at once");
    price.prepaid = Some(Prepaid { months: 12, off: rate_of("11"), monthly: unit_price("99") });
    let wrong = rate(&Charge {
        name: "X",
        place: "plans.x",
        book: 1,
        price: &price,
        months: 1,
        quantity: Quantity::whole(3),
        share: Share::Whole,
    });
    assert_eq!(wrong.unwrap().explanation.recompute().unwrap_err().code, "internal");
}

#[test]
fn of_a_lesser_of_price_the_flat_amount_stands() {
    let kind = PriceKind::LesserOf { amount: unit_price("99"), rate: rate_of("2"), of: "spend".into() };
    assert_eq!(rated(&price(kind.clone()), 1, 1, Share::Whole).amount.decimal(), "99.00");
    assert_eq!(rated(&price(kind), 1, 1, days(10, 30)).amount.decimal(), "33.00");
}

#[test]
fn what_is_measured_is_not_bought() {
    let price = price(PriceKind::Percentage(percentage("2")));
    let quantity = Quantity::whole(1);
    let charge = Charge {
        name: "X",
        place: "plans.x",
        book: 1,
        price: &price,
        months: 1,
        quantity,
        share: Share::Whole,
    };
    assert_eq!(rate(&charge).unwrap_err().code, "internal");
}

proptest! {
    /// The explanation alone gives the amount again, by other code than `rate`.
    #[test]
    fn an_explanation_can_be_recomputed(
        units in 0_u64..100_000, places in 0_u32..6, quantity in 0_i64..100_000,
        months in 1_u32..36, part in 0_i64..366, rest in 0_i64..366, per_unit: bool,
        code in prop::sample::select(vec!["USD", "JPY", "KWD"]),
    ) {
        let scale = 10_u64.pow(places);
        let amount = format!("{}.{:0width$}", units / scale, units % scale, width = places.max(1) as usize);
        let price = price_in(code, if per_unit { per("unit", &amount) } else { flat(&amount) });
        let share = if rest == 0 { Share::Whole } else { days(part, part + rest) };
        rated(&price, months, quantity, share);
    }

    /// Parts of a period never cost more than the whole by more than each part's own rounding.
    #[test]
    fn parts_cost_what_the_whole_costs(whole in 1_i64..366, cut in 0_i64..366, minor in 0_u32..1_000_000) {
        let cut = cut % (whole + 1);
        let price = price(flat(&format!("{}.{:02}", minor / 100, minor % 100)));
        let parts = [days(cut, whole), days(whole - cut, whole)].map(|share| rated(&price, 1, 1, share).amount.minor());
        let together = rated(&price, 1, 1, Share::Whole).amount.minor();
        prop_assert!((parts[0] + parts[1] - together).abs() <= 1);
    }

    /// Bought and measured, so many cost the same.
    #[test]
    fn bought_or_measured_is_the_same(price in strategy::counting(), quantity in 0_i64..1_000_000) {
        let measured = Measured::Quantity(quantity.into());
        let measured = rate_metered(&metered(&price, &measured, None)).map(|rated| sound(rated).amount);
        let (name, place, quantity) = ("X", "plans.x", Quantity::whole(quantity));
        let charge = Charge { name, place, book: 1, price: &price, months: 1, quantity, share: Share::Whole };
        prop_assert_eq!(rate(&charge).map(|rated| sound(rated).amount), measured);
    }
}
