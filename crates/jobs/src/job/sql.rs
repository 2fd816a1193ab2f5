//! The only SQL on `job` and `job_run`.
//!
//! Jobs of the installation are under the nil environment and reached by installation work. A statement
//! for both scopes has one text, declared twice: its `$1`, the environment, is bound by the transaction
//! in the one and by [`Either::choose`] in the other.

use kernel::{Result, ids::EnvironmentId};
use store::{Row, Statement, Value, View, statements};

use super::model::{Job, Run, RunOutcome, State};

macro_rules! columns {
    () => {
        "env_id, sandbox, id, kind, payload, state, dedupe, run_at, attempts, max_attempts, done, total, error,
         result, created, finished"
    };
}

const INSERT_TEXT: &str =
    "INSERT INTO job (env_id, id, kind, payload, sandbox, state, dedupe, run_at, attempts,
        max_attempts, done, created)
    VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7, 0, $8, 0, $9) ON CONFLICT DO NOTHING";
const DEDUPED_TEXT: &str =
    "SELECT id FROM job WHERE env_id = $1 AND dedupe = $2 AND state IN ('queued', 'running')";
const HOLD_TEXT: &str = "UPDATE job SET lease_until = $4, done = $5, total = $6
    WHERE env_id = $1 AND id = $2 AND lease = $3 AND state = 'running'";
const FIND_TEXT: &str = concat!("SELECT ", columns!(), " FROM job WHERE env_id = $1 AND id = $2");
const LIST_TEXT: &str =
    concat!("SELECT ", columns!(), " FROM job WHERE env_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
const RUNS_TEXT: &str = "SELECT attempt, started, finished, outcome, detail FROM job_run
    WHERE env_id = $1 AND job_id = $2 ORDER BY attempt";

statements! {
    environment INSERT_HERE = INSERT_TEXT;
    installation INSERT_ANYWHERE = INSERT_TEXT;
    environment DEDUPED_HERE = DEDUPED_TEXT;
    installation DEDUPED_ANYWHERE = DEDUPED_TEXT;
    environment HOLD_HERE = HOLD_TEXT;
    installation HOLD_ANYWHERE = HOLD_TEXT;
    environment FIND_HERE = FIND_TEXT;
    installation FIND_ANYWHERE = FIND_TEXT;
    environment LIST_HERE = LIST_TEXT;
    installation LIST_ANYWHERE = LIST_TEXT;
    environment RUNS_HERE = RUNS_TEXT;
    installation RUNS_ANYWHERE = RUNS_TEXT;

    /// Whether there is anything to claim: an idle runner only reads.
    installation PEEK = "SELECT id FROM job
        WHERE state IN ('queued', 'running') AND coalesce(lease_until, run_at) <= $1 AND kind IN_TEXTS($2) LIMIT 1";
    /// Take the job that has waited longest: due, or under a lease that ran out.
    installation CLAIM = concat!(
        "WITH next AS MATERIALIZED (
            SELECT env_id, id FROM job
            WHERE state IN ('queued', 'running') AND coalesce(lease_until, run_at) <= $1 AND kind IN_TEXTS($2)
            ORDER BY coalesce(lease_until, run_at), id LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        UPDATE job SET state = 'running', attempts = attempts + 1, lease = $3, lease_until = $4
        WHERE (env_id, id) IN (SELECT env_id, id FROM next)
        RETURNING ", columns!());
    installation BEGIN_RUN = "INSERT INTO job_run (env_id, job_id, attempt, started, outcome)
        VALUES ($1, $2, $3, $4, 'running')";
    /// The attempts of a job whose holder was not heard of again.
    installation LOSE_RUNS = "UPDATE job_run SET finished = $3, outcome = 'lost'
        WHERE env_id = $1 AND job_id = $2 AND outcome = 'running'";
    installation END_RUN = "UPDATE job_run SET finished = $4, outcome = $5, detail = $6
        WHERE env_id = $1 AND job_id = $2 AND attempt = $3";
    installation RENEW = "UPDATE job SET lease_until = $4
        WHERE env_id = $1 AND id = $2 AND lease = $3 AND state = 'running'";
    installation SETTLE = "UPDATE job SET lease = NULL, lease_until = NULL, state = $4, run_at = $5, error = $6,
            result = $7, finished = $8, max_attempts = max_attempts + CAST($9 AS bigint)
        WHERE env_id = $1 AND id = $2 AND lease = $3 AND state = 'running'";
    installation OLD = "SELECT env_id, id FROM job WHERE finished < $1
        ORDER BY finished LIMIT $2 FOR UPDATE SKIP LOCKED";
    installation DELETE_RUNS = "DELETE FROM job_run WHERE env_id = $1 AND job_id IN_IDS($2)";
    installation DELETE = "DELETE FROM job WHERE env_id = $1 AND id IN_IDS($2)";
}

/// One text for a transaction of an environment and for one of the installation.
pub(crate) struct Either(&'static Statement, &'static Statement);

pub(crate) const INSERT: Either = Either(&INSERT_HERE, &INSERT_ANYWHERE);
pub(crate) const DEDUPED: Either = Either(&DEDUPED_HERE, &DEDUPED_ANYWHERE);
pub(crate) const HOLD: Either = Either(&HOLD_HERE, &HOLD_ANYWHERE);
pub(crate) const FIND: Either = Either(&FIND_HERE, &FIND_ANYWHERE);
pub(crate) const LIST: Either = Either(&LIST_HERE, &LIST_ANYWHERE);
pub(crate) const RUNS: Either = Either(&RUNS_HERE, &RUNS_ANYWHERE);

impl Either {
    /// The statement for this transaction, and its parameters: with `env` before the others where the
    /// transaction does not bind one itself.
    pub(crate) fn choose<'v>(
        &self,
        view: &View<'_>,
        env: EnvironmentId,
        params: &[Value<'v>],
    ) -> (&'static Statement, Vec<Value<'v>>) {
        match view.scope().env() {
            Some(_) => (self.0, params.to_vec()),
            None => {
                (self.1, std::iter::once(Value::Uuid(env.uuid())).chain(params.iter().cloned()).collect())
            }
        }
    }
}

/// Reads the columns every job is read by.
pub(crate) fn read_job(row: &Row<'_>) -> Result<Job> {
    Ok(Job {
        env: row.get(0)?,
        sandbox: row.get(1)?,
        id: row.get(2)?,
        kind: row.get(3)?,
        payload: row.get(4)?,
        state: row.parse(5, State::parse)?,
        dedupe: row.get(6)?,
        run_at: row.get(7)?,
        attempts: row.get(8)?,
        max_attempts: row.get(9)?,
        done: row.get(10)?,
        total: row.get(11)?,
        error: row.get(12)?,
        result: row.get(13)?,
        created: row.get(14)?,
        finished: row.get(15)?,
    })
}

pub(crate) fn read_run(row: &Row<'_>) -> Result<Run> {
    Ok(Run {
        attempt: row.get(0)?,
        started: row.get(1)?,
        finished: row.get(2)?,
        outcome: row.parse(3, RunOutcome::parse)?,
        detail: row.get(4)?,
    })
}
