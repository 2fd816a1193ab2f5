//! The runner's side of a job: taking it, keeping it, settling it. Installation work throughout.

use std::sync::{Arc, atomic::AtomicBool};

use jiff::Timestamp;
use kernel::{Error, Result, ids};
use serde_json::Value as Json;
use store::{Db, Scope, Tx, params};

use super::{
    model::{Job, Lease, RunOutcome, State},
    ops::{LOST, STOPPED, go_on},
    rules::{LEASE, backoff, later},
    sql,
};

/// Where the runner works.
pub(crate) const SCOPE: Scope = Scope::installation("run jobs");

/// Take the job of these kinds that has waited longest; none when there is nothing to do, or when this process is
/// stopping.
pub(crate) fn claim(db: &Db, kinds: &[String], stopping: &Arc<AtomicBool>) -> Result<Option<(Job, Lease)>> {
    loop {
        let (now, names) = (db.real_now(), kinds.to_vec());
        let waiting =
            db.read(&SCOPE, move |view| view.opt(&sql::PEEK, params![now, names], |_| Ok(()))).wait()?;
        if waiting.is_none() {
            return Ok(None);
        }
        let (names, stopping) = (kinds.to_vec(), Arc::clone(stopping));
        match db.write(&SCOPE, move |tx| try_claim(tx, &names, &stopping)).wait() {
            Ok(Claim::Taken(job, lease)) => return Ok(Some((*job, lease))),
            Ok(Claim::Nothing) => return Ok(None),
            Ok(Claim::GaveUp) => {}
            Err(error) if error.code == STOPPED => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

enum Claim {
    Taken(Box<Job>, Lease),
    /// Another runner was faster.
    Nothing,
    /// A job that took its process down with it once too often.
    GaveUp,
}

fn try_claim(tx: &mut Tx<'_>, kinds: &Vec<String>, stopping: &Arc<AtomicBool>) -> Result<Claim> {
    let (now, token) = (tx.recorded(), tx.new_id::<ids::Job>().uuid());
    let taken = tx.opt(&sql::CLAIM, params![now, kinds, token, later(now, LEASE)], sql::read_job)?;
    let Some(job) = taken else { return Ok(Claim::Nothing) };
    let lease = Lease { env: job.env, job: job.id, token, stopping: Arc::clone(stopping) };
    // After the claim: a job that another thread has just put back because of the stop is not taken up again.
    go_on(&lease)?;
    if job.attempts > 1 {
        tx.exec(&sql::LOSE_RUNS, params![job.env, job.id, now])?;
    }
    if job.attempts > job.max_attempts {
        let why = "job_lost: Each process that ran this job died or lost the database before it ended.";
        settle_row(
            tx,
            &lease,
            &Settled { error: Some(why.to_owned()), ..Settled::ended(State::Failed, now) },
        )?;
        return Ok(Claim::GaveUp);
    }
    tx.exec_one(&sql::BEGIN_RUN, params![job.env, job.id, job.attempts, now])?;
    Ok(Claim::Taken(Box::new(job), lease))
}

/// Keep leases of jobs that are being worked on.
pub(crate) fn renew(db: &Db, leases: Vec<Lease>) -> Result<()> {
    let renew = move |tx: &mut Tx<'_>| {
        let until = later(tx.recorded(), LEASE);
        // One that is lost stays lost: its holder finds out by itself.
        leases.iter().try_for_each(|lease| {
            tx.exec(&sql::RENEW, params![lease.env, lease.job, lease.token, until]).map(drop)
        })
    };
    db.write(&SCOPE, renew).wait()
}

/// What becomes of a job after an attempt.
struct Settled {
    state: State,
    /// The next attempt, or when the last one ended.
    run_at: Timestamp,
    error: Option<String>,
    result: Option<Json>,
    finished: Option<Timestamp>,
    /// Attempts that were not the job's fault.
    pardoned: i64,
}

impl Settled {
    const fn ended(state: State, now: Timestamp) -> Self {
        Self { state, run_at: now, error: None, result: None, finished: Some(now), pardoned: 0 }
    }

    const fn again(run_at: Timestamp, error: Option<String>) -> Self {
        Self { state: State::Queued, run_at, error, result: None, finished: None, pardoned: 0 }
    }
}

/// Decide what becomes of a job, and how the attempt reads in the run log.
fn decide(job: &Job, ended: Result<Json>, now: Timestamp) -> (Settled, RunOutcome) {
    match ended {
        Ok(result) => {
            (Settled { result: Some(result), ..Settled::ended(State::Done, now) }, RunOutcome::Done)
        }
        Err(error) if error.code == STOPPED => {
            (Settled { pardoned: 1, ..Settled::again(now, job.error.clone()) }, RunOutcome::Stopped)
        }
        Err(error) => {
            let told = Some(tell(&error));
            let settled = if job.attempts < job.max_attempts {
                Settled::again(later(now, backoff(job.attempts)), told)
            } else {
                Settled { error: told, ..Settled::ended(State::Failed, now) }
            };
            (settled, RunOutcome::Failed)
        }
    }
}

/// An error as it is stored.
pub(crate) fn tell(error: &Error) -> String {
    format!("{}: {}", error.code, error.detail)
}

/// Store how an attempt ended. Errors: `lease_lost` when the job has gone to another process.
pub(crate) fn settle(db: &Db, job: &Job, lease: &Lease, ended: &Result<Json>) -> Result<()> {
    if let Err(error) = ended {
        let Error { code, detail, .. } = error;
        tracing::warn!(job = %job.id, kind = job.kind, attempt = job.attempts, code, detail, "a job did not end well");
        if *code == LOST {
            return Err(error.clone());
        }
    }
    let (job, lease, ended) = (job.clone(), lease.clone(), ended.clone());
    let settle = move |tx: &mut Tx<'_>| {
        let now = tx.recorded();
        let (settled, outcome) = decide(&job, ended.clone(), now);
        settle_row(tx, &lease, &settled)?;
        let detail = if outcome == RunOutcome::Failed { settled.error } else { None };
        tx.exec_one(&sql::END_RUN, params![job.env, job.id, job.attempts, now, outcome.word(), detail])
    };
    db.write(&SCOPE, settle).wait()
}

fn settle_row(tx: &mut Tx<'_>, lease: &Lease, settled: &Settled) -> Result<()> {
    let Settled { state, run_at, error, result, finished, pardoned } = settled;
    let state = state.word();
    let params = params![lease.env, lease.job, lease.token, state, run_at, error, result, finished, pardoned];
    match tx.exec(&sql::SETTLE, params)? {
        1 => Ok(()),
        _ => Err(Error::conflict(LOST, "Another process has taken this job over.")),
    }
}
