//! Overrides, and what subscriptions give as they live.

use billing::subscription::{self, Start, State};
use entitlements::{override_, switch};
use identity::customer;
use kernel::Cycle;
use serde_json::json;
use testkit::on_both;

use crate::ground::{CONTEXTS, Ground, boolean, new_customer};

#[test]
fn what_a_subscription_gives_follows_its_life() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let id = ground.subscription;
        assert_eq!(ground.says("storage"), "plan UpTo(1)");
        assert_eq!(ground.feature("export").why(), "It is not included. The plan team has it.");
        ground.write(move |tx| {
            let change = subscription::Change { plan: Some("team".into()), ..Default::default() };
            subscription::change(tx, id, &change, subscription::Timing::Now)
        });
        assert_eq!(ground.says("models"), "plan Text(\"large\")");
        ground.write(move |tx| subscription::suspend(tx, id));
        for key in ["chat", "export", "storage", "models", "runs"] {
            assert_eq!(ground.says(key), "access_off None");
        }
        ground.write(move |tx| subscription::reinstate(tx, id));
        assert_eq!(ground.says("export"), "plan Yes");
        ground.write(move |tx| subscription::cancel(tx, id, subscription::Timing::PeriodEnd));
        assert_eq!(ground.feature("export").until, Some("2026-02-15T00:00:00Z".parse().unwrap()));
        ground.advance("2026-02-15T00:00:00Z");
        assert_eq!((ground.state(), ground.says("export").as_str()), (State::Canceled, "not_included None"));
        assert_eq!(ground.says("chat"), "default_plan Yes");
    });
}

#[test]
fn a_trial_that_ends_turns_access_off_at_its_instant() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let other = ground.write(|tx| {
            let other = customer::create(tx, new_customer("other"))?.id;
            let start = Start { trial: true, ..Start::of(other, "team", Cycle::MONTH) };
            subscription::start(tx, &start)?;
            Ok(other)
        });
        let ground = Ground { acme: other, ..ground };
        let trying = ground.feature("export");
        assert_eq!((trying.allowed(), trying.until), (true, Some("2026-01-22T00:00:00Z".parse().unwrap())));
        ground.advance("2026-01-21T23:59:59Z");
        assert!(ground.feature("export").allowed());
        ground.advance("2026-01-22T00:00:00Z");
        assert_eq!(ground.says("export"), "access_off None");
    });
}

#[test]
fn an_override_holds_until_it_runs_out() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let acme = ground.acme;
        let until = "2026-01-20T00:00:00Z".parse().unwrap();
        ground.write(move |tx| {
            override_::set(
                tx,
                acme,
                "export",
                &json!(true),
                Some(until),
                Some("Promised by Ann on the phone"),
            )?;
            override_::set(tx, acme, "storage", &json!("unlimited"), None, None)?;
            override_::set(tx, acme, "models", &json!("all of them"), None, None)?;
            override_::set(tx, acme, "chat", &json!(false), None, None)?;
            override_::set(tx, acme, "runs", &json!(50), None, None)
        });
        assert_eq!(ground.feature("export").why(), "An override gives it until 2026-01-20T00:00:00Z.");
        assert_eq!(ground.says("storage"), "override Unlimited");
        assert_eq!(ground.says("models"), "override Text(\"all of them\")");
        assert_eq!(ground.says("chat"), "override None");
        assert_eq!(ground.says("runs"), "override UpTo(50)");
        ground.advance("2026-01-19T23:59:59Z");
        assert!(ground.feature("export").allowed());
        ground.advance("2026-01-20T00:00:00Z");
        assert_eq!(ground.says("export"), "not_included None");
        ground.write(move |tx| override_::remove(tx, acme, "chat"));
        assert_eq!(ground.says("chat"), "plan Yes");
        assert_eq!(ground.refused(move |tx| override_::remove(tx, acme, "chat")), "not_found");
        // Neither reasons nor values of the merchant's are in the facts.
        let facts = test.db.read(&ground.scope, |view| store::facts::feed(view, 0, 1_000)).wait().unwrap();
        let told =
            serde_json::to_string(&facts.iter().map(|fact| &fact.payload).collect::<Vec<_>>()).unwrap();
        assert!(told.contains("\"unlimited\"") && !told.contains("Ann") && !told.contains("all of them"));
    });
}

#[test]
fn what_cannot_be_overridden_is_refused() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let acme = ground.acme;
        let set = |key: &'static str, value: serde_json::Value| {
            ground.refused(move |tx| override_::set(tx, acme, key, &value, None, None))
        };
        assert_eq!(set("nothing", json!(true)), "feature_unknown");
        for (key, value) in [
            ("export", json!(1)),
            ("export", json!("true")),
            ("storage", json!(-1)),
            ("storage", json!(1.5)),
            ("storage", json!("many")),
            ("storage", json!(1_000_000_000_001_u64)),
            ("runs", json!(true)),
            ("models", json!("")),
            ("models", json!("x".repeat(501))),
            ("models", json!(null)),
        ] {
            assert_eq!(set(key, value.clone()), "override_invalid", "{key} {value}");
        }
        let past = Some(testkit::START.parse().unwrap());
        let expired =
            move |tx: &mut store::Tx<'_>| override_::set(tx, acme, "export", &json!(true), past, None);
        assert_eq!(ground.refused(expired), "override_expired");
        let nobody = kernel::new_id(&kernel::SystemIds);
        let unknown =
            move |tx: &mut store::Tx<'_>| override_::set(tx, nobody, "export", &json!(true), None, None);
        assert_eq!(ground.refused(unknown), "not_found");
    });
}

#[test]
fn erasing_a_customer_blanks_the_reasons() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let acme = ground.acme;
        ground.write(move |tx| {
            override_::set(tx, acme, "export", &json!(true), None, Some("Ann asked for it"))?;
            override_::forget_reasons(tx, acme)
        });
        let left =
            test.db.read(&ground.scope, move |view| override_::of_customer(view, acme)).wait().unwrap();
        assert_eq!((left.len(), left[0].reason.as_deref()), (1, None));
    });
}

#[test]
fn the_same_override_set_at_once_is_one() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let acme = ground.acme;
        let other = test.second_process(CONTEXTS);
        let set = |db: &store::Db, amount: u64| {
            let value = json!(amount);
            db.write(&ground.scope, move |tx| override_::set(tx, acme, "storage", &value, None, None))
        };
        let both: Vec<_> = (0..20).map(|n| set(if n % 2 == 0 { &test.db } else { &other }, n + 1)).collect();
        for one in both {
            one.wait().unwrap();
        }
        let left =
            test.db.read(&ground.scope, move |view| override_::of_customer(view, acme)).wait().unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(ground.facts().iter().filter(|kind| *kind == "override.set").count(), 20);
    });
}

#[test]
fn what_is_switched_off_is_refused() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let acme = ground.acme;
        let open = move |tx: &mut store::Tx<'_>| switch::open(tx, switch::Switch::Trial, Some(acme));
        ground.write(open);
        ground
            .write(|tx| entitlements::flag::create(tx, "trial_enabled", true, &boolean(Some("on"), vec![])));
        ground.write(open);
        ground.write(|tx| entitlements::flag::switch(tx, "trial_enabled", false));
        assert_eq!(ground.refused(open), "switched_off");
        ground.write(|tx| switch::open(tx, switch::Switch::Payments, None));
    });
}
