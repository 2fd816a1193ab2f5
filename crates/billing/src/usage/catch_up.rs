//! Measuring a subscription right before something is decided about it.
//!
//! A change, a pause or a cancellation bills the stretch that ends with it by the figures that are posted, and those
//! follow the log of events a few seconds behind. Usage lies in another database file than what it is billed by, so
//! that it cannot be read in the transaction that decides: whoever asks for the decision measures first. What comes in
//! between is a late figure like any other.

use jiff::Timestamp;
use kernel::{Kind, Result};
use store::{Db, Scope, View};

use super::{
    cut::keep,
    measure::{Known, Stretch, count_all},
};
use crate::subscription::{self, State, rules::arrears};

/// Post what metering measured until now for the open stretches of a subscription, named `sub_…` or `ext:…`. Whether
/// there is one is for what is asked next: one that is unknown has nothing to measure.
///
/// Call it before [`subscription::change`], [`subscription::preview_change`], [`subscription::cancel`] and the like. A
/// figure somebody posted by hand stands.
///
/// Errors: `clock_advancing`; those of a database that is away.
pub async fn catch_up(db: &Db, scope: &Scope, reference: &str) -> Result<()> {
    let named = reference.to_owned();
    let (open, now) = db.read(scope, move |view| open_stretches(view, &named)).await?;
    if open.is_empty() {
        return Ok(());
    }
    let counted = db.usage().read(scope, move |view| count_all(view, &open, now)).await?;
    if counted.iter().all(|one| one.nothing) {
        return Ok(());
    }
    db.write(scope, move |tx| keep(tx, &counted)).await
}

/// The same for a thread that may wait. Errors as for [`catch_up`].
pub fn catch_up_waiting(db: &Db, scope: &Scope, reference: &str) -> Result<()> {
    let named = reference.to_owned();
    let (open, now) = db.read(scope, move |view| open_stretches(view, &named)).wait()?;
    if open.is_empty() {
        return Ok(());
    }
    let counted = db.usage().read(scope, move |view| count_all(view, &open, now)).wait()?;
    if counted.iter().all(|one| one.nothing) {
        return Ok(());
    }
    db.write(scope, move |tx| keep(tx, &counted)).wait()
}

/// The stretches of a subscription that something is counted for now.
fn open_stretches(view: &mut View<'_>, reference: &str) -> Result<(Vec<Stretch>, Timestamp)> {
    let found = subscription::resolve(view, reference).and_then(|id| subscription::find(view, id));
    let found = match found {
        Ok(found) => found,
        Err(error) if [Kind::NotFound, Kind::Invalid].contains(&error.kind) => {
            return Ok((Vec::new(), view.now()));
        }
        Err(error) => return Err(error),
    };
    let counts = !found.is_over() && found.state != State::Paused;
    if !counts || is_unmeasured(view, &found)? {
        return Ok((Vec::new(), view.now()));
    }
    let known = Known::load(view, vec![found.customer])?;
    let mut open = Vec::new();
    for (one, version, key) in known.keys().filter(|(one, ..)| one.id == found.id) {
        open.push(known.stretch(one, version, key, arrears::open_period(one, version, key)));
    }
    Ok((open, view.now()))
}

/// Whether nothing of a subscription is measured.
fn is_unmeasured(view: &mut View<'_>, found: &subscription::Subscription) -> Result<bool> {
    let version = catalog::version::find(view, found.book)?;
    Ok(arrears::expected(found, &version).is_empty())
}
