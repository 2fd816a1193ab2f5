//! Every damage to what is stored is named.

use metering::{
    Options,
    event::EventName,
    reconcile::{self, Proof},
};
use store::{params, statements};
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event};

statements! {
    environment SPOIL_TALLY = "UPDATE meter_tally SET tally = $2 WHERE env_id = $1 AND series = $3";
    environment SPOIL_VALUE = "UPDATE meter_value SET events = events + 1 WHERE env_id = $1";
    environment SPOIL_CHUNK = "UPDATE meter_chunk SET entries = $2 WHERE env_id = $1 AND n = $3";
    environment DROP_CHUNK = "DELETE FROM meter_chunk WHERE env_id = $1 AND n = $2";
    environment CUT_TALLY = "UPDATE meter_tally SET head = head - 1 WHERE env_id = $1 AND series = $2";
    environment DROP_TAIL = "DELETE FROM meter_tail WHERE env_id = $1 AND n = $2";
    environment SPOIL_TAIL = "UPDATE meter_tail SET names = $2 WHERE env_id = $1 AND n = $3";
    environment TAIL_AT = "SELECT names FROM meter_tail WHERE env_id = $1 AND n = $2";
    environment DROP_PAGE = "DELETE FROM meter_page WHERE env_id = $1";
    environment SEGMENT = "SELECT filter FROM meter_segment WHERE env_id = $1";
    environment SPOIL_FILTER = "UPDATE meter_segment SET filter = $2 WHERE env_id = $1";
    environment TALLY = "SELECT tally FROM meter_tally WHERE env_id = $1 AND series = $2";
}

fn prove(ground: &Ground) -> Proof {
    reconcile::prove(&ground.db, &ground.scope, "2025-12-01T00:00:00Z".parse().unwrap()).unwrap()
}

fn codes(ground: &Ground) -> Vec<&'static str> {
    prove(ground).named.into_iter().map(|one| one.code).collect()
}

/// Calls in three commits (series 1), different people (series 2).
fn some(ground: &Ground) {
    for id in ["1", "2", "3"] {
        ground.send(vec![event("calls", id, "customer-a", None, "{}")]);
    }
    let who =
        |id: &str, who: &str| event("people", id, "customer-a", None, &format!("{{\"who\":\"{who}\"}}"));
    ground.send(vec![who("p1", "ann"), who("p2", "bob"), who("p3", "ann")]);
}

fn spoil(ground: &Ground, statement: &'static store::Statement, values: Vec<store::Value<'static>>) {
    ground.db.usage().write(&ground.scope, move |tx| tx.exec(statement, &values).map(drop)).wait().unwrap();
}

#[test]
fn what_is_in_order_is_proven() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        some(&ground);
        for (n, meter) in ["traffic", "peak", "low", "last", "stored", "credits"].into_iter().enumerate() {
            let of = |id: String, value: i64| {
                let data = format!("{{\"gb\":{value},\"value\":{value}}}");
                event(meter, &id, "customer-b", None, &data)
            };
            ground.send((0..5).map(|one| of(format!("{n}-{one}"), one)).collect());
            let name = EventName { source: "test".into(), id: format!("{n}-4") };
            ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap();
            ground
                .metering
                .correct(&ground.scope, of(format!("{n}-1"), 9), false, ground.now())
                .wait()
                .unwrap();
        }
        let proof = prove(&ground);
        assert_eq!((proof.named, proof.differences, proof.tallies, proof.events), (vec![], 0, 8, 6 + 6 * 4));
    });
}

#[test]
fn a_tally_that_says_something_else_is_named() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        some(&ground);
        let tally = |series: i64| {
            let read = move |view: &mut store::View<'_>| view.one(&TALLY, params![series], |row| row.get(0));
            ground.db.usage().read(&ground.scope, read).wait().unwrap()
        };
        let other: Vec<u8> = tally(2);
        ground.send(vec![event("calls", "4", "customer-a", None, "{}")]);
        spoil(&ground, &SPOIL_TALLY, vec![store::Value::Bytes(other.into()), store::Value::Int(1)]);
        let proof = prove(&ground);
        assert_eq!((proof.differences, proof.named[0].code), (1, "tally_differs"));
        assert_eq!(
            (proof.named[0].meter.as_str(), proof.named[0].customer),
            ("calls", Some(ground.customers.id("customer-a")))
        );
        assert!(proof.named[0].expected.starts_with("4 events"), "{proof:?}");
        spoil(&ground, &SPOIL_VALUE, vec![]);
        assert_eq!(codes(&ground), ["tally_differs", "values_differ"]);
    });
}

#[test]
fn an_event_that_is_gone_unread_or_out_of_reach_is_named() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        some(&ground);
        spoil(&ground, &CUT_TALLY, vec![store::Value::Int(1)]);
        let mut seen = codes(&ground);
        seen.sort_unstable();
        assert_eq!(seen, ["event_unreached", "tally_differs"]);

        let ground = Ground::new(test);
        some(&ground);
        spoil(&ground, &DROP_CHUNK, vec![store::Value::Int(1)]);
        assert_eq!(codes(&ground), ["event_missing"]);

        let ground = Ground::new(test);
        some(&ground);
        spoil(
            &ground,
            &SPOIL_CHUNK,
            vec![store::Value::Bytes(vec![0xff, 0xff].into()), store::Value::Int(2)],
        );
        assert_eq!(codes(&ground)[0], "log_damaged");
    });
}

#[test]
fn names_that_are_lost_or_lead_astray_are_named() {
    on_both(CONTEXTS, |test| {
        // Lost: the event could be counted again.
        let ground = Ground::new(test);
        some(&ground);
        spoil(&ground, &DROP_TAIL, vec![store::Value::Int(4)]);
        assert_eq!(codes(&ground), ["name_missing", "name_missing", "name_missing"]);

        // Two names changed their places, one of another length.
        let ground = Ground::new(test);
        some(&ground);
        let read =
            |view: &mut store::View<'_>| view.one(&TAIL_AT, params![2_i64], |row| row.get::<Vec<u8>>(0));
        let mut names = ground.db.usage().read(&ground.scope, read).wait().unwrap();
        names[0] ^= 1;
        spoil(&ground, &SPOIL_TAIL, vec![store::Value::Bytes(names.clone().into()), store::Value::Int(2)]);
        assert_eq!(codes(&ground), ["name_astray"]);
        // Its address, in the last byte of it: an entry that is not there.
        (names[0], names[23]) = (names[0] ^ 1, 9);
        spoil(&ground, &SPOIL_TAIL, vec![store::Value::Bytes(names.into()), store::Value::Int(2)]);
        assert_eq!(codes(&ground), ["name_missing", "name_astray"]);
    });
}

/// Sixty events whose names are sealed, and three after them.
fn sealed(test: &testkit::TestDb) -> Ground {
    let ground = Ground::with(test, Options { seal_at: 50, ..Options::default() });
    ground.send((0..60).map(|n| event("calls", &n.to_string(), "customer-a", None, "{}")).collect());
    for n in 60..63 {
        ground.send(vec![event("calls", &n.to_string(), "customer-a", None, "{}")]);
    }
    let has = |view: &mut store::View<'_>| view.all(&SEGMENT, params![], |row| row.get::<Vec<u8>>(0));
    while ground.db.usage().read(&ground.scope, has).wait().unwrap().is_empty() {
        std::thread::yield_now();
    }
    ground
}

#[test]
fn sealed_names_are_proven_too() {
    on_both(CONTEXTS, |test| {
        let ground = sealed(test);
        let proof = prove(&ground);
        assert_eq!((proof.named, proof.events), (vec![], 63));
        spoil(&ground, &DROP_PAGE, vec![]);
        let proof = prove(&ground);
        assert_eq!((proof.differences, proof.named[0].code), (61, "names_unreachable"));
        assert!(proof.named[1..].iter().all(|one| one.code == "name_missing"));

        // A filter that leads past its names: each would be taken for new.
        let ground = sealed(test);
        let other = metering::once::Filter::over([1_u128].into_iter()).encode();
        spoil(&ground, &SPOIL_FILTER, vec![store::Value::Bytes(other.into())]);
        assert_eq!(codes(&ground), ["names_unreachable"]);
    });
}
