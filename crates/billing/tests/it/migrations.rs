//! Moving subscriptions to another version of the price book.

use std::collections::BTreeMap;

use billing::{
    invoice, migration,
    migration::Migration,
    subscription::{self, Start, Timing},
};
use catalog::version;
use jobs::Runner;
use kernel::ids::{BookVersionId, SubscriptionId};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment_with, sound, starter},
};

const OLD: &str = r#"
book = 1
name = "Old"
currency = "USD"

[plans.basic]
name = "Basic"
price = { month = "30" }

[plans.plus]
name = "Plus"
price = { month = "60", year = "600" }

[plans.gone]
name = "Gone"
price = { month = "10" }
"#;

fn new() -> String {
    OLD.replace("\"30\"", "\"35\"").replace("\"60\"", "\"55\"").replace("[plans.gone]", "[plans.other]")
}

fn begin(test: &TestDb, scope: &Scope, plan: &str) -> SubscriptionId {
    let customer = customer_in(test, scope, "UTC");
    let start = Start { plan: plan.into(), ..starter(customer.id) };
    ground::start(test, scope, start).unwrap().subscription.id
}

fn in_force(test: &TestDb, scope: &Scope) -> BookVersionId {
    test.db.read(scope, version::in_force).wait().unwrap().id
}

fn migrate(test: &TestDb, scope: &Scope, migration: &Migration) -> serde_json::Value {
    let migration = migration.clone();
    let job = test.db.write(scope, move |tx| migration::request(tx, &migration)).wait().unwrap();
    Runner::new(test.db.clone(), vec![migration::job_kind()], vec![]).run_until_idle().unwrap();
    let job = test.db.read(scope, move |view| jobs::find(view, job)).wait().unwrap();
    job.result.unwrap_or_default()
}

#[test]
fn subscriptions_are_moved_as_previewed_and_no_others() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", OLD);
        let basic = begin(test, &scope, "basic");
        let plus = begin(test, &scope, "plus");
        let gone = begin(test, &scope, "gone");
        let book = new();
        test.db.write(&scope, move |tx| version::apply(tx, "new.toml", &book).map(drop)).wait().unwrap();
        let wanted = Migration { timing: Timing::PeriodEnd, ..Migration::default() };
        let asked = wanted.clone();
        let outlook = test.db.read(&scope, move |view| migration::outlook(view, &asked)).wait().unwrap();
        assert_eq!((outlook.moved, outlook.more, outlook.less, outlook.same), (2, 1, 1, 0));
        assert_eq!(outlook.refused, BTreeMap::from([("plan_unknown", 1)]));
        assert_eq!(outlook.fees.values().collect::<Vec<_>>(), [&(9_000, 9_000)]);
        let asked = wanted.clone();
        let listed =
            test.db.read(&scope, move |view| migration::preview(view, &asked, None, 10)).wait().unwrap();
        let fees: Vec<String> = listed
            .iter()
            .map(|one| match &one.after {
                Ok(after) => format!("{} → {}", one.before.fees.decimal(), after.fees.decimal()),
                Err(error) => error.code.to_owned(),
            })
            .collect();
        assert_eq!(fees, ["30.00 → 35.00", "60.00 → 55.00", "plan_unknown"]);

        let done = migrate(test, &scope, &wanted);
        assert_eq!(done, serde_json::json!({ "moved": 2, "refused": { "plan_unknown": 1 } }));
        assert_eq!(migrate(test, &scope, &wanted)["moved"], 0, "they are on their way");
        advance(test, &scope, "2026-02-01T09:00:00Z").unwrap();
        let newest = |id| {
            let newest =
                test.db.read(&scope, move |view| invoice::of_subscription(view, id, None, 1)).wait().unwrap();
            newest[0].totals.total.decimal()
        };
        assert_eq!([newest(basic), newest(plus), newest(gone)], ["35.00", "55.00", "10.00"]);
        // What has no successor of its own name gets one by hand, at once.
        let mapped = Migration {
            plans: vec!["gone".into()],
            plan_map: BTreeMap::from([("gone".into(), "other".into())]),
            timing: Timing::Now,
            ..Migration::default()
        };
        let elsewhere = Migration { books: vec![in_force(test, &scope)], ..mapped.clone() };
        assert_eq!(migrate(test, &scope, &elsewhere)["moved"], 0, "nobody of another version");
        assert_eq!(migrate(test, &scope, &mapped)["moved"], 1);
        let moved = test.db.read(&scope, move |view| subscription::find(view, gone)).wait().unwrap();
        assert_eq!(moved.plan(), "other");
        sound(test, &scope);
    });
}
