//! Trials and access: converting, extending, suspending and reinstating.

use catalog::version::Version;
use identity::Customer;
use jobs::due::{self, Due};
use kernel::{
    Error, Result,
    ids::{CustomerId, SubscriptionId},
};
use store::{Tx, params};

use super::{
    change::{Changed, Loaded, carry_out, lock},
    sql,
};
use crate::{
    credit_note::Cause,
    subscription::{
        model::{Start, State, Subscription},
        renewal::TRIAL_REMINDER,
        rules::{Decision, change::Outcome, trial},
    },
};

/// A customer has one trial. Errors: `trial_used`.
pub(super) fn check_first(tx: &mut Tx<'_>, starts: &[(Customer, Start)]) -> Result<()> {
    let trying: Vec<CustomerId> =
        starts.iter().filter(|(_, start)| start.trial).map(|(customer, _)| customer.id).collect();
    if trying.is_empty() {
        return Ok(());
    }
    match tx.opt(&sql::TRIED, params![trying], |row| row.get::<CustomerId>(0))? {
        None => Ok(()),
        Some(_) => Err(Error::conflict("trial_used", "This customer had a trial before. Start without one.")),
    }
}

/// The reminders of trials that begin, for the due queue.
pub(super) fn reminders<'s>(
    version: &Version,
    subscriptions: impl Iterator<Item = &'s Subscription>,
) -> Result<Vec<Due>> {
    let Some(book_trial) = &version.book.trial else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for subscription in subscriptions.filter(|subscription| subscription.state == State::Trialing) {
        let due = trial::reminders(book_trial, subscription)?;
        let subject = subscription.id.uuid();
        all.extend(due.into_iter().map(|(at, _)| Due { at, rank: TRIAL_REMINDER.rank, subject }));
    }
    Ok(all)
}

fn outcome(decision: Decision) -> Outcome {
    Outcome { subscription: decision.subscription, credits: Vec::new(), draft: decision.draft }
}

fn unbilled(subscription: Subscription) -> Outcome {
    outcome(Decision { subscription, draft: None })
}

/// End a trial now and begin the paid subscription.
///
/// Errors: `not_found`, `transition_illegal`.
pub fn convert(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Changed> {
    let (loaded, now) = (lock(tx, id)?, tx.now());
    let decision = trial::convert(&loaded.subscription, &loaded.agreed, now)?;
    carry_out(tx, &loaded, outcome(decision), Cause::Change, "subscription.converted")
}

/// Let a trial last longer, by 1 to 90 days. It is reminded of again.
///
/// Errors: `not_found`, `transition_illegal`, `extension_invalid`.
pub fn extend_trial(tx: &mut Tx<'_>, id: SubscriptionId, days: u16) -> Result<Changed> {
    let (loaded, now) = (lock(tx, id)?, tx.now());
    let Loaded { subscription, agreed, .. } = &loaded;
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
    let decision = trial::reinstate(&loaded.subscription, &loaded.agreed, now)?;
    carry_out(tx, &loaded, outcome(decision), Cause::Change, "subscription.reinstated")
}

/// Say whether a method of payment is on file, which decides what the end of a trial does.
///
/// Errors: `not_found`.
pub fn set_method(tx: &mut Tx<'_>, id: SubscriptionId, has_method: bool) -> Result<Changed> {
    let loaded = lock(tx, id)?;
    let told = Subscription { has_method, ..loaded.subscription.clone() };
    carry_out(tx, &loaded, unbilled(told), Cause::Change, "subscription.method_set")
}
