//! Bill runs that somebody asks for.

use std::sync::Arc;

use jiff::Timestamp;
use jobs::{JobKind, NewJob, Work, due::Before};
use kernel::{Error, Result, ids::JobId, time};
use serde_json::{Value as Json, json};
use store::Tx;

/// The kind of the job.
pub const JOB: &str = "bill.run";

/// Let everything be billed that is due at `at` (none: now). What was billed stays as it is.
///
/// Errors: `run_in_future`, `time_out_of_range`.
pub fn request(tx: &mut Tx<'_>, at: Option<Timestamp>) -> Result<JobId> {
    let at = time::in_range(at.unwrap_or(tx.now())).map_err(|error| error.at("/at"))?;
    if at > tx.now() {
        let detail = format!("It is {} here. What lies ahead can only be billed as a dry run.", tx.now());
        return Err(Error::invalid("run_in_future", detail).at("/at"));
    }
    let job = NewJob {
        kind: JOB,
        payload: json!({ "at": at }),
        run_at: None,
        // A run that is asked for twice finds nothing left to do.
        dedupe: None,
        max_attempts: 1_000,
    };
    jobs::enqueue(tx, job)
}

/// The job's code. Its result is `{"done": number}` of entries of the due queue.
pub fn job_kind() -> JobKind {
    job_kind_after(crate::clock::unmeasured)
}

/// The same with `before` done before each transaction, such as [`usage::cut`](crate::usage::cut).
pub fn job_kind_after(before: Before) -> JobKind {
    JobKind { name: JOB, run: Arc::new(move |work: &Work| run(work, before)) }
}

fn run(work: &Work, before: Before) -> Result<Json> {
    let at: Timestamp = serde_json::from_value(work.job.payload["at"].clone())
        .map_err(|error| Error::internal(format!("a bill run without its instant: {error}")))?;
    let scope = work.scope.clone().for_due_work();
    let done = crate::clock::do_due(work, &scope, at, before)?;
    work.db.write(&scope, super::close).wait()?;
    Ok(json!({ "done": done }))
}
