//! The jobs of metering: what came in goes to billing, and what is old goes away.

use jobs::{Every, JobKind, Schedule, Work};
use kernel::Result;
use metering::Options;
use serde_json::{Value as Json, json};
use store::Scope;

const FOLLOW: &str = "usage.follow";
const SWEEP: &str = "usage.sweep";

/// Every minute, and every night.
pub(crate) const SCHEDULES: &[Schedule] = &[
    Schedule { name: FOLLOW, kind: FOLLOW, every: Every::Seconds(60) },
    Schedule { name: SWEEP, kind: SWEEP, every: Every::DailyUtc { hour: 3, minute: 40 } },
];

pub(crate) fn job_kinds(options: &Options) -> [JobKind; 2] {
    let options = options.clone();
    [
        JobKind::new(FOLLOW, follow),
        JobKind { name: SWEEP, run: std::sync::Arc::new(move |work: &Work| sweep(work, &options)) },
    ]
}

/// Events become figures of subscriptions, late ones too.
fn follow(work: &Work) -> Result<Json> {
    let (mut open, mut late, mut refused) = (0, 0, 0);
    for scope in environments(work)? {
        match billing::usage::follow(&work.db, &scope) {
            Ok(followed) => {
                open += followed.open;
                late += followed.late;
                refused += followed.refused;
            }
            // A sandbox whose clock moves measures by itself; the rest waits for the next minute.
            Err(error) if error.code == "clock_advancing" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(json!({ "open": open, "late": late, "refused": refused }))
}

/// Events and names older than they are kept, in real time: a sandbox's clock may be years ahead.
fn sweep(work: &Work, options: &Options) -> Result<Json> {
    let (mut chunks, mut segments) = (0, 0);
    for scope in environments(work)? {
        let now = work.db.read(&scope, |view| Ok(view.now())).wait()?.min(work.db.real_now());
        let swept = metering::retention::sweep(&work.db, &scope, options, now)?;
        chunks += swept.chunks;
        segments += swept.segments;
    }
    Ok(json!({ "chunks": chunks, "segments": segments }))
}

fn environments(work: &Work) -> Result<Vec<Scope>> {
    let all = work.db.read(&work.scope, identity::environment::every).wait()?;
    let actor = work.scope.actor;
    Ok(all.into_iter().map(|one| Scope::environment(one.id, one.mode, actor)).collect())
}
