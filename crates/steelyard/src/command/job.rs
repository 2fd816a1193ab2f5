//! `steelyard jobs list | run`

use jobs::{Job, Runner};
use store::Scope;

use crate::{
    arguments::Jobs,
    failure::{Failure, Outcome},
    output::{self, count},
    place::{self, Place},
    table::{Side, Table},
};

pub fn run(place: &Place, asked: &Jobs) -> Outcome {
    match asked {
        Jobs::List { installation, limit, json } => list(place, *installation, *limit, *json),
        Jobs::Run => run_all(place),
    }
}

fn list(place: &Place, installation: bool, limit: u32, json: bool) -> Outcome {
    let db = place.open()?;
    let scope = if installation { Scope::installation("list jobs") } else { place.choose(&db)?.scope };
    let jobs = db.read(&scope, move |view| jobs::list(view, None, limit.into())).wait()?;
    if json {
        output::say_json(&jobs);
        return Ok(());
    }
    let mut table = Table::new([
        ("job", Side::Whole),
        ("kind", Side::Left),
        ("state", Side::Left),
        ("created", Side::Spare),
        ("attempts", Side::Right),
        ("done", Side::Right),
        ("error", Side::Left),
    ]);
    for job in jobs {
        let Job { id, kind, state, created, attempts, done, error, .. } = job;
        let created = format!("{created:.0}");
        table.row([
            id.to_string(),
            kind,
            state.to_string(),
            created,
            attempts.to_string(),
            done.to_string(),
            error.unwrap_or_default(),
        ]);
    }
    table.say("There are no jobs.");
    Ok(())
}

/// Let what is stuck be tried again, then run everything that waits.
fn run_all(place: &Place) -> Outcome {
    let db = place.open()?;
    let mut unstuck = 0;
    for chosen in place::every(&db)? {
        unstuck += db.write(&chosen.scope.for_due_work(), jobs::due::retry_stuck).wait()?;
    }
    if unstuck > 0 {
        output::say(format!(
            "{} tried again.",
            count(i64::try_from(unstuck).unwrap_or(i64::MAX), "stuck due item")
        ));
    }
    let runner =
        Runner::new(db.clone(), server::job_kinds(&metering::Options::default()), server::schedules());
    let attempts = runner.run_until_idle()?;
    output::say(format!(
        "{} run; nothing waits now.",
        count(i64::try_from(attempts).unwrap_or(i64::MAX), "job")
    ));
    let failed = failed_jobs(&db)?;
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new("Some jobs have an error.", "See `steelyard jobs list` and remove the cause.")
        .with_details(failed))
}

/// The newest jobs that failed or wait for another attempt, of the installation and every environment.
fn failed_jobs(db: &store::Db) -> Outcome<Vec<String>> {
    const NEWEST: i64 = 20;
    let scopes = place::every(db)?.into_iter().map(|chosen| chosen.scope);
    let mut failed = Vec::new();
    for scope in [Scope::installation("list jobs")].into_iter().chain(scopes) {
        let jobs = db.read(&scope, |view| jobs::list(view, None, NEWEST)).wait()?;
        let failures = jobs.into_iter().filter_map(|job| Some((job.error?, job.id, job.kind)));
        failed.extend(failures.map(|(error, id, kind)| format!("{id} ({kind}): {error}")));
    }
    Ok(failed)
}
