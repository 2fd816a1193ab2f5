//! Trials: how they begin and what their end does. Pure.
//!
//! A trial of n days ends at the first instant of the local start date + n (domain rules §2).

use std::collections::BTreeMap;

use catalog::{Trial, TrialUsage, WithMethod, WithoutMethod, version::Version};
use jiff::{Span, Timestamp};
use kernel::{Edge, Error, Kind, Period, Result, Schedule, time};

use super::{
    Decision, Owed, Ready, Renewal, Terms, Wanted,
    arrears::{self, Usage},
    change::{Ground, Outcome, outcome, renumber},
    discount::Turn,
    discounted, items, lines, wanted,
};
use crate::{
    charge::{self, Charge},
    invoice::Line,
    subscription::model::{BillFrom, Start, State, Subscription, Transition},
};

/// The most days staff may add to a trial at a time.
pub const MAX_EXTENSION: u16 = 90;

/// Begin a subscription with the price book's trial: nothing is billed before its end. One whose end could not go on
/// as the book says is refused now.
///
/// Errors: `no_trial`, `trial_needs_method`, `trial_in_past`, `price_missing`, and those of items.
pub(super) fn begin(
    terms: &Terms<'_>,
    command: &Start,
    subscription: Subscription,
    charges: Vec<Line>,
) -> Result<Decision> {
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
    let (state, peak) = (State::Trialing, items.first().map_or(0, |plan| plan.quantity));
    let trying = Subscription { state, items, peak, ..until(subscription, start, end) };
    if let WithoutMethod::Downgrade { plan } = &trial.without {
        downgraded(trying.clone(), terms.version, plan, end)?;
    }
    Ok(Decision { subscription: trying, draft: None, charges })
}

/// The subscription in a trial from `start` to `end`.
fn until(subscription: Subscription, start: Edge, end: Edge) -> Subscription {
    let (period, trial_end) = (Period { start, end }, Some(end));
    let rhythm = None; // usage in a trial has no cycle of its own
    Subscription { period, billed_through: end, arrears_from: start, rhythm, trial_end, ..subscription }
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

/// When a customer is written to after the trial, with the days since its end, soonest first.
pub fn follow_ups(trial: &Trial, subscription: &Subscription) -> Result<Vec<(Timestamp, u16)>> {
    let Some(end) = subscription.trial_end else { return Ok(Vec::new()) };
    let after = |days: &u16| Ok((day_after(&subscription.schedule, end.at, i64::from(*days))?.at, *days));
    trial.follow_ups.iter().map(after).collect()
}

/// The end of a trial: what was scheduled for it happens (a cancellation, a change); otherwise, by the price
/// book, with a method of payment it becomes a paid subscription, without one it is suspended, canceled or
/// goes on with another plan. A change that can no longer be made is dropped, and said to be; where the plan to go on
/// with has no price any more, access is off.
///
/// Errors: those of rating.
pub fn end(ready: &Ready<'_>) -> Result<Renewal> {
    let Ready { subscription, agreed, in_force, usage, charges, .. } = *ready;
    let (at, tax_rounding) = (subscription.billed_through, agreed.book.billing.tax_rounding);
    if subscription.ends.is_some_and(|ends| ends <= at.at) {
        let ended = Subscription { state: State::Canceled, scheduled: Vec::new(), ..subscription.clone() };
        return Ok(Renewal { at, subscription: ended, tax_rounding, owed: Owed::default(), dropped: None });
    }
    let mut owed = trial_usage(subscription, agreed, usage, at)?;
    let (tried, version, dropped) = super::with_pending(subscription, agreed, in_force);
    let (mut subscription, lines, dropped) = match by_book(tried.clone(), version, at, charges) {
        Ok((paid, lines)) => (paid, lines, dropped),
        // What cannot go on as agreed waits for somebody to look at it, and holds nothing else up.
        Err(error) if error.kind == Kind::Invalid => {
            (Subscription { state: State::Suspended, ..tried }, Vec::new(), Some(error))
        }
        Err(error) => return Err(error),
    };
    discounted(&mut subscription, &mut owed.lines, at.date, &Turn::Rest(kernel::Exact::one()))?;
    owed.lines.extend(lines);
    Ok(Renewal { at, subscription, tax_rounding, owed, dropped })
}

/// A subscription and the lines that begin its paid time.
type Paid = (Subscription, Vec<Line>);

fn by_book(subscription: Subscription, version: &Version, at: Edge, charges: &[Charge]) -> Result<Paid> {
    let trial = version.book.trial.as_ref();
    let without = trial.map_or(&WithoutMethod::Suspend, |trial| &trial.without);
    if subscription.has_method {
        let WithMethod::Convert = trial.map_or(WithMethod::Convert, |trial| trial.with_method);
        return paid_from(subscription, version, at, charges);
    }
    match without {
        WithoutMethod::Suspend => Ok((Subscription { state: State::Suspended, ..subscription }, Vec::new())),
        WithoutMethod::Cancel => {
            Ok((Subscription { state: State::Canceled, ends: Some(at.at), ..subscription }, Vec::new()))
        }
        WithoutMethod::Downgrade { plan } => {
            paid_from(downgraded(subscription, version, plan, at)?, version, at, charges)
        }
    }
}

/// A trial's subscription on the plan it goes on with: by its own cycle where that plan is sold so, otherwise by the
/// shortest it is sold by, because nobody agreed to pay for longer. A plan priced per unit keeps the units tried.
///
/// Errors: `plan_unknown`, `price_missing` when the plan is not sold in the currency; those of items.
fn downgraded(subscription: Subscription, version: &Version, plan: &str, at: Edge) -> Result<Subscription> {
    let currency = subscription.currency;
    let Schedule { cycle: tried, zone, .. } = subscription.schedule.clone();
    let sold = version.book.plan(plan).and_then(|plan| {
        let mut cycles = std::iter::once(tried).chain(plan.cycles());
        let cycle = cycles.find(|cycle| plan.price_for(*cycle, currency).is_some())?;
        Some((cycle, plan.price_for(cycle, currency)?.unit().is_some()))
    });
    let (cycle, per_unit) = sold.ok_or_else(|| {
        let detail = format!(
            "A trial without a method of payment goes on with {plan}, which has no price in {currency}."
        );
        Error::invalid("price_missing", detail).at("/currency")
    })?;
    let quantity = per_unit.then(|| subscription.plan_quantity());
    let wanted = Wanted { plan, quantity, addons: BTreeMap::new() };
    let items = renumber(&subscription.items, items(&version.book, &wanted, cycle, currency)?);
    let schedule = match version.book.billing.anchor {
        _ if cycle == tried => subscription.schedule.clone(),
        catalog::Anchor::Calendar => Schedule::calendar(at.at, cycle, zone),
        catalog::Anchor::Anniversary => Schedule { cycle, ..subscription.schedule.clone() },
    };
    Ok(Subscription { items, schedule, ..subscription })
}

/// The paid subscription from an edge on: a new anchor, unless the price book keeps the trial's. Usage in the trial
/// is not billed. What is charged once waited for this invoice.
fn paid_from(
    mut subscription: Subscription,
    version: &Version,
    from: Edge,
    charges: &[Charge],
) -> Result<Paid> {
    subscription.schedule.zone = subscription.next_zone.take().unwrap_or(subscription.schedule.zone);
    let keep = version.book.trial.as_ref().is_some_and(|trial| trial.keep_anchor);
    let Schedule { cycle, zone, wall_time, .. } = subscription.schedule.clone();
    let schedule = match (keep, version.book.billing.anchor) {
        (true, _) => subscription.schedule.clone(),
        (false, catalog::Anchor::Calendar) => Schedule::calendar(from.at, cycle, zone),
        (false, catalog::Anchor::Anniversary) => {
            Schedule { wall_time, ..Schedule::anniversary(from.at, cycle, zone) }
        }
    };
    let period = Period { start: from, end: schedule.next_edge_from(from)? };
    let paid = Subscription { state: State::Active, schedule, ..subscription };
    opened(paid, version, period, charges)
}

/// A subscription in a period that is billed from its start.
fn opened(subscription: Subscription, version: &Version, period: Period, charges: &[Charge]) -> Result<Paid> {
    let (billed_through, arrears_from, peak) = (period.end, period.start, subscription.plan_quantity());
    let mut opened = Subscription { period, billed_through, arrears_from, peak, ..subscription };
    opened.rhythm = arrears::rhythm(&opened, version, period.start)?;
    let mut lines = lines(&opened, version, period)?;
    lines.extend(charge::taken(charges, period.start));
    discounted(&mut opened, &mut lines, period.start.date, &Turn::Edge)?;
    Ok((opened, lines))
}

/// End a trial now and begin the paid subscription. Usage in the trial is billed where the price book says so.
///
/// Errors: `transition_illegal`; those of rating.
pub fn convert(
    subscription: &Subscription,
    version: &Version,
    usage: &Usage,
    charges: &[Charge],
    now: Timestamp,
) -> Result<Outcome> {
    Transition::Convert.require(subscription.state)?;
    let from = Edge::at(now, &subscription.schedule.zone);
    let mut owed = trial_usage(subscription, version, usage, from)?;
    let ended = Subscription { trial_end: Some(from), ..subscription.clone() };
    let (mut paid, lines) = paid_from(ended, version, from, charges)?;
    discounted(&mut paid, &mut owed.lines, from.date, &Turn::Rest(kernel::Exact::one()))?;
    owed.lines.extend(lines);
    Ok(outcome(paid, version, owed, now))
}

/// A trial of which a change ends the stretch: as at any other time, what was used before it is what the old state asks for
/// it (domain rules §5). Nothing is invoiced for nothing.
///
/// Errors: those of rating.
pub(super) fn split(
    ground: &Ground<'_>,
    mut trying: Subscription,
    version: &Version,
    (at, now): (Edge, Timestamp),
) -> Result<Outcome> {
    let before = ground.subscription;
    let at = if at.at > before.billed_through.at { before.billed_through } else { at };
    let mut owed = trial_usage(before, ground.agreed, ground.usage, at)?;
    (trying.arrears_from, trying.peak) = (at, trying.plan_quantity());
    if owed.lines.iter().all(Line::is_nothing) {
        owed.unbilled.append(&mut owed.lines);
    }
    discounted(&mut trying, &mut owed.lines, at.date, &Turn::Rest(kernel::Exact::one()))?;
    Ok(outcome(trying, version, owed, now))
}

/// What was used in a trial up to `at`, where the price book bills that.
fn trial_usage(subscription: &Subscription, version: &Version, usage: &Usage, at: Edge) -> Result<Owed> {
    match version.book.billing.trial_usage {
        TrialUsage::Billed => arrears::close_usage(subscription, version, usage, at),
        TrialUsage::Free => Ok(Owed::default()),
    }
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
    let arrears_from = subscription.arrears_from;
    Ok(Subscription { arrears_from, ..until(subscription.clone(), subscription.period.start, end) })
}

/// Switch access off now. What is paid stays paid; nothing falls due until it is switched on again.
///
/// Errors: `transition_illegal`.
pub fn suspend(subscription: &Subscription) -> Result<Subscription> {
    let state = Transition::Suspend.require(subscription.state)?;
    Ok(Subscription { state, ..subscription.clone() })
}

/// Switch access on again, unless the subscription was to end by now. In a period that is paid (or a trial that runs)
/// it goes on as it was; otherwise what was used in that period and the rest of the one its anchor gives are charged.
///
/// Errors: `transition_illegal`.
pub fn reinstate(
    subscription: &Subscription,
    version: &Version,
    usage: &Usage,
    charges: &[Charge],
    now: Timestamp,
) -> Result<Outcome> {
    let state = Transition::Reinstate.require(subscription.state)?;
    let unbilled = |subscription| Ok(Outcome::unbilled(subscription));
    if subscription.ends.is_some_and(|ends| ends <= now) {
        // It was to end while it was suspended.
        let scheduled = Vec::new();
        return unbilled(Subscription { state: State::Canceled, scheduled, ..subscription.clone() });
    }
    let in_trial = subscription.trial_end == Some(subscription.billed_through);
    let runs = now < subscription.billed_through.at;
    let from = Edge::at(now, &subscription.schedule.zone);
    let mut owed = Owed::default();
    let (back, lines) = match (runs, in_trial) {
        (true, true) => return unbilled(Subscription { state: State::Trialing, ..subscription.clone() }),
        (true, false) => return unbilled(Subscription { state, ..subscription.clone() }),
        (false, true) => paid_from(subscription.clone(), version, from, charges)?,
        (false, false) => {
            owed = arrears::close(subscription, version, usage, subscription.billed_through)?;
            let mut back = Subscription { state, ..subscription.clone() };
            back.schedule.zone = back.next_zone.take().unwrap_or(back.schedule.zone);
            let period = Period { start: from, end: back.schedule.next_edge_from(from)? };
            opened(back, version, period, charges)?
        }
    };
    owed.lines.extend(lines);
    Ok(outcome(back, version, owed, now))
}
