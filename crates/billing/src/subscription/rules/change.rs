//! What a change, a cancellation or a pause means for a subscription that was billed in advance. Pure.
//!
//! A change ends every affected line whole and charges the new state for the rest of the period (domain
//! rules §4): credit follows what was really billed, never the list price.

use std::collections::{BTreeMap, HashMap};

use catalog::{
    Billing, CancellationCredit, CancellationDay, ChangeDay, CycleChange, PlanChange, version::Version,
};
use jiff::{Span, Timestamp};
use kernel::{Edge, Error, Exact, Money, Period, ProrationUnit, Result, Schedule, Zone};
use metering::double::Settled;
use rating::{Explanation, Share, Step};

use super::{
    Owed, Wanted,
    arrears::{self, Usage},
    check_agreement,
    discount::Turn,
    discounted, draft, items,
    late::{Late, gross_of},
    line, priced, settle, share, term, trial,
};
use crate::{
    charge::{self, Charge},
    credit_note::{Credit, Ended, Running, restored, unused},
    invoice::{self, Draft, Line},
    subscription::{
        agreement::Agreement,
        model::{Change, Item, ItemKind, Rhythm, State, Subscription, Transition},
    },
};

/// What a decision about a running subscription rests on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The subscription as it is.
    pub subscription: &'a Subscription,
    /// The price book version it agreed to.
    pub agreed: &'a Version,
    /// The version in force.
    pub in_force: &'a Version,
    /// Its lines in advance that run.
    pub running: &'a [Running],
    /// Its lines that were ended before their time.
    pub ended: &'a [Ended],
    /// The last adjustment of its lines that begin now or later, by item and start.
    pub adjustments: &'a HashMap<(i64, Timestamp), i64>,
    /// What is known of its open stretch.
    pub usage: &'a Usage,
}

/// A subscription as it is from now on, what is credited and what is billed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The new state.
    pub subscription: Subscription,
    /// What was paid and will not be used.
    pub credits: Vec<Credit>,
    /// What is charged for the rest of the period.
    pub draft: Option<Draft>,
    /// What was measured of usage that is billed or credited with it.
    pub settled: Vec<Settled>,
    /// Lines of stretches that ended with nothing to bill.
    pub unbilled: Vec<Line>,
}

/// Change a subscription now.
///
/// Errors: `transition_illegal`, `nothing_changes`, `renewal_pending`, `invoice_is_draft`, and those of items as
/// for a start.
pub fn change(ground: &Ground<'_>, command: &Change, now: Timestamp) -> Result<Outcome> {
    let before = ground.subscription;
    let state = Transition::Change.require(before.state)?;
    check_billed(ground, now)?;
    let version = version_after(ground, command);
    let billing = &version.book.billing;
    let at = change_edge(billing, &before.schedule.zone, now);
    let mut after = changed(ground.subscription, version, command, at)?;
    let affected = affected(ground, &after, version)?;
    let quantity = after.plan_quantity();
    after.peak = after.peak.max(quantity);
    after.rhythm = after.rhythm.map(|rhythm| Rhythm { peak: rhythm.peak.max(quantity), ..rhythm });
    if state == State::Trialing {
        // No fee is paid for yet, so the trial just goes on with the new state.
        let (period, billed_through) = (before.period, before.billed_through);
        let trying = Subscription { period, billed_through, ..after };
        return match closes(ground, &trying, version) {
            false => Ok(Outcome::unbilled(trying)),
            true => trial::split(ground, trying, version, (at, now)),
        };
    }
    let new_period = after.schedule != before.schedule;
    if billing.proration == ProrationUnit::None && !new_period {
        // Proration is off: the fees of the new state are charged from the next period on. Usage has its own price at
        // each instant.
        let mut owed = Owed::default();
        if closes(ground, &after, version) {
            let until = before.billed_through;
            let until = if at.at > until.at { until } else { at };
            owed = arrears::close_usage(before, ground.agreed, ground.usage, until)?;
            (after.arrears_from, after.peak) = (until, quantity);
            after.rhythm = arrears::rhythm(&after, version, until)?;
        }
        discounted(&mut after, &mut owed.lines, at.date, &Turn::Rest(Exact::one()))?;
        return Ok(outcome(after, version, owed, now));
    }
    let reset = resets(before, &after, version);
    let credits = end(ground, billing.proration, at, |item| !reset && affected.contains(&item))?;
    let mut owed = if closes(ground, &after, version) {
        (after.arrears_from, after.peak) = (at, quantity);
        after.rhythm = arrears::rhythm(&after, version, at)?;
        close(ground, at, &credits)?
    } else {
        Owed::default()
    };
    let (lines, share) = charge(ground, &after, version, at, &affected)?;
    owed.lines.extend(lines);
    owed.credits.extend(credits);
    let turn = if new_period { Turn::Edge } else { Turn::Rest(share.exact()) };
    discounted(&mut after, &mut owed.lines, at.date, &turn)?;
    Ok(outcome(after, version, owed, now))
}

/// Whether a change of the plan begins a new period, paid whole, and credits nothing (knob).
fn resets(before: &Subscription, after: &Subscription, version: &Version) -> bool {
    version.book.billing.plan_change == PlanChange::Reset && after.plan() != before.plan()
}

pub(super) fn outcome(after: Subscription, version: &Version, owed: Owed, now: Timestamp) -> Outcome {
    let draft = draft(&after, version.book.billing.tax_rounding, now, owed.lines);
    let Owed { credits, settled, unbilled, .. } = owed;
    Outcome { draft, subscription: after, credits, settled, unbilled }
}

impl Outcome {
    /// Nothing is billed and nothing credited.
    pub(in crate::subscription) fn unbilled(subscription: Subscription) -> Self {
        let (credits, settled, unbilled) = (Vec::new(), Vec::new(), Vec::new());
        Self { subscription, credits, draft: None, settled, unbilled }
    }
}

/// Whether a change ends the stretch usage and fees in arrears are rated for: their prices are others from then on.
fn closes(ground: &Ground<'_>, after: &Subscription, version: &Version) -> bool {
    let before = ground.subscription;
    let fees = |subscription: &Subscription, version: &Version| -> Vec<(i64, i64)> {
        let in_arrears = |item: &&Item| {
            priced(version, item, subscription.schedule.cycle, subscription)
                .is_ok_and(|priced| arrears::in_arrears(&priced.price))
        };
        subscription.active_items().filter(in_arrears).map(|item| (item.ordinal, item.quantity)).collect()
    };
    after.book != before.book
        || after.agreement != before.agreement
        || after.plan() != before.plan()
        || after.schedule != before.schedule
        || fees(before, ground.agreed) != fees(after, version)
}

/// Everything owed for the stretch that ends at `at`, after `credits` for what it paid in advance.
fn close(ground: &Ground<'_>, at: Edge, credits: &[Credit]) -> Result<Owed> {
    let Ground { subscription, agreed: version, .. } = *ground;
    let usage = &Usage { fees: fees_after(ground, credits)?, ..ground.usage.clone() };
    let at = if at.at > subscription.billed_through.at { subscription.billed_through } else { at };
    arrears::close(subscription, version, usage, at)
}

/// The fees in advance of the open stretch once `credits` are given: those of fees that were paid before it change nothing.
fn fees_after(ground: &Ground<'_>, credits: &[Credit]) -> Result<Money> {
    let Ground { subscription, agreed, usage, .. } = *ground;
    let counted = arrears::counted_from(subscription, agreed);
    let mut fees = usage.fees;
    for running in ground.running.iter().filter(|one| one.line.period.start.at >= counted) {
        let of_line = |credit: &&Credit| {
            (credit.invoice, credit.invoice_line) == (running.invoice, running.line.ordinal)
        };
        let more = credits.iter().filter(of_line).map(|credit| credit.amount);
        let credited = running.credited.checked_add(Money::total(more, subscription.currency)?)?;
        let after = Running { credited, ..running.clone() };
        let (before, after) = (gross_of(running)?, gross_of(&after)?);
        fees = fees.checked_sub(before)?.checked_add(after)?;
    }
    Ok(fees)
}

/// What a subscription becomes by a change from the edge `at` on, under the version of [`Change::version`].
///
/// Errors: those of items as for a start.
pub fn changed(before: &Subscription, version: &Version, command: &Change, at: Edge) -> Result<Subscription> {
    let cycle = command.cycle.unwrap_or(before.schedule.cycle);
    let wanted = wanted(before, command, version);
    let items = renumber(&before.items, items(&version.book, &wanted, cycle, before.currency)?);
    let agreement = agreement(before, command, &items, version);
    check_agreement(&version.book, &items, cycle, before.currency, &agreement)?;
    let mut after = Subscription { book: version.id, items, agreement, ..before.without_pending_change() };
    after.term = match command.term {
        Some(new) => term(Some(new), at.date)?,
        None => after.term,
    };
    after.discounts.extend(command.discount.as_deref().cloned());
    let reset = resets(before, &after, version);
    if cycle != before.schedule.cycle || reset {
        after.schedule = match version.book.billing.cycle_change {
            CycleChange::Keep if !reset => Schedule { cycle, ..before.schedule.clone() },
            _ => Schedule::anniversary(at.at, cycle, before.schedule.zone.clone()),
        };
        after.period = Period { start: at, end: after.schedule.next_edge_after(at.at)? };
        after.billed_through = after.period.end;
    }
    Ok(after)
}

/// What was agreed, with what a change agrees anew and without what is no longer subscribed to.
fn agreement(before: &Subscription, command: &Change, items: &[Item], version: &Version) -> Agreement {
    let plan = items.iter().find(|item| item.kind == ItemKind::Plan && item.quantity > 0);
    let plan = plan.and_then(|item| version.book.plan(&item.key));
    let sold = |key: &String| {
        items.iter().any(|item| item.key == *key && item.quantity > 0)
            || plan.is_some_and(|plan| plan.usage.iter().any(|usage| usage.key == *key))
    };
    let mut agreement = before.agreement.clone();
    if command.plan.as_deref().is_some_and(|plan| plan != before.plan()) {
        agreement.minimum = None;
    }
    agreement.prices.retain(|key, _| sold(key));
    agreement.prices.extend(command.prices.clone());
    agreement.minimum = command.minimum.or(agreement.minimum);
    agreement
}

/// Cancel a subscription now. What was to be charged once is charged now, unless nothing was ever paid for.
///
/// Errors: `transition_illegal`, `renewal_pending`, `invoice_is_draft`.
pub fn cancel(ground: &Ground<'_>, late: &[Late], charges: &[Charge], now: Timestamp) -> Result<Outcome> {
    let before = ground.subscription;
    let state = Transition::Cancel.require(before.state)?;
    let ended = Subscription { state, ends: Some(now), scheduled: Vec::new(), ..before.clone() };
    let mut owed = settle(late)?;
    let (billing, zone) = (&ground.agreed.book.billing, &before.schedule.zone);
    let in_trial = before.trial_end == Some(before.billed_through);
    let at = match billing.cancellation_day {
        CancellationDay::Billed if billing.proration.counts_days() => next_day(zone, now),
        _ => Edge::at(now, zone),
    };
    match before.state {
        State::Active => {
            check_billed(ground, now)?;
            let gives = billing.cancellation_credit == CancellationCredit::Unused;
            let credits = end(ground, billing.proration, at, |_| gives)?;
            owed.add(close(ground, at, &credits)?);
            owed.credits.extend(credits);
        }
        // What was paid stays paid while it was suspended; what was used before is still owed.
        State::Suspended if !in_trial => owed.add(close(ground, at, &[])?),
        _ => {}
    }
    if !in_trial && before.state != State::Scheduled {
        owed.lines.extend(charge::taken(charges, Edge::at(now, zone)));
    }
    finish(ground, ended, owed, at, now)
}

/// The outcome of the end of a stretch before its time, coupons taken off.
fn finish(
    ground: &Ground<'_>,
    mut after: Subscription,
    mut owed: Owed,
    at: Edge,
    now: Timestamp,
) -> Result<Outcome> {
    (after.arrears_from, after.rhythm) = (at, None);
    discounted(&mut after, &mut owed.lines, at.date, &Turn::Rest(Exact::one()))?;
    Ok(outcome(after, ground.agreed, owed, now))
}

/// Pause a subscription now: what is not used is credited, what came late is billed, nothing falls due until it resumes.
///
/// Errors: `transition_illegal`, `cancellation_scheduled`, `renewal_pending`, `invoice_is_draft`.
pub fn pause(ground: &Ground<'_>, late: &[Late], now: Timestamp) -> Result<Outcome> {
    let before = ground.subscription;
    let state = Transition::Pause.require(before.state)?;
    if let Some(ends) = before.ends {
        let detail = format!("The subscription is to end at {ends}. Keep it on before you pause it.");
        return Err(Error::conflict("cancellation_scheduled", detail));
    }
    check_billed(ground, now)?;
    let billing = &ground.agreed.book.billing;
    let at = change_edge(billing, &before.schedule.zone, now);
    let credits = end(ground, billing.proration, at, |_| true)?;
    let mut owed = settle(late)?;
    owed.add(close(ground, at, &credits)?);
    owed.credits.extend(credits);
    finish(ground, Subscription { state, ..before.clone() }, owed, at, now)
}

/// Resume a paused subscription now: its days stay those of its anchor, the rest of the period is charged.
///
/// Errors: `transition_illegal`, `time_out_of_range`.
pub fn resume(ground: &Ground<'_>, now: Timestamp) -> Result<Outcome> {
    let before = ground.subscription;
    let state = Transition::Resume.require(before.state)?;
    let zone = &before.schedule.zone;
    let mut schedule = before.schedule.clone();
    schedule.zone = before.next_zone.clone().unwrap_or(schedule.zone);
    let start = Edge::at(now, zone);
    let period = Period { start, end: schedule.next_edge_from(start)? };
    // Whoever pauses pays for the day when it is the old state's; then resuming counts from the next one as well.
    let at = change_edge(&ground.agreed.book.billing, zone, now);
    let (billed_through, arrears_from, peak) = (period.end, at, before.plan_quantity());
    let mut resumed = Subscription {
        state,
        schedule,
        next_zone: None,
        period,
        billed_through,
        arrears_from,
        peak,
        ..before.clone()
    };
    resumed.rhythm = arrears::rhythm(&resumed, ground.agreed, at)?;
    let all: Vec<i64> = resumed.active_items().map(|item| item.ordinal).collect();
    let (mut lines, share) = charge(ground, &resumed, ground.agreed, at, &all)?;
    discounted(&mut resumed, &mut lines, at.date, &Turn::Rest(share.exact()))?;
    Ok(outcome(resumed, ground.agreed, Owed { lines, ..Owed::default() }, now))
}

/// The version the changed subscription is on: a new plan or cycle is agreed anew.
fn version_after<'a>(ground: &Ground<'a>, command: &Change) -> &'a Version {
    command.version(ground.agreed, ground.in_force)
}

/// The running period must be billed, on issued invoices: only those can be credited.
fn check_billed(ground: &Ground<'_>, now: Timestamp) -> Result<()> {
    if now >= ground.subscription.billed_through.at {
        let detail = "A period that has begun is just being billed. Try again in a moment; in a sandbox, whose time \
                      stands still, a bill run does it.";
        return Err(Error::unavailable("renewal_pending", detail));
    }
    match ground.running.iter().find(|running| running.state == invoice::State::Draft) {
        None => Ok(()),
        Some(running) => {
            let detail = format!(
                "The invoice {} for the running period is a draft. Finalize it first.",
                running.invoice
            );
            Err(Error::conflict("invoice_is_draft", detail))
        }
    }
}

/// From when on the new state counts: the change day is the new state's or the old one's (knob).
fn change_edge(billing: &Billing, zone: &Zone, now: Timestamp) -> Edge {
    match billing.change_day {
        ChangeDay::Old if billing.proration.counts_days() => next_day(zone, now),
        _ => Edge::at(now, zone),
    }
}

fn next_day(zone: &Zone, now: Timestamp) -> Edge {
    let today = zone.date_of(now);
    // Business time ends long before the calendar does.
    Edge::of_date(today.checked_add(Span::new().days(1)).unwrap_or(today), zone)
}

/// What the subscription is to consist of. Add-ons that nobody mentions and that the new plan does not
/// take end with the old plan.
fn wanted<'w>(before: &'w Subscription, command: &'w Change, version: &Version) -> Wanted<'w> {
    let plan = command.plan.as_deref().unwrap_or_else(|| before.plan());
    let same_plan = plan == before.plan();
    let fits = |key: &str| match (version.book.plan(plan), version.book.addon(key)) {
        (Some(plan), Some(addon)) => addon.fits(plan),
        _ => same_plan,
    };
    let kept = before.active_items().filter(|item| item.kind == ItemKind::Addon && fits(&item.key));
    let mut addons: BTreeMap<&str, i64> = kept.map(|item| (item.key.as_str(), item.quantity)).collect();
    addons.extend(command.addons.iter().map(|(key, quantity)| (key.as_str(), *quantity)));
    let per_unit =
        version.book.plan(plan).is_some_and(|plan| plan.prices.iter().any(|price| price.unit().is_some()));
    let carried = before.items.iter().find(|item| item.kind == ItemKind::Plan).map(|item| item.quantity);
    Wanted { plan, quantity: command.quantity.or(carried.filter(|_| per_unit)), addons }
}

/// Give the items of a changed subscription their places: what was there before keeps its own, what is
/// gone stays with quantity 0.
pub(super) fn renumber(before: &[Item], after: Vec<Item>) -> Vec<Item> {
    let mut items: Vec<Item> = before.iter().map(|item| Item { quantity: 0, ..item.clone() }).collect();
    for new in after {
        let same =
            |item: &&mut Item| item.kind == new.kind && (item.kind == ItemKind::Plan || item.key == new.key);
        match items.iter_mut().find(same) {
            Some(item) => (item.key, item.quantity) = (new.key, new.quantity),
            None => {
                let ordinal = items.iter().map(|item| item.ordinal + 1).max().unwrap_or(0);
                items.push(Item { ordinal, ..new });
            }
        }
    }
    items
}

/// Check that a change at the edge `at`, which is decided again then, would make a difference.
///
/// Errors: `nothing_changes`, and those of items as for a start.
pub fn check_scheduled(ground: &Ground<'_>, command: &Change, at: Edge) -> Result<()> {
    let version = version_after(ground, command);
    let after = changed(ground.subscription, version, command, at)?;
    affected(ground, &after, version).map(drop)
}

/// The places of items that cost something else than before: another key, quantity, price or period.
///
/// Errors: `nothing_changes` when there are none and the periods stay.
fn affected(ground: &Ground<'_>, after: &Subscription, version: &Version) -> Result<Vec<i64>> {
    let before = ground.subscription;
    let full = |subscription: &Subscription, version: &Version, item: &Item| {
        priced(version, item, subscription.schedule.cycle, subscription)
            .map(|priced| format!("{priced:?}"))
            .ok()
    };
    let affected: Vec<i64> = after
        .items
        .iter()
        .filter(|item| {
            let old = before.items.iter().find(|old| old.ordinal == item.ordinal);
            let same = old.is_some_and(|old| {
                old == *item
                    && (item.quantity == 0 || full(before, ground.agreed, old) == full(after, version, item))
            });
            let both_gone = item.quantity == 0 && old.is_none_or(|old| old.quantity == 0);
            !both_gone && (!same || after.schedule != before.schedule)
        })
        .map(|item| item.ordinal)
        .collect();
    let agreed = after.agreement == before.agreement
        && after.book == before.book
        && after.term == before.term
        && after.discounts == before.discounts;
    if affected.is_empty() && after.schedule == before.schedule && agreed {
        let detail = "The subscription already is what this would make of it.";
        return Err(Error::conflict("nothing_changes", detail));
    }
    Ok(affected)
}

/// The credits for ending the running lines of some items.
fn end(
    ground: &Ground<'_>,
    unit: ProrationUnit,
    at: Edge,
    which: impl Fn(i64) -> bool,
) -> Result<Vec<Credit>> {
    let zone = &ground.subscription.schedule.zone;
    let ending = ground.running.iter().filter(|running| which(running.line.item));
    ending.filter_map(|running| unused(running, unit, zone, at).transpose()).collect()
}

/// The lines that charge some items from `at` to the end of the period, and what part of a period that is.
fn charge(
    ground: &Ground<'_>,
    after: &Subscription,
    version: &Version,
    at: Edge,
    which: &[i64],
) -> Result<(Vec<Line>, Share)> {
    let period = Period { start: at, end: after.period.end };
    if at.at >= period.end.at {
        return Ok((Vec::new(), Share::Whole)); // the change counts from the day the next period begins
    }
    let share = share(after, version, period)?;
    let (unit, zone) = (version.book.billing.proration, &after.schedule.zone);
    let items = after.active_items().filter(|item| which.contains(&item.ordinal));
    let lines: Result<Vec<Line>> = items
        .filter_map(|item| line(after, version, item, period, share).transpose())
        .map(|line| {
            let mut line = line?;
            if let Some(ended) = restored(ground.ended, &line.explanation, period, unit, zone) {
                (line.amount, line.explanation) = (ended.credited, charged_again(&line.description, ended));
            }
            let adjustment =
                ground.adjustments.get(&(line.item, line.period.start.at)).map_or(0, |last| last + 1);
            Ok(Line { adjustment, ..line })
        })
        .collect();
    Ok((lines?, share))
}

/// The explanation of a line that costs exactly what was credited for it.
fn charged_again(description: &str, ended: &Ended) -> Explanation {
    let amount = ended.credited.decimal();
    let name = format!("{description}, as credited by {}", ended.number);
    let line = Step::Restored { name, amount: amount.clone() };
    let round = Step::Round { exact: ended.credited.exact_major().to_string(), amount };
    Explanation { currency: ended.credited.currency(), steps: vec![line, round] }
}
