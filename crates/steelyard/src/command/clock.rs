//! `steelyard clock show | advance`

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jobs::{Job, Runner, State};
use kernel::ids::JobId;
use store::{Db, Mode, clock};

use super::check::instant_or_date;
use crate::{
    arguments::Clock,
    failure::{Failure, Outcome},
    output::{self, count},
    place::{Chosen, Place},
};

/// How often the job's progress is looked at.
const LOOK: Duration = Duration::from_millis(100);

pub fn run(place: &Place, asked: &Clock) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    match asked {
        Clock::Show => show(&db, &chosen),
        Clock::Advance { to } => advance(&db, &chosen, instant_or_date(to)?),
    }
}

fn show(db: &Db, chosen: &Chosen) -> Outcome {
    let standing = db.read(&chosen.scope, clock::read).wait()?;
    let shown = chosen.shown();
    output::say(match standing {
        None => format!("{shown}: real time, now {}.", db.real_now()),
        Some(clock::Standing { at, target: None }) => format!("{shown}: stands at {at}."),
        Some(clock::Standing { at, target: Some(target) }) => {
            format!("{shown}: on its way from {at} to {target}.")
        }
    });
    Ok(())
}

fn advance(db: &Db, chosen: &Chosen, to: Timestamp) -> Outcome {
    if chosen.environment.mode == Mode::Live {
        let what = format!("{} runs on real time; only a sandbox's clock moves by hand.", chosen.shown());
        return Err(Failure::new(what, "Choose a sandbox with --env."));
    }
    let id = db.write(&chosen.scope, move |tx| billing::clock::request_advance(tx, to)).wait()?;
    let job = run_to_its_end(db, chosen, id)?;
    match job.state {
        State::Done => {
            output::say(format!(
                "{} stands at {to}; {} done on the way.",
                chosen.shown(),
                count(job.done, "due item")
            ));
            stuck(db, chosen)
        }
        _ => Err(Failure::new(
            format!(
                "The clock did not arrive: {}.",
                job.error.as_deref().unwrap_or("the job ended without a word").trim_end_matches('.')
            ),
            "Remove the cause, then run `steelyard jobs run`.",
        )),
    }
}

/// Run the job here, unless a server over the same database takes it first; show how far it is.
fn run_to_its_end(db: &Db, chosen: &Chosen, id: JobId) -> Outcome<Job> {
    let bar = ProgressBar::new_spinner().with_message("moving the clock");
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {pos} done, {elapsed}") {
        bar.set_style(style);
    }
    let ended = AtomicBool::new(false);
    let job = thread::scope(|threads| {
        threads.spawn(|| {
            let runner = Runner::new(db.clone(), vec![billing::clock::advance_job_kind()], Vec::new());
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
    job
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

/// What could not be done on the way is a failure of the command, though the clock has arrived.
fn stuck(db: &Db, chosen: &Chosen) -> Outcome {
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
