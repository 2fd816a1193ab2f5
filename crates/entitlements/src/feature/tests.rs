//! What may be used, and laws of it.

use std::sync::Arc;

use catalog::version::Version;
use jiff::Timestamp;
use kernel::{Currency, Cycle, Exact, SystemIds, new_id};
use proptest::prelude::*;

use super::{
    Account, Agreement, Course, Decision, Reason, Turn, Upgrade, Value,
    rules::{self, Flagged, Ground},
};
use crate::override_::{Given, Override};

const BOOK: &str = r#"
book = 1
name = "Test"
currency = "USD"

[features]
chat = "Chat"
export = "Export"
sso = "Single sign-on"
seats = { name = "Seats", kind = "limit", unit = "user" }
storage = { name = "Storage", kind = "limit", unit = "GB" }
models = { name = "Models", kind = "value" }

[meters]
runs = { name = "Runs", unit = "run" }

[plans.free]
name = "Free"
price = { month = 0 }
features = ["chat"]
includes = { storage = 1, models = "small" }
limits = { runs = 3 }

[plans.team]
name = "Team"
builds_on = "free"
price = { month = "10", per = "user" }
features = ["export"]
includes = { storage = 100, models = "small, large" }
limits = { runs = { amount = 100, per = "user" } }

[plans.enterprise]
name = "Enterprise"
price = { month = "500" }
features = ["chat", "export", "sso"]
includes = { seats = "unlimited", storage = "unlimited", models = "all" }

[addons.space]
name = "50 GB"
price = { month = "5" }
raises = { storage = 50 }

[addons.single]
name = "Single sign-on"
price = { month = "50" }
features = ["sso"]
"#;

fn version() -> Arc<Version> {
    let book = catalog::read("book.toml", BOOK).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let (digest, book) = (book.digest(), Arc::new(book));
    Arc::new(Version { id: new_id(&SystemIds), number: 3, digest, created: now(), book })
}

fn now() -> Timestamp {
    "2026-01-15T12:00:00Z".parse().unwrap()
}

fn agreement(version: &Arc<Version>, plan: &str, quantity: i64, addons: &[(&str, i64)]) -> Agreement {
    Agreement {
        subscription: new_id(&SystemIds),
        version: Arc::clone(version),
        plan: plan.into(),
        quantity,
        addons: addons.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect(),
        cycle: Cycle::MONTH,
        currency: Currency::parse("USD").unwrap(),
        course: Course { access: true, turns: Vec::new() },
    }
}

fn account(agreements: Vec<Agreement>) -> Account {
    Account {
        customer: new_id(&SystemIds),
        external_id: None,
        country: "US".into(),
        currency: Currency::parse("USD").unwrap(),
        agreements,
        overrides: Vec::new(),
    }
}

fn ask_of(version: &Version, account: Option<&Account>, key: &str) -> Decision {
    rules::decide(&Ground { account, newest: Some(version), now: now() }, key, None).unwrap()
}

fn up_to(amount: i64) -> Value {
    Value::UpTo(Exact::from(amount))
}

#[test]
fn plans_and_addons_give_and_the_cheapest_way_is_named() {
    let version = version();
    let whose = account(vec![agreement(&version, "team", 4, &[("space", 2)])]);
    let ask = |key| {
        let decision = ask_of(&version, Some(&whose), key);
        (decision.value, decision.reason, decision.upgrade)
    };
    let plan = || Reason::Plan { plan: "team".into(), book: 3 };
    let addon = || Reason::Addon { addon: "space".into(), book: 3 };
    assert_eq!(ask("chat"), (Value::Yes, plan(), None));
    assert_eq!(ask("seats"), (up_to(4), plan(), None), "as many as were bought");
    assert_eq!(ask("storage"), (up_to(200), addon(), None));
    assert_eq!(ask("models"), (Value::Text("small, large".into()), plan(), None));
    assert_eq!(ask("runs"), (up_to(400), plan(), None));
    // Enterprise would cost 460 more, the add-on 50.
    assert_eq!(ask("sso"), (Value::None, Reason::NotIncluded, Some(Upgrade::Addon("single".into()))));
    let small = account(vec![agreement(&version, "free", 1, &[])]);
    let export = ask_of(&version, Some(&small), "export");
    assert_eq!(export.upgrade, Some(Upgrade::Plan("team".into())));
    assert!(
        rules::decide(&Ground { account: None, newest: Some(&version), now: now() }, "other", None).is_none()
    );
}

#[test]
fn of_two_subscriptions_the_more_generous_one_counts() {
    let version = version();
    let whose = account(vec![
        agreement(&version, "team", 2, &[]),
        agreement(&version, "enterprise", 1, &[("single", 1)]),
    ]);
    assert_eq!(ask_of(&version, Some(&whose), "storage").value, Value::Unlimited);
    assert_eq!(ask_of(&version, Some(&whose), "runs").value, Value::Unlimited);
    let sso = ask_of(&version, Some(&whose), "sso");
    assert_eq!(
        sso.reason,
        Reason::Plan { plan: "enterprise".into(), book: 3 },
        "the add-on is not needed for it"
    );
    assert_eq!(sso.subscription, Some(whose.agreements[1].subscription));
}

#[test]
fn whoever_has_no_subscription_has_what_costs_nothing() {
    let version = version();
    let nobody = account(vec![]);
    for account in [None, Some(&nobody)] {
        let chat = ask_of(&version, account, "chat");
        assert_eq!((chat.value, chat.reason), (Value::Yes, Reason::Default { plan: "free".into(), book: 3 }));
        let runs = ask_of(&version, account, "runs");
        assert_eq!((runs.value, runs.upgrade), (Value::None, Some(Upgrade::Plan("team".into()))));
        assert_eq!(ask_of(&version, account, "export").upgrade, Some(Upgrade::Plan("team".into())));
    }
    let before = Ground { account: Some(&nobody), newest: None, now: now() };
    assert!(rules::decide(&before, "chat", None).is_none(), "there is no price book yet");
}

#[test]
fn access_follows_the_instant_and_not_the_job() {
    let version = version();
    let mut whose = account(vec![agreement(&version, "team", 1, &[("space", 1)])]);
    let (past, ahead) = (now(), "2026-02-01T00:00:00Z".parse().unwrap());
    whose.agreements[0].course.turns = vec![(ahead, Turn::Ends)];
    let export = ask_of(&version, Some(&whose), "export");
    assert_eq!((export.value, export.until), (Value::Yes, Some(ahead)));
    whose.agreements[0].course.turns = vec![(past, Turn::Ends)];
    assert_eq!(ask_of(&version, Some(&whose), "export").reason, Reason::NotIncluded);
    assert!(matches!(ask_of(&version, Some(&whose), "chat").reason, Reason::Default { .. }));
    whose.agreements[0].course.turns = vec![(past, Turn::Suspends)];
    let off = ask_of(&version, Some(&whose), "chat");
    assert_eq!((off.value, off.reason, off.upgrade), (Value::None, Reason::AccessOff, None));
    whose.agreements[0].course.turns = vec![(past, Turn::MovesTo("free".into()))];
    assert_eq!(ask_of(&version, Some(&whose), "storage").value, up_to(1), "without the add-on");
    whose.agreements[0] =
        Agreement { course: Course { access: false, turns: vec![] }, ..whose.agreements[0].clone() };
    assert_eq!(ask_of(&version, Some(&whose), "chat").reason, Reason::AccessOff);
    whose.agreements.push(agreement(&version, "free", 1, &[]));
    assert_eq!(ask_of(&version, Some(&whose), "chat").value, Value::Yes, "another one runs");
}

fn given() -> impl Strategy<Value = Given> {
    prop_oneof![any::<bool>().prop_map(Given::Bool), Just(Given::Bool(true))]
}

proptest! {
    /// The order of what decides: switched off, access, override, flag, plan.
    #[test]
    fn what_decides_comes_in_order(off: bool, access: bool, overridden in proptest::option::of((given(), -5_i64..5)), flagged: Option<bool>, plan in 0_usize..3) {
        let version = version();
        let plan = ["free", "team", "enterprise"][plan];
        let mut whose = account(vec![Agreement { course: Course { access, turns: vec![] }, ..agreement(&version, plan, 1, &[]) }]);
        let expires = |hours: i64| now() + jiff::SignedDuration::from_hours(hours);
        if let Some((given, hours)) = &overridden {
            let (key, given) = ("sso".to_owned(), given.clone());
            whose.overrides = vec![Override { key, given, expires: Some(expires(*hours)), reason: None, made: now() }];
        }
        let flag = if off { Some(Flagged::Off) } else {
            flagged.map(|on| Flagged::Served { rule: Some(0), variant: "v".into(), value: if on { Value::Yes } else { Value::None } })
        };
        let ground = Ground { account: Some(&whose), newest: Some(&version), now: now() };
        let said = rules::decide(&ground, "sso", flag).unwrap();
        let standing = overridden.filter(|(_, hours)| *hours > 0);
        let (word, allowed) = match (&standing, flagged) {
            _ if off => ("switched_off", false),
            _ if !access => ("access_off", false),
            (Some((given, _)), _) => ("override", *given == Given::Bool(true)),
            (None, Some(on)) => ("flag", on),
            (None, None) if plan == "enterprise" => ("plan", true),
            (None, None) => ("not_included", false),
        };
        prop_assert_eq!((said.reason.word(), said.allowed()), (word, allowed));
        prop_assert_eq!(said.upgrade.is_some(), word == "not_included");
        if let (Some((_, hours)), "override") = (&standing, word) {
            prop_assert_eq!(said.until, Some(expires(*hours)));
        }
    }

    /// More is never less: another subscription or add-on takes nothing away.
    #[test]
    fn another_subscription_takes_nothing_away(plan in 0_usize..3, other in 0_usize..3, quantity in 1_i64..20, packs in 0_i64..4) {
        let version = version();
        let plans = ["free", "team", "enterprise"];
        let one = agreement(&version, plans[plan], quantity, &[]);
        let alone = account(vec![one.clone()]);
        let both = account(vec![one, agreement(&version, plans[other], 1, &[("space", packs), ("single", packs)])]);
        for key in ["chat", "export", "sso", "seats", "storage", "models", "runs"] {
            let (before, after) = (ask_of(&version, Some(&alone), key).value, ask_of(&version, Some(&both), key).value);
            let less = match (&before, &after) {
                (Value::UpTo(before), Value::UpTo(after)) => after < before,
                (Value::Unlimited, after) => *after != Value::Unlimited,
                (before, after) => before.is_some() && !after.is_some(),
            };
            prop_assert!(!less, "{key}: {before:?} became {after:?}");
        }
    }

    /// What is named as the way to have a feature gives it.
    #[test]
    fn the_upgrade_unlocks(plan in 0_usize..3, quantity in 1_i64..20, key in 0_usize..6) {
        let version = version();
        let key = ["chat", "export", "sso", "seats", "storage", "runs"][key];
        let plan = ["free", "team", "enterprise"][plan];
        let had = agreement(&version, plan, quantity, &[]);
        let said = ask_of(&version, Some(&account(vec![had.clone()])), key);
        let Some(upgrade) = said.upgrade else { return Ok(()) };
        let after = match upgrade {
            Upgrade::Plan(plan) => Agreement { plan, ..had },
            Upgrade::Addon(addon) => Agreement { addons: vec![(addon, 1)], ..had },
        };
        prop_assert!(ask_of(&version, Some(&account(vec![after])), key).allowed());
    }
}
