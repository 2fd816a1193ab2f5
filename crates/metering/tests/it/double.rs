//! Critical meters are counted twice, and the second count proves the first.

use jiff::{SignedDuration, Timestamp};
use metering::{
    Options,
    double::{self, Billed, Settled},
    event::EventName,
    reconcile::{self, Proof},
};
use proptest::{prelude::*, test_runner::TestRunner};
use store::statements;
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event, exact, word};

statements! {
    environment LOSE_POSTING = "DELETE FROM meter_posted WHERE env_id = $1";
    environment SPOIL_SOURCE = "UPDATE meter_source SET hi = hi + 1 WHERE env_id = $1";
    environment OLD_TALLY = "UPDATE meter_tally SET head = $2 WHERE env_id = $1 AND head = $3";
}

fn prove(ground: &Ground) -> Proof {
    reconcile::prove(&ground.db, &ground.scope, "2025-12-01T00:00:00Z".parse().unwrap()).unwrap()
}

fn codes(ground: &Ground) -> Vec<&'static str> {
    let mut codes: Vec<_> = prove(ground).named.into_iter().map(|one| one.code).collect();
    codes.sort_unstable();
    codes
}

fn dose(ground: &Ground, who: &str, id: &str, value: &str) {
    let data = format!("{{\"value\":\"{value}\"}}");
    assert_eq!(word(&ground.send(vec![event("doses", id, who, None, &data)])[0]), "accepted");
}

fn write(ground: &Ground, statement: &'static store::Statement, values: Vec<store::Value<'static>>) {
    let done = ground.db.usage().write(&ground.scope, move |tx| tx.exec(statement, &values));
    assert!(done.wait().unwrap() > 0);
}

#[test]
fn whatever_happens_to_events_the_accounts_come_to_zero() {
    let life = proptest::collection::vec((0_u8..4, 0_u8..2, 0_u8..6, 0_u32..1_000_000), 1..25);
    on_both(CONTEXTS, |test| {
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 8, failure_persistence: None, ..Default::default() });
        let run = runner.run(&life, |life| {
            let mut ground = Ground::new(test);
            for (deed, who, id, value) in life {
                let (who, id) = (format!("customer-{who}"), id.to_string());
                let value = format!("{}.{:03}", value / 1_000, value % 1_000);
                let dose = event("doses", &id, &who, None, &format!("{{\"value\":\"{value}\"}}"));
                let name = EventName { source: "test".into(), id };
                match deed {
                    0 => drop(ground.send(vec![dose])),
                    1 => drop(ground.metering.void(&ground.scope, &name, false, ground.now()).wait()),
                    2 => drop(ground.metering.correct(&ground.scope, dose, false, ground.now()).wait()),
                    _ => {
                        ground.pass(1_800);
                        ground.metering = ground.other(&test.db, "local", Options::default());
                    }
                }
            }
            let proof = prove(&ground);
            prop_assert_eq!(&proof.named, &[]);
            let whole = ["customer-0", "customer-1"]
                .map(|who| ground.figure(who, "doses", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z").value);
            for balance in &proof.balances {
                prop_assert!(balance.sum().is_zero());
                prop_assert_eq!(&balance.usage, &(&whole[0] + &whole[1]));
            }
            Ok(())
        });
        run.unwrap();
    });
}

#[test]
fn damage_on_either_side_is_named() {
    on_both(CONTEXTS, |test| {
        let some = || {
            let ground = Ground::new(test);
            dose(&ground, "customer-a", "1", "1.5");
            dose(&ground, "customer-a", "2", "2.25");
            ground
        };
        assert_eq!(codes(&some()), [""; 0]);
        let ground = some();
        write(&ground, &LOSE_POSTING, vec![]);
        assert_eq!(codes(&ground), ["double_entry_differs", "posting_differs"]);
        let ground = some();
        write(&ground, &SPOIL_SOURCE, vec![]);
        assert_eq!(codes(&ground), ["double_entry_differs"]);
        // A tally that lost its last group, whole and in itself sound: only a second count can tell.
        let ground = some();
        write(&ground, &OLD_TALLY, vec![store::Value::Int(1), store::Value::Int(2)]);
        assert!(codes(&ground).contains(&"posting_differs"));
        // A meter that is not critical is counted once.
        let ground = Ground::new(test);
        ground.send(vec![event("calls", "1", "customer-a", None, "{}")]);
        assert_eq!(prove(&ground).balances, []);
    });
}

#[test]
fn what_is_settled_of_a_stretch_takes_the_place_of_what_was() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        dose(&ground, "customer-a", "1", "10");
        dose(&ground, "customer-b", "2", "5.5");
        let account = ground.customers.account("customer-a");
        let settled = |key: &str, start: Timestamp, measured: &str| Billed {
            customer: account.customer,
            subscription: account.agreements[0].subscription,
            settled: Settled {
                key: key.into(),
                meter: "doses".into(),
                kind: "sum/3".into(),
                start,
                measured: exact(measured).into(),
            },
        };
        let settle = |all: Vec<Billed>| {
            let sources = ground.db.usage().read(&ground.scope, double::sources).wait().unwrap();
            let write = move |tx: &mut store::Tx<'_>| double::settle(tx, &all, &sources);
            ground.db.usage().write(&ground.scope, write).wait().unwrap();
            let balance = prove(&ground).balances.remove(0);
            assert!(balance.sum().is_zero());
            (balance.usage, balance.billed)
        };
        let now = ground.now();
        let sums = |usage, billed| (exact(usage), exact(billed));
        assert_eq!(settle(vec![settled("doses", now, "10")]), sums("5.5", "10"));
        assert_eq!(settle(vec![settled("doses", now, "10")]), sums("5.5", "10"), "once");
        // More came, and less: what was measured last counts.
        dose(&ground, "customer-a", "3", "2");
        assert_eq!(settle(vec![settled("doses", now, "12")]), sums("5.5", "12"));
        let twice = vec![settled("doses", now, "11.999"), settled("doses", now, "9.999")];
        assert_eq!(settle(twice), sums("7.501", "9.999"));
        // Other stretches are by themselves.
        let later = now + SignedDuration::from_hours(1);
        assert_eq!(
            settle(vec![settled("doses", later, "2"), settled("more", now, "1")]),
            sums("4.501", "12.999")
        );
        let read = |view: &mut store::View<'_>| {
            let first = double::posted_after(view, None, 2)?;
            let rest = double::posted_after(view, first.last().map(Billed::place), 2)?;
            Ok([first, rest].concat())
        };
        let posted = ground.db.usage().read(&ground.scope, read).wait().unwrap();
        let expected =
            [settled("doses", now, "9.999"), settled("doses", later, "2"), settled("more", now, "1")];
        assert_eq!(posted, expected);
    });
}

#[test]
fn a_meter_that_becomes_critical_is_proven_from_then_on() {
    on_both(CONTEXTS, |test| {
        let mut ground = Ground::new(test);
        let gb = |id: &str| event("traffic", id, "customer-a", None, "{\"gb\":\"1.5\"}");
        let critical = |ground: &Ground, critical: bool| {
            ground.customers.critical.store(critical, std::sync::atomic::Ordering::SeqCst);
            ground.metering.forget(&ground.scope, None).wait().unwrap();
        };
        ground.send(vec![gb("1"), gb("2")]);
        critical(&ground, true);
        ground.send(vec![gb("3")]);
        let proof = prove(&ground);
        assert_eq!((proof.named, &proof.balances[0].usage), (vec![], &exact("1.5")));
        let sources = ground.db.usage().read(&ground.scope, double::sources).wait().unwrap();
        assert_eq!(sources[0].began, ground.now().as_microsecond());
        // Voiding one from before takes it off all the same, and a later book does not stop the postings: a gap would look
        // like a loss.
        let name = EventName { source: "test".into(), id: "1".into() };
        ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap();
        critical(&ground, false);
        ground.metering = ground.other(&test.db, "local", Options::default());
        ground.send(vec![gb("4"), gb("5")]);
        let proof = prove(&ground);
        assert_eq!((proof.named, &proof.balances[0].usage), (vec![], &exact("3")));
    });
}
