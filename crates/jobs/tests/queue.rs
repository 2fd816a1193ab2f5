//! The queue, its runners and schedules, on both databases.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use jobs::{
    Bell, Every, INSTALLATION, Job, JobKind, LEASE, Lease, NewJob, RunOutcome, Runner, Schedule, State, Work,
    backoff,
};
use kernel::{Error, Result, ids::JobId};
use serde_json::json;
use store::{Db, Engine, Mode, Scope};
use testkit::{TestDb, on_both};

static CONTEXTS: &[&store::Context] = &[&store::CONTEXT, &jobs::CONTEXT];

const SYSTEM: Scope = Scope::installation("test");

fn enqueue(db: &Db, scope: &Scope, new: NewJob) -> JobId {
    db.write(scope, move |tx| jobs::enqueue(tx, new.clone())).wait().unwrap()
}

fn find(db: &Db, scope: &Scope, id: JobId) -> Job {
    db.read(scope, move |view| jobs::find(view, id)).wait().unwrap()
}

/// The run log of a job: how each attempt ended.
fn outcomes(db: &Db, scope: &Scope, id: JobId) -> Vec<RunOutcome> {
    db.read(scope, move |view| jobs::runs(view, id)).wait().unwrap().iter().map(|run| run.outcome).collect()
}

/// A kind that notes the payloads it is given, in order.
fn noting(name: &'static str) -> (JobKind, Arc<Mutex<Vec<serde_json::Value>>>) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let kind = JobKind::new(name, {
        let notes = Arc::clone(&notes);
        move |work: &Work| {
            notes.lock().unwrap().push(work.job.payload.clone());
            Ok(json!({ "noted": true }))
        }
    });
    (kind, notes)
}

/// Wait for something that happens on other threads.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(CONTEXTS);
}

#[test]
fn jobs_run_in_the_order_they_fall_due() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let now = test.db.real_now();
        let at = |seconds: i64| NewJob {
            run_at: Some(now + SignedDuration::from_secs(seconds)),
            ..NewJob::new("note", json!(seconds))
        };
        for seconds in [0, -5, 60, -10] {
            enqueue(&test.db, &scope, at(seconds));
        }
        enqueue(&test.db, &SYSTEM, at(-7));
        let (kind, notes) = noting("note");
        let runner = Runner::new(test.db.clone(), vec![kind], Vec::new());
        assert_eq!(runner.run_until_idle().unwrap(), 4);
        assert_eq!(*notes.lock().unwrap(), [-10, -7, -5, 0]);
        test.clock.advance(SignedDuration::from_secs(60));
        assert_eq!(runner.run_until_idle().unwrap(), 1);
        assert_eq!(*notes.lock().unwrap(), [-10, -7, -5, 0, 60]);
    });
}

#[test]
fn a_job_belongs_to_its_environment() {
    on_both(CONTEXTS, |test| {
        let (here, sandbox) = (test.environment(Mode::Live), test.environment(Mode::Sandbox));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kind = JobKind::new("look", {
            let seen = Arc::clone(&seen);
            move |work: &Work| {
                let Work { scope, job, .. } = work;
                seen.lock().unwrap().push((
                    scope.env(),
                    scope.mode(),
                    scope.actor == store::Actor::Job(job.id),
                ));
                Ok(json!({}))
            }
        });
        let ids =
            [&here, &sandbox, &SYSTEM].map(|scope| enqueue(&test.db, scope, NewJob::new("look", json!({}))));
        assert_eq!(Runner::new(test.db.clone(), vec![kind], Vec::new()).run_until_idle().unwrap(), 3);
        assert_eq!(
            *seen.lock().unwrap(),
            [(here.env(), Mode::Live, true), (sandbox.env(), Mode::Sandbox, true), (None, Mode::Live, true)]
        );
        let list = |scope: &Scope| {
            let jobs = test.db.read(scope, |view| jobs::list(view, None, 10)).wait().unwrap();
            jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
        };
        assert_eq!([list(&here), list(&sandbox), list(&SYSTEM)], ids.map(|id| vec![id]));
        assert_eq!(find(&test.db, &SYSTEM, ids[2]).env, INSTALLATION);
        let foreign = test.db.read(&here, move |view| jobs::find(view, ids[1])).wait().unwrap_err();
        assert_eq!(foreign.code, "not_found");
    });
}

#[test]
fn a_job_lives_and_dies_with_the_transaction_that_wants_it() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let undone = test.db.write(&scope, |tx| -> Result<()> {
            jobs::enqueue(tx, NewJob::new("note", json!({})))?;
            Err(Error::conflict("changed_my_mind", "No."))
        });
        assert_eq!(undone.wait().unwrap_err().code, "changed_my_mind");
        assert!(test.db.read(&scope, |view| jobs::list(view, None, 10)).wait().unwrap().is_empty());
    });
}

#[test]
fn the_list_pages_from_the_newest() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let ids: Vec<JobId> =
            (0..5).map(|n| enqueue(&test.db, &scope, NewJob::new("note", json!(n)))).collect();
        let page = |before, limit| {
            let jobs = test.db.read(&scope, move |view| jobs::list(view, before, limit)).wait().unwrap();
            jobs.into_iter().map(|job| job.payload).collect::<Vec<_>>()
        };
        assert_eq!(page(None, 2), [4, 3]);
        assert_eq!(page(Some(ids[3]), 2), [2, 1]);
        assert_eq!(page(Some(ids[1]), 2), [0]);
    });
}

#[test]
fn one_at_a_time_under_the_same_words() {
    on_both(CONTEXTS, |test| {
        let (scope, other) = (test.environment(Mode::Live), test.environment(Mode::Live));
        let new = |n: i64| NewJob::new("note", json!(n)).once("words");
        let first = enqueue(&test.db, &scope, new(1));
        assert_eq!(enqueue(&test.db, &scope, new(2)), first);
        assert_ne!(enqueue(&test.db, &other, new(3)), first);
        assert_ne!(enqueue(&test.db, &scope, NewJob::new("note", json!(4))), first);
        let (kind, notes) = noting("note");
        Runner::new(test.db.clone(), vec![kind], Vec::new()).run_until_idle().unwrap();
        assert_eq!(*notes.lock().unwrap(), [1, 3, 4]);
        let job = find(&test.db, &scope, first);
        assert_eq!((job.state, job.result), (State::Done, Some(json!({ "noted": true }))));
        assert_eq!(job.finished, Some(test.db.real_now()));
        assert_ne!(enqueue(&test.db, &scope, new(5)), first, "the words are free again");
    });
}

#[test]
fn many_at_once_under_the_same_words_make_one_job() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let ids: Vec<JobId> = std::thread::scope(|threads| {
            let enqueue = || enqueue(&test.db, &scope, NewJob::new("note", json!({})).once("words"));
            let threads: Vec<_> = (0..8).map(|_| threads.spawn(enqueue)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    });
}

#[test]
fn a_failing_job_is_tried_again_later_and_then_given_up() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let kinds = || {
            vec![
                JobKind::new("fail", |_: &Work| Err(Error::conflict("not_today", "Ask again."))),
                JobKind::new("panic", |_: &Work| panic!("a secret")),
            ]
        };
        let new = |kind| NewJob { max_attempts: 3, ..NewJob::new(kind, json!({})) };
        let ids = [new("fail"), new("panic")].map(|new| enqueue(&test.db, &scope, new));
        let runner = Runner::new(test.db.clone(), kinds(), Vec::new());
        for attempt in 1..=2 {
            assert_eq!(runner.run_until_idle().unwrap(), 2);
            for (id, error) in ids.iter().zip(["not_today: Ask again.", "internal: the job panicked"]) {
                let job = find(&test.db, &scope, *id);
                assert_eq!(
                    (job.state, job.attempts, job.error.as_deref()),
                    (State::Queued, attempt, Some(error))
                );
                assert_eq!(job.run_at, test.db.real_now() + backoff(attempt));
            }
            assert_eq!(runner.run_until_idle().unwrap(), 0);
            test.clock.advance(backoff(attempt));
        }
        assert_eq!(runner.run_until_idle().unwrap(), 2);
        for id in ids {
            let job = find(&test.db, &scope, id);
            assert_eq!((job.state, job.finished), (State::Failed, Some(test.db.real_now())));
            assert_eq!(outcomes(&test.db, &scope, id), [RunOutcome::Failed; 3]);
        }
    });
}

/// The first holder's lease runs out while it works; a second process takes the job over and ends it; what
/// the first still writes under its lease is undone.
#[test]
fn a_lost_lease_is_noticed() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let id = enqueue(&test.db, &scope, NewJob::new("long", json!({})));
        let second = Arc::new(second_db(test));
        let clock = Arc::clone(&test.clock);
        let (taker, notes) = noting("long");
        let held = Arc::new(Mutex::new(None));
        let first = JobKind::new("long", {
            let held = Arc::clone(&held);
            move |work: &Work| {
                step(work, 1).unwrap();
                // Still good: the lease was just renewed.
                clock.advance(LEASE - SignedDuration::from_secs(1));
                let runner = Runner::new((*second).clone(), vec![taker.clone()], Vec::new());
                assert_eq!(runner.run_until_idle().unwrap(), 0);
                clock.advance(SignedDuration::from_secs(1));
                assert_eq!(runner.run_until_idle().unwrap(), 1);
                let lost = step(work, 2);
                *held.lock().unwrap() = Some(lost.clone());
                lost.map(|()| json!({ "ended_by": "first" }))
            }
        });
        let runner = Runner::new(test.db.clone(), vec![first], Vec::new());
        assert_eq!(runner.run_until_idle().unwrap(), 1);
        assert_eq!(held.lock().unwrap().take().unwrap().unwrap_err().code, "lease_lost");
        assert_eq!(notes.lock().unwrap().len(), 1);
        let job = find(&test.db, &scope, id);
        assert_eq!((job.state, job.done, job.total, job.attempts), (State::Done, 1, Some(2), 2));
        assert_eq!(job.result, Some(json!({ "noted": true })));
        assert_eq!(outcomes(&test.db, &scope, id), [RunOutcome::Lost, RunOutcome::Done]);
        // What the second step wrote went with its lease.
        assert_eq!(test.db.read(&scope, |view| jobs::list(view, None, 10)).wait().unwrap().len(), 2);
    });
}

/// One transaction of a long job: it writes something and holds the lease.
fn step(work: &Work, number: i64) -> Result<()> {
    let lease: Lease = work.lease.clone();
    let write = move |tx: &mut store::Tx<'_>| {
        jobs::enqueue(tx, NewJob::new("nobody", json!(number)))?;
        jobs::hold(tx, &lease, number, Some(2))
    };
    work.db.write(&work.scope, write).wait()
}

/// Another process over the same database; on SQLite there is only one, so the same.
fn second_db(test: &TestDb) -> Db {
    match test.db.engine() {
        Engine::Sqlite => test.db.clone(),
        Engine::Postgres => test.second_process(CONTEXTS),
    }
}

#[test]
fn a_job_that_takes_its_process_down_is_given_up() {
    on_both(CONTEXTS, |test| {
        let id = enqueue(&test.db, &SYSTEM, NewJob { max_attempts: 2, ..NewJob::new("deadly", json!({})) });
        // Each attempt outlives its lease and is followed by the next from within, as after a crash.
        fn deadly(db: Db, clock: Arc<kernel::FixedClock>) -> Runner {
            let again = db.clone();
            let kind = JobKind::new("deadly", move |_: &Work| {
                clock.advance(LEASE);
                deadly(again.clone(), Arc::clone(&clock)).run_until_idle()?;
                Ok(json!({}))
            });
            Runner::new(db, vec![kind], Vec::new())
        }
        assert_eq!(deadly(test.db.clone(), Arc::clone(&test.clock)).run_until_idle().unwrap(), 1);
        let job = find(&test.db, &SYSTEM, id);
        assert_eq!(job.state, State::Failed);
        assert!(job.error.unwrap().starts_with("job_lost: "));
        assert_eq!(outcomes(&test.db, &SYSTEM, id), [RunOutcome::Lost, RunOutcome::Lost]);
    });
}

#[test]
fn two_processes_run_each_job_once() {
    const JOBS: i64 = 100;
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let (kind, notes) = noting("note");
        let bells = [Bell::new(), Bell::new()];
        let running = [(test.db.clone(), &bells[0]), (second_db(test), &bells[1])].map(|(db, bell)| {
            Runner::new(db, vec![kind.clone()], Vec::new()).with_threads(3).with_bell(bell.clone()).start()
        });
        for n in 0..JOBS {
            let bells = bells.clone();
            let enqueue = move |tx: &mut store::Tx<'_>| {
                bells.iter().for_each(|bell| bell.ring_after(tx));
                jobs::enqueue(tx, NewJob::new("note", json!(n)))
            };
            test.db.write(&scope, enqueue).wait().unwrap();
        }
        until("all jobs are done", || {
            let jobs = test.db.read(&scope, |view| jobs::list(view, None, 2 * JOBS)).wait().unwrap();
            jobs.len() as i64 == JOBS && jobs.iter().all(|job| job.state == State::Done && job.attempts == 1)
        });
        running.into_iter().for_each(|running| running.stop());
        let mut noted: Vec<i64> = notes.lock().unwrap().iter().map(|note| note.as_i64().unwrap()).collect();
        noted.sort_unstable();
        assert_eq!(noted, (0..JOBS).collect::<Vec<_>>());
    });
}

#[test]
fn a_stopped_job_goes_on_elsewhere_without_losing_an_attempt() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let id = enqueue(&test.db, &scope, NewJob { max_attempts: 1, ..NewJob::new("long", json!({})) });
        let begun = Arc::new(AtomicBool::new(false));
        let endless = JobKind::new("long", {
            let begun = Arc::clone(&begun);
            move |work: &Work| {
                loop {
                    step(work, 1)?;
                    begun.store(true, Ordering::SeqCst);
                }
            }
        });
        let running = Runner::new(test.db.clone(), vec![endless], Vec::new()).start();
        until("it begins", || begun.load(Ordering::SeqCst));
        running.stop();
        let job = find(&test.db, &scope, id);
        assert_eq!((job.state, job.error), (State::Queued, None));
        let (kind, _) = noting("long");
        assert_eq!(Runner::new(test.db.clone(), vec![kind], Vec::new()).run_until_idle().unwrap(), 1);
        assert_eq!(find(&test.db, &scope, id).state, State::Done);
        assert_eq!(outcomes(&test.db, &scope, id), [RunOutcome::Stopped, RunOutcome::Done]);
    });
}

#[test]
fn a_schedule_catches_up_once() {
    on_both(CONTEXTS, |test| {
        let (kind, notes) = noting("sweep");
        let every = Every::DailyUtc { hour: 2, minute: 0 };
        let schedules = vec![Schedule { name: "daily sweep", kind: "sweep", every }];
        let runner = Runner::new(test.db.clone(), vec![kind.clone()], schedules.clone());
        let count = || notes.lock().unwrap().len();
        runner.run_until_idle().unwrap();
        assert_eq!(count(), 0, "noon: not before two at night");
        test.clock.set("2026-01-16T02:00:00Z".parse().unwrap());
        runner.run_until_idle().unwrap();
        runner.run_until_idle().unwrap();
        assert_eq!(count(), 1);
        assert_eq!(notes.lock().unwrap()[0], json!({ "schedule": "daily sweep" }));

        // Nobody looks for ten days: one run, and the next at its usual time.
        test.clock.set("2026-01-26T09:30:00Z".parse().unwrap());
        let other = Runner::new(second_db(test), vec![kind.clone()], schedules.clone());
        other.run_until_idle().unwrap();
        runner.run_until_idle().unwrap();
        assert_eq!(count(), 2);
        let planned = jobs::schedules(&test.db).unwrap();
        assert_eq!(planned[0].next_at.to_string(), "2026-01-27T02:00:00Z");
        assert_eq!(planned[0].last_at, Some(test.db.real_now()));

        // A new rule is kept at once, not after the old one's next time.
        let hourly = vec![Schedule { every: Every::Seconds(3_600), ..schedules[0] }];
        Runner::new(test.db.clone(), vec![kind], hourly).run_until_idle().unwrap();
        assert_eq!(jobs::schedules(&test.db).unwrap()[0].next_at.to_string(), "2026-01-26T10:00:00Z");
    });
}

#[test]
fn a_schedule_runs_out_of_turn_and_does_not_overlap() {
    on_both(CONTEXTS, |test| {
        let (kind, notes) = noting("sweep");
        let schedule = Schedule { name: "sweep", kind: "sweep", every: Every::Seconds(60) };
        let runner = Runner::new(test.db.clone(), vec![kind], vec![schedule]);
        runner.run_until_idle().unwrap();
        assert_eq!(jobs::trigger(&test.db, "nothing").unwrap_err().code, "not_found");
        let id = jobs::trigger(&test.db, "sweep").unwrap();
        assert_eq!(jobs::trigger(&test.db, "sweep").unwrap(), id);
        test.clock.advance(SignedDuration::from_secs(60));
        assert_eq!(runner.run_until_idle().unwrap(), 1, "the one due and the one asked for are one");
        assert_eq!(notes.lock().unwrap().len(), 1);
    });
}

#[test]
fn old_jobs_are_forgotten() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let (kind, _) = noting("note");
        let runner = Runner::new(test.db.clone(), vec![kind], Vec::new());
        let old: Vec<JobId> =
            (0..3).map(|n| enqueue(&test.db, &scope, NewJob::new("note", json!(n)))).collect();
        enqueue(&test.db, &SYSTEM, NewJob::new("note", json!(3)));
        runner.run_until_idle().unwrap();
        test.clock.advance(SignedDuration::from_hours(1));
        let recent = enqueue(&test.db, &scope, NewJob::new("note", json!(4)));
        runner.run_until_idle().unwrap();
        let waiting = enqueue(&test.db, &scope, NewJob::new("nobody", json!(5)));
        assert_eq!(jobs::forget(&test.db, test.db.real_now()).unwrap(), 4);
        let left = test.db.read(&scope, |view| jobs::list(view, None, 10)).wait().unwrap();
        assert_eq!(left.iter().map(|job| job.id).collect::<Vec<_>>(), [waiting, recent]);
        assert!(outcomes(&test.db, &scope, old[0]).is_empty());
        assert_eq!(outcomes(&test.db, &scope, recent), [RunOutcome::Done]);
    });
}

#[test]
#[should_panic(expected = "two job kinds are named note")]
fn kinds_have_names_of_their_own() {
    let test = TestDb::sqlite(CONTEXTS);
    let _ = Runner::new(test.db.clone(), vec![noting("note").0, noting("note").0], Vec::new());
}
