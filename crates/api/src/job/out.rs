//! Jobs in answers.

use jiff::Timestamp;
use jobs::{Job, Run};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

/// Work in the background. All its instants are real time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobOut {
    #[schema(examples("job_01jdd7w000e008000000000001"))]
    id: String,
    #[schema(examples("clock.advance"))]
    kind: String,
    /// `queued`, `running`, `done` or `failed`.
    state: &'static str,
    /// What it was told.
    #[schema(value_type = Object)]
    payload: Json,
    /// Units done.
    done: i64,
    /// Units in all, when known.
    total: Option<i64>,
    /// Attempts begun.
    attempts: i64,
    /// Attempts allowed.
    max_attempts: i64,
    /// Not before this instant.
    run_at: Timestamp,
    /// `code: detail` of the last failure, while it is the last word.
    error: Option<String>,
    /// What came of it.
    #[schema(value_type = Option<Object>)]
    result: Option<Json>,
    created: Timestamp,
    finished: Option<Timestamp>,
}

impl From<Job> for JobOut {
    fn from(job: Job) -> Self {
        Self {
            id: job.id.to_string(),
            kind: job.kind,
            state: job.state.word(),
            payload: job.payload,
            done: job.done,
            total: job.total,
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            run_at: job.run_at,
            error: job.error.map(for_clients),
            result: job.result,
            created: job.created,
            finished: job.finished,
        }
    }
}

/// A fault of ours is for our log, not for clients.
fn for_clients(error: String) -> String {
    if error.starts_with("internal:") { "internal: Something went wrong here.".to_owned() } else { error }
}

/// A job with its run log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobWithRuns {
    #[serde(flatten)]
    job: JobOut,
    /// Every attempt, oldest first.
    runs: Vec<RunOut>,
}

impl JobWithRuns {
    pub(super) fn new(job: Job, runs: Vec<Run>) -> Self {
        Self { job: job.into(), runs: runs.into_iter().map(RunOut::from).collect() }
    }
}

/// One attempt at a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobRun)]
pub(crate) struct RunOut {
    /// From 1.
    attempt: i64,
    started: Timestamp,
    /// Null while it runs.
    finished: Option<Timestamp>,
    /// `running`, `done`, `failed`, or how else it ended.
    outcome: &'static str,
    /// `code: detail` of what went wrong.
    detail: Option<String>,
}

impl From<Run> for RunOut {
    fn from(run: Run) -> Self {
        Self {
            attempt: run.attempt,
            started: run.started,
            finished: run.finished,
            outcome: run.outcome.word(),
            detail: run.detail.map(for_clients),
        }
    }
}
