//! Enqueuing, reading, and holding on to a job.

use jiff::Timestamp;
use kernel::{
    Error, Kind, Result,
    ids::{EnvironmentId, JobId},
};
use serde_json::Value as Json;
use store::{Db, Mode, Scope, Tx, View, params};
use uuid::Uuid;

use super::{
    model::{INSTALLATION, Job, Lease, NewJob, Run},
    rules::{LEASE, later},
    sql::{self, DEDUPED, FIND, HOLD, INSERT, LIST, RUNS},
};

/// Put a job into the queue, in the caller's transaction: it exists when that commits. In an environment
/// it is that environment's; in installation work, the installation's.
///
/// Answers with the job that already waits or runs under the same `dedupe`, when there is one.
pub fn enqueue(tx: &mut Tx<'_>, new: NewJob) -> Result<JobId> {
    let order = Order {
        env: here(tx),
        sandbox: tx.scope().mode() == Mode::Sandbox,
        kind: new.kind,
        payload: &new.payload,
        run_at: new.run_at,
        dedupe: new.dedupe.as_deref(),
        max_attempts: new.max_attempts,
    };
    insert(tx, &order)
}

/// A job to be enqueued anywhere, by installation work.
pub(crate) struct Order<'o> {
    pub env: EnvironmentId,
    pub sandbox: bool,
    pub kind: &'o str,
    pub payload: &'o Json,
    pub run_at: Option<Timestamp>,
    pub dedupe: Option<&'o str>,
    pub max_attempts: u32,
}

pub(crate) fn insert(tx: &mut Tx<'_>, order: &Order<'_>) -> Result<JobId> {
    let (id, now): (JobId, _) = (tx.new_id(), tx.recorded());
    let Order { env, sandbox, kind, payload, run_at, dedupe, max_attempts } = order;
    let (run_at, attempts) = (run_at.unwrap_or(now), (*max_attempts).max(1));
    let params = params![id, kind, payload, sandbox, dedupe, run_at, attempts, now];
    let (statement, params) = INSERT.choose(tx, *env, params);
    if tx.exec(statement, &params)? == 1 {
        return Ok(id);
    }
    let (statement, params) = DEDUPED.choose(tx, *env, params![dedupe]);
    let first = tx.opt(statement, &params, |row| row.get(0))?;
    // None: the other one ended between the two statements.
    first.ok_or_else(|| tx.try_again())
}

fn here(view: &View<'_>) -> EnvironmentId {
    view.scope().env().unwrap_or(INSTALLATION)
}

/// One job of this environment (in installation work: of the installation). Errors: `not_found`.
pub fn find(view: &mut View<'_>, id: JobId) -> Result<Job> {
    let (statement, params) = FIND.choose(view, here(view), params![id]);
    view.opt(statement, &params, sql::read_job)?.ok_or_else(|| Error::not_found("job"))
}

/// The jobs enqueued before job `before` (none: the newest), newest first, at most `limit`.
pub fn list(view: &mut View<'_>, before: Option<JobId>, limit: i64) -> Result<Vec<Job>> {
    let before = before.map_or(Uuid::max(), JobId::uuid);
    let (statement, params) = LIST.choose(view, here(view), params![before, limit]);
    view.all(statement, &params, sql::read_job)
}

/// The run log of a job, oldest attempt first.
pub fn runs(view: &mut View<'_>, id: JobId) -> Result<Vec<Run>> {
    let (statement, params) = RUNS.choose(view, here(view), params![id]);
    view.all(statement, &params, sql::read_run)
}

/// Renew the lease and store the progress, in the transaction whose work it stands for: all of it is
/// undone when the lease is lost. Best as the last thing the transaction does.
///
/// Errors: `lease_lost` when another process has the job; `job_stopped` when this one is asked to stop,
/// upon which the handler ends with that error and the job goes on elsewhere.
pub fn hold(tx: &mut Tx<'_>, lease: &Lease, done: i64, total: Option<i64>) -> Result<()> {
    if tx.scope().env().is_some_and(|env| env != lease.env) {
        return Err(Error::internal("a lease is held in a transaction of its job's environment"));
    }
    go_on(lease)?;
    let until = later(tx.recorded(), LEASE);
    let (statement, params) = HOLD.choose(tx, lease.env, params![lease.job, lease.token, until, done, total]);
    match tx.exec(statement, &params)? {
        1 => Ok(()),
        _ => Err(Error::conflict(LOST, "Another process has taken this job over.")),
    }
}

/// The code of the error when another process has the job.
pub(crate) const LOST: &str = "lease_lost";
/// The code of the error when the process is asked to stop.
pub(crate) const STOPPED: &str = "job_stopped";

/// Errors: `job_stopped` when the process is asked to stop.
pub(crate) fn go_on(lease: &Lease) -> Result<()> {
    if lease.stopping() {
        return Err(Error::new(
            Kind::Unavailable,
            STOPPED,
            "The program is stopping; the job goes on later.",
        ));
    }
    Ok(())
}

/// Delete jobs that ended before `before` (real time), with their run log; how many.
pub fn forget(db: &Db, before: Timestamp) -> Result<u64> {
    const AT_ONCE: i64 = 500;
    let scope = Scope::installation("forget jobs");
    let mut forgotten = 0;
    loop {
        let count = db.write(&scope, move |tx| forget_some(tx, before, AT_ONCE)).wait()?;
        forgotten += count;
        if count < AT_ONCE as u64 {
            return Ok(forgotten);
        }
    }
}

fn forget_some(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64> {
    let mut old: Vec<(EnvironmentId, JobId)> =
        tx.all(&sql::OLD, params![before, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    old.sort_unstable();
    let mut deleted = 0;
    for of_env in old.chunk_by(|a, b| a.0 == b.0) {
        let (env, ids) = (of_env[0].0, of_env.iter().map(|(_, id)| *id).collect::<Vec<_>>());
        tx.exec(&sql::DELETE_RUNS, params![env, ids])?;
        deleted += tx.exec(&sql::DELETE, params![env, ids])?;
    }
    Ok(deleted)
}
