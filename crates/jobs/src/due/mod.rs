//! The due queue of business time: what an environment has to do, and from when on.
//!
//! Whoever decides that something falls due at an instant (a renewal, the end of a trial) puts it here in
//! the same transaction. [`run`] takes it up in order of (instant, rank, subject) with the effective time
//! set to that instant, in the same way for a live environment and for a sandbox whose clock is advanced.

mod run;
mod sql;

use std::sync::Arc;

use jiff::Timestamp;
use kernel::{Result, ids::EnvironmentId};
pub use run::{Before, DueKind, MAX_BATCH, run, run_after};
use serde_json::{Value as Json, json};
pub(crate) use sql::{ALL, BULKS};
use store::{Db, Mode, Row, Scope, ToValue, Tx, View, params};
use uuid::Uuid;

use crate::{
    JobKind,
    job::{DEFAULT_ATTEMPTS, Order, insert},
};

/// Something that falls due. Each is there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// From when on, in business time.
    pub at: Timestamp,
    /// Its kind, and its turn among what falls due at the same instant: lower first.
    pub rank: i64,
    /// What it is about.
    pub subject: Uuid,
}

/// What waits, and why it is stuck if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What.
    pub due: Due,
    /// `code: detail` of why it could not be done; it is passed over until [`retry_stuck`].
    pub error: Option<String>,
}

/// Let these fall due; those already there stay as they are.
///
/// Work created by a handler must come later in order than what is being handled.
pub fn put(tx: &mut Tx<'_>, items: &[Due]) -> Result<()> {
    let sandbox = tx.scope().mode() == Mode::Sandbox;
    let mut items = items.to_vec();
    // In order, so that two transactions that put the same wait for each other in one direction only.
    items.sort_unstable();
    let rows = items
        .iter()
        .map(|due| [due.at.to_value(), due.rank.to_value(), due.subject.to_value(), sandbox.to_value()]);
    tx.bulk(&sql::INSERT, rows).map(drop)
}

/// These do not fall due after all, stuck ones included; how many there were.
pub fn take_back(tx: &mut Tx<'_>, items: &[Due]) -> Result<u64> {
    let mut items = items.to_vec();
    items.sort_unstable();
    let mut taken = 0;
    for alike in items.chunk_by(|a, b| (a.at, a.rank) == (b.at, b.rank)) {
        let subjects: Vec<Uuid> = alike.iter().map(|due| due.subject).collect();
        taken += tx.exec(&sql::TAKE_BACK, params![alike[0].at, alike[0].rank, subjects])?;
    }
    Ok(taken)
}

/// What waits for one subject, in order.
pub fn of_subject(view: &mut View<'_>, subject: Uuid) -> Result<Vec<Waiting>> {
    view.all(&sql::OF_SUBJECT, params![subject], read_waiting)
}

/// What comes next in the environment, in order, at most `limit`.
pub fn next(view: &mut View<'_>, limit: i64) -> Result<Vec<Waiting>> {
    view.all(&sql::NEXT, params![limit], read_waiting)
}

/// What could not be done and is passed over, in order, at most `limit`.
pub fn stuck(view: &mut View<'_>, limit: i64) -> Result<Vec<Waiting>> {
    view.all(&sql::STUCK, params![limit], read_waiting)
}

/// Let what is stuck be tried again; how many.
pub fn retry_stuck(tx: &mut Tx<'_>) -> Result<u64> {
    tx.exec(&sql::RETRY, params![])
}

fn read_due(row: &Row<'_>) -> Result<Due> {
    Ok(Due { at: row.get(0)?, rank: row.get(1)?, subject: row.get(2)? })
}

fn read_waiting(row: &Row<'_>) -> Result<Waiting> {
    Ok(Waiting { due: read_due(row)?, error: row.get(3)? })
}

const SCOPE: Scope = Scope::installation("find due work");

/// The live environments with work due at `now` that is not stuck.
pub fn environments_due(db: &Db, now: Timestamp) -> Result<Vec<EnvironmentId>> {
    db.read(&SCOPE, move |view| view.all(&sql::ENVIRONMENTS, params![now], |row| row.get(0))).wait()
}

/// The kind of the job that runs due work of a live environment, once at a time.
pub(crate) const JOB_KIND: &str = "due.run";

/// What runs the due work of live environments. A [`Runner`](crate::Runner) that has this kind looks for
/// such work every second. The job's result is `{"done": number}`.
pub fn due_job_kind(kinds: &'static [DueKind]) -> JobKind {
    let run = move |work: &crate::Work| -> Result<Json> {
        let until = work.db.real_now();
        let done = run(&work.db, &work.scope, kinds, until, Some(&work.lease), MAX_BATCH)?;
        Ok(json!({ "done": done }))
    };
    JobKind { name: JOB_KIND, run: Arc::new(run) }
}

/// Enqueue the job in each environment that needs it and does not have it.
pub(crate) fn enqueue_runs(db: &Db) -> Result<()> {
    let now = db.real_now();
    let unattended =
        db.read(&SCOPE, move |view| view.all(&sql::UNATTENDED, params![now, JOB_KIND], |row| row.get(0)));
    let environments: Vec<EnvironmentId> = unattended.wait()?;
    if environments.is_empty() {
        return Ok(());
    }
    let enqueue = move |tx: &mut Tx<'_>| {
        environments.iter().try_for_each(|env| {
            let order = Order {
                env: *env,
                sandbox: false,
                kind: JOB_KIND,
                payload: &json!({}),
                run_at: None,
                dedupe: Some(JOB_KIND),
                max_attempts: DEFAULT_ATTEMPTS,
            };
            insert(tx, &order).map(drop)
        })
    };
    db.write(&SCOPE, enqueue).wait()
}
