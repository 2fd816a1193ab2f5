//! Moving subscriptions, many, one after the other.

use std::{collections::BTreeMap, sync::Arc};

use jobs::{JobKind, NewJob, Work, hold};
use kernel::{
    Error, Result,
    ids::{JobId, SubscriptionId},
};
use serde_json::{Value as Json, json};
use store::Tx;

use super::{model::Migration, ops};
use crate::{
    subscription::{self, Timing},
    usage,
};

/// The kind of the job.
pub const JOB: &str = "subscription.migration";

/// Subscriptions moved in one transaction.
const BATCH: i64 = 50;

/// Move subscriptions to the price book in force, as `migration` says. Those that cannot be moved stay as they are.
///
/// Errors: `migration_running` while another one goes on.
pub fn request(tx: &mut Tx<'_>, migration: &Migration) -> Result<JobId> {
    let payload = serde_json::to_value(migration).map_err(|error| Error::internal(error.to_string()))?;
    let job = jobs::enqueue(tx, NewJob::new(JOB, payload.clone()).once(JOB))?;
    // Asked for twice, the same one goes on; another one has to wait.
    if jobs::find(tx, job)?.payload != payload {
        let detail = "Another migration goes on. Wait until it is done, then look at what is left.";
        return Err(Error::conflict("migration_running", detail));
    }
    Ok(job)
}

/// The job's code. Its result is `{"moved": number, "refused": {code: number}}`. An attempt that goes on after
/// another one finds those that are moved on the version in force, and leaves them.
pub fn job_kind() -> JobKind {
    JobKind { name: JOB, run: Arc::new(run) }
}

fn run(work: &Work) -> Result<Json> {
    let migration: Migration = serde_json::from_value(work.job.payload.clone())
        .map_err(|error| Error::internal(format!("a migration that cannot be read: {error}")))?;
    let asked = migration.clone();
    let total = work.db.read(&work.scope, move |view| ops::count(view, &asked)).wait()?;
    let (mut moved, mut seen, mut after) = (0_i64, 0_i64, None);
    let mut refused = BTreeMap::<&str, u64>::new();
    loop {
        let (from, asked): (Option<SubscriptionId>, _) = (after, migration.clone());
        let page =
            work.db.read(&work.scope, move |view| ops::page(view, &asked, from, BATCH).map(|(all, _)| all));
        let page = page.wait()?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let wanted: Vec<_> = page.iter().filter_map(|one| Some((one.id, migration.change(one)?))).collect();
        for (id, change) in wanted {
            // One at a time: whoever cannot be moved must not keep the others.
            let (lease, timing) = (work.lease.clone(), migration.timing);
            seen += 1;
            let done = seen;
            if timing == Timing::Now {
                usage::catch_up_waiting(&work.db, &work.scope, &id.to_string())?;
            }
            let step = move |tx: &mut Tx<'_>| {
                subscription::change(tx, id, &change, timing)?;
                hold(tx, &lease, done, Some(total.max(done)))
            };
            match work.db.write(&work.scope, step).wait() {
                Ok(()) => moved += 1,
                Err(error) if is_about_it(&error) => *refused.entry(error.code).or_default() += 1,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(json!({ "moved": moved, "refused": refused }))
}

/// Errors that say something about the subscription, and not about the moment.
fn is_about_it(error: &Error) -> bool {
    matches!(error.kind, kernel::Kind::Invalid | kernel::Kind::Conflict | kernel::Kind::NotFound)
        && !["lease_lost", "concurrent_change"].contains(&error.code)
}
