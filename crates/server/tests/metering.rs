//! Limits over real customers and subscriptions.

mod house;

use billing::subscription::{self, Start};
use entitlements::{
    flag::{self, Definition},
    override_,
};
use identity::customer::{self, CustomerRef};
use kernel::{
    Cycle, SystemIds,
    ids::{CustomerId, SubscriptionId},
};
use metering::{event::NewEvent, limit::Reason};
use serde_json::json;
use server::CONTEXTS;
use store::{Actor, Mode, Scope};
use testkit::{TestDb, on_both};

/// An environment with the book of Apex, a customer and a subscription to a plan.
fn set_up(test: &TestDb, plan: &'static str) -> (Scope, SubscriptionId) {
    let scope = Scope::environment(kernel::new_id(&SystemIds), Mode::Live, Actor::CommandLine);
    let at = test.db.real_now();
    let set_up = move |tx: &mut store::Tx<'_>| {
        house::set_up(tx, at, include_str!("../../../books/apex.toml"), |acme| Start {
            external_id: Some("acme-main".into()),
            has_method: true,
            ..Start::of(acme, plan, Cycle::MONTH)
        })
    };
    let id = test.db.write(&scope, set_up).wait().unwrap();
    (scope, id)
}

fn run(id: &str, subject: &str) -> NewEvent {
    NewEvent {
        source: "test".to_owned(),
        id: id.to_owned(),
        meter: "agent_runs".to_owned(),
        subject: subject.to_owned(),
        at: None,
        data: Some(serde_json::from_str(r#"{"user": "ann"}"#).unwrap()),
    }
}

#[test]
fn a_subscription_sets_the_limits_of_its_customer() {
    on_both(CONTEXTS, |test| {
        let (scope, id) = set_up(test, "free");
        let metering = server::metering(&test.db, metering::Options::default());
        let consume = |event| metering.consume(&scope, event, test.db.real_now()).wait().unwrap();
        // Whatever it is called: the customer by its own id, the subscription by either.
        for (n, subject) in ["acme", "ext:acme", "acme-main"].into_iter().enumerate() {
            assert!(consume(run(&n.to_string(), subject)).allowed, "{subject}");
        }
        let refused = consume(run("4", &id.to_string()));
        assert_eq!((refused.reason, refused.limit), (Reason::LimitReached, Some(3)));
        assert_eq!(refused.upgrade.as_deref(), Some("early"));
        let nobody = metering.consume(&scope, run("4", "nobody"), test.db.real_now()).wait().unwrap_err();
        assert_eq!(nobody.code, "subject_unknown");

        let away = move |tx: &mut store::Tx<'_>| subscription::suspend(tx, id).map(drop);
        test.db.write(&scope, away).wait().unwrap();
        metering.forget(&scope, None).wait().unwrap();
        assert_eq!(consume(run("4", "acme")).reason, Reason::NoAccess);
        let back = move |tx: &mut store::Tx<'_>| subscription::reinstate(tx, id).map(drop);
        test.db.write(&scope, back).wait().unwrap();
        metering.forget(&scope, None).wait().unwrap();
        assert_eq!(consume(run("4", "acme")).reason, Reason::LimitReached);
    });
}

/// Overrides and flags change the very next answer, of check and of consume, and an override ends at its instant.
#[test]
fn overrides_and_flags_change_the_next_answer() {
    on_both(CONTEXTS, |test| {
        let (scope, _) = set_up(test, "free");
        let metering = server::metering(&test.db, metering::Options::default());
        let check = || metering.check(&scope, run("check", "acme"), test.db.real_now()).wait().unwrap();
        let write = |work: fn(&mut store::Tx<'_>, CustomerId) -> kernel::Result<()>| {
            let acme = move |tx: &mut store::Tx<'_>| {
                let acme = customer::resolve(tx, &CustomerRef::External("acme".into()))?;
                work(tx, acme)
            };
            test.db.write(&scope, acme).wait().unwrap();
        };
        for n in 0..3 {
            let event = run(&format!("run-{n}"), "acme");
            assert!(metering.consume(&scope, event, test.db.real_now()).wait().unwrap().allowed);
        }
        assert_eq!((check().reason, check().limit), (Reason::LimitReached, Some(3)));
        write(|tx, acme| {
            let until = tx.now() + jiff::SignedDuration::from_hours(1);
            override_::set(tx, acme, "agent_runs", &json!(4), Some(until), None).map(drop)
        });
        assert_eq!((check().reason, check().limit), (Reason::Within, Some(4)));
        let event = run("run-3", "acme");
        assert!(metering.consume(&scope, event, test.db.real_now()).wait().unwrap().allowed);
        assert_eq!(check().reason, Reason::LimitReached);
        write(|tx, acme| override_::set(tx, acme, "agent_runs", &json!("unlimited"), None, None).map(drop));
        assert_eq!((check().reason, check().limit), (Reason::Unlimited, None));
        write(|tx, acme| {
            let until = tx.now() + jiff::SignedDuration::from_hours(1);
            override_::set(tx, acme, "agent_runs", &json!(9), Some(until), None).map(drop)
        });
        assert_eq!(check().limit, Some(9));
        test.clock.advance(jiff::SignedDuration::from_secs(3_599));
        assert_eq!(check().limit, Some(9));
        test.clock.advance(jiff::SignedDuration::from_secs(1));
        assert_eq!(check().limit, Some(3), "it has run out, and nobody said so");
        // A flag called like the meter withholds it.
        write(|tx, _| flag::create(tx, "agent_runs", true, &withheld()).map(drop));
        assert_eq!(check().reason, Reason::NoAccess);
        write(|tx, _| flag::switch(tx, "agent_runs", false).map(drop));
        assert_eq!(check().reason, Reason::NoAccess);
        write(|tx, _| flag::archive(tx, "agent_runs", 2).map(drop));
        assert_eq!(check().reason, Reason::LimitReached);
    });
}

/// A flag that serves `false` to customers on the plan Free.
fn withheld() -> Definition {
    let json = json!({
        "name": "Agent runs", "kind": "boolean", "variants": { "on": true, "off": false }, "default": "on", "off": "off",
        "rules": [{ "when": [{ "attribute": "@plan", "is": "in", "values": ["free"] }], "serve": [{ "variant": "off" }] }],
    });
    serde_json::from_value(json).unwrap()
}

/// Access follows the instant, also while the job that writes it down is stuck.
#[test]
fn limits_follow_the_instant_a_trial_or_a_subscription_ends() {
    const BOOK: &str = r#"
book = 1
name = "Test"
currency = "USD"

[meters]
agent_runs = { name = "Runs", unit = "run" }

[plans.free]
name = "Free"
price = { month = "0" }
limits = { agent_runs = 1 }

[plans.paid]
name = "Paid"
price = { month = "10" }
limits = { agent_runs = 9 }

[trial]
days = 14
at_end = { with_method = "convert", without = "END" }
"#;
    for (end, seen) in [
        ("suspend", (Reason::NoAccess, None)),
        ("cancel", (Reason::NoAccess, None)),
        ("downgrade:free", (Reason::LimitReached, Some(1))),
    ] {
        on_both(CONTEXTS, |test| {
            let scope = Scope::environment(kernel::new_id(&SystemIds), Mode::Live, Actor::CommandLine);
            let at = test.db.real_now();
            let set_up = move |tx: &mut store::Tx<'_>| {
                house::set_up(tx, at, &BOOK.replace("END", end), |acme| Start {
                    trial: true,
                    ..Start::of(acme, "paid", Cycle::MONTH)
                })
            };
            test.db.write(&scope, set_up).wait().unwrap();
            let metering = server::metering(&test.db, metering::Options::default());
            let consume =
                |id: &str| metering.consume(&scope, run(id, "acme"), test.db.real_now()).wait().unwrap();
            assert_eq!(consume("1").limit, Some(9));
            test.clock.advance(jiff::SignedDuration::from_hours(13 * 24));
            assert_eq!(consume("2").limit, Some(9), "{end}");
            test.clock.advance(jiff::SignedDuration::from_hours(24));
            let answer = consume("3");
            assert_eq!((answer.reason, answer.limit), seen, "{end}");
        });
    }
    // And where it was canceled to its period's end.
    on_both(CONTEXTS, |test| {
        let (scope, id) = set_up(test, "free");
        let cancel = move |tx: &mut store::Tx<'_>| {
            subscription::cancel(tx, id, subscription::Timing::PeriodEnd).map(drop)
        };
        test.db.write(&scope, cancel).wait().unwrap();
        let metering = server::metering(&test.db, metering::Options::default());
        let check = || metering.check(&scope, run("x", "acme"), test.db.real_now()).wait().unwrap();
        assert!(check().allowed);
        test.clock.advance(jiff::SignedDuration::from_hours(32 * 24));
        assert_eq!(check().reason, Reason::NoAccess);
    });
}
