//! What is measured, by worked cases.

use catalog::{Limit, LimitPolicy, LimitScope, Minimums, PriceKind, Started, Window};

use super::*;
use crate::{Level, Levels, rate_again, rate_levels};

#[track_caller]
fn costs(kind: PriceKind, cases: &[(&str, &str)]) {
    let price = price(kind);
    for (quantity, amount) in cases {
        assert_eq!(of_quantity(&price, quantity).amount.decimal(), *amount, "{quantity} of {price}");
    }
}

#[test]
fn per_unit() {
    let kind = PriceKind::PerUnit { unit: "call".into(), amount: unit_price("0.0025") };
    costs(
        kind,
        &[
            ("0", "0.00"),
            ("1", "0.00"),
            ("2", "0.01"),
            ("1234.5", "3.09"),
            ("-8", "0.00"),
            ("1000000", "2500.00"),
        ],
    );
}

#[test]
fn packages_are_whole() {
    let cases = [("0", "0.00"), ("0.001", "3.20"), ("1000", "3.20"), ("1000.001", "6.40"), ("9999", "32.00")];
    costs(package("1000", "3.20", Started::Charged), &cases);
    costs(package("1000", "3.20", Started::Free), &[("999.999", "0.00"), ("1000", "3.20"), ("1999", "3.20")]);
    costs(package("0.5", "1", Started::Charged), &[("0.5", "1.00"), ("0.6", "2.00"), ("3", "6.00")]);
}

#[test]
fn graduated_tiers() {
    let kind = PriceKind::Graduated(tiers(&["100 0 20", "1000 0.15 10", "- 0.10"]));
    costs(
        kind,
        &[
            ("0", "0.00"),
            ("0.5", "20.00"),
            // A tier's end belongs to it.
            ("100", "20.00"),
            ("100.5", "30.08"),
            ("101", "30.15"),
            ("1000", "165.00"),
            ("1500", "215.00"),
        ],
    );
    let PriceKind::Graduated(mut at_zero) = PriceKind::Graduated(tiers(&["10 2 7", "- 1"])) else { return };
    at_zero.flat_at_zero = true;
    costs(PriceKind::Graduated(at_zero), &[("0", "7.00"), ("1", "9.00"), ("11", "28.00")]);
    // Tiers sold in packages: 100 at 4 for each 25, then 6 for each 100 started.
    let kind = PriceKind::Graduated(tiers(&["100 4 0 25", "- 6 0 100"]));
    costs(kind, &[("1", "4.00"), ("51", "12.00"), ("100", "16.00"), ("101", "22.00"), ("301", "34.00")]);
}

#[test]
fn volume_tiers() {
    let kind = PriceKind::Volume(tiers(&["10 3 5", "20 2.5", "- 2 1"]));
    let cases =
        [("0", "0.00"), ("1", "8.00"), ("10", "35.00"), ("10.2", "25.50"), ("20", "50.00"), ("21", "43.00")];
    costs(kind, &cases);
    let mut at_zero = tiers(&["10 3 5", "- 2 1"]);
    at_zero.flat_at_zero = true;
    costs(PriceKind::Volume(at_zero), &[("0", "5.00"), ("11", "23.00")]);
    // All units in packages of the tier reached.
    let kind = PriceKind::Volume(tiers(&["500 2 0 50", "- 5 0 500"]));
    costs(kind, &[("49", "2.00"), ("500", "20.00"), ("501", "10.00"), ("5000", "50.00")]);
}

#[test]
fn percentages() {
    costs(PriceKind::Percentage(percentage("2.9")), &[("0", "0.00"), ("100", "2.90"), ("17.20", "0.50")]);
    let kind = percent_tiers(&["1000 3", "5000 2 4", "- 1.5"]);
    costs(
        kind,
        &[("0", "0.00"), ("1000", "30.00"), ("1000.01", "34.00"), ("5000", "114.00"), ("9000", "174.00")],
    );
    let times = |times: &str| PriceKind::Dynamic { times: exact(times) };
    costs(times("1.2"), &[("0", "0.00"), ("10.05", "12.06"), ("0.0042", "0.01")]);
    costs(times("0.333333333333"), &[("3", "1.00"), ("100", "33.33")]);
}

/// The running cost of transactions.
fn running(rule: &Percentage, amounts: &[&str]) -> Vec<String> {
    let price = price(PriceKind::Percentage(rule.clone()));
    let amounts: Vec<Exact> = amounts.iter().map(|amount| exact(amount)).collect();
    let so_far = |count| Measured::Transactions(amounts[..count].to_vec());
    let cost = |count| sound(rate_metered(&metered(&price, &so_far(count), None)).unwrap()).amount.decimal();
    (1..=amounts.len()).map(cost).collect()
}

#[test]
fn transactions_are_free_while_both_allowances_last() {
    let mut rule = percentage("2");
    rule.fixed = unit_price("0.30");
    assert_eq!(running(&rule, &["10", "0", "100"]), ["0.50", "0.80", "3.10"]);
    rule.free_amount = Some(unit_price("50"));
    // The third crosses the free amount: 2 % of 10 and the whole fixed amount.
    assert_eq!(running(&rule, &["30", "20", "10", "5"]), ["0.00", "0.00", "0.50", "0.90"]);
    assert_eq!(running(&rule, &["60"]), ["0.50"]);
    rule.free_events = Some(2);
    // After two the free amount is of no use any more.
    assert_eq!(running(&rule, &["1", "1", "10"]), ["0.00", "0.00", "0.50"]);
    rule.free_amount = None;
    assert_eq!(running(&rule, &["1000", "1000", "10"]), ["0.00", "0.00", "0.50"]);
}

#[test]
fn a_transaction_has_a_least_and_a_most() {
    let mut rule = percentage("1");
    (rule.at_least, rule.at_most) = (Some(unit_price("0.50")), Some(unit_price("4")));
    assert_eq!(
        running(&rule, &["10", "50", "100", "400", "1000"]),
        ["0.50", "1.00", "2.00", "6.00", "10.00"]
    );
    rule.free_events = Some(1);
    assert_eq!(running(&rule, &["1000", "10"]), ["0.00", "0.50"]);
    let price = price(PriceKind::Percentage(rule));
    let total = Measured::Amount { total: exact("10"), events: 1 };
    assert_eq!(rate_metered(&metered(&price, &total, None)).unwrap_err().code, "transactions_needed");
}

#[test]
fn a_fixed_amount_for_each_transaction_needs_only_their_number() {
    let mut rule = percentage("1.5");
    rule.fixed = unit_price("0.25");
    let price = price(PriceKind::Percentage(rule));
    for (total, events, amount) in [("0", 0, "0.00"), ("1000", 3, "15.75"), ("10.01", 1, "0.40")] {
        let measured = Measured::Amount { total: exact(total), events };
        assert_eq!(sound(rate_metered(&metered(&price, &measured, None)).unwrap()).amount.decimal(), amount);
    }
}

#[test]
fn what_a_plan_includes_is_taken_off_first() {
    let limit = Limit {
        amount: exact("10000"),
        per: Some("user".into()),
        policy: LimitPolicy::Soft,
        window: Window::Period,
        scope: LimitScope::Customer,
        alerts: None,
    };
    let price = price(package("1000", "0.10", Started::Charged));
    for (seats, used, amount) in
        [("5", "50000", "0.00"), ("5", "50001", "0.10"), ("5", "125400", "7.60"), ("0", "1", "0.10")]
    {
        let allowance = Allowance::of_limit(&limit, &exact(seats));
        let measured = Measured::Quantity(exact(used));
        let rated = sound(rate_metered(&metered(&price, &measured, Some(&allowance))).unwrap());
        assert_eq!(rated.amount.decimal(), amount, "{used} with {seats} seats");
    }
    let free = Allowance::of(exact("5"));
    let measured = Measured::Quantity(exact("12"));
    let price = super::price(package("10", "100", Started::Charged));
    assert_eq!(rate_metered(&metered(&price, &measured, Some(&free))).unwrap().amount.decimal(), "100.00");
}

#[test]
fn flat_or_percentage_whichever_is_less() {
    let kind = PriceKind::LesserOf { amount: unit_price("99"), rate: rate_of("2"), of: "spend".into() };
    let price = price(kind);
    let spend = |total: &str| Measured::Quantity(exact(total));
    for (measured, share, amount) in [
        (spend("1000"), Share::Whole, "20.00"),
        (spend("4950"), Share::Whole, "99.00"),
        (spend("80000"), Share::Whole, "99.00"),
        (spend("0"), Share::Whole, "0.00"),
        (Measured::Incomplete, Share::Whole, "99.00"),
        (Measured::Incomplete, days(10, 30), "33.00"),
        (spend("1000"), days(10, 30), "20.00"),
        (spend("80000"), days(10, 30), "33.00"),
    ] {
        let metered = Metered { share, ..metered(&price, &measured, None) };
        assert_eq!(sound(rate_metered(&metered).unwrap()).amount.decimal(), amount, "{measured:?} {share:?}");
    }
    let other = super::price(PriceKind::Percentage(percentage("2")));
    let refused = rate_metered(&metered(&other, &Measured::Incomplete, None)).unwrap_err();
    assert_eq!(refused.code, "usage_incomplete");
}

#[test]
fn a_minimum_adds_what_is_missing() {
    let mut price = price(PriceKind::PerUnit { unit: "call".into(), amount: unit_price("2") });
    price.minimum = Some(unit_price("25"));
    for (used, minimums, share, amount) in [
        ("3", Minimums::Whole, Share::Whole, "25.00"),
        ("20", Minimums::Whole, Share::Whole, "40.00"),
        ("3", Minimums::Whole, days(20, 31), "25.00"),
        ("3", Minimums::Prorated, days(20, 31), "16.13"),
        ("10", Minimums::Prorated, days(20, 31), "20.00"),
    ] {
        let measured = Measured::Quantity(exact(used));
        let metered = Metered { share, minimums, ..metered(&price, &measured, None) };
        assert_eq!(
            sound(rate_metered(&metered).unwrap()).amount.decimal(),
            amount,
            "{used} {minimums:?} {share:?}"
        );
    }
}

#[test]
fn a_maximum_takes_off_what_is_beyond() {
    let mut price = price(PriceKind::Dynamic { times: exact("1.5") });
    price.maximum = Some(unit_price("60"));
    for (used, amount) in [("30", "45.00"), ("40", "60.00"), ("400", "60.00")] {
        assert_eq!(of_quantity(&price, used).amount.decimal(), amount);
    }
}

#[test]
fn more_usage_bills_the_difference() {
    let graduated = price(PriceKind::Graduated(tiers(&["10 1 5", "- 0.5 2"])));
    let packages = price(package("10", "15", Started::Charged));
    let mut capped = price(package("10", "15", Started::Charged));
    capped.maximum = Some(unit_price("40"));
    for (price, used, billed, more) in [
        (&graduated, "12", "15.00", "3.00"),
        (&graduated, "10", "15.00", "0.00"),
        (&graduated, "8", "15.00", "-2.00"),
        (&packages, "19", "15.00", "15.00"),
        (&packages, "20", "30.00", "0.00"),
        (&capped, "29", "30.00", "10.00"),
        (&capped, "500", "40.00", "0.00"),
    ] {
        let measured = Measured::Quantity(exact(used));
        let rated = sound(rate_again(&metered(price, &measured, None), usd(billed)).unwrap());
        assert_eq!(rated.amount.decimal(), more, "{used} after {billed} of {price}");
    }
}

#[test]
fn a_quantity_that_changes_costs_for_the_time_it_stands() {
    let price = price(PriceKind::Graduated(tiers(&["3 10 6", "- 4 1"])));
    let level = |quantity: &str, part| Level { quantity: exact(quantity), part };
    for (levels, amount) in [
        (vec![level("2", 30)], "26.00"),
        // 10 days of 2, 20 of 5 (30 + 8), both tiers entered.
        (vec![level("2", 10), level("5", 20)], "39.00"),
        (vec![level("5", 3), level("0", 27)], "10.80"),
        (vec![level("0", 30)], "0.00"),
        (vec![], "0.00"),
    ] {
        let unit = ProrationUnit::Day;
        let rated = rate_levels(&Levels {
            name: "Seats",
            place: "plans.x.usage.seats",
            book: 1,
            price: &price,
            levels: &levels,
            unit,
            whole: 30,
        });
        assert_eq!(sound(rated.unwrap()).amount.decimal(), amount, "{levels:?}");
    }
}

#[test]
fn every_step_can_be_read() {
    let price = price(package("1000", "0.10", Started::Charged));
    let measured = Measured::Quantity(exact("125400"));
    let allowance = Allowance { each: exact("10000"), times: Some(exact("5")) };
    let rated = rate_metered(&metered(&price, &measured, Some(&allowance))).unwrap();
    assert_eq!(
        rated.explanation.sentences(),
        [
            "Calls: USD 0.10 per package of 1000 (unit: call) (price book version 1, plans.x.usage.calls)",
            "125400 counted (unit: call)",
            "less 10000 included for each of 5: 75400 left",
            "+ 75400 in packages of 1000: 76 × USD 0.1 = USD 7.6",
            "= USD 7.60, exactly",
        ]
    );
    let price = super::price(PriceKind::Graduated(tiers(&["10 1 5", "- 0.333"])));
    assert_eq!(
        of_quantity(&price, "12").explanation.sentences()[2..],
        [
            "+ up to 10: 10 × USD 1 and USD 5 = USD 15",
            "+ above 10: 2 × USD 0.333 = USD 0.666",
            "= USD 15.666, rounded half up to USD 15.67",
        ]
    );
}

#[test]
fn an_explanation_that_does_not_add_up_is_found() {
    let price = price(PriceKind::Graduated(tiers(&["10 1 5", "- 0.5"])));
    let rated = of_quantity(&price, "12");
    let json = serde_json::to_string(&rated.explanation).unwrap();
    for (from, to) in [
        (r#""amount":"15""#, r#""amount":"16""#),
        (r#""units":"10""#, r#""units":"9""#),
        (r#""quantity":"12""#, r#""quantity":"13""#),
        (r#""exact":"16""#, r#""exact":"17""#),
        (r#""amount":"16.00""#, r#""amount":"16.01""#),
    ] {
        assert!(json.contains(from), "{from} in {json}");
        let wrong: Explanation = serde_json::from_str(&json.replacen(from, to, 1)).unwrap();
        assert_eq!(wrong.recompute().unwrap_err().code, "internal", "{to}");
    }
}
