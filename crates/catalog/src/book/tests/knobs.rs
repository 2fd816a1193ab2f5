//! The knobs of billing, tax categories and thresholds.

use kernel::{Currency, Money, MonthDays, ProrationUnit};

use super::{super::*, bad, good};

/// A book with this `[billing]` section, and the rest after it.
pub(super) fn text(billing: &str, rest: &str) -> String {
    format!(
        "book = 1\nname = \"B\"\ncurrency = \"USD\"\nbilling = {{ {billing} }}\n\
         [meters]\ncalls = {{ name = \"Calls\", unit = \"call\" }}\n{rest}"
    )
}

pub(super) const PLAN: &str = "[plans.a]\nname = \"A\"\nprice = { month = 1 }\n";

fn billing(written: &str) -> Billing {
    good(&text(written, PLAN)).billing
}

/// The mistakes, without their places and source lines.
pub(super) fn mistakes(billing: &str, rest: &str) -> Vec<String> {
    let seen = bad(&text(billing, rest));
    let lines = seen.lines().filter(|line| line.starts_with("book.toml:"));
    lines.map(|line| line.splitn(4, ':').nth(3).unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn every_knob_is_read() {
    let all = billing(
        r#"proration = { days_in_month = 28 }, plan_change = "reset", cancellation_credit = "none",
        invoices = "per_subscription", zero_invoices = "skip", tax = "digital_services", tax_rounding = "line",
        late_window = "1 day", trial_usage = "billed", usage_grace = "36 hours", customer_changes = "quantities""#
            .replace('\n', " ")
            .as_str(),
    );
    assert_eq!(all.proration, ProrationUnit::FixedMonth(MonthDays::new(28).unwrap()));
    assert_eq!((all.plan_change, all.cancellation_credit), (PlanChange::Reset, CancellationCredit::None));
    assert_eq!((all.invoices, all.zero_invoices), (Invoices::PerSubscription, ZeroInvoices::Skip));
    assert_eq!((all.tax.as_str(), all.tax_rounding), ("digital_services", TaxRounding::Line));
    assert_eq!((all.late_window.days(), all.trial_usage), (1, TrialUsage::Billed));
    assert_eq!(all.usage_grace.duration().as_hours(), 36);
    assert_eq!(billing("usage_grace = \"2 days\"").usage_grace.to_string(), "2 days");
    assert_eq!(billing("usage_grace = \"24 hours\"").usage_grace.to_string(), "1 day");
    assert_eq!(all.customer_changes, CustomerChanges::Quantities);
    assert_eq!(billing("customer_changes = \"none\"").customer_changes, CustomerChanges::None);
    assert_eq!(billing("tax_rounding = \"document\"").tax_rounding, TaxRounding::Document);
    assert_eq!(billing("proration = { days_in_month = 30 }").proration, ProrationUnit::THIRTY_DAY_MONTH);

    let carry =
        billing("carry_over = { below = { USD = \"1.50\", EUR = 1 }, periods = 3 }").carry_over.unwrap();
    assert_eq!((carry.below.len(), carry.periods), (2, 3));

    let json = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Billing>(&json).unwrap(), all);
    assert!(
        json.contains(r#""proration":"28_day_month""#) && json.contains(r#""late_window":"1 day""#),
        "{json}"
    );
}

#[test]
fn what_is_written_as_the_default_says_nothing_new() {
    let defaults = billing(
        "plan_change = \"prorate\", cancellation_credit = \"unused\", invoices = \"consolidated\", \
         zero_invoices = \"issue\", tax = \"standard\", tax_rounding = \"category\", late_window = \"90 days\", \
         trial_usage = \"free\", usage_grace = \"none\", customer_changes = \"plans\"",
    );
    assert_eq!(defaults, Billing::default());
    assert_eq!(good(&text("tax = \"standard\"", PLAN)).digest(), good(&text("", PLAN)).digest());
}

/// Stored versions are named by the digest of their JSON, so what a book does not say must not stand in it.
#[test]
fn what_a_book_does_not_say_is_not_in_its_json() {
    let json = good(&text(
        "",
        "[plans.a]\nname = \"A\"\nprice = { month = 1 }\nusage = { calls = 1 }\n\
         [addons.x]\nname = \"X\"\nprice = { once = 1 }\n[coupons.c]\nname = \"C\"\npercent = 5",
    ))
    .canonical_json();
    for key in [
        "plan_change",
        "cancellation_credit",
        "invoices",
        "zero_invoices",
        "tax",
        "tax_rounding",
        "late_window",
        "trial_usage",
        "usage_grace",
        "customer_changes",
        "thresholds",
        "per_customer",
        "new_customers_only",
        "minimum",
        "starts",
    ] {
        assert!(!json.contains(&format!("\"{key}\":")), "{key}: {json}");
    }
}

#[test]
fn mistakes_in_knobs_are_named() {
    for (written, sentence) in [
        (
            "invoices = \"subscription\"",
            "`subscription` is not a choice for `invoices`: \"consolidated\", \"per_subscription\"; did you mean `per_subscription`?",
        ),
        (
            "zero_invoices = \"skipp\"",
            "`skipp` is not a choice for `zero_invoices`: \"issue\", \"skip\"; did you mean `skip`?",
        ),
        ("proration = { days_in_month = 27 }", "`days_in_month` must be from 28 to 31"),
        ("proration = {}", "`proration` has no `days_in_month`"),
        (
            "late_window = \"90days\"",
            "`90days` is not a time; write so many days, from 1 to 3650, such as \"90 days\"",
        ),
        (
            "late_window = \"0 days\"",
            "`0 days` is not a time; write so many days, from 1 to 3650, such as \"90 days\"",
        ),
        (
            "usage_grace = \"29 days\"",
            "`29 days` is not a time; write \"none\", or so many hours or days up to 28 days, such as \"2 days\"",
        ),
        (
            "usage_grace = \"1 days\"",
            "`1 days` is not a time; write \"none\", or so many hours or days up to 28 days, such as \"2 days\"",
        ),
        ("late_window = 90", "`late_window` is a text in quotes; this is a whole number"),
        (
            "tax = \"Reduced rate\"",
            "`Reduced rate` is not a tax category; use a lower case word, such as \"standard\" or \"reduced\"",
        ),
        (
            "anchor = \"calendar\", plan_change = \"reset\"",
            "a change of the plan cannot begin a new period where periods begin with the calendar; leave out `plan_change`, or anchor = \"calendar\"",
        ),
        ("trial_usge = \"free\"", "`trial_usge` is not a key of [billing]; did you mean `trial_usage`?"),
    ] {
        assert_eq!(mistakes(written, PLAN), [sentence], "{written}");
    }
}

#[test]
fn a_tax_category_comes_from_the_nearest_that_names_one() {
    let book = good(&text(
        "tax = \"software\"",
        r#"
        [plans.a]
        name = "A"
        price = { month = 1 }
        usage = { calls = "0.1" }
        [plans.b]
        name = "B"
        price = { month = 2 }
        tax = "books"
        usage = { calls = { price = "0.1", tax = "telecom" } }
        [plans.c]
        name = "C"
        builds_on = "b"
        price = { month = 3 }
        [addons.x]
        name = "X"
        price = { month = 1 }
        [addons.y]
        name = "Y"
        price = { once = 1 }
        tax = "standard"
        "#,
    ));
    let [a, b, c] = book.plans.as_slice() else { panic!("three plans") };
    let of_plans: Vec<&str> = [a, b, c].iter().map(|plan| book.plan_tax(plan).as_str()).collect();
    assert_eq!(of_plans, ["software", "books", "books"]);
    let of_usage: Vec<&str> =
        [a, b].iter().map(|plan| book.usage_tax(plan, &plan.usage[0]).as_str()).collect();
    assert_eq!(of_usage, ["software", "telecom"]);
    let of_addons: Vec<&str> = book.addons.iter().map(|addon| book.addon_tax(addon).as_str()).collect();
    assert_eq!(of_addons, ["software", "standard"]);
    assert_eq!(serde_json::from_str::<Book>(&book.canonical_json()).unwrap(), book);
    let wrong = mistakes("", &format!("{PLAN}tax = 7"));
    assert_eq!(wrong, ["`tax` is a text in quotes; this is a whole number"]);
}

fn with_thresholds(thresholds: &str) -> String {
    format!(
        "[plans.a]\nname = \"A\"\nprice = {{ month = 1 }}\nusage = {{ calls = \"0.1\" }}\nthresholds = {thresholds}"
    )
}

#[test]
fn thresholds_are_read_for_each_currency() {
    let plan = r#"
        [plans.a]
        name = "A"
        price = { month = { USD = 1, JPY = 100 } }
        usage = { calls = { USD = "0.1", JPY = 10 } }
        thresholds = { at = [{ USD = "200", JPY = 20_000 }, { USD = "500.50", JPY = 50_000 }], every = { USD = 1_000, JPY = 1 } }
        [plans.b]
        name = "B"
        builds_on = "a"
        price = { month = { USD = 2, JPY = 200 } }
    "#;
    let book = good(&text("", plan));
    let in_yen = Currency::parse("JPY").unwrap();
    for plan in &book.plans {
        let next = |currency: Currency, billed: i64| {
            let next = plan.thresholds_in(currency)?.next_after(Money::new(billed, currency).unwrap())?;
            Some(next.minor())
        };
        assert_eq!(next(book.currency, 20_000), Some(50_050));
        assert_eq!(next(book.currency, 50_050), Some(150_050));
        assert_eq!(next(in_yen, 50_000), Some(50_001));
    }
    assert_eq!(serde_json::from_str::<Book>(&book.canonical_json()).unwrap(), book);
    let only_every = good(&text("", &with_thresholds("{ every = 5 }")));
    assert_eq!(only_every.plans[0].thresholds[0].at, []);
    assert_eq!(good(&text("", PLAN)).plans[0].thresholds_in(book.currency), None);
}

#[test]
fn mistakes_in_thresholds_are_named() {
    for (written, sentences) in [
        (
            "{}",
            &[
                "there is no amount; write { at = [\"200\", \"500\"] }, { every = \"1000\" }, or both, with your own figures",
            ][..],
        ),
        ("[200]", &["`thresholds` is a section with keys of its own; this is a list"]),
        ("{ at = 200 }", &["`at` is a list in square brackets; this is a whole number"]),
        ("{ at = [200], evry = 5 }", &["`evry` is not a key of `thresholds`; did you mean `every`?"]),
        ("{ at = [200, 200] }", &["the threshold is not above the one before it"]),
        (
            "{ at = [0], every = \"0.001\" }",
            &["a threshold in USD is an amount above 0 with at most 2 decimals"; 2],
        ),
        (
            "{ every = { EUR = 5 } }",
            &[
                "the plan is sold in USD, and this threshold has no amount in it; write one for each currency: { USD = \"49\", EUR = \"45\" }",
            ],
        ),
        ("{ every = 0.5 }", &["a price with a decimal point must be in quotes; write \"0.5\""]),
    ] {
        assert_eq!(mistakes("", &with_thresholds(written)), sentences, "{written}");
    }
    let many =
        with_thresholds(&format!("{{ at = [{}] }}", (1..=101).map(|n| format!("{n},")).collect::<String>()));
    assert_eq!(mistakes("", &many), ["a plan has at most 100 thresholds"]);
    assert_eq!(
        mistakes("", &format!("{PLAN}thresholds = {{ every = 5 }}")),
        [
            "the plan has thresholds, and no usage that could reach them; add `usage`, or leave `thresholds` out"
        ]
    );
    let other_currency = format!(
        "{}\n[plans.b]\nname = \"B\"\nbuilds_on = \"a\"\nprice = {{ month = {{ USD = 1, EUR = 1 }} }}\nusage = {{ calls = {{ USD = 1, EUR = 1 }} }}",
        with_thresholds("{ every = 5 }")
    );
    assert_eq!(
        mistakes("", &other_currency),
        ["the thresholds have no amount in EUR, in which the plan is sold; add `thresholds` to this plan"]
    );
}

#[test]
fn what_changed_in_them_is_a_sentence() {
    let old = text("", &with_thresholds("{ at = [200, 500], every = 1000 }"));
    let new = text(
        "proration = { days_in_month = 28 }, plan_change = \"reset\", cancellation_credit = \"none\", \
         invoices = \"per_subscription\", zero_invoices = \"skip\", tax = \"software\", tax_rounding = \"line\", \
         late_window = \"30 days\", trial_usage = \"billed\", usage_grace = \"2 days\"",
        "[plans.a]\nname = \"A\"\nprice = { month = 1 }\ntax = \"books\"\n\
         usage = { calls = { price = \"0.1\", tax = \"telecom\" } }",
    );
    let addon = |tax: &str| format!("\n[addons.x]\nname = \"X\"\nprice = {{ once = 1 }}\n{tax}");
    let old = good(&(old + &addon("tax = \"books\"")));
    let new = good(&(new + &addon("")));
    let sentences: Vec<String> = diff(&old, &new).iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "billing: proration day → 28_day_month",
            "billing: plan change prorate → reset",
            "billing: cancellation credit unused → none",
            "billing: invoices consolidated → per_subscription",
            "billing: zero invoices issue → skip",
            "billing: tax standard → software",
            "billing: tax rounding category → line",
            "billing: late window 90 days → 30 days",
            "billing: trial usage free → billed",
            "billing: usage grace none → 2 days",
            "plan A: usage price calls tax default → telecom",
            "plan A: tax default → books",
            "plan A: thresholds USD 200, USD 500, then every USD 1000 → none",
            "add-on X: tax books → default",
        ]
    );
}

#[test]
fn a_plan_says_what_is_told_of_its_limits_and_how_fast_it_may_be_used() {
    let plan = |rest: &str| format!("{PLAN}{rest}");
    let read = |rest: &str| good(&text("", &plan(rest))).plans[0].clone();
    assert_eq!(read("limits = { calls = 5 }").limits["calls"].alerts(), [80, 100]);
    assert_eq!(
        read("limits = { calls = { amount = 5, alerts = [50, 120] } }").limits["calls"].alerts(),
        [50, 120]
    );
    assert_eq!(read("limits = { calls = { amount = 5, alerts = [] } }").limits["calls"].alerts(), [0_u16; 0]);
    assert_eq!(
        mistakes("", &plan("limits = { calls = { amount = 5, alerts = [80, 80, 0] } }")),
        ["alerts rise: each is a higher percentage than the one before", "an alert must be from 1 to 1000"]
    );
    let rate = |written: &str| read(&format!("rate_limit = {written}")).rate_limit.unwrap();
    assert_eq!(rate("{ requests = 10, per = \"second\" }").to_string(), "10 each second, 10 at once");
    assert_eq!(rate("{ requests = 10, per = \"day\", burst = 3 }").to_string(), "10 each day, 3 at once");
    assert_eq!(
        mistakes("", &plan("rate_limit = { requests = 0, per = \"second\" }")),
        ["`requests` must be from 1 to 1000000000"]
    );
}
