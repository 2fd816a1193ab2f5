//! The due queue on both databases.

use jiff::{SignedDuration, Timestamp};
use jobs::{
    NewJob, Runner, State,
    due::{self, Due, DueKind, MAX_BATCH},
};
use kernel::{AnyId, Error, Result};
use serde_json::json;
use store::{Db, Mode, NewFact, Scope, Tx, facts};
use testkit::on_both;
use uuid::Uuid;

static CONTEXTS: &[&store::Context] = &[&store::CONTEXT, &jobs::CONTEXT];

const RENEW: i64 = 10;
const INVOICE: i64 = 20;

/// Renewing makes an invoice due at the same instant and the next renewal an hour later; each leaves a
/// fact, by which the tests see the order.
static KINDS: &[DueKind] = &[
    DueKind { rank: INVOICE, name: "test.invoice", handler: invoice },
    DueKind { rank: RENEW, name: "test.renew", handler: renew },
];

/// A subject that cannot be invoiced.
const CURSED: Uuid = Uuid::from_u128(0x0666_0000_0000_7000_8000_0000_0000_0000);

fn renew(tx: &mut Tx<'_>, at: Timestamp, subjects: &[Uuid]) -> Result<()> {
    for subject in subjects {
        tell(tx, "test.renewed", *subject)?;
        let next = at + SignedDuration::from_hours(1);
        due::put(
            tx,
            &[Due { at: next, rank: RENEW, subject: *subject }, Due { at, rank: INVOICE, subject: *subject }],
        )?;
    }
    Ok(())
}

fn invoice(tx: &mut Tx<'_>, _: Timestamp, subjects: &[Uuid]) -> Result<()> {
    subjects.iter().try_for_each(|subject| tell(tx, "test.invoiced", *subject))?;
    if subjects.contains(&CURSED) { Err(Error::conflict("cursed", "It cannot be.")) } else { Ok(()) }
}

fn tell(tx: &mut Tx<'_>, kind: &'static str, subject: Uuid) -> Result<()> {
    tx.fact(NewFact::new(kind, AnyId { prefix: "sub", uuid: subject }, json!({}))?);
    Ok(())
}

/// What happened: (what, the minute behind the start it counts from, subject).
fn story(db: &Db, scope: &Scope) -> Vec<(String, i64, u128)> {
    let facts = db.read(scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
    let minutes = |at: Timestamp| (at.as_second() - start().as_second()) / 60;
    facts.into_iter().map(|fact| (fact.kind, minutes(fact.effective), fact.subject.uuid.as_u128())).collect()
}

fn start() -> Timestamp {
    testkit::START.parse().unwrap()
}

fn minutes(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

fn put(db: &Db, scope: &Scope, items: &[(i64, i64, Uuid)]) {
    let items: Vec<Due> = items
        .iter()
        .map(|(at, rank, subject)| Due { at: minutes(*at), rank: *rank, subject: *subject })
        .collect();
    db.write(scope, move |tx| due::put(tx, &items)).wait().unwrap();
}

fn run(db: &Db, scope: &Scope, until: i64) -> Result<u64> {
    due::run(db, scope, KINDS, minutes(until), None, MAX_BATCH)
}

const A: Uuid = Uuid::from_u128(1);
const B: Uuid = Uuid::from_u128(2);

#[test]
fn what_arises_is_done_in_its_turn() {
    on_both(CONTEXTS, |test| {
        for mode in [Mode::Live, Mode::Sandbox] {
            let scope = test.environment(mode);
            // B falls due between A's first and second renewal; A is there twice and yet once.
            put(&test.db, &scope, &[(30, RENEW, B), (0, RENEW, A), (0, RENEW, A), (90, INVOICE, A)]);
            assert_eq!(run(&test.db, &scope, -1).unwrap(), 0);
            assert_eq!(run(&test.db, &scope, 90).unwrap(), 9);
            let (renewed, invoiced) = (
                |at, who| ("test.renewed".to_owned(), at, who),
                |at, who| ("test.invoiced".to_owned(), at, who),
            );
            assert_eq!(
                story(&test.db, &scope),
                [
                    renewed(0, 1),
                    invoiced(0, 1),
                    renewed(30, 2),
                    invoiced(30, 2),
                    renewed(60, 1),
                    invoiced(60, 1),
                    renewed(90, 2),
                    invoiced(90, 1),
                    invoiced(90, 2),
                ]
            );
            let next = test.db.read(&scope, |view| due::next(view, 10)).wait().unwrap();
            let next: Vec<_> =
                next.into_iter().map(|waiting| (waiting.due.at, waiting.due.subject)).collect();
            assert_eq!(next, [(minutes(120), A), (minutes(150), B)]);
            assert_eq!(run(&test.db, &scope, 90).unwrap(), 0);
        }
    });
}

#[test]
fn batches_have_a_size() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Sandbox);
        let subjects: Vec<_> = (1..=7).map(|n| (0, INVOICE, Uuid::from_u128(n))).collect();
        put(&test.db, &scope, &subjects);
        assert_eq!(due::run(&test.db, &scope, KINDS, minutes(0), None, 3).unwrap(), 7);
        assert_eq!(
            story(&test.db, &scope).iter().map(|told| told.2).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5, 6, 7]
        );
    });
}

#[test]
fn one_that_fails_is_passed_over_until_it_is_retried() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Sandbox);
        put(&test.db, &scope, &[(0, INVOICE, A), (0, INVOICE, CURSED), (0, INVOICE, B), (5, INVOICE, A)]);
        assert_eq!(run(&test.db, &scope, 10).unwrap(), 3);
        let invoiced: Vec<_> = story(&test.db, &scope).into_iter().map(|told| (told.1, told.2)).collect();
        assert_eq!(invoiced, [(0, 1), (0, 2), (5, 1)]);
        let stuck = test.db.read(&scope, |view| due::stuck(view, 10)).wait().unwrap();
        assert_eq!(stuck.len(), 1);
        assert_eq!(
            (stuck[0].due.subject, stuck[0].error.as_deref()),
            (CURSED, Some("cursed: It cannot be."))
        );
        assert_eq!(test.db.read(&scope, |view| due::of_subject(view, CURSED)).wait().unwrap(), stuck);

        assert_eq!(run(&test.db, &scope, 10).unwrap(), 0);
        assert_eq!(test.db.write(&scope, due::retry_stuck).wait().unwrap(), 1);
        assert_eq!(test.db.read(&scope, |view| due::stuck(view, 10)).wait().unwrap(), []);
        assert_eq!(run(&test.db, &scope, 10).unwrap(), 0, "it fails again");
        let item = stuck[0].due;
        assert_eq!(test.db.write(&scope, move |tx| due::take_back(tx, &[item])).wait().unwrap(), 1);
        assert_eq!(test.db.read(&scope, |view| due::next(view, 10)).wait().unwrap(), []);
    });
}

#[test]
fn what_is_taken_back_does_not_fall_due() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        put(&test.db, &scope, &[(0, INVOICE, A), (0, INVOICE, B), (1, INVOICE, A)]);
        let gone: Vec<Due> = [(0, A), (1, A), (2, A)]
            .map(|(at, subject)| Due { at: minutes(at), rank: INVOICE, subject })
            .into();
        assert_eq!(test.db.write(&scope, move |tx| due::take_back(tx, &gone)).wait().unwrap(), 2);
        assert_eq!(run(&test.db, &scope, 10).unwrap(), 1);
        assert_eq!(story(&test.db, &scope), [("test.invoiced".to_owned(), 0, 2)]);
    });
}

#[test]
fn an_unknown_rank_stops_the_queue_rather_than_being_passed_over() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        put(&test.db, &scope, &[(0, INVOICE, A), (1, 99, A), (2, INVOICE, A)]);
        assert_eq!(run(&test.db, &scope, 10).unwrap_err().code, "internal");
        assert_eq!(test.db.read(&scope, |view| due::next(view, 10)).wait().unwrap().len(), 2);
    });
}

#[test]
fn several_processes_do_everything_once() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Sandbox);
        let items: Vec<_> =
            (0..200_u8).map(|n| (i64::from(n / 20), INVOICE, Uuid::from_u128(n.into()))).collect();
        put(&test.db, &scope, &items);
        let second = match test.db.engine() {
            store::Engine::Sqlite => test.db.clone(),
            store::Engine::Postgres => test.second_process(CONTEXTS),
        };
        let done: u64 = std::thread::scope(|threads| {
            let scope = &scope;
            let run = |db| threads.spawn(move || due::run(db, scope, KINDS, minutes(100), None, 3).unwrap());
            let threads = [&test.db, &second, &test.db, &second].map(run);
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(done, 200);
        assert_eq!(story(&test.db, &scope).len(), 200);
        assert_eq!(test.db.read(&scope, facts::verify).wait().unwrap(), 200);
    });
}

#[test]
fn live_environments_run_by_themselves_and_sandboxes_do_not() {
    on_both(CONTEXTS, |test| {
        let (live, idle) = (test.environment(Mode::Live), test.environment(Mode::Live));
        let sandbox = test.environment(Mode::Sandbox);
        put(&test.db, &live, &[(0, RENEW, A), (0, INVOICE, CURSED)]);
        put(&test.db, &sandbox, &[(0, RENEW, A)]);
        put(&test.db, &idle, &[(1, RENEW, A)]);
        assert_eq!(due::environments_due(&test.db, start()).unwrap(), [live.env().unwrap()]);
        let runner = Runner::new(test.db.clone(), vec![jobs::due_job_kind(KINDS)], Vec::new());
        assert_eq!(runner.run_until_idle().unwrap(), 1);
        let jobs = test.db.read(&live, |view| jobs::list(view, None, 10)).wait().unwrap();
        assert_eq!((jobs.len(), jobs[0].kind.as_str(), jobs[0].state), (1, "due.run", State::Done));
        assert_eq!((jobs[0].done, &jobs[0].result), (2, &Some(json!({ "done": 2 }))));
        assert_eq!(story(&test.db, &live).len(), 2);
        assert!(story(&test.db, &sandbox).is_empty() && story(&test.db, &idle).is_empty());
        // What is stuck makes no further jobs.
        assert_eq!(runner.run_until_idle().unwrap(), 0);
        test.clock.advance(SignedDuration::from_mins(1));
        assert_eq!(runner.run_until_idle().unwrap(), 1);
        assert_eq!(
            story(&test.db, &idle),
            [("test.renewed".to_owned(), 1, 1), ("test.invoiced".to_owned(), 1, 1)]
        );
    });
}

/// A lease that is lost between two batches: the second batch is undone and nothing is marked.
#[test]
fn due_work_ends_with_its_lease() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Sandbox);
        let other = test.environment(Mode::Sandbox);
        put(&test.db, &scope, &[(0, INVOICE, A), (0, INVOICE, B)]);
        let enqueue = |tx: &mut Tx<'_>| jobs::enqueue(tx, NewJob::new("advance", json!({})));
        let id = test.db.write(&scope, enqueue).wait().unwrap();
        let clock = std::sync::Arc::clone(&test.clock);
        let advance = jobs::JobKind::new("advance", move |work: &jobs::Work| {
            // A lease of another environment's job is no lease here.
            let elsewhere = due::run(&work.db, &other, KINDS, minutes(1), Some(&work.lease), 1);
            assert_eq!(elsewhere.unwrap_err().code, "internal");
            clock.advance(jobs::LEASE);
            let taker = jobs::JobKind::new("advance", |_: &jobs::Work| Ok(json!({})));
            Runner::new(work.db.clone(), vec![taker], Vec::new()).run_until_idle()?;
            due::run(&work.db, &work.scope, KINDS, minutes(1), Some(&work.lease), 2).map(|done| json!(done))
        });
        Runner::new(test.db.clone(), vec![advance], Vec::new()).run_until_idle().unwrap();
        let waiting = test.db.read(&scope, |view| due::next(view, 10)).wait().unwrap();
        assert!(waiting.len() == 2 && waiting.iter().all(|waiting| waiting.error.is_none()), "{waiting:?}");
        let job = test.db.read(&scope, move |view| jobs::find(view, id)).wait().unwrap();
        assert_eq!((job.state, job.attempts), (State::Done, 2));
    });
}
