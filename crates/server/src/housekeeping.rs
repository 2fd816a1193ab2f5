//! What is swept away every night: answers kept for repetition, expired sign-ins, old finished jobs.

use jiff::{SignedDuration, Timestamp};
use jobs::{Every, JobKind, Schedule, Work};
use kernel::Result;
use serde_json::{Value as Json, json};
use store::{Scope, idempotency};

/// How long the answer to a request with an `Idempotency-Key` is kept.
const ANSWERS: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How long a finished job and its run log are kept.
const JOBS: SignedDuration = SignedDuration::from_hours(24 * 90);

const FORGET_ANSWERS: &str = "answers.forget";
const FORGET_SIGN_INS: &str = "sign_ins.forget";
const FORGET_JOBS: &str = "jobs.forget";

/// Nightly, some minutes apart.
pub(crate) const SCHEDULES: &[Schedule] =
    &[nightly(FORGET_ANSWERS, 10), nightly(FORGET_SIGN_INS, 20), nightly(FORGET_JOBS, 30)];

const fn nightly(kind: &'static str, minute: u8) -> Schedule {
    Schedule { name: kind, kind, every: Every::DailyUtc { hour: 3, minute } }
}

pub(crate) fn job_kinds() -> [JobKind; 3] {
    [
        JobKind::new(FORGET_ANSWERS, forget_answers),
        JobKind::new(FORGET_SIGN_INS, forget_sign_ins),
        JobKind::new(FORGET_JOBS, forget_jobs),
    ]
}

fn forget_answers(work: &Work) -> Result<Json> {
    let before = before(work, ANSWERS);
    let mut forgotten = 0;
    for environment in work.db.read(&work.scope, identity::environment::every).wait()? {
        // As due work, so that a sandbox whose clock is being moved is no obstacle.
        let scope = Scope::environment(environment.id, environment.mode, work.scope.actor).for_due_work();
        forgotten += work.db.write(&scope, move |tx| idempotency::forget(tx, before)).wait()?;
    }
    Ok(json!({ "forgotten": forgotten }))
}

fn forget_sign_ins(work: &Work) -> Result<Json> {
    let forgotten = work.db.write(&work.scope, identity::user::forget_expired).wait()?;
    Ok(json!({ "forgotten": forgotten }))
}

fn forget_jobs(work: &Work) -> Result<Json> {
    Ok(json!({ "forgotten": jobs::forget(&work.db, before(work, JOBS))? }))
}

/// The instant of real time that lies so long ago.
fn before(work: &Work, ago: SignedDuration) -> Timestamp {
    work.db.real_now().checked_sub(ago).unwrap_or(Timestamp::MIN)
}
