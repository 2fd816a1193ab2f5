//! Metering's work beside requests: what came in goes to billing, what is rejected or sudden is told of, and what is old
//! goes away.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use catalog::version;
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
const PAUSE: Duration = Duration::from_secs(1);
/// Every so many pauses events are taken to the figures of subscriptions.
const PAUSES: u32 = 10;

/// Every so many pauses it is looked for sudden jumps: each time over all whose use went on.
const JUMPS: u32 = 60;

/// Takes what came in to the figures of subscriptions, tells of limits that were reached and of jumps, and keeps what was
/// rejected, until it is dropped. No job: it has nearly always something to
/// do or nothing, may be done by several processes at once, and would fill the list of jobs.
pub(crate) struct Follower {
    stop: mpsc::Sender<()>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Follower {
    /// Errors: `internal` when there is no thread to be had.
    pub(crate) fn start(db: &Db, metering: &Metering) -> Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let (db, metering) = (db.background(), metering.clone());
        // In facts it goes by the name of a job, one for each process.
        let actor = Actor::Job(kernel::new_id(&SystemIds));
        let run = move || {
            let mut pauses: u32 = 0;
            while stopped.recv_timeout(PAUSE) == Err(mpsc::RecvTimeoutError::Timeout) {
                said("alerts could not be told", tell(&db, actor));
                said("rejected events could not be kept", metering.keep_rejected());
                pauses = pauses.wrapping_add(1);
                if pauses.is_multiple_of(PAUSES) {
                    said("new events could not be taken to their subscriptions", follow(&db, actor));
                    said("invoices could not be posted to critical meters", settle(&db, actor));
                }
                if pauses.is_multiple_of(JUMPS) {
                    said("jumps of usage could not be told", jumps(&db, actor));
                }
            }
            said("rejected events could not be kept", metering.keep_rejected());
        };
        let thread = thread::Builder::new().name("usage-follow".to_owned()).spawn(run);
        let thread =
            thread.map_err(|error| Error::internal(format!("no thread to follow usage: {error}")))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Stop, and wait until what is being done is done.
    pub(crate) fn stop(mut self) {
        drop(self.stop);
        if let Some(thread) = self.thread.take() {
            // A panic was told of when it happened.
            let _ = thread.join();
        }
    }
}

/// What did not work is tried again; it is told of here and stops nothing else.
fn said(what: &'static str, done: Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%error, "{what}; trying again");
    }
}

/// Lines of invoices go to the double entry of critical meters, in every environment.
fn settle(db: &Db, actor: Actor) -> Result<()> {
    environments(db, actor)?.iter().try_for_each(|scope| double_entry::follow(db, scope))
}

/// Days far above the usual are told of, in every environment.
fn jumps(db: &Db, actor: Actor) -> Result<()> {
    for scope in environments(db, actor)? {
        let Some(version) = db.read(&scope, version::newest).wait()? else { continue };
        match metering::jump::follow(db, &scope, &Meters::of(&version.book)) {
            // A sandbox whose clock moves tells when it stands again.
            Err(error) if error.code == "clock_advancing" => {}
            told => drop(told?),
        }
    }
    Ok(())
}

/// Limits that were reached become alerts, in every environment.
fn tell(db: &Db, actor: Actor) -> Result<()> {
    for scope in environments(db, actor)? {
        match metering::alert::follow(db, &scope) {
            // A sandbox whose clock moves tells when it stands again.
            Err(error) if error.code == "clock_advancing" => {}
            told => drop(told?),
        }
    }
    Ok(())
}

/// Events become figures of subscriptions, late ones too, in every environment.
fn follow(db: &Db, actor: Actor) -> Result<()> {
    for scope in environments(db, actor)? {
        match billing::usage::follow(db, &scope) {
            Ok(followed) if followed.refused > 0 || followed.late > 0 => {
                tracing::info!(?followed, "usage came for what is billed");
            }
            Ok(_) => {}
            // A sandbox whose clock moves measures by itself; the rest waits.
            Err(error) if error.code == "clock_advancing" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Events and names older than they are kept, in real time: a sandbox's clock may be years ahead.
fn sweep(work: &Work, options: &Options) -> Result<Json> {
    let (mut chunks, mut segments) = (0, 0);
    for scope in environments(&work.db, work.scope.actor)? {
        let now = work.db.read(&scope, |view| Ok(view.now())).wait()?.min(work.db.real_now());
        let swept = metering::retention::sweep(&work.db, &scope, options, now)?;
        chunks += swept.chunks;
        segments += swept.segments;
    }
    Ok(json!({ "chunks": chunks, "segments": segments }))
}

fn environments(db: &Db, actor: Actor) -> Result<Vec<Scope>> {
    let all = db.read(&Scope::installation("follow usage"), identity::environment::every).wait()?;
    Ok(all.into_iter().map(|one| Scope::environment(one.id, one.mode, actor)).collect())
}
