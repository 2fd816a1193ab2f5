//! A job a command waits for: run here, unless a server over the same database takes it first, with its progress.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use jobs::{Job, JobKind, Runner, State};
use kernel::ids::JobId;
use store::Db;

use crate::{
    failure::{Failure, Outcome},
    place::Chosen,
};

/// How often the job's progress is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Run a job to its end; `doing` says what is seen meanwhile. Errors: what made it fail.
pub fn to_its_end(db: &Db, chosen: &Chosen, id: JobId, kind: JobKind, doing: &'static str) -> Outcome<Job> {
    let bar = ProgressBar::new_spinner().with_message(doing);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {pos} done, {elapsed}") {
        bar.set_style(style);
    }
    let ended = AtomicBool::new(false);
    let job = thread::scope(|threads| {
        threads.spawn(|| {
            let runner = Runner::new(db.clone(), vec![kind], Vec::new());
            while !ended.load(Ordering::Relaxed) {
                // A database that is away for a moment is met again below, where it is reported.
                let _ = runner.run_until_idle();
                thread::sleep(LOOK);
            }
        });
        let job = watch(db, chosen, id, &bar);
        ended.store(true, Ordering::Relaxed);
        job
    });
    bar.finish_and_clear();
    let job = job?;
    match job.state {
        State::Done => Ok(job),
        _ => Err(Failure::new(
            format!(
                "The work was not done: {}.",
                job.error.as_deref().unwrap_or("the job ended without a word").trim_end_matches('.')
            ),
            "Remove the cause, then run `steelyard jobs run`.",
        )),
    }
}

fn watch(db: &Db, chosen: &Chosen, id: JobId, bar: &ProgressBar) -> Outcome<Job> {
    loop {
        let job = db.read(&chosen.scope, move |view| jobs::find(view, id)).wait()?;
        bar.set_position(job.done.unsigned_abs());
        if matches!(job.state, State::Done | State::Failed) {
            return Ok(job);
        }
        bar.tick();
        thread::sleep(LOOK);
    }
}

/// What fell due and could not be done is a failure of the command, though the rest is done.
pub fn stuck(db: &Db, chosen: &Chosen) -> Outcome {
    const SHOWN: i64 = 20;
    let stuck = db.read(&chosen.scope, |view| jobs::due::stuck(view, SHOWN)).wait()?;
    if stuck.is_empty() {
        return Ok(());
    }
    let details =
        stuck.into_iter().map(|item| format!("{}: {}", item.due.at, item.error.unwrap_or_default()));
    let advice = "Remove the cause; `steelyard jobs run` then tries again what is stuck.";
    Err(Failure::new("Some of what fell due could not be done.", advice).with_details(details))
}
