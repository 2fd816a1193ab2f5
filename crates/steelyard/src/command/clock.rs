//! `steelyard clock show | advance`

use jiff::Timestamp;
use store::{Db, Mode, clock};

use super::{check::instant_or_date, work};
use crate::{
    arguments::Clock,
    failure::{Failure, Outcome},
    output::{self, count},
    place::{Chosen, Place},
};

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
    let job = work::to_its_end(
        db,
        chosen,
        id,
        billing::clock::advance_job_kind_after(billing::usage::cut),
        "moving the clock",
    )?;
    output::say(format!(
        "{} stands at {to}; {} done on the way.",
        chosen.shown(),
        count(job.done, "due item")
    ));
    work::stuck(db, chosen)
}
