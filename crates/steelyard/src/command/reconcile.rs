//! `steelyard reconcile`

use server::Reconciled;

use super::check::asked_about;
use crate::{
    arguments::Reconcile,
    failure::{Failure, Outcome},
    output::{self, count},
    place::{Chosen, Place},
};

/// Differences that are shown without `--json`.
const SHOWN: usize = 50;

/// Compare events, tallies, names, figures, invoice lines and the double entry of critical meters; fails when they differ.
pub fn run(place: &Place, asked: &Reconcile) -> Outcome {
    let db = place.open()?;
    let mut faults = Vec::new();
    for chosen in asked_about(place, &db, asked.all)? {
        let done = server::reconcile(&db, &chosen.scope, asked.event_days)?;
        if asked.json {
            output::say(done.json());
        } else {
            output::say(sentence(&chosen, &done));
            for one in &done.proof.balances {
                output::say(format!(
                    "  {} in double entry: {} taken in, {} not billed, {} billed, together {}.",
                    one.meter,
                    -&one.source,
                    one.usage,
                    one.billed,
                    one.sum()
                ));
            }
        }
        faults.extend(done.proof.named.iter().take(SHOWN).map(|one| {
            format!(
                "{}: {} of {} at {}: expected {}, found {}",
                chosen.shown(),
                one.code,
                one.meter,
                one.place,
                one.expected,
                one.found
            )
        }));
    }
    if faults.is_empty() {
        return Ok(());
    }
    faults.truncate(SHOWN);
    let advice =
        "Find out who changed the database, and bring back the last good backup with `steelyard restore`.";
    Err(Failure::new("Usage does not reconcile.", advice).with_details(faults))
}

fn sentence(chosen: &Chosen, Reconciled { proof, compared }: &Reconciled) -> String {
    let count = |number: u64, noun| count(i64::try_from(number).unwrap_or(i64::MAX), noun);
    let differences = match proof.differences {
        0 => "no difference".to_owned(),
        some => count(some, "difference"),
    };
    format!(
        "{}: {} counted anew, {} and {} compared, {differences}.",
        chosen.shown(),
        count(proof.events, "event"),
        count(compared.figures, "open figure"),
        count(compared.lines, "invoice line"),
    )
}
