//! `steelyard migrate`

use billing::{figures, subscription};
use identity::customer;
use store::{Db, Location, Tx};

use super::check;
use crate::{
    failure::Outcome,
    output,
    place::{self, Place},
};

pub fn run(place: &Place) -> Outcome {
    if matches!(place.location, Location::Sqlite(_)) {
        place.must_exist()?;
    }
    let current = place.open_with(false).is_ok();
    let db = if current { place.open()? } else { place.open_and_migrate()? };
    let said = if current { "is" } else { "was brought" };
    output::say(format!("{} {said} up to date.", place.shown()));
    count_again(&db)
}

/// Count rows and add up months anew where they are not what is there: an older release that wrote here, before a newer one
/// or beside it, did not.
fn count_again(db: &Db) -> Outcome {
    for chosen in place::every(db)? {
        let differ = db.read(&chosen.scope, check::counts_differ).wait()?;
        let work = move |tx: &mut Tx<'_>| {
            if differ {
                customer::count_again(tx)?;
                ledger::count_accounts_again(tx)?;
                subscription::count_again(tx)?;
            }
            figures::renew(tx)
        };
        let renewed = db.write(&chosen.scope.clone().for_due_work(), work).wait()?;
        if differ {
            let shown = chosen.shown();
            output::say(format!("{shown}: customers, subscriptions and accounts were counted again."));
        }
        if renewed {
            output::say(format!("{}: what was billed each month was added up again.", chosen.shown()));
        }
    }
    Ok(())
}
