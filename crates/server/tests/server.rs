//! The wiring over real databases.

use std::sync::{Arc, Barrier};

use identity::{environment, merchant, user};
use jiff::SignedDuration;
use jobs::{Runner, State};
use kernel::Result;
use server::{BookFile, CONTEXTS, Setup, bootstrap, is_empty};
use store::{
    Actor, Db, Mode, Scope,
    idempotency::{self, Answer, Request},
};
use testkit::{TestDb, on_both};

const SCOPE: Scope = Scope::installation("test");

fn setup() -> Setup {
    let text = include_str!("../../../books/unison.toml").to_owned();
    Setup {
        owner: "ann@example.com".to_owned(),
        book: Some(BookFile { name: "unison.toml".to_owned(), text }),
    }
}

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(CONTEXTS);
}

/// What is there: merchants, then the first one's environments by name, each with its facts.
fn there(db: &Db) -> (Vec<String>, Vec<(String, i64)>) {
    let (merchants, environments) = db
        .read(&SCOPE, |view| {
            let merchants = merchant::list(view)?;
            let environments = environment::every(view)?;
            Ok((merchants, environments))
        })
        .wait()
        .unwrap();
    let mut shown: Vec<(String, i64)> = environments
        .into_iter()
        .map(|one| {
            let scope = Scope::environment(one.id, one.mode, Actor::CommandLine);
            (one.slug, db.read(&scope, store::facts::verify).wait().unwrap())
        })
        .collect();
    shown.sort_unstable();
    (merchants.into_iter().map(|one| one.slug).collect(), shown)
}

fn whole() -> (Vec<String>, Vec<(String, i64)>) {
    (vec!["unison".to_owned()], vec![("live".to_owned(), 3), ("sandbox".to_owned(), 4)])
}

#[test]
fn the_first_start_happens_once() {
    on_both(CONTEXTS, |test| {
        assert!(is_empty(&test.db).unwrap());
        let made = bootstrap(&test.db, &setup()).unwrap();
        assert!(made.key.is_some_and(|key| key.starts_with("sk_sandbox_")));
        assert_eq!((is_empty(&test.db).unwrap(), there(&test.db)), (false, whole()));
        assert!(bootstrap(&test.db, &setup()).unwrap().key.is_none());
        assert_eq!(there(&test.db), whole());
    });
}

#[test]
fn a_first_start_cut_short_is_completed_by_the_next() {
    on_both(CONTEXTS, |test| {
        // After the first step: a merchant and nothing else.
        let half = |tx: &mut store::Tx<'_>| -> Result<()> {
            let merchant = merchant::create(tx, "unison", "Unison")?;
            let owner = user::find_or_add(tx, "ann@example.com")?;
            user::join(tx, owner.id, merchant.id, user::Role::Owner)
        };
        test.db.write(&SCOPE, half).wait().unwrap();
        assert!(is_empty(&test.db).unwrap());
        assert!(bootstrap(&test.db, &setup()).unwrap().key.is_some());
        assert_eq!(there(&test.db), whole());
    });
}

#[test]
fn a_mistake_in_the_book_leaves_nothing_behind() {
    on_both(CONTEXTS, |test| {
        let text = "book = 1\nname = 7\n".to_owned();
        let wrong = Setup { book: Some(BookFile { name: "wrong.toml".to_owned(), text }), ..setup() };
        let refused = bootstrap(&test.db, &wrong).unwrap_err();
        assert_eq!(refused.code, "book_invalid");
        assert_eq!(there(&test.db), (Vec::new(), Vec::new()));
    });
}

#[test]
fn processes_that_start_together_set_up_one_merchant() {
    on_both(CONTEXTS, |test| {
        let processes = [test.db.clone(), test.second_process(CONTEXTS), test.second_process(CONTEXTS)];
        let start = Arc::new(Barrier::new(processes.len()));
        let threads: Vec<_> = processes
            .into_iter()
            .map(|db| {
                let start = Arc::clone(&start);
                std::thread::spawn(move || {
                    start.wait();
                    bootstrap(&db, &setup()).unwrap().key
                })
            })
            .collect();
        let keys: Vec<String> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(keys.len(), 1, "one of them made the sandbox");
        assert_eq!(there(&test.db), whole());
    });
}

/// Keep an answer; how many of this key are found.
fn remember(test: &TestDb, scope: &Scope, key: &str) {
    let request = Request { key: key.to_owned(), fingerprint: [7; 32] };
    let answer = Answer { status: 201, body: "{}".to_owned() };
    test.db.write(scope, move |tx| idempotency::record(tx, &request, &answer)).wait().unwrap();
}

fn remembered(test: &TestDb, scope: &Scope, key: &str) -> bool {
    let request = Request { key: key.to_owned(), fingerprint: [7; 32] };
    test.db.read(scope, move |view| idempotency::find(view, &request)).wait().unwrap().is_some()
}

#[test]
fn what_is_old_is_swept_away_at_night() {
    on_both(CONTEXTS, |test| {
        bootstrap(&test.db, &setup()).unwrap();
        let every = test.db.read(&SCOPE, environment::every).wait().unwrap();
        let sandbox = every.iter().find(|one| one.mode == Mode::Sandbox).unwrap();
        let scope = Scope::environment(sandbox.id, sandbox.mode, Actor::CommandLine);
        let run = || {
            Runner::new(
                test.db.clone(),
                server::job_kinds(&metering::Options::default()),
                server::schedules(),
            )
            .run_until_idle()
            .unwrap()
        };
        run();
        remember(test, &scope, "old");
        test.clock.advance(SignedDuration::from_hours(24 * 20));
        remember(test, &scope, "new");
        run();
        assert!(remembered(test, &scope, "old"), "kept for 30 days");
        test.clock.advance(SignedDuration::from_hours(24 * 12));
        // A clock on its way is no obstacle.
        let to = test.db.real_now();
        test.db.write(&scope, move |tx| store::clock::aim(tx, to)).wait().unwrap();
        run();
        assert!(!remembered(test, &scope, "old") && remembered(test, &scope, "new"));
        let jobs = test.db.read(&SCOPE, |view| jobs::list(view, None, 100)).wait().unwrap();
        assert!(jobs.len() >= 6 && jobs.iter().all(|job| job.state == State::Done), "{jobs:?}");
        test.clock.advance(SignedDuration::from_hours(24 * 95));
        run();
        let left = test.db.read(&SCOPE, |view| jobs::list(view, None, 100)).wait().unwrap();
        let once_each = server::schedules().len();
        assert!(left.len() <= once_each, "jobs of three months ago are gone: {}", left.len());
    });
}
