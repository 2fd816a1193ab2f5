//! One owner at a time.

use jiff::SignedDuration;
use metering::{Metering, Options};
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event, word};

const DAY: (&str, &str) = ("2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z");

#[test]
fn a_deposed_owner_cannot_commit() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let second = test.second_process(CONTEXTS);
        let other = ground.other(&second, "other", Options::default());
        let new = |id: &str| vec![event("calls", id, "customer-a", None, "{}")];
        assert_eq!(word(&ground.send(new("1"))[0]), "accepted");
        let refused = other.ingest(&ground.scope, new("2"), false, ground.now()).wait().unwrap_err();
        assert_eq!(refused.code, "owned_elsewhere");

        // On a machine whose clock is ahead the lease is over sooner than its owner believes.
        let ahead = test.process_ahead(CONTEXTS, SignedDuration::from_secs(11));
        let other = ground.other(&ahead, "other", Options::default());
        let taken = other.ingest(&ground.scope, new("2"), false, ground.now()).wait().unwrap();
        assert_eq!(word(&taken[0]), "accepted");
        let deposed =
            ground.metering.ingest(&ground.scope, new("3"), false, ground.now()).wait().unwrap_err();
        assert_eq!(deposed.code, "owner_deposed");
        let away = ground.metering.ingest(&ground.scope, new("3"), false, ground.now()).wait().unwrap_err();
        assert_eq!(away.code, "owned_elsewhere");

        ground.pass(22);
        let names = ["1", "2", "3"].into_iter().flat_map(new).collect();
        let receipts = ground.send(names);
        assert_eq!(receipts.iter().map(word).collect::<Vec<_>>(), ["duplicate", "duplicate", "accepted"]);
        assert_eq!(ground.figure("customer-a", "calls", DAY.0, DAY.1).events, 3);
    });
}

#[test]
fn an_owner_keeps_its_lease_by_being_asked_and_answers_nothing_without_it() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let second = test.second_process(CONTEXTS);
        let other = ground.other(&second, "other", Options::default());
        let run = |id: &str| event("runs", id, "customer-a", None, r#"{"user": "ann"}"#);
        let used = |metering: &Metering, id: &str| {
            metering.consume(&ground.scope, run(id), ground.now()).wait().map(|answer| answer.allowed)
        };
        for id in ["1", "2", "3"] {
            assert!(used(&ground.metering, id).unwrap());
        }
        // Refusals store nothing, and keep the lease all the same.
        for _ in 0..4 {
            ground.pass(6);
            assert!(!used(&ground.metering, "4").unwrap());
            assert_eq!(used(&other, "5").unwrap_err().code, "owned_elsewhere");
        }
        // Nobody asks it for long, and another process takes over.
        ground.pass(5 * 3_600);
        for id in ["6", "7", "8"] {
            assert!(used(&other, id).unwrap());
        }
        let check = ground.metering.check(&ground.scope, run("x"), ground.now()).wait();
        assert_eq!(check.unwrap_err().code, "owned_elsewhere", "what is in memory here is old");
        assert_eq!(used(&ground.metering, "9").unwrap_err().code, "owned_elsewhere");
    });
}

#[test]
fn another_environment_knows_nothing_of_it() {
    on_both(CONTEXTS, |test| {
        let (one, two) = (Ground::new(test), Ground::new(test));
        for ground in [&one, &two] {
            assert_eq!(
                word(&ground.send(vec![event("calls", "1", "customer-a", None, "{}")])[0]),
                "accepted"
            );
            assert_eq!(ground.figure("customer-a", "calls", DAY.0, DAY.1).events, 1);
        }
    });
}
