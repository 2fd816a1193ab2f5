//! Trials and access: converting, extending, suspending and reinstating.

use catalog::version::Version;
use jiff::Timestamp;
use jobs::due::{self, Due};
use kernel::{Error, Result, ids::SubscriptionId};
use store::Tx;

use super::change::{Changed, Loaded, carry_out, lock};
use crate::{
    credit_note::Cause,
    subscription::{
        edge::TRIAL_REMINDER,
        model::{State, Subscription},
        rules::{change::Outcome, trial},
    },
};

/// The reminders of trials that begin, and what is said after them, for the due queue.
pub(super) fn reminders<'s>(
    version: &Version,
    subscriptions: impl Iterator<Item = &'s Subscription>,
) -> Result<Vec<Due>> {
    let Some(book_trial) = &version.book.trial else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for subscription in subscriptions.filter(|subscription| subscription.state == State::Trialing) {
        let mut due = trial::reminders(book_trial, subscription)?;
        due.extend(trial::follow_ups(book_trial, subscription)?);
        let subject = subscription.id.uuid();
        all.extend(due.into_iter().map(|(at, _)| Due { at, rank: TRIAL_REMINDER.rank, subject }));
    }
    Ok(all)
}

fn unbilled(subscription: Subscription) -> Outcome {
    Outcome::unbilled(subscription)
}

/// A trial whose end has come is just being ended. Errors: `renewal_pending`.
fn check_not_over(subscription: &Subscription, now: Timestamp) -> Result<()> {
    if subscription.state == State::Trialing && now >= subscription.billed_through.at {
        return Err(Error::unavailable(
            "renewal_pending",
            "The trial is just ending. Try again in a moment; in a sandbox, whose time stands still, a bill run ends it.",
        ));
    }
    Ok(())
}

/// End a trial now and begin the paid subscription.
///
/// Errors: `not_found`, `transition_illegal`, `renewal_pending`.
pub fn convert(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Changed> {
    let (loaded, now) = (lock(tx, id)?, tx.now());
    check_not_over(&loaded.subscription, now)?;
    let outcome = trial::convert(&loaded.subscription, &loaded.agreed, &loaded.usage, &loaded.charges, now)?;
    carry_out(tx, &loaded, outcome, Cause::Change, "subscription.converted")
}

/// Let a trial last longer, by 1 to 90 days. It is reminded of again.
///
/// Errors: `not_found`, `transition_illegal`, `extension_invalid`, `renewal_pending`.
pub fn extend_trial(tx: &mut Tx<'_>, id: SubscriptionId, days: u16) -> Result<Changed> {
    let (loaded, now) = (lock(tx, id)?, tx.now());
    let Loaded { subscription, agreed, .. } = &loaded;
    check_not_over(subscription, now)?;
    let extended = trial::extend(subscription, days)?;
    let old = reminders(agreed, std::iter::once(subscription))?;
    let new: Vec<Due> =
        reminders(agreed, std::iter::once(&extended))?.into_iter().filter(|due| due.at > now).collect();
    due::take_back(tx, &old)?;
    due::put(tx, &new)?;
    carry_out(tx, &loaded, unbilled(extended), Cause::Change, "subscription.trial_extended")
}

/// Switch access off. Errors: `not_found`, `transition_illegal`.
pub fn suspend(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Changed> {
    let loaded = lock(tx, id)?;
    let suspended = trial::suspend(&loaded.subscription)?;
    carry_out(tx, &loaded, unbilled(suspended), Cause::Change, "subscription.suspended")
}

/// Switch access on again, and charge the rest of the period when what was paid for is over.
///
/// Errors: `not_found`, `transition_illegal`.
pub fn reinstate(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Changed> {
    let (loaded, now) = (lock(tx, id)?, tx.now());
    let outcome =
        trial::reinstate(&loaded.subscription, &loaded.agreed, &loaded.usage, &loaded.charges, now)?;
    carry_out(tx, &loaded, outcome, Cause::Change, "subscription.reinstated")
}

/// Say whether a method of payment is on file, which decides what the end of a trial does.
///
/// Errors: `not_found`.
pub fn set_method(tx: &mut Tx<'_>, id: SubscriptionId, has_method: bool) -> Result<Changed> {
    let loaded = lock(tx, id)?;
    let told = Subscription { has_method, ..loaded.subscription.clone() };
    carry_out(tx, &loaded, unbilled(told), Cause::Change, "subscription.method_set")
}
