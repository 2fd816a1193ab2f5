//! Coupons of the file.

use jiff::civil::date;
use kernel::{Currency, Money, Rate};

use super::{super::*, bad, good};

const START: &str = r#"
    book = 1
    name = "B"
    currency = "USD"
    [plans.a]
    name = "A"
    price = { month = { USD = 1, EUR = 2 } }
    [plans.b]
    name = "B"
    price = { month = 1 }
"#;

fn coupon(written: &str) -> Coupon {
    let book = good(&format!("{START}\n[coupons.x]\nname = \"X\"\n{written}"));
    assert_eq!(serde_json::from_str::<Book>(&book.canonical_json()).unwrap(), book);
    book.coupons.into_iter().next().unwrap()
}

fn money(amount: &str, code: &str) -> Money {
    Money::parse(amount, Currency::parse(code).unwrap()).unwrap()
}

#[test]
fn a_coupon_says_who_may_redeem_it_and_when() {
    let plain = coupon("percent = 10");
    assert_eq!((plain.per_customer, plain.new_customers_only, plain.redemptions), (1, false, None));
    assert!(plain.is_valid_on(date(1999, 1, 1)) && plain.reaches_minimum(money("0", "CHF")));
    let coupon = coupon(
        "percent = 10\nredemptions = 500\nper_customer = 2\nnew_customers_only = true\n\
         starts = 2027-01-01\nexpires = 2027-02-01\nminimum = { USD = 50, EUR = \"45.50\" }",
    );
    assert_eq!(coupon.discount, Discount::Percent { rate: Rate::parse_percent("10").unwrap() });
    assert_eq!((coupon.per_customer, coupon.new_customers_only, coupon.redemptions), (2, true, Some(500)));
    for (day, valid) in [
        (date(2026, 12, 31), false),
        (date(2027, 1, 1), true),
        (date(2027, 1, 31), true),
        (date(2027, 2, 1), false),
    ] {
        assert_eq!(coupon.is_valid_on(day), valid, "{day}");
    }
    for (amount, code, reached) in
        [("49.99", "USD", false), ("50", "USD", true), ("45.50", "EUR", true), ("1000", "CHF", false)]
    {
        assert_eq!(coupon.reaches_minimum(money(amount, code)), reached, "{amount} {code}");
    }
}

#[test]
fn a_minimum_stands_in_the_currencies_of_an_amount_off() {
    let amount = coupon("amount = 5\nminimum = 50");
    assert!(amount.reaches_minimum(money("50", "USD")) && !amount.reaches_minimum(money("50", "EUR")));
}

#[test]
fn mistakes_in_coupons_are_named() {
    for (written, sentence) in [
        ("per_customer = 0", "`per_customer` must be from 1 to 1000000000"),
        ("starts = \"soon\"", "`soon` is not a date; write it as 2027-01-31"),
        ("starts = 7", "`starts` is a date; this is a whole number"),
        ("starts = 2027-02-01\nexpires = 2027-02-01", "the coupon expires before it can be redeemed"),
        ("minimum = 0", "the minimum of a coupon is above 0; leave `minimum` out"),
        (
            "minimum = 50",
            "the coupon can be used in EUR, and its minimum has no amount in it; write one for each currency: { USD = \"49\", EUR = \"45\" }",
        ),
        (
            "new_customers_only = \"yes\"",
            "`new_customers_only` is true or false, without quotes; this is a text",
        ),
        (
            "new_customer_only = true",
            "`new_customer_only` is not a key of coupon `x`; did you mean `new_customers_only`?",
        ),
    ] {
        let seen = bad(&format!("{START}\n[coupons.x]\nname = \"X\"\npercent = 1\n{written}"));
        let lines = seen.lines().filter(|line| line.starts_with("book.toml:"));
        let seen: Vec<&str> =
            lines.map(|line| line.splitn(4, ':').nth(3).unwrap_or_default().trim()).collect();
        assert_eq!(seen, [sentence], "{written}");
    }
}

#[test]
fn what_changed_in_a_coupon_is_a_sentence() {
    let book = |written: &str| good(&format!("{START}\n[coupons.x]\nname = \"X\"\namount = 5\n{written}"));
    let new = "per_customer = 3\nnew_customers_only = true\nminimum = 20\nstarts = 2027-01-01\nexpires = 2028-01-01";
    let sentences: Vec<String> = diff(&book(""), &book(new)).iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "coupon X: redemptions per customer 1 → 3",
            "coupon X: new customers only false → true",
            "coupon X: minimum any amount → USD 20",
            "coupon X: starts at once → 2027-01-01",
            "coupon X: expires never → 2028-01-01",
        ]
    );
}
