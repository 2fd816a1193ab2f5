//! Limits: never exceeded, never refusing what fits, and each answer once.

use jiff::{SignedDuration, Timestamp};
use kernel::{Result, Zone};
use metering::{
    Options,
    event::EventName,
    limit::{Answer, Reason, Reserved},
};
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event, word};

fn run(user: &str, id: &str) -> metering::event::NewEvent {
    event("runs", id, "customer-a", None, &format!(r#"{{"user": "{user}"}}"#))
}

fn credits(id: &str, value: &str) -> metering::event::NewEvent {
    event("credits", id, "customer-a", None, &format!(r#"{{"value": {value}}}"#))
}

impl Ground {
    fn check(&self, event: metering::event::NewEvent) -> Answer {
        self.metering.check(&self.scope, event, self.now()).wait().unwrap()
    }
    fn consume(&self, event: metering::event::NewEvent) -> Answer {
        self.try_consume(event).unwrap()
    }
    fn try_consume(&self, event: metering::event::NewEvent) -> Result<Answer> {
        self.metering.consume(&self.scope, event, self.now()).wait()
    }
    fn reserve(&self, event: metering::event::NewEvent, seconds: i64) -> Reserved {
        let time = SignedDuration::from_secs(seconds);
        self.metering.reserve(&self.scope, event, time, self.now()).wait().unwrap()
    }
}

#[test]
fn three_runs_in_five_hours_for_each_user() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        for (n, used) in [("1", 1), ("2", 2), ("3", 3)] {
            let answer = ground.consume(run("ann", n));
            assert_eq!((answer.allowed, answer.limit, answer.used), (true, Some(3), used));
            ground.pass(60);
        }
        let refused = ground.consume(run("ann", "4"));
        assert_eq!(
            (refused.allowed, refused.reason, refused.remaining()),
            (false, Reason::LimitReached, Some(0))
        );
        assert_eq!(refused.upgrade.as_deref(), Some("large"));
        let first: Timestamp = testkit::START.parse().unwrap();
        assert_eq!(refused.resets(), Some(first + SignedDuration::from_hours(5)));
        assert!(ground.check(run("bob", "x")).allowed);
        // A refusal is not remembered, an accepted one gets its first answer.
        ground.pass(5 * 3_600 - 180 - 1);
        assert!(!ground.consume(run("ann", "4")).allowed);
        ground.pass(1);
        assert!(ground.check(run("ann", "x")).allowed);
        assert!(ground.consume(run("ann", "4")).allowed);
        assert_eq!(ground.consume(run("ann", "2")).used, 2);
        assert!(!ground.consume(run("ann", "5")).allowed);
    });
}

#[test]
fn a_limit_holds_under_any_concurrency_and_across_restarts() {
    on_both(CONTEXTS, |test| {
        let mut ground = Ground::new(test);
        for round in 0..2 {
            let allowed: usize = std::thread::scope(|threads| {
                let users: Vec<_> = (0..8)
                    .map(|thread| {
                        let ground = &ground;
                        threads.spawn(move || {
                            let id = |n| format!("{round}-{thread}-{n}");
                            // Each is sent twice: the repeat counts nothing.
                            let once = |n| {
                                let first = ground.consume(credits(&id(n), "0.5"));
                                let again = ground.consume(credits(&id(n), "0.5"));
                                assert!(!first.allowed || again == first);
                                usize::from(first.allowed)
                            };
                            (0..5).map(once).sum::<usize>()
                        })
                    })
                    .collect();
                users.into_iter().map(|user| user.join().unwrap()).sum()
            });
            assert_eq!(allowed, if round == 0 { 20 } else { 0 });
            ground.metering = ground.other(&test.db, "local", Options::default());
            assert_eq!(ground.check(credits("x", "0.01")).used, 1_000);
        }
        assert_eq!(
            ground.figure("customer-a", "credits", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z").events,
            20
        );
    });
}

#[test]
fn rolling_use_survives_a_restart() {
    on_both(CONTEXTS, |test| {
        let mut ground = Ground::new(test);
        ground.consume(run("ann", "1"));
        ground.pass(10);
        ground.consume(run("ann", "2"));
        ground.metering = ground.other(&test.db, "local", Options::default());
        assert_eq!(ground.check(run("ann", "x")).used, 2);
        assert_eq!(ground.consume(run("ann", "1")).used, 1);
        // A clock that was set back does not bring anything back.
        ground.pass(5 * 3_600 - 5);
        assert_eq!(ground.check(run("ann", "x")).used, 1);
        assert!(ground.consume(run("ann", "3")).allowed);
        ground.pass(-3_600);
        assert_eq!(ground.check(run("ann", "x")).used, 2);
    });
}

#[test]
fn reported_events_count_and_are_never_refused() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        ground.consume(credits("1", "4"));
        assert_eq!(word(&ground.send(vec![credits("2", "9")])[0]), "accepted");
        let answer = ground.check(credits("x", "0.01"));
        assert_eq!((answer.allowed, answer.used, answer.remaining()), (false, 1_300, Some(0)));
        let name = EventName { source: "test".into(), id: "2".into() };
        ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap();
        assert_eq!(ground.check(credits("x", "0.01")).used, 400);
        // Last month's do not count in this one.
        let late = event("credits", "3", "customer-a", Some("2025-12-31T23:59:59Z"), r#"{"value": 5}"#);
        ground.send(vec![late]);
        assert_eq!(ground.check(credits("x", "0.01")).used, 400);
    });
}

#[test]
fn a_hold_counts_until_it_ends() {
    on_both(CONTEXTS, |test| {
        let mut ground = Ground::new(test);
        let held = ground.reserve(credits("1", "6"), 60);
        let (id, later) = (held.id.unwrap(), ground.now());
        assert_eq!(ground.reserve(credits("1", "6"), 60), held);
        assert_eq!(ground.reserve(credits("2", "5"), 60).id, None);
        ground.metering = ground.other(&test.db, "local", Options::default());
        assert_eq!(ground.check(credits("x", "5")).used, 600);
        let done = ground.metering.commit(&ground.scope, id, Some("4.50".to_owned()), later).wait().unwrap();
        assert_eq!((done.allowed, done.used), (true, 450));
        assert_eq!(
            ground.metering.commit(&ground.scope, id, Some("4.50".to_owned()), later).wait().unwrap(),
            done
        );
        assert_eq!(ground.metering.release(&ground.scope, id, later).wait().unwrap_err().code, "hold_ended");

        let released = ground.reserve(credits("3", "5"), 60).id.unwrap();
        assert_eq!(ground.metering.release(&ground.scope, released, ground.now()).wait().unwrap().used, 450);
        let run_out = ground.reserve(credits("4", "5"), 60).id.unwrap();
        ground.pass(60);
        assert_eq!(ground.check(credits("x", "5")).used, 450);
        // Used after its time: now, if it still fits, and recorded if it does not.
        ground.consume(credits("5", "5"));
        let late = ground.metering.commit(&ground.scope, run_out, None, ground.now()).wait().unwrap();
        assert_eq!((late.allowed, late.used), (false, 1_450));
        let more = ground.metering.commit(&ground.scope, run_out, None, ground.now()).wait().unwrap();
        assert_eq!(more, late);
    });
}

#[test]
fn a_hold_of_a_count_becomes_one_event() {
    on_both(CONTEXTS, |test| {
        let mut ground = Ground::new(test);
        let held = ground.reserve(run("ann", "1"), 60).id.unwrap();
        let commit = |quantity: &str| {
            ground.metering.commit(&ground.scope, held, Some(quantity.to_owned()), ground.now()).wait()
        };
        // Three would be counted under the limit, and one event is all that could be stored of it.
        assert_eq!(commit("3").unwrap_err().code, "quantity_out_of_range");
        assert_eq!(commit("1").unwrap().used, 1);
        ground.metering = ground.other(&test.db, "local", Options::default());
        assert_eq!(ground.check(run("ann", "x")).used, 1);
    });
}

#[test]
fn a_change_of_plan_changes_the_next_answer() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        ground.consume(credits("1", "10"));
        assert!(!ground.check(credits("x", "1")).allowed);
        let id = ground.customers.id("customer-a");
        ground.customers.alter("customer-a", |account| account.agreements[0].plan = "large".to_owned());
        ground.metering.forget(&ground.scope, Some(id)).wait().unwrap();
        let answer = ground.check(credits("x", "91"));
        assert_eq!((answer.allowed, answer.reason, answer.limit), (true, Reason::Overage, Some(10_000)));
        ground.customers.alter("customer-a", |account| account.agreements[0].access = false);
        ground.metering.forget(&ground.scope, Some(id)).wait().unwrap();
        assert_eq!(ground.try_consume(credits("2", "1")).unwrap().reason, Reason::NoAccess);
    });
}

#[test]
fn a_period_ends_where_the_customers_day_does() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        ground.customers.alter("customer-a", |account| {
            account.zone = Zone::parse("Asia/Kolkata").unwrap();
            let agreement = &mut account.agreements[0];
            agreement.schedule.zone = account.zone.clone();
            agreement.period = agreement.schedule.period_at(testkit::START.parse().unwrap()).unwrap();
        });
        ground.consume(credits("1", "10"));
        let refused = ground.consume(credits("2", "1"));
        let end: Timestamp = "2026-01-31T18:30:00Z".parse().unwrap();
        assert_eq!((refused.allowed, refused.resets()), (false, Some(end)));
        ground.clock.set(end);
        assert!(ground.consume(credits("2", "1")).allowed);
        assert_eq!(ground.check(credits("x", "1")).used, 100);
    });
}
