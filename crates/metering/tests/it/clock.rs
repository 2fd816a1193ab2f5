//! A wall clock that is set back, as administrators and time servers do.

use metering::{Options, limit::Answer, log};
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event, word};

const FIVE_HOURS: i64 = 5 * 3_600_000_000;

fn run(ground: &Ground, id: &str) -> Answer {
    let event = event("runs", id, "customer-a", None, "{\"user\":\"ann\"}");
    ground.metering.consume(&ground.scope, event, ground.now()).wait().unwrap()
}

#[test]
fn a_clock_that_is_set_back_gives_nothing_back_and_loses_nothing() {
    on_both(CONTEXTS, |test| {
        let mut ground = Ground::new(test);
        let start = ground.now();
        assert!(run(&ground, "1").allowed);
        ground.pass(3_600);
        assert!(run(&ground, "2").allowed && run(&ground, "3").allowed);
        // Three of three in five hours, and the clock goes back by six: nothing has left the window.
        ground.pass(-6 * 3_600);
        for round in 0..2 {
            let refused = run(&ground, &format!("4-{round}"));
            assert!(!refused.allowed);
            // The first leaves it five hours after it was accepted, by the clock as it was.
            let free = refused.resets_at.unwrap() - start.as_microsecond();
            assert!((FIVE_HOURS..=FIVE_HOURS + 1_000_000).contains(&free), "{free}");
            let id = format!("call-{round}");
            let sent = ground.send(vec![event("calls", &id, "customer-a", None, "{}")]);
            assert_eq!(word(&sent[0]), "accepted");
            // The same with nothing in memory.
            ground.metering = ground.other(&test.db, "local", Options::default());
        }
        let chunks = |view: &mut store::View<'_>| log::chunks_after(view, 0, 100);
        let chunks = ground.db.usage().read(&ground.scope, chunks).wait().unwrap();
        let accepted: Vec<i64> =
            chunks.iter().flat_map(|chunk| &chunk.entries).map(|entry| entry.accepted).collect();
        assert!(accepted.is_sorted() && accepted.len() == 5, "{accepted:?}");
        // An event without a time gets the clock of acceptance, which did not move back.
        assert!(chunks[3].entries[0].at >= chunks[2].entries[0].accepted);

        // The clock goes on from there, and where it was before the window opens again.
        ground.pass(10 * 3_600 - 1);
        assert!(!run(&ground, "5").allowed);
        ground.pass(1);
        assert!(run(&ground, "6").allowed && !run(&ground, "7").allowed);
    });
}

#[test]
fn a_lease_follows_the_clock_and_never_two_owners_commit() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let second = test.second_process(CONTEXTS);
        let other = ground.other(&second, "other", Options::default());
        let one = |id: &str| vec![event("calls", id, "customer-a", None, "{}")];
        assert_eq!(word(&ground.send(one("1"))[0]), "accepted");
        ground.pass(-3_600);
        assert_eq!(word(&ground.send(one("2"))[0]), "accepted");
        let refused = other.ingest(&ground.scope, one("3"), false, ground.now()).wait().unwrap_err();
        assert_eq!(refused.code, "owned_elsewhere");
        // Back to where it was: the lease was renewed by the clock that was behind, and has run out.
        ground.pass(3_600);
        let taken = other.ingest(&ground.scope, one("3"), false, ground.now()).wait().unwrap();
        assert_eq!(word(&taken[0]), "accepted");
        let away = ground.metering.ingest(&ground.scope, one("4"), false, ground.now()).wait();
        assert_eq!(away.unwrap_err().code, "owned_elsewhere");
        let figure = ground.figure("customer-a", "calls", "2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z");
        assert_eq!(figure.events, 3);
    });
}
