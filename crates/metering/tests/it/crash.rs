//! `kill -9` at any moment, with clients that send again what was not acknowledged.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use kernel::{Id, ids::EnvironmentId};
use metering::{
    Metering, Options,
    usage::{self, Span, Subject},
};
use store::{Actor, Db, Location, Mode, Scope};
use testkit::{TestDb, on_both};

use crate::parts::{CONTEXTS, Customers, event, word};

/// The place and the environment a killed process works in, and its number.
const PLACE: &str = "METERING_TEST_PLACE";

const SEAL_AT: usize = 500;

fn open(location: &Location) -> (Db, Metering, Arc<Customers>) {
    let db = Db::open(location, CONTEXTS, &store::Options::default()).unwrap();
    let customers = Arc::new(Customers::new());
    let options = Options { seal_at: SEAL_AT, ..Options::default() };
    (db.clone(), Metering::new(&db, customers.clone(), options), customers)
}

/// Not a test of its own: the process that is killed. It says what was acknowledged, a line each.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn the_process_that_is_killed() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let [location, env, round] = place.split('\n').collect::<Vec<_>>()[..] else { panic!("{place}") };
    let scope = Scope::environment(env.parse().unwrap(), Mode::Live, Actor::CommandLine);
    let (db, metering, _) = open(&Location::parse(location));
    std::thread::scope(|threads| {
        for sender in 0..3 {
            let (db, metering, scope) = (&db, &metering, &scope);
            threads.spawn(move || {
                for batch in 0.. {
                    let ids: Vec<String> = (0..40).map(|n| format!("{round}-{sender}-{batch}-{n}")).collect();
                    let events = ids.iter().map(|id| event("calls", id, "customer-a", None, "{}")).collect();
                    let receipts = metering.ingest(scope, events, false, db.real_now()).wait().unwrap();
                    assert!(receipts.iter().all(|receipt| word(receipt) == "accepted"));
                    let credit = format!("{round}-{sender}-{batch}");
                    let consumed = event("credits", &credit, "customer-a", None, r#"{"value": 0.05}"#);
                    let answer = metering.consume(scope, consumed, db.real_now()).wait().unwrap();
                    let mut said: String = ids.iter().map(|id| format!("sent {id}\n")).collect();
                    said += &if answer.allowed { format!("used {credit}\n") } else { String::new() };
                    std::io::stdout().write_all(said.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// Start such a process, kill it when it has acknowledged `after` things, and say what these were.
fn killed(test: &TestDb, env: EnvironmentId, round: usize, after: usize) -> Vec<String> {
    let location = match &test.location {
        Location::Sqlite(folder) => folder.display().to_string(),
        Location::Postgres(url) => url.clone(),
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::the_process_that_is_killed", "--exact", "--ignored", "--nocapture"])
        .env(PLACE, format!("{location}\n{env}\n{round}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while said.len() < after {
        let line = lines.next().expect("the process goes on until it is killed").unwrap();
        said.extend(Some(line).filter(|line| line.starts_with("sent ") || line.starts_with("used ")));
    }
    // SIGKILL: nothing of it can be caught.
    child.kill().unwrap();
    said.extend(
        lines.map_while(Result::ok).filter(|line| line.starts_with("sent ") || line.starts_with("used ")),
    );
    child.wait().unwrap();
    said
}

#[test]
fn what_was_acknowledged_is_there_once_after_a_kill() {
    on_both(CONTEXTS, |test| {
        let env: EnvironmentId = Id::from_uuid(uuid::Uuid::now_v7());
        let scope = Scope::environment(env, Mode::Live, Actor::CommandLine);
        let mut acknowledged = BTreeSet::new();
        for (round, after) in [150, 700, 40, 1_300].into_iter().enumerate() {
            let said = killed(test, env, round, after);
            let count = said.len();
            acknowledged.extend(said);
            // The last line may have been cut in two.
            assert!(acknowledged.len() >= count.saturating_sub(1));
        }
        let (db, metering, customers) = open(&test.location);
        let names = |verb: &str| -> Vec<String> {
            acknowledged.iter().filter_map(|line| line.strip_prefix(verb)).map(str::to_owned).collect()
        };
        let sent: Vec<String> = names("sent ").into_iter().filter(|id| id.split('-').count() == 4).collect();
        let again = sent.iter().map(|id| event("calls", id, "customer-a", None, "{}")).collect();
        let receipts = metering.ingest(&scope, again, false, db.real_now()).wait().unwrap();
        assert!(
            receipts.iter().all(|receipt| word(receipt).starts_with('d')),
            "an acknowledged event was lost"
        );

        let (customer, now) = (customers.id("customer-a"), Timestamp::now());
        let span = Span::new(now - SignedDuration::from_hours(24), now + SignedDuration::from_hours(24));
        let meters = ["calls", "credits"].map(|key| customers.meter(key));
        let read = move |view: &mut store::View<'_>| {
            let mut found = Vec::new();
            for meter in &meters {
                let subject = Subject { customer, subscription: None, unnamed: None, meter };
                let figure = usage::figure(view, subject, span, now)?;
                let behind = usage::events(view, subject, |_| true, span, None, None, usize::MAX)?.0;
                found.push((figure, behind.into_iter().map(|(_, entry)| entry.name.id).collect::<Vec<_>>()));
            }
            Ok(found)
        };
        let found = db.usage().read(&scope, read).wait().unwrap();
        for (figure, ids) in &found {
            let different: BTreeSet<&String> = ids.iter().collect();
            assert_eq!((different.len(), figure.events), (ids.len(), ids.len() as u64), "counted twice");
        }
        assert!(sent.iter().all(|id| found[0].1.contains(id)));
        // Ten credits at 0.05: as many as were there, used by whoever came first, and none more.
        let used = names("used ");
        assert!(found[1].1.len() <= 200, "the limit was exceeded");
        assert!(used.iter().filter(|id| id.split('-').count() == 3).all(|id| found[1].1.contains(id)));
    });
}
