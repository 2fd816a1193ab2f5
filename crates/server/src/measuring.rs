//! Metering's work beside requests: what came in goes to billing, what is rejected or sudden is told of, and what is old
//! goes away.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use billing::subscription;
use jobs::{Every, JobKind, Schedule, Work};
use kernel::{Error, Result, SystemIds};
use metering::{Metering, Options, event::Meters};
use serde_json::{Value as Json, json};
use store::{Actor, Db, Scope};

use crate::double_entry;

const SWEEP: &str = "usage.sweep";

/// Every night.
pub(crate) const SCHEDULES: &[Schedule] =
    &[Schedule { name: SWEEP, kind: SWEEP, every: Every::DailyUtc { hour: 3, minute: 40 } }];

pub(crate) fn job_kinds(options: &Options) -> [JobKind; 1] {
    let options = options.clone();
    [JobKind { name: SWEEP, run: Arc::new(move |work: &Work| sweep(work, &options)) }]
}

/// How often alerts are looked for.
const ALERTS: Duration = Duration::from_secs(1);
/// How often events are taken to the figures of subscriptions.
const FIGURES: Duration = Duration::from_secs(10);
/// How often it is looked for sudden jumps.
const JUMPS: Duration = Duration::from_secs(60);

/// Takes what came in to the figures of subscriptions, tells of limits that were reached and of jumps, and keeps what was
/// rejected, until it is dropped. Each has a thread of its own, so that an alert waits for nothing that takes longer. No
/// job: it has nearly always something to do or nothing, may be done by several processes at once, and would fill the list
/// of jobs.
pub(crate) struct Follower {
    running: Vec<(mpsc::Sender<()>, thread::JoinHandle<()>)>,
}

impl Follower {
    /// Errors: `internal` when there is no thread to be had.
    pub(crate) fn start(db: &Db, metering: &Metering) -> Result<Self> {
        // In facts it goes by the name of a job, one for each process.
        let actor = Actor::Job(kernel::new_id(&SystemIds));
        let alerts = {
            let (db, metering) = (db.background(), metering.clone());
            every("usage-alerts", ALERTS, move || {
                tell(&db, actor);
                said("rejected events could not be kept", metering.keep_rejected());
            })?
        };
        let figures = {
            let db = db.background();
            every("usage-follow", FIGURES, move || {
                follow(&db, actor);
                settle(&db, actor);
            })?
        };
        let db = db.background();
        let jumps = every("usage-jumps", JUMPS, move || jumps(&db, actor))?;
        Ok(Self { running: vec![alerts, figures, jumps] })
    }

    /// Stop, and wait until what is being done is done.
    pub(crate) fn stop(self, metering: &Metering) {
        let (stops, threads): (Vec<_>, Vec<_>) = self.running.into_iter().unzip();
        drop(stops);
        for thread in threads {
            // A panic was told of when it happened.
            let _ = thread.join();
        }
        said("rejected events could not be kept", metering.keep_rejected());
    }
}

/// Do something again and again on a thread, with a pause before each time, until the sender is dropped.
fn every(
    name: &str,
    pause: Duration,
    work: impl Fn() + Send + 'static,
) -> Result<(mpsc::Sender<()>, thread::JoinHandle<()>)> {
    let (stop, stopped) = mpsc::channel();
    let run = move || {
        while stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
            work();
        }
    };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    let thread = thread.map_err(|error| Error::internal(format!("no thread to follow usage: {error}")))?;
    Ok((stop, thread))
}

/// What did not work is tried again; it is told of here and stops nothing else.
fn said(what: &'static str, done: Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%error, "{what}; trying again");
    }
}

/// Do something in every environment. One in which it does not work is told of and tried again the next time; it keeps
/// none of the others waiting.
fn each(db: &Db, actor: Actor, what: &'static str, work: impl Fn(&Scope) -> Result<()>) {
    let scopes = match environments(db, actor) {
        Ok(scopes) => scopes,
        Err(error) => return said(what, Err(error)),
    };
    for scope in scopes {
        match work(&scope) {
            // A sandbox whose clock moves measures by itself, and tells when it stands again.
            Err(error) if error.code == "clock_advancing" => {}
            Err(error) => {
                let environment = scope.env().map(|id| id.to_string());
                tracing::warn!(%error, environment, "{what}; trying again");
            }
            Ok(()) => {}
        }
    }
}

/// Lines of invoices go to the double entry of critical meters.
fn settle(db: &Db, actor: Actor) {
    each(db, actor, "invoices could not be posted to critical meters", |scope| {
        double_entry::follow(db, scope)
    });
}

/// Days far above the usual are told of.
fn jumps(db: &Db, actor: Actor) {
    each(db, actor, "jumps of usage could not be told", |scope| {
        // Also of meters that only books have which somebody agreed to and that are not in force any more.
        let versions = db.read(scope, subscription::agreed_books).wait()?;
        let meters = Meters::of_books(versions.iter().map(|version| &*version.book));
        metering::jump::follow(db, scope, &meters).map(drop)
    });
}

/// Limits that were reached become alerts.
fn tell(db: &Db, actor: Actor) {
    each(db, actor, "alerts could not be told", |scope| metering::alert::follow(db, scope).map(drop));
}

/// Events become figures of subscriptions, late ones too.
fn follow(db: &Db, actor: Actor) {
    each(db, actor, "new events could not be taken to their subscriptions", |scope| {
        let followed = billing::usage::follow(db, scope)?;
        if followed.refused > 0 {
            let environment = scope.env().map(|id| id.to_string());
            tracing::warn!(
                ?followed,
                environment,
                "figures were measured that their prices cannot be applied to"
            );
        } else if followed.late > 0 {
            tracing::info!(?followed, "usage came for what is billed");
        }
        Ok(())
    });
}

/// Events and names older than they are kept, in real time: a sandbox's clock may be years ahead.
fn sweep(work: &Work, options: &Options) -> Result<Json> {
    let (mut chunks, mut segments, mut failed) = (0, 0, None);
    for scope in environments(&work.db, work.scope.actor)? {
        let now = work.db.read(&scope, |view| Ok(view.now())).wait();
        let now = now.map(|now| now.min(work.db.real_now()));
        match now.and_then(|now| metering::retention::sweep(&work.db, &scope, options, now)) {
            Ok(swept) => {
                chunks += swept.chunks;
                segments += swept.segments;
            }
            // The others are swept all the same; the job is tried again.
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or_else(|| Ok(json!({ "chunks": chunks, "segments": segments })), Err)
}

fn environments(db: &Db, actor: Actor) -> Result<Vec<Scope>> {
    let all = db.read(&Scope::installation("follow usage"), identity::environment::every).wait()?;
    Ok(all.into_iter().map(|one| Scope::environment(one.id, one.mode, actor)).collect())
}

#[cfg(test)]
#[path = "../tests/house/mod.rs"]
mod house;

#[cfg(test)]
mod tests {
    use billing::usage;
    use catalog::version;
    use kernel::{Cycle, SystemIds, ids::SubscriptionId};
    use metering::event::{NewEvent, Receipt};
    use store::{Mode, statements};
    use testkit::on_both;

    use super::*;
    use crate::CONTEXTS;

    const BOOK: &str = r#"
book = 1
name = "Test"
currency = "USD"

[meters]
calls = { name = "Calls", unit = "call" }

[plans.metered]
name = "Metered"
price = { month = "10" }
usage = { calls = "0.50" }
"#;

    /// Meters that only an agreed book has are looked at as those of the newest are.
    #[test]
    fn jumps_of_meters_that_are_not_in_the_newest_book_are_told() {
        on_both(CONTEXTS, |test| {
            let (db, metering) = (&test.db, crate::metering(&test.db, Options::default()));
            let (at, ids) = (db.real_now(), SystemIds);
            let scope = Scope::environment(kernel::new_id(&ids), Mode::Sandbox, Actor::CommandLine);
            let old = BOOK.replace(r#"unit = "call""#, r#"unit = "call", jump = { times = 2, floor = 5 }"#);
            let new = BOOK.replace("calls", "visits");
            let set_up = move |tx: &mut store::Tx<'_>| {
                let metered = |acme| subscription::Start::of(acme, "metered", Cycle::MONTH);
                house::set_up(tx, at, &old, metered)?;
                version::apply(tx, "new.toml", &new).map(drop)
            };
            db.write(&scope, set_up).wait().unwrap();
            let day = |n: i64| at - jiff::SignedDuration::from_hours(24 * n);
            let call = |n: i64| NewEvent {
                source: "test".into(),
                id: n.to_string(),
                meter: "calls".into(),
                subject: "acme".into(),
                at: Some(if n < 7 { day(n + 1) } else { at }),
                data: None,
            };
            let sent = metering.ingest(&scope, (0..20).map(call).collect(), false, at).wait().unwrap();
            assert!(sent.iter().all(|one| *one == Receipt::Accepted), "{sent:?}");
            jumps(db, Actor::CommandLine);
            let wanted = metering::jump::Wanted { limit: 10, ..Default::default() };
            let told = db.read(&scope, move |view| metering::jump::list(view, &wanted)).wait().unwrap();
            let told: Vec<_> = told.iter().map(|one| (one.meter.as_str(), one.used.to_string())).collect();
            assert_eq!(told, [("calls", "13".to_owned())]);
            let listed = db.read(&scope, subscription::agreed_meters).wait().unwrap();
            let listed: Vec<_> = listed.iter().map(|meter| meter.key.as_str()).collect();
            assert_eq!(listed, ["visits", "calls"]);
        });
    }

    statements! {
        environment SPOIL = "UPDATE meter_tally SET tally = $2 WHERE env_id = $1";
    }

    #[test]
    fn an_environment_that_cannot_be_followed_keeps_none_of_the_others_waiting() {
        on_both(CONTEXTS, |test| {
            let (db, metering) = (&test.db, crate::metering(&test.db, Options::default()));
            let at = db.real_now();
            let set_up = |mode| -> (Scope, SubscriptionId) {
                let scope = Scope::environment(kernel::new_id(&SystemIds), mode, Actor::CommandLine);
                let metered = |acme| subscription::Start::of(acme, "metered", Cycle::MONTH);
                let made = db.write(&scope, move |tx| house::set_up(tx, at, BOOK, metered)).wait();
                let call = NewEvent {
                    source: "test".into(),
                    id: "1".into(),
                    meter: "calls".into(),
                    subject: "acme".into(),
                    at: None,
                    data: None,
                };
                let sent = metering.ingest(&scope, vec![call], false, at).wait().unwrap();
                assert_eq!(sent, [Receipt::Accepted]);
                (scope, made.unwrap())
            };
            let made = [set_up(Mode::Sandbox), set_up(Mode::Live)];
            let first = environments(db, Actor::CommandLine).unwrap()[0].env();
            let (broken, sound): (Vec<_>, Vec<_>) = made.iter().partition(|(scope, _)| scope.env() == first);
            let spoil = |tx: &mut store::Tx<'_>| tx.exec(&SPOIL, store::params![vec![0xff_u8]]);
            db.usage().write(&broken[0].0, spoil).wait().unwrap();

            follow(db, Actor::CommandLine);
            let figures = |(scope, id): &(Scope, SubscriptionId)| {
                let id = *id;
                db.read(scope, move |view| usage::history(view, id, 10)).wait().unwrap().len()
            };
            assert_eq!((figures(broken[0]), figures(sound[0])), (0, 1));
        });
    }
}
