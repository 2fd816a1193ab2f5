//! Trials: how they begin and what their end does. Pure.
//!
//! A trial of n days ends at the first instant of the local start date + n (domain rules §2).

use std::collections::BTreeMap;

use catalog::{Trial, WithMethod, WithoutMethod, version::Version};
use jiff::{Span, Timestamp};
use kernel::{Edge, Error, Period, Result, Schedule, time};

use super::{Decision, Renewal, Terms, Wanted, change::renumber, draft, items, lines, wanted};
use crate::subscription::model::{BillFrom, Start, State, Subscription, Transition};

/// The most days staff may add to a trial at a time.
pub const MAX_EXTENSION: u16 = 90;

/// Begin a subscription with the price book's trial: nothing is billed before its end.
///
/// Errors: `no_trial`, `trial_needs_method`, `trial_in_past`, and those of items.
pub(super) fn begin(terms: &Terms<'_>, command: &Start, subscription: Subscription) -> Result<Decision> {
    let book = &terms.version.book;
    let trial =
        book.trial.as_ref().ok_or_else(|| Error::conflict("no_trial", "The price book offers no trial."))?;
    if command.start.is_some() || command.bill_from != BillFrom::Start {
        return Err(Error::invalid("trial_in_past", "A trial begins now.").at("/start"));
    }
    if trial.card_required && !command.has_method {
        let detail = "The price book wants a method of payment before a trial.";
        return Err(Error::conflict("trial_needs_method", detail));
    }
    let tried = Wanted { plan: trial.plan.as_deref().unwrap_or(&command.plan), ..wanted(command) };
    let items = items(book, &tried, command.cycle, subscription.currency)?;
    let end = day_after(&subscription.schedule, subscription.started, i64::from(trial.days))?;
    let start = Edge::at(subscription.started, &subscription.schedule.zone);
    let trying = Subscription { state: State::Trialing, items, ..until(subscription, start, end) };
    Ok(Decision { subscription: trying, draft: None })
}

/// The subscription in a trial from `start` to `end`.
fn until(subscription: Subscription, start: Edge, end: Edge) -> Subscription {
    Subscription { period: Period { start, end }, billed_through: end, trial_end: Some(end), ..subscription }
}

/// The first instant of the local date so many days after the one of `at`.
fn day_after(schedule: &Schedule, at: Timestamp, days: i64) -> Result<Edge> {
    let today = schedule.zone.date_of(at);
    // Business time ends long before the calendar does.
    let edge = Edge::of_date(today.checked_add(Span::new().days(days)).unwrap_or(today), &schedule.zone);
    time::in_range(edge.at)?;
    Ok(edge)
}

/// When the customer is reminded, with the days left, soonest last. A reminder due at or before the
/// trial's start is dropped.
pub fn reminders(trial: &Trial, subscription: &Subscription) -> Result<Vec<(Timestamp, u16)>> {
    let Some(end) = subscription.trial_end else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for days in &trial.reminders {
        let edge = day_after(&subscription.schedule, end.at, -i64::from(*days))?;
        if edge.at > subscription.period.start.at {
            all.push((edge.at, *days));
        }
    }
    Ok(all)
}

/// The end of a trial: what was scheduled for it happens (a cancellation, a change); otherwise, by the price
/// book, with a method of payment it becomes a paid subscription, without one it is suspended, canceled or
/// goes on with another plan. A change that can no longer be made is dropped, and said to be.
///
/// Errors: those of items, when the plan to go on with has no price for the cycle.
pub fn end(subscription: &Subscription, agreed: &Version, in_force: &Version) -> Result<Renewal> {
    let at = subscription.billed_through;
    if subscription.ends == Some(at.at) {
        let ended = Subscription { state: State::Canceled, pending: None, ..subscription.clone() };
        return Ok(Renewal { subscription: ended, draft: None, dropped: None });
    }
    let (tried, version, dropped) = super::with_pending(subscription, agreed, in_force);
    let Decision { subscription, draft } = by_book(&tried, version, at)?;
    Ok(Renewal { subscription, draft, dropped })
}

fn by_book(subscription: &Subscription, version: &Version, at: Edge) -> Result<Decision> {
    let trial = version.book.trial.as_ref();
    let without = trial.map_or(&WithoutMethod::Suspend, |trial| &trial.without);
    if subscription.has_method {
        let WithMethod::Convert = trial.map_or(WithMethod::Convert, |trial| trial.with_method);
        return paid_from(subscription.clone(), version, at);
    }
    match without {
        WithoutMethod::Suspend => {
            Ok(unbilled(Subscription { state: State::Suspended, ..subscription.clone() }))
        }
        WithoutMethod::Cancel => {
            Ok(unbilled(Subscription { state: State::Canceled, ends: Some(at.at), ..subscription.clone() }))
        }
        WithoutMethod::Downgrade { plan } => {
            let wanted = Wanted { plan, quantity: None, addons: BTreeMap::new() };
            let cycle = subscription.schedule.cycle;
            let items = items(&version.book, &wanted, cycle, subscription.currency)?;
            let kept = renumber(&subscription.items, items);
            paid_from(Subscription { items: kept, ..subscription.clone() }, version, at)
        }
    }
}

const fn unbilled(subscription: Subscription) -> Decision {
    Decision { subscription, draft: None }
}

/// The paid subscription from an edge on: a new anchor, unless the price book keeps the trial's.
fn paid_from(subscription: Subscription, version: &Version, from: Edge) -> Result<Decision> {
    let keep = version.book.trial.as_ref().is_some_and(|trial| trial.keep_anchor);
    let Schedule { cycle, zone, wall_time, .. } = subscription.schedule.clone();
    let schedule = match (keep, version.book.billing.anchor) {
        (true, _) => subscription.schedule.clone(),
        (false, catalog::Anchor::Calendar) => Schedule::calendar(from.at, cycle, zone),
        (false, catalog::Anchor::Anniversary) => {
            Schedule { wall_time, ..Schedule::anniversary(from.at, cycle, zone) }
        }
    };
    let period = Period { start: from, end: schedule.next_edge_after(from.at)? };
    let state = State::Active;
    let paid = Subscription { state, schedule, period, billed_through: period.end, ..subscription };
    let lines = lines(&paid, version, period)?;
    let draft = draft(&paid, version, from.at, lines);
    Ok(Decision { subscription: paid, draft: Some(draft) })
}

/// End a trial now and begin the paid subscription.
///
/// Errors: `transition_illegal`.
pub fn convert(subscription: &Subscription, version: &Version, now: Timestamp) -> Result<Decision> {
    Transition::Convert.require(subscription.state)?;
    let from = Edge::at(now, &subscription.schedule.zone);
    let ended = Subscription { trial_end: Some(from), ..subscription.clone() };
    paid_from(ended, version, from)
}

/// Let a trial last `days` longer, 1 to 90.
///
/// Errors: `transition_illegal`, `extension_invalid`.
pub fn extend(subscription: &Subscription, days: u16) -> Result<Subscription> {
    Transition::ExtendTrial.require(subscription.state)?;
    if !(1..=MAX_EXTENSION).contains(&days) {
        let detail = format!("A trial can be extended by 1 to {MAX_EXTENSION} days.");
        return Err(Error::invalid("extension_invalid", detail).at("/days"));
    }
    let end = day_after(&subscription.schedule, subscription.billed_through.at, i64::from(days))?;
    Ok(until(subscription.clone(), subscription.period.start, end))
}

/// Switch access off now. What is paid stays paid; nothing falls due until it is switched on again.
///
/// Errors: `transition_illegal`.
pub fn suspend(subscription: &Subscription) -> Result<Subscription> {
    let state = Transition::Suspend.require(subscription.state)?;
    Ok(Subscription { state, ..subscription.clone() })
}

/// Switch access on again, unless the subscription was to end by now. In a period that is paid (or a trial that runs) it goes on as it was; otherwise
/// the rest of the period its anchor gives is charged.
///
/// Errors: `transition_illegal`.
pub fn reinstate(subscription: &Subscription, version: &Version, now: Timestamp) -> Result<Decision> {
    let state = Transition::Reinstate.require(subscription.state)?;
    if subscription.ends.is_some_and(|ends| ends <= now) {
        // It was to end while it was suspended.
        return Ok(unbilled(Subscription { state: State::Canceled, pending: None, ..subscription.clone() }));
    }
    let in_trial = subscription.trial_end == Some(subscription.billed_through);
    let runs = now < subscription.billed_through.at;
    let zone = &subscription.schedule.zone;
    match (runs, in_trial) {
        (true, true) => Ok(unbilled(Subscription { state: State::Trialing, ..subscription.clone() })),
        (true, false) => Ok(unbilled(Subscription { state, ..subscription.clone() })),
        (false, true) => paid_from(subscription.clone(), version, Edge::at(now, zone)),
        (false, false) => {
            let period =
                Period { start: Edge::at(now, zone), end: subscription.schedule.next_edge_after(now)? };
            let back = Subscription { state, period, billed_through: period.end, ..subscription.clone() };
            let lines = lines(&back, version, period)?;
            let draft = draft(&back, version, now, lines);
            Ok(Decision { subscription: back, draft: Some(draft) })
        }
    }
}
