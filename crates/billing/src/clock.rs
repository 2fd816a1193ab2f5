//! Moving a sandbox's business time: a job that runs what falls due on the way, in order.

use std::sync::Arc;

use jiff::Timestamp;
use jobs::{
    JobKind, NewJob, Work,
    due::{self, Before, DueKind},
};
use kernel::{Error, Result, ids::JobId, time};
use serde_json::{Value as Json, json};
use store::{Db, Scope, Tx, clock};
use uuid::Uuid;

use crate::bill_run;

/// The kind of the job.
pub const ADVANCE: &str = "clock.advance";

/// Set the clock moving towards `to`. Until the job is done only due work may write.
///
/// Errors: `clock_is_live`, `clock_backwards`, `clock_advancing`, `time_out_of_range`.
pub fn request_advance(tx: &mut Tx<'_>, to: Timestamp) -> Result<JobId> {
    let to = time::in_range(to).map_err(|error| error.at("/to"))?;
    clock::aim(tx, to)?;
    let job = NewJob {
        kind: ADVANCE,
        payload: json!({ "to": to }),
        run_at: None,
        // The clock itself lets only one advance aim; a job that has arrived may still be settling.
        dedupe: None,
        // Only a database that stays away makes an attempt fail, and the clock may not stay in between.
        max_attempts: 1_000,
    };
    jobs::enqueue(tx, job)
}

/// Move a sandbox's clock to `to` here and now, without a job; how much fell due on the way. Meanwhile only due work may
/// write.
///
/// Errors: those of [`request_advance`], and of a database that is away.
pub fn advance_to(db: &Db, scope: &Scope, to: Timestamp) -> Result<u64> {
    advance_to_after(db, scope, to, unmeasured)
}

/// The same with `before` done before each transaction, such as [`usage::cut`](crate::usage::cut).
///
/// Errors: those of [`advance_to`].
pub fn advance_to_after(db: &Db, scope: &Scope, to: Timestamp, before: Before) -> Result<u64> {
    let to = time::in_range(to).map_err(|error| error.at("/to"))?;
    db.write(scope, move |tx| clock::aim(tx, to)).wait()?;
    let scope = scope.clone().for_due_work();
    let done = due::run_after(db, &scope, crate::DUE, before, to, None, due::MAX_BATCH)?;
    db.write(&scope, arrive).wait()?;
    Ok(done)
}

fn arrive(tx: &mut Tx<'_>) -> Result<()> {
    bill_run::close(tx)?;
    clock::arrive(tx)
}

/// The job that does what falls due in a live environment as real time goes on, and ends the bill run it made.
pub fn due_job_kind() -> JobKind {
    due_job_kind_after(unmeasured)
}

/// The same with `before` done before each transaction, such as [`usage::cut`](crate::usage::cut).
pub fn due_job_kind_after(before: Before) -> JobKind {
    let due = jobs::due_job_kind(crate::DUE);
    let run = move |work: &Work| -> Result<Json> {
        let done = do_due(work, &work.scope, work.db.real_now(), before)?;
        work.db.write(&work.scope.clone().for_due_work(), bill_run::close).wait()?;
        Ok(json!({ "done": done }))
    };
    JobKind { name: due.name, run: Arc::new(run) }
}

/// Where nothing is metered: figures of usage are posted by the merchant's own counting.
pub(crate) fn unmeasured(_: &Db, _: &Scope, _: &DueKind, _: Timestamp, _: &[Uuid]) -> Result<()> {
    Ok(())
}

/// Do what is due up to `until`, in batches of the usual size.
pub(crate) fn do_due(work: &Work, scope: &Scope, until: Timestamp, before: Before) -> Result<u64> {
    let lease = Some(&work.lease);
    due::run_after(&work.db, scope, crate::DUE, before, until, lease, due::MAX_BATCH)
}

/// The job's code.
pub fn advance_job_kind() -> JobKind {
    advance_job_kind_after(unmeasured)
}

/// The same with `before` done before each transaction.
pub fn advance_job_kind_after(before: Before) -> JobKind {
    JobKind { name: ADVANCE, run: Arc::new(move |work: &Work| advance(work, before)) }
}

fn advance(work: &Work, before: Before) -> Result<Json> {
    let to: Timestamp = serde_json::from_value(work.job.payload["to"].clone())
        .map_err(|error| Error::internal(format!("a clock job without its target: {error}")))?;
    let scope = work.scope.clone().for_due_work();
    let standing = work.db.read(&scope, clock::read).wait()?;
    if standing.and_then(|standing| standing.target) != Some(to) {
        return Ok(json!({ "ran": 0 })); // an attempt before this one arrived and could not say so
    }
    let done = do_due(work, &scope, to, before)?;
    work.db.write(&scope, arrive).wait()?;
    Ok(json!({ "ran": done }))
}
