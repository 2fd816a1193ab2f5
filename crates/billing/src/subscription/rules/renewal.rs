//! What happens at the edges of periods. Pure.

use catalog::{TaxRounding, version::Version};
use jiff::{Timestamp, civil::Date};
use kernel::{Edge, Error, Period, Result};

use super::{
    Owed,
    arrears::{self, Of, Stretch, Usage},
    change, closing,
    discount::Turn,
    discounted, draft,
    late::Late,
    lines, months_after,
};
use crate::{
    charge::{self, Charge},
    invoice::{Draft, Line},
    subscription::{
        agreement::Term,
        model::{Rhythm, State, Subscription},
    },
};

/// What a decision at the edge of a period rests on.
#[derive(Clone, Copy, Debug)]
pub struct Ready<'a> {
    /// The subscription as it is.
    pub subscription: &'a Subscription,
    /// The price book version it agreed to.
    pub agreed: &'a Version,
    /// The version in force.
    pub in_force: &'a Version,
    /// What is known of its open stretch.
    pub usage: &'a Usage,
    /// Figures that came after their stretch was billed.
    pub late: &'a [Late],
    /// What is charged once and waits for an invoice.
    pub charges: &'a [Charge],
    /// What the stretch that is over and not billed yet rests on.
    pub closing: Option<(&'a Version, &'a Usage)>,
}

/// What happens at the edge a subscription is billed through.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewal {
    /// The edge.
    pub at: Edge,
    /// The new state.
    pub subscription: Subscription,
    /// Over what tax is rounded, by the price book agreed to.
    pub tax_rounding: TaxRounding,
    /// The period that is over in arrears, and the next one in advance unless it ended; coupons taken off.
    pub owed: Owed,
    /// Why a scheduled change could not be made; the subscription then goes on unchanged.
    pub dropped: Option<Error>,
}

impl Renewal {
    /// What it bills, by itself; none when it bills nothing.
    pub fn draft(&self) -> Option<Draft> {
        draft(&self.subscription, self.tax_rounding, self.at.at, self.owed.lines.clone())
    }
}

/// The subscription with the changes that waited for the end of its period, the version it is on then, and why one
/// could not be made.
pub(super) fn with_pending<'v>(
    subscription: &Subscription,
    agreed: &'v Version,
    in_force: &'v Version,
) -> (Subscription, &'v Version, Option<Error>) {
    let (mut next, mut version, mut dropped) = (subscription.without_pending(), agreed, None);
    let due = subscription.scheduled.iter().filter(|step| step.on <= subscription.billed_through.date);
    for step in due {
        let under = step.change.version(version, in_force);
        match change::changed(&next, under, &step.change, subscription.billed_through) {
            Ok(changed) => (next, version) = (changed, under),
            Err(error) => dropped = Some(error),
        }
    }
    (next, version, dropped)
}

/// Bill the period that is over in arrears; then end a subscription that was to end, or make the changes that were
/// scheduled, open the next period and bill it in advance.
///
/// Errors: `time_out_of_range` when the period ends after the year 2999.
pub fn renew(ready: &Ready<'_>) -> Result<Renewal> {
    let Ready { subscription, agreed, in_force, usage, late, charges, .. } = *ready;
    let begins = subscription.billed_through;
    let mut owed = settle(late)?;
    if let Some(rhythm) = subscription.rhythm.filter(|rhythm| rhythm.stretch.end.at < begins.at) {
        return between_edges(ready, owed, rhythm);
    }
    let cut = closing::cut_of(subscription, agreed, begins);
    if cut.is_none() {
        owed.add(arrears::close(subscription, agreed, usage, begins)?);
    }
    owed.lines.extend(charge::taken(charges, begins));
    let closed = Subscription { arrears_from: begins, rhythm: None, ..subscription.clone() };
    let (mut next, version, dropped) = with_pending(&closed, agreed, in_force);
    // A term that is over is followed by the one that was agreed to follow it.
    let followed = next.term.is_some_and(|term| term.ends > begins.date);
    if let Some(mut over) = over(&closed, begins).filter(|over| over.state != State::Expired || !followed) {
        discounted(&mut over, &mut owed.lines, begins.date, &Turn::Edge)?;
        closing::settle(ready, &mut over, &mut owed)?;
        closing::wait(subscription, &mut over, cut, false);
        let tax_rounding = agreed.book.billing.tax_rounding;
        // What was to follow the term could not be.
        let dropped = dropped.filter(|_| over.state == State::Expired);
        return Ok(Renewal { at: begins, subscription: over, tax_rounding, owed, dropped });
    }
    if next.state == State::Scheduled {
        next.state = State::Active;
    }
    next.schedule.zone = next.next_zone.take().unwrap_or(next.schedule.zone);
    next.period = Period { start: begins, end: next.schedule.next_edge_from(begins)? };
    next.billed_through = next.period.end;
    next.peak = next.plan_quantity();
    next.rhythm = arrears::rhythm(&next, version, begins)?;
    next.term = next.term.map(|term| renewed(term, begins.date));
    owed.lines.extend(lines(&next, version, next.period)?);
    discounted(&mut next, &mut owed.lines, begins.date, &Turn::Edge)?;
    closing::settle(ready, &mut next, &mut owed)?;
    closing::wait(subscription, &mut next, cut, false);
    let tax_rounding = version.book.billing.tax_rounding;
    Ok(Renewal { at: begins, subscription: next, tax_rounding, owed, dropped })
}

/// The draft of what is owed between two edges, with the coupons that run.
///
/// Errors: `amount_out_of_range`.
pub fn between(
    subscription: &Subscription,
    version: &Version,
    mut lines: Vec<Line>,
    at: Timestamp,
) -> Result<Option<Draft>> {
    let mut discounted_only = subscription.clone();
    let on = subscription.schedule.zone.date_of(at);
    discounted(&mut discounted_only, &mut lines, on, &Turn::Rest(kernel::Exact::one()))?;
    Ok(draft(subscription, version.book.billing.tax_rounding, at, lines))
}

/// Bill a stretch of usage that ends within a period, and what came late.
fn between_edges(ready: &Ready<'_>, mut owed: Owed, rhythm: Rhythm) -> Result<Renewal> {
    let Ready { subscription, agreed: version, usage, charges, .. } = *ready;
    let at = rhythm.stretch.end;
    let cut = closing::cut_of(subscription, version, at);
    if cut.is_none() {
        Stretch { subscription, version, usage, at, of: Of::Rhythm(rhythm) }.close(&mut owed)?;
    }
    owed.lines.extend(charge::taken(charges, at));
    let mut next = subscription.clone();
    next.rhythm = arrears::rhythm(subscription, version, at)?;
    discounted(&mut next, &mut owed.lines, at.date, &Turn::Edge)?;
    closing::settle(ready, &mut next, &mut owed)?;
    closing::wait(subscription, &mut next, cut, true);
    let tax_rounding = version.book.billing.tax_rounding;
    Ok(Renewal { at, subscription: next, tax_rounding, owed, dropped: None })
}

/// What late figures change. Errors: those of rating.
pub fn settle(late: &[Late]) -> Result<Owed> {
    let mut owed = Owed::default();
    for late in late {
        owed.add(late.settle()?);
    }
    Ok(owed)
}

/// The subscription when it is over at an edge: it was to end, or its term is over and no other follows.
fn over(subscription: &Subscription, at: Edge) -> Option<Subscription> {
    let ended = |state| Subscription { state, scheduled: Vec::new(), ..subscription.clone() };
    if subscription.ends.is_some_and(|ends| ends <= at.at) {
        return Some(ended(State::Canceled));
    }
    let expires = subscription.term.is_some_and(|term| !term.renews && term.ends <= at.date);
    expires.then(|| Subscription { ends: Some(at.at), ..ended(State::Expired) })
}

/// When a subscription that is canceled for the end of what was agreed ends: with its term, or with its period.
///
/// Errors: `time_out_of_range`.
pub fn end_of_commitment(subscription: &Subscription) -> Result<Timestamp> {
    let mut edge = subscription.billed_through;
    let Some(term) = subscription.term.filter(|_| subscription.state == State::Active) else {
        return Ok(edge.at);
    };
    while edge.date < term.ends {
        edge = subscription.schedule.next_edge_after(edge.at)?;
    }
    Ok(edge.at)
}

/// A term that is over on `date` is followed by another.
fn renewed(mut term: Term, date: Date) -> Term {
    while term.ends <= date {
        let next = months_after(term.ends, term.months.max(1));
        if next <= term.ends {
            break; // the end of the calendar
        }
        term.ends = next;
    }
    term
}
