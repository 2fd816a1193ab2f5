//! One owner at a time.

use metering::Options;
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

        ground.pass(11);
        let taken = other.ingest(&ground.scope, new("2"), false, ground.now()).wait().unwrap();
        assert_eq!(word(&taken[0]), "accepted");
        let deposed =
            ground.metering.ingest(&ground.scope, new("3"), false, ground.now()).wait().unwrap_err();
        assert_eq!(deposed.code, "owner_deposed");
        let away = ground.metering.ingest(&ground.scope, new("3"), false, ground.now()).wait().unwrap_err();
        assert_eq!(away.code, "owned_elsewhere");

        ground.pass(11);
        let names = ["1", "2", "3"].into_iter().flat_map(new).collect();
        let receipts = ground.send(names);
        assert_eq!(receipts.iter().map(word).collect::<Vec<_>>(), ["duplicate", "duplicate", "accepted"]);
        assert_eq!(ground.figure("customer-a", "calls", DAY.0, DAY.1).events, 3);
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
