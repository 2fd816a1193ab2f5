//! `steelyard migrate`

use store::Location;

use crate::{failure::Outcome, output, place::Place};

pub fn run(place: &Place) -> Outcome {
    if matches!(place.location, Location::Sqlite(_)) {
        place.must_exist()?;
    }
    let current = place.open_with(false).is_ok();
    if current {
        output::say(format!("{} is up to date.", place.shown()));
        return Ok(());
    }
    place.open_and_migrate()?;
    output::say(format!("{} was brought up to date.", place.shown()));
    Ok(())
}
