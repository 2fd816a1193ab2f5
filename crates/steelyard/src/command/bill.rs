//! `steelyard bill`

use billing::bill_run;
use jiff::Timestamp;
use kernel::ids::JobId;
use store::Db;

use super::{bill_run::totals, check::instant_or_date, foresight, work};
use crate::{
    arguments::Bill,
    failure::Outcome,
    output::{self, count},
    place::{Chosen, Place},
};

pub fn run(place: &Place, asked: &Bill) -> Outcome {
    let at = asked.at.as_deref().map(instant_or_date).transpose()?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    if asked.dry_run {
        return foresight::bill(&db, &chosen, at, asked.limit);
    }
    let id = db.write(&chosen.scope, move |tx| bill_run::request(tx, at)).wait()?;
    work::to_its_end(&db, &chosen, id, bill_run::job_kind_after(billing::usage::cut), "billing")?;
    say_run(&db, &chosen, id, at)?;
    work::stuck(&db, &chosen)
}

/// What a job billed: the run it began, unless there was nothing to do.
fn say_run(db: &Db, chosen: &Chosen, job: JobId, at: Option<Timestamp>) -> Outcome {
    let runs = db.read(&chosen.scope, |view| bill_run::list(view, None, 1)).wait()?;
    let mine = runs.into_iter().next().filter(|run| run.begun_by == job.to_string());
    let Some(run) = mine else {
        let when = at.map_or_else(String::new, |at| format!(" at {at}"));
        output::say(format!("Nothing was due in {}{when}.", chosen.shown()));
        return Ok(());
    };
    let passed = count(run.subscriptions, "subscription");
    output::say(format!("Bill run {}: {} for {passed}.", run.id, count(run.invoices, "invoice")));
    totals(&run)?.into_iter().for_each(output::say);
    Ok(())
}
