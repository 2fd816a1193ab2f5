//! What needs a faster heart than the runner has.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::{params, statements};
use testkit::on_both;

use super::*;
use crate::{LEASE, NewJob, State, enqueue};

static CONTEXTS: &[&store::Context] = &[&store::CONTEXT, &crate::CONTEXT];

statements! {
    installation LEASED_UNTIL = "SELECT lease_until FROM job WHERE state = 'running' AND env_id = $1";
}

/// A handler that takes longer than a lease in one step keeps its job.
#[test]
fn a_heart_beats_for_long_handlers() {
    on_both(CONTEXTS, |test| {
        let scope = Scope::installation("test");
        test.db.write(&scope, |tx| enqueue(tx, NewJob::new("slow", json!({})))).wait().unwrap();
        let clock = Arc::clone(&test.clock);
        let slow = JobKind::new("slow", move |work: &Work| {
            let until = || -> Timestamp {
                work.db
                    .read(&work.scope, |view| {
                        view.one(&LEASED_UNTIL, params![INSTALLATION], |row| row.get(0))
                    })
                    .wait()
                    .unwrap()
            };
            let begun = Instant::now();
            for _ in 0..3 {
                clock.advance(SignedDuration::from_secs(20));
                while until() < work.db.real_now() + LEASE {
                    assert!(begun.elapsed() < Duration::from_secs(20), "no beat");
                    thread::sleep(Duration::from_millis(5));
                }
            }
            let thief = Runner::new(
                work.db.clone(),
                vec![JobKind::new("slow", |_: &Work| panic!("stolen"))],
                Vec::new(),
            );
            assert_eq!(thief.run_until_idle()?, 0);
            Ok(json!("kept"))
        });
        let mut runner = Runner::new(test.db.clone(), vec![slow], Vec::new());
        runner.shared.heartbeat = Duration::from_millis(10);
        assert_eq!(runner.run_until_idle().unwrap(), 1);
        let jobs = test.db.read(&scope, |view| crate::list(view, None, 1)).wait().unwrap();
        assert_eq!(jobs[0].result, Some(json!("kept")));
    });
}

/// A thread that looked at the queue just before a stop does not take up what another one has put back because of it.
#[test]
fn nothing_is_claimed_once_it_is_stopping() {
    on_both(CONTEXTS, |test| {
        let scope = Scope::installation("test");
        let id = test.db.write(&scope, |tx| enqueue(tx, NewJob::new("late", json!({})))).wait().unwrap();
        let late = JobKind::new("late", |_: &Work| Ok(json!("done")));
        let runner = Runner::new(test.db.clone(), vec![late], Vec::new());
        let state = || test.db.read(&scope, move |view| crate::find(view, id)).wait().unwrap();

        runner.shared.stopping.store(true, Ordering::Relaxed);
        assert!(!runner.shared.run_next().unwrap());
        assert_eq!((state().state, state().attempts), (State::Queued, 0));

        runner.shared.stopping.store(false, Ordering::Relaxed);
        assert!(runner.shared.run_next().unwrap());
        assert_eq!((state().state, state().attempts), (State::Done, 1));
    });
}
