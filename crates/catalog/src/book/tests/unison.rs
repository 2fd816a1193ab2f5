//! The book of Unison says what the business says.

use kernel::{Currency, Cycle};

use super::{super::*, good, unison};

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

#[test]
fn plans_cost_what_the_business_says() {
    let book = unison();
    let priced: Vec<_> = book
        .plans
        .iter()
        .map(|plan| {
            let price = |cycle| plan.price_for(cycle, usd()).unwrap().to_string();
            (plan.name.as_str(), price(Cycle::MONTH), price(Cycle::YEAR))
        })
        .collect();
    let expected =
        [("Starter", "49", "529"), ("Professional", "199", "2149"), ("Enterprise", "999", "10789")];
    assert_eq!(
        priced,
        expected.map(|(name, month, year)| (name, format!("USD {month}"), format!("USD {year}")))
    );
    assert!(book.plans.iter().all(|plan| plan.cycles().eq([Cycle::MONTH, Cycle::YEAR])));
    assert_eq!(book.plan("starter").unwrap().price_for(Cycle::QUARTER, usd()), None);
    assert_eq!(book.plan("starter").unwrap().price_for(Cycle::MONTH, Currency::parse("EUR").unwrap()), None);
}

#[test]
fn plans_include_what_the_business_says() {
    let book = unison();
    let included = |plan: &str, key: &str| book.plan(plan).unwrap().includes[key].clone();
    for (plan, users, plants, storage, support) in
        [("starter", 3, 1, 10, "E-mail"), ("professional", 25, 5, 100, "Priority")]
    {
        assert_eq!(included(plan, "users"), Included::UpTo(users));
        assert_eq!(included(plan, "plants"), Included::UpTo(plants));
        assert_eq!(included(plan, "storage"), Included::UpTo(storage));
        assert_eq!(included(plan, "support_level"), Included::Value(support.into()));
    }
    for limit in ["users", "plants", "storage"] {
        assert_eq!(included("enterprise", limit), Included::Unlimited);
    }
}

#[test]
fn the_matrix_has_24_rows_and_each_plan_adds_to_the_one_before() {
    let book = unison();
    assert_eq!(book.features.len(), 24);
    let boolean = book.features.iter().filter(|feature| feature.kind == FeatureKind::Boolean);
    assert_eq!(boolean.count(), 20);
    let counts: Vec<usize> = book.plans.iter().map(|plan| plan.features.len()).collect();
    assert_eq!(counts, [5, 5 + 8, 5 + 8 + 7]);
    assert!(book.plans.windows(2).all(|pair| pair[0].features.is_subset(&pair[1].features)));
    let has = |feature: &str| book.plans.iter().map(|plan| plan.has(feature)).collect::<Vec<_>>();
    assert_eq!(has("work_orders"), [true, true, true]);
    assert_eq!(has("data_export"), [false, true, true]);
    assert_eq!(has("sla"), [false, false, true]);
}

#[test]
fn addons_follow_the_cycle_of_the_plan() {
    let book = unison();
    for (key, amount, unit, limit) in [
        ("extra_user", "USD 5 per user", "user", "users"),
        ("extra_plant", "USD 25 per plant", "plant", "plants"),
        ("extra_storage", "USD 0.50 per GB", "GB", "storage"),
    ] {
        let addon = book.addon(key).unwrap();
        let month = addon.price_for(Cycle::MONTH, usd()).unwrap();
        assert_eq!((month.price.to_string().as_str(), month.months_factor), (amount, 1));
        let year = addon.price_for(Cycle::YEAR, usd()).unwrap();
        assert_eq!((year.unit_price, year.months_factor), (month.unit_price, 12));
        assert_eq!(addon.price_for(Cycle::WEEK, usd()), None, "a week is no number of months");
        assert_eq!(month.price.unit(), Some(unit));
        assert_eq!(addon.raises[limit], 1);
        let fits: Vec<bool> = book.plans.iter().map(|plan| addon.fits(plan)).collect();
        assert_eq!(fits, [true, true, false]);
    }
}

#[test]
fn an_addon_with_its_own_price_for_the_cycle_costs_that() {
    let book = good(
        r#"
        book = 1
        name = "B"
        currency = "USD"
        features = { users = { name = "Users", kind = "limit", unit = "user" } }
        plans.team = { name = "Team", price = { per = "user", year = 1000, month = "99.5" } }
        plans.open = { name = "Open", price = { month = 0 }, includes = { users = "unlimited" } }
        addons.user = { name = "User", price = { per = "user", year = "50", month = "5" }, raises = { users = 1 } }
        addons.setup = { name = "Set-up", price = { once = "500" } }
        "#,
    );
    let user = book.addon("user").unwrap();
    let year = user.price_for(Cycle::YEAR, usd()).unwrap();
    assert_eq!((year.unit_price.to_string().as_str(), year.months_factor), ("50", 1));
    let years = user.price_for(Cycle::parse("2 years").unwrap(), usd()).unwrap();
    assert_eq!((years.unit_price.to_string().as_str(), years.months_factor), ("5", 24));
    assert!(
        user.fits(&book.plans[0]) && !user.fits(&book.plans[1]),
        "nothing to raise where it is unlimited"
    );
    let setup = book.addon("setup").unwrap();
    assert_eq!(setup.price_for(Cycle::MONTH, usd()), None);
    assert_eq!(setup.one_off(usd()).unwrap().to_string(), "USD 500");
    let team = book.plan("team").unwrap();
    assert_eq!(team.price_for(Cycle::MONTH, usd()).unwrap().to_string(), "USD 99.50 per user");
    assert!(team.cycles().eq([Cycle::MONTH, Cycle::YEAR]), "shortest first, however written");
}

#[test]
fn the_trial_and_the_knobs_are_read() {
    let book = unison();
    assert_eq!(book.billing, Billing::default());
    let trial = book.trial.unwrap();
    assert_eq!((trial.plan, trial.days, trial.card_required), (None, 14, false));
    assert_eq!(trial.reminders, [7, 3, 1]);
    assert_eq!((trial.with_method, trial.without), (WithMethod::Convert, WithoutMethod::Suspend));

    let book = good(
        r#"
        book = 1
        name = "B"
        currency = "JPY"
        billing = { anchor = "calendar", proration = "second", change_day = "old", cancellation_day = "free", cycle_change = "keep", minimums = "prorated" }
        plans.free = { name = "Free", price = { month = 0 } }
        plans.early = { name = "Early", price = { month = 99 } }
        trial = { days = 7, plan = "early", keep_anchor = true, reminders = [1, 3], at_end = { without = "downgrade:free" } }
        "#,
    );
    let billing = Billing {
        anchor: Anchor::Calendar,
        proration: kernel::ProrationUnit::Second,
        change_day: ChangeDay::Old,
        cancellation_day: CancellationDay::Free,
        cycle_change: CycleChange::Keep,
        minimums: Minimums::Prorated,
        ..Billing::default()
    };
    assert_eq!(book.billing, billing);
    let trial = book.trial.unwrap();
    assert_eq!(trial.plan.as_deref(), Some("early"));
    assert!(trial.keep_anchor);
    assert_eq!(trial.reminders, [3, 1]);
    assert_eq!(trial.without, WithoutMethod::Downgrade { plan: "free".into() });
}

#[test]
fn the_stored_json_reads_back_and_nothing_else_does() {
    let book = unison();
    let json = book.canonical_json();
    let again: Book = serde_json::from_str(&json).unwrap();
    assert_eq!(again, book);
    assert_eq!(again.canonical_json(), json);
    let unknown = json.replacen("\"name\"", "\"minimum\":1,\"name\"", 1);
    assert!(serde_json::from_str::<Book>(&unknown).is_err(), "what this program does not know is refused");
}

#[test]
fn the_book_in_the_documentation_reads() {
    let lines = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/price-book.md")).lines();
    let example: Vec<&str> =
        lines.skip_while(|line| *line != "```toml").skip(1).take_while(|line| *line != "```").collect();
    let book = good(&example.join("\n"));
    assert_eq!(book.billing, Billing::default());
    assert_eq!((book.features.len(), book.plans.len(), book.addons.len()), (3, 2, 1));
    assert_eq!((book.meters.len(), book.coupons.len(), book.plans[1].usage.len()), (3, 1, 2));
}

/// Stored versions are named by their digest: when it changes, books already stored no longer match it.
#[test]
fn the_digest_of_a_book_stands() {
    let start = "book = 1\nname = \"B\"\ncurrency = \"USD\"\n";
    let book = good(&format!("{start}plans.a = {{ name = \"A\", price = {{ month = \"1.50\" }} }}"));
    let json = concat!(
        r#"{"format":1,"name":"B","currency":"USD","billing":{"anchor":"anniversary","proration":"day","#,
        r#""change_day":"new","cancellation_day":"billed","cycle_change":"restart"},"features":[],"plans":"#,
        r#"[{"key":"a","name":"A","prices":[{"when":"month","currency":"USD","kind":{"flat":{"amount":"1.5"}}}],"#,
        r#""includes":{},"features":[]}],"addons":[]}"#
    );
    assert_eq!(book.canonical_json(), json);
    assert_eq!(book.digest(), "244334eac1c528176dc0c9d82d7616315223413cda9868ee88ee59b9c012ef05");
    assert_ne!(book.digest(), unison().digest());
}
