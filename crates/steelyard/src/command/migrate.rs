//! `steelyard migrate`

use billing::subscription;
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
    if current {
        output::say(format!("{} is up to date.", place.shown()));
        return count_again(&place.open()?);
    }
    place.open_and_migrate()?;
    output::say(format!("{} was brought up to date.", place.shown()));
    Ok(())
}

/// An older release that wrote here beside a newer one counted nothing.
fn count_again(db: &Db) -> Outcome {
    for chosen in place::every(db)? {
        if db.read(&chosen.scope, check::counts_differ).wait()? {
            let work = |tx: &mut Tx<'_>| {
                customer::count_again(tx)?;
                ledger::count_accounts_again(tx)?;
                subscription::count_again(tx)
            };
            db.write(&chosen.scope.clone().for_due_work(), work).wait()?;
            output::say(format!(
                "{}: customers, subscriptions and accounts were counted again.",
                chosen.shown()
            ));
        }
    }
    Ok(())
}
