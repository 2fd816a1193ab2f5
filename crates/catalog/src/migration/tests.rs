use std::collections::BTreeMap;

use kernel::{Currency, Cycle};
use proptest::prelude::*;

use super::*;

const OLD: &str = r#"
    book = 1
    name = "B"
    currency = "USD"
    [features]
    users = { name = "Users", kind = "limit", unit = "user" }
    sso = "SSO"
    [meters]
    calls = { name = "Calls", unit = "call" }
    [plans.starter]
    name = "Starter"
    price = { month = { USD = 49, EUR = 45 }, year = { USD = 490, EUR = 450 } }
    features = ["sso"]
    includes = { users = 3 }
    [plans.team]
    name = "Team"
    price = { per = "user", month = 10 }
    usage = { calls = "0.10" }
    minimum = { month = 50 }
    [plans.legacy]
    name = "Legacy"
    price = { month = 5 }
    [addons.seat]
    name = "Seat"
    price = { per = "user", month = { USD = 5, EUR = 5 } }
    raises = { users = 1 }
    plans = ["starter"]
    [addons.help]
    name = "Help"
    price = { month = { USD = 20, EUR = 20 } }
    [addons.setup]
    name = "Set-up"
    price = { once = 100 }
"#;

fn book(text: &str) -> Book {
    crate::read("book.toml", text).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]))
}

fn edited(edits: &[(&str, &str)]) -> Book {
    let mut text = OLD.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    book(&text)
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

/// Every sentence, indented where it belongs to the one above.
fn sentences(comparison: &Comparison) -> Vec<String> {
    let mut all: Vec<String> = comparison.billing.iter().map(ToString::to_string).collect();
    for one in &comparison.moves {
        all.push(one.sentence.clone());
        all.extend(one.changes.iter().map(|change| format!("  {change}")));
        all.extend(one.addons.iter().map(|addon| format!("  {}", addon.sentence)));
    }
    all
}

#[test]
fn the_same_book_changes_nothing() {
    let old = book(OLD);
    let comparison = compare(&old, &old, &map(&[])).unwrap();
    assert_eq!(comparison.moves.len(), 6);
    for one in &comparison.moves {
        let same = Fate::Becomes { key: one.plan.clone(), price: PriceStep::Same };
        assert_eq!((&one.fate, one.changes.len(), one.addons.len()), (&same, 0, 0), "{}", one.sentence);
    }
    assert_eq!(comparison.moves[0].sentence, "plan Starter, monthly price in USD: stays USD 49");
}

#[test]
fn each_way_a_plan_is_sold_says_what_becomes_of_it() {
    let new = edited(&[
        ("currency = \"USD\"\n", "currency = \"USD\"\nbilling = { proration = \"second\" }\n"),
        ("month = { USD = 49, EUR = 45 }, year = { USD = 490, EUR = 450 }", "month = { USD = 59, EUR = 40 }"),
        ("features = [\"sso\"]", ""),
        ("users = 3", "users = 2"),
        ("[plans.team]", "[plans.crew]"),
        ("month = 10 }", "month = 10 }\ntax = \"services\""),
        ("\"0.10\"", "\"0.20\""),
        ("minimum = { month = 50 }", "minimum = { month = 80 }"),
        ("[plans.legacy]\n    name = \"Legacy\"\n    price = { month = 5 }", ""),
        ("month = { USD = 5, EUR = 5 }", "month = { USD = 6, EUR = 5 }"),
    ]);
    let comparison = compare(&book(OLD), &new, &map(&[("team", "crew")])).unwrap();
    assert_eq!(
        sentences(&comparison),
        [
            "billing: proration day → second",
            "plan Starter, monthly price in USD: rises from USD 49 to USD 59",
            "  plan Starter: users 3 → 2",
            "  plan Starter: feature sso removed",
            "  add-on Seat, monthly price in USD: rises from USD 5 per user to USD 6 per user",
            "plan Starter, monthly price in EUR: falls from EUR 45 to EUR 40",
            "  plan Starter: users 3 → 2",
            "  plan Starter: feature sso removed",
            "plan Starter, yearly price in USD: plan Starter has no such price in the new book; add one, or name another plan",
            "plan Starter, yearly price in EUR: plan Starter has no such price in the new book; add one, or name another plan",
            "plan Team, monthly price in USD: stays USD 10 per user, as plan Team",
            "  plan Team: monthly minimum USD 50 → USD 80",
            "  plan Team: usage price calls USD 0.10 per call → USD 0.20 per call",
            "  plan Team: tax default → services",
            "plan Legacy, monthly price in USD: the new book has no plan `legacy`; name the plan it becomes",
        ]
    );
    let usd = Currency::parse("USD").unwrap();
    let found = |plan: &str, cycle| comparison.find(plan, cycle, usd);
    let fate = |plan: &str, cycle| found(plan, cycle).map(|one| one.fate.clone());
    let becomes = |key: &str, price| Some(Fate::Becomes { key: key.into(), price });
    assert_eq!(fate("starter", Cycle::MONTH), becomes("starter", PriceStep::Raised));
    assert_eq!(fate("starter", Cycle::YEAR), Some(Fate::NoPrice { key: "starter".into() }));
    assert_eq!(fate("team", Cycle::MONTH), becomes("crew", PriceStep::Same));
    assert_eq!(fate("legacy", Cycle::MONTH), Some(Fate::Gone));
    assert_eq!((fate("legacy", Cycle::YEAR), fate("crew", Cycle::MONTH)), (None, None));
    assert!(
        found("team", Cycle::MONTH).unwrap().is_possible()
            && !found("legacy", Cycle::MONTH).unwrap().is_possible()
    );
}

#[test]
fn addons_that_do_not_stay_are_named() {
    let new = edited(&[
        ("[addons.seat]", "[addons.chair]"),
        (
            "price = { month = { USD = 20, EUR = 20 } }",
            "price = { year = { USD = 200 }, month = { USD = 20 } }\nplans = [\"legacy\"]",
        ),
    ]);
    let new = Book { plans: book(OLD).plans, ..new };
    let comparison = compare(&book(OLD), &new, &map(&[("team", "legacy")])).unwrap();
    let addons = |plan: &str| -> Vec<String> {
        let moves = comparison.moves.iter().filter(|one| one.plan == plan);
        moves.flat_map(|one| &one.addons).map(|addon| addon.sentence.clone()).collect()
    };
    let gone = "the new book has no such add-on";
    let not_with = "the new book does not sell it with plan Starter";
    let mut starter = Vec::new();
    for word in ["monthly price in USD", "monthly price in EUR", "yearly price in USD", "yearly price in EUR"]
    {
        starter.push(format!("add-on Seat, {word}: {gone}"));
        starter.push(format!("add-on Help, {word}: {not_with}"));
    }
    assert_eq!(addons("starter"), starter);
    assert_eq!(addons("team"), [""; 0], "no price there for the cycle, or the same");
}

#[test]
fn an_addon_of_the_month_is_compared_over_the_cycle() {
    let new = edited(&[(
        "price = { month = { USD = 20, EUR = 20 } }",
        "price = { year = { USD = 240, EUR = 239 }, month = { USD = 20, EUR = 20 } }",
    )]);
    let comparison = compare(&book(OLD), &new, &map(&[])).unwrap();
    let help: Vec<&AddonMove> = comparison.moves.iter().flat_map(|one| &one.addons).collect();
    let [only] = help.as_slice() else { panic!("{help:?}") };
    assert_eq!(only.fate, Fate::Becomes { key: "help".into(), price: PriceStep::Lowered });
    assert_eq!(only.sentence, "add-on Help, yearly price in EUR: falls from 12 × EUR 20 to EUR 239");
}

#[test]
fn a_plan_nobody_knows_is_refused() {
    let old = book(OLD);
    for (pair, detail) in [
        (("startr", "team"), "There is no plan \"startr\" in the old price book."),
        (("starter", "taem"), "There is no plan \"taem\" in the new price book."),
    ] {
        let error = compare(&old, &old, &map(&[pair])).unwrap_err();
        assert_eq!((error.code, error.detail.as_str()), ("plan_unknown", detail));
        assert_eq!(error.fields[0].pointer, format!("/plans/{}", pair.0));
    }
}

fn step(before: &str, after: &str) -> (PriceStep, String) {
    let price = |written: &str| {
        let text = OLD.replacen("price = { month = 5 }", &format!("price = {{ {written} }}"), 1);
        let text = text.replacen(
            "calls = { name",
            "spend = { name = \"Spend\", unit = \"USD\", aggregation = \"sum\" }\ncalls = { name",
            1,
        );
        book(&text).plan("legacy").unwrap().prices[0].clone()
    };
    let (before, after) = (price(before), price(after));
    (PriceStep::between(&before, &after), PriceStep::words(&before, &after))
}

#[test]
fn prices_of_one_shape_are_dearer_or_cheaper() {
    use PriceStep::{Different, Lowered, Raised, Same};
    let tiers = |first: u32, second: u32| {
        format!(
            "per = \"user\", month = {{ graduated = [{{ up_to = 10, price = {first} }}, {{ price = {second} }}] }}"
        )
    };
    for (before, after, expected) in [
        ("month = 5".to_owned(), "month = \"5.00\"".to_owned(), Same),
        ("month = 5".into(), "month = 6".into(), Raised),
        ("month = 5".into(), "per = \"user\", month = 5".into(), Different),
        ("month = 5".into(), "month = 4, pay_in = \"arrears\"".into(), Different),
        (tiers(5, 4), tiers(5, 4), Same),
        (tiers(5, 4), tiers(5, 5), Raised),
        (tiers(5, 4), tiers(4, 4), Lowered),
        (tiers(5, 4), tiers(6, 3), Different),
        (
            "month = 99, or_less = { percent = 2, of = \"spend\" }".into(),
            "month = 99, or_less = { percent = 3, of = \"spend\" }".into(),
            Raised,
        ),
        (
            "per = \"user\", month = { price = 5, maximum = 50 }".into(),
            "per = \"user\", month = { price = 5 }".into(),
            Raised,
        ),
        (
            "per = \"user\", month = { price = 5 }".into(),
            "per = \"user\", month = { price = 4, maximum = 50 }".into(),
            Lowered,
        ),
        (
            "per = \"user\", month = { price = 5, minimum = 10 }".into(),
            "per = \"user\", month = { price = 4, minimum = 20 }".into(),
            Different,
        ),
    ] {
        assert_eq!(step(&before, &after).0, expected, "{before} → {after}");
    }
    assert_eq!(
        step("month = 5", "month = 5, pay_in = \"arrears\"").1,
        "changes from USD 5 to USD 5, paid in arrears"
    );
    let per_user = "per = \"user\", month = 5";
    let words = step(per_user, &format!("{per_user}, pay_in = \"arrears\"")).1;
    assert_eq!(words, "stays USD 5 per user, paid at the end of each period");
}

proptest! {
    /// What rises in one direction falls in the other.
    #[test]
    fn a_step_back_undoes_a_step(before in (0..9_u32, 0..9_u32), after in (0..9_u32, 0..9_u32)) {
        let text = |(price, least): (u32, u32)| {
            format!("per = \"user\", month = {{ price = {price}, minimum = {least} }}")
        };
        let (there, back) = (step(&text(before), &text(after)).0, step(&text(after), &text(before)).0);
        let undone = match there {
            PriceStep::Raised => PriceStep::Lowered,
            PriceStep::Lowered => PriceStep::Raised,
            other => other,
        };
        prop_assert_eq!(back, undone);
        prop_assert_eq!(there == PriceStep::Same, before == after);
    }
}
