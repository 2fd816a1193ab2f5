//! Events, tallies, figures and invoice lines against each other: on demand and every night, in each environment.

use std::sync::Arc;

use billing::usage::{self, Compared};
use jiff::SignedDuration;
use jobs::{Every, JobKind, NewJob, Schedule, Work};
use kernel::Result;
use metering::{
    Options,
    double::Balance,
    reconcile::{self, Difference, JOB, Proof},
};
use serde_json::{Value as Json, json};
use store::{Db, Scope};

use crate::double_entry;

const ALL: &str = "usage.reconcile_all";
/// Differences that a job's result names.
const NAMED: usize = 200;

/// After the night's sweep.
pub(crate) const SCHEDULES: &[Schedule] =
    &[Schedule { name: ALL, kind: ALL, every: Every::DailyUtc { hour: 4, minute: 20 } }];

pub(crate) fn job_kinds(options: &Options) -> [JobKind; 2] {
    let days = options.kept_days;
    [
        JobKind { name: JOB, run: Arc::new(move |work: &Work| one(work, days)) },
        JobKind { name: ALL, run: Arc::new(all) },
    ]
}

/// What was compared in an environment, and what differs.
#[derive(Clone, Debug)]
pub struct Reconciled {
    /// The log and its tallies, and every difference.
    pub proof: Proof,
    /// What of billing was looked at.
    pub compared: Compared,
}

/// Compare events, tallies, names, figures, invoice lines and the double entry of critical meters of an environment, and
/// name every difference. Events are kept for so many days; what is older cannot be counted anew. Nothing is changed but
/// that lines of issued invoices which are not posted to the double entry yet are.
pub fn reconcile(db: &Db, scope: &Scope, kept_days: u16) -> Result<Reconciled> {
    let now = db.read(scope, |view| Ok(view.now())).wait()?.min(db.real_now());
    let kept = now.checked_sub(SignedDuration::from_hours(24 * i64::from(kept_days))).unwrap_or(now);
    double_entry::follow(db, scope)?;
    let mut proof = reconcile::prove(db, scope, kept)?;
    let compared = usage::reconcile(db, scope, kept, &mut proof)?;
    double_entry::compare(db, scope, &mut proof)?;
    Ok(Reconciled { proof, compared })
}

fn one(work: &Work, days: u16) -> Result<Json> {
    let done = reconcile(&work.db, &work.scope, days)?;
    if done.proof.differences > 0 {
        tracing::error!(differences = done.proof.differences, job = %work.job.id, "usage does not reconcile");
    }
    Ok(done.json())
}

/// A job for each environment: one that is large keeps none of the others waiting.
fn all(work: &Work) -> Result<Json> {
    let mut enqueued = 0;
    for environment in work.db.read(&work.scope, identity::environment::every).wait()? {
        let scope = Scope::environment(environment.id, environment.mode, work.scope.actor).for_due_work();
        work.db.write(&scope, |tx| jobs::enqueue(tx, NewJob::new(JOB, json!({})).once(JOB))).wait()?;
        enqueued += 1;
    }
    Ok(json!({ "environments": enqueued }))
}

impl Reconciled {
    /// As a job's result.
    pub fn json(&self) -> Json {
        let Self { proof, compared } = self;
        let named: Vec<Json> = proof.named.iter().take(NAMED).map(shown).collect();
        let critical: Vec<Json> = proof.balances.iter().map(balance).collect();
        json!({
            "tallies": proof.tallies, "events": proof.events, "chunks": proof.chunks, "figures": compared.figures,
            "lines": compared.lines, "differences": proof.differences, "named": named, "critical": critical,
        })
    }
}

/// The accounts of a critical meter.
fn balance(one: &Balance) -> Json {
    json!({
        "meter": one.meter, "source": one.source.to_string(), "usage": one.usage.to_string(),
        "billed": one.billed.to_string(), "sum": one.sum().to_string(),
    })
}

fn shown(difference: &Difference) -> Json {
    let Difference { code, customer, meter, place, expected, found } = difference;
    json!({
        "code": code, "customer": customer, "meter": meter, "place": place, "expected": expected, "found": found,
    })
}
