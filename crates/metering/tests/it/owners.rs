//! One owner at a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use metering::{Metering, Options, event::Receipt};
use store::Pending;
use testkit::{TestDb, on_both};

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

#[test]
fn what_is_decided_while_a_group_is_committed_falls_with_it_or_stands_with_it() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let ahead = test.process_ahead(CONTEXTS, SignedDuration::from_secs(11));
        let other = ground.other(&ahead, "other", Options::default());
        let customers: Vec<String> = (0..8).map(|n| format!("customer-{n}")).collect();
        let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for round in 0..6 {
            // Ten credits each; every use is sent twice, and nobody waits for an answer before the next one is sent.
            let use_one = |n: usize| {
                let (customer, id) = (&customers[n / 2 % customers.len()], format!("{round}-{}", n / 2));
                let data = r#"{"value": 1}"#;
                let asked = event("credits", &id, customer, None, data);
                (customer.clone(), id, ground.metering.consume(&ground.scope, asked, ground.now()))
            };
            let mut asked: Vec<_> = (0..80).map(use_one).collect();
            let new = vec![event("calls", &format!("steal-{round}"), "customer-0", None, "{}")];
            let stolen = other.ingest(&ground.scope, new, false, ground.now());
            asked.extend((80..160).map(use_one));
            let _ = stolen.wait();
            for (customer, id, answer) in asked {
                if answer.wait().is_ok_and(|answer| answer.allowed) {
                    allowed.entry(customer).or_default().insert(id);
                }
            }
            ground.pass(30);
        }
        // Whoever owns it by now: what was allowed is in the log, and nothing else.
        assert!(allowed.values().map(BTreeSet::len).sum::<usize>() > 8);
        for customer in &customers {
            let counted = ground.figure(customer, "credits", DAY.0, DAY.1).events;
            let said = allowed.get(customer).map_or(0, BTreeSet::len) as u64;
            assert!(counted == said && said <= 10, "{customer}: {counted} counted, {said} allowed");
        }
    });
}

/// A series the database will not take: the group it is in fails, and the owner stays the owner.
const POISON: &str = "CREATE TRIGGER poison BEFORE INSERT ON meter_series WHEN NEW.dimensions LIKE '%poison%'
    BEGIN SELECT RAISE(ABORT, 'poison'); END";

#[test]
fn what_is_decided_after_a_group_that_fails_is_not_said_to_be_counted() {
    let test = TestDb::sqlite(CONTEXTS);
    let store::Location::Sqlite(folder) = &test.location else { panic!("a folder") };
    let file = rusqlite::Connection::open(folder.join("usage").join("live.db")).unwrap();
    file.execute_batch(POISON).unwrap();
    let ground = Ground::new(&test);
    let (mut accepted, mut failed) = (0, 0);
    for round in 0..5 {
        let send = |n: i32| {
            let region = if round < 4 && n % 40 == 20 { "poison" } else { "eu" };
            let data = format!(r#"{{"region": "{region}"}}"#);
            // The second of each pair is a duplicate of what may never be stored.
            let new = event("calls", &format!("{round}-{}", n / 2), "customer-a", None, &data);
            ground.metering.ingest(&ground.scope, vec![new], false, ground.now())
        };
        let asked: Vec<_> = (0..200).map(send).collect();
        let mut pairs = asked.into_iter().map(Pending::wait);
        while let (Some(first), Some(second)) = (pairs.next(), pairs.next()) {
            let stored = [&first, &second].into_iter().any(Result::is_ok);
            accepted += u64::from(stored);
            failed += u64::from(!stored);
        }
        assert_eq!(ground.figure("customer-a", "calls", DAY.0, DAY.1).events, accepted);
    }
    assert!(accepted > 0 && failed > 0, "{accepted} accepted, {failed} failed");
}

#[test]
fn what_is_asked_while_a_group_is_committed_is_committed_together() {
    let test = TestDb::sqlite(CONTEXTS);
    let store::Location::Sqlite(folder) = &test.location else { panic!("a folder") };
    let ground = Ground::new(&test);
    let send = |n: i32| {
        let new = event("calls", &n.to_string(), "customer-a", None, "{}");
        ground.metering.ingest(&ground.scope, vec![new], false, ground.now())
    };
    send(0).wait().unwrap();
    let file = rusqlite::Connection::open(folder.join("usage").join("live.db")).unwrap();
    let groups =
        || file.query_row("SELECT count(*) FROM meter_tail", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = groups();
    // Nobody else writes meanwhile.
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked: Vec<_> = (1..50)
        .map(|n| {
            std::thread::sleep(std::time::Duration::from_millis(2));
            // What is decided and not stored yet is known.
            [send(n), send(n / 2 + 1)]
        })
        .collect();
    file.execute_batch("COMMIT").unwrap();
    let receipts: Vec<_> = asked.into_iter().flatten().flat_map(|asked| asked.wait().unwrap()).collect();
    assert_eq!(receipts.iter().filter(|receipt| **receipt == Receipt::Accepted).count(), 49);
    // The one that was under way, and the one that all the others joined.
    assert!(groups() - before <= 2, "{} groups", groups() - before);
    assert_eq!(ground.figure("customer-a", "calls", DAY.0, DAY.1).events, 50);
}

#[test]
fn rolling_windows_count_what_joins_a_group_in_its_own_second() {
    let test = TestDb::sqlite(CONTEXTS);
    let store::Location::Sqlite(folder) = &test.location else { panic!("a folder") };
    let ground = Ground::new(&test);
    let run = |id: &str| event("runs", id, "customer-a", None, r#"{"user": "ada"}"#);
    ground.metering.check(&ground.scope, run("0"), ground.now()).wait().unwrap();
    let file = rusqlite::Connection::open(folder.join("usage").join("live.db")).unwrap();
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = ["under way", "next", "joins"].map(|id| {
        if id == "joins" {
            ground.pass(1);
        }
        let asked = ground.metering.consume(&ground.scope, run(id), ground.now());
        std::thread::sleep(std::time::Duration::from_millis(20));
        asked
    });
    file.execute_batch("COMMIT").unwrap();
    assert!(asked.into_iter().all(|asked| asked.wait().unwrap().allowed));
    let last: i64 = file.query_row("SELECT max(second) FROM meter_second", [], |row| row.get(0)).unwrap();
    assert_eq!(last, ground.now().as_second());
}
