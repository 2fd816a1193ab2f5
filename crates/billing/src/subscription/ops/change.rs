//! Changing, canceling, pausing and resuming subscriptions.

use std::{collections::HashMap, sync::Arc};

use catalog::version::{self, Version};
use identity::customer;
use jiff::{Timestamp, civil::Date};
use jobs::due;
use kernel::{
    Edge, Error, Money, Result,
    ids::{CreditNoteId, InvoiceId, SubscriptionId},
};
use metering::double::Settled;
use serde_json::{Value as Json, json};
use store::{NewFact, Tx, View};

use super::{find, waiting};
use crate::{
    cancellation::{self, Cancel},
    charge::{self, Charge},
    coupon,
    credit_note::{self, Cause, Credit, Ended, Running},
    invoice::{self, Draft, Totals},
    subscription::{
        agreement::Scheduled,
        model::{Change, Item, State, Subscription, Timing, Transition},
        rules::{
            self,
            arrears::Usage,
            change::{self, Ground, Outcome},
            late::Late,
        },
    },
    usage,
};

/// What a change would do.
#[derive(Clone, Debug)]
pub struct ChangePreview {
    /// The subscription as it would be.
    pub subscription: Subscription,
    /// When that would be.
    pub effective: Edge,
    /// What would be credited.
    pub credits: Vec<Credit>,
    /// What the credits come to, with their tax.
    pub credited: Money,
    /// What would be billed at once.
    pub invoice: Option<(Draft, Totals)>,
}

/// A change as it was made.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The subscription as it is now.
    pub subscription: Subscription,
    /// The credit notes issued.
    pub credit_notes: Vec<CreditNoteId>,
    /// The invoice issued.
    pub invoice: Option<InvoiceId>,
}

/// Everything a decision about a subscription rests on, loaded.
pub(crate) struct Loaded {
    pub(crate) subscription: Subscription,
    pub(crate) agreed: Arc<Version>,
    in_force: Arc<Version>,
    running: Vec<Running>,
    ended: Vec<Ended>,
    adjustments: HashMap<(i64, Timestamp), i64>,
    pub(super) usage: Usage,
    late: Vec<Late>,
    pub(super) charges: Vec<Charge>,
}

impl Loaded {
    fn load(view: &mut View<'_>, id: SubscriptionId) -> Result<Self> {
        let (subscription, now) = (find(view, id)?, view.now());
        let agreed = version::find(view, subscription.book)?;
        let (usage, late) = usage::known::of_one(view, &subscription, &agreed)?;
        let charges = charge::pending(view, vec![id])?.remove(&id).unwrap_or_default();
        Ok(Self {
            charges,
            usage,
            late,
            agreed,
            in_force: version::in_force(view)?,
            running: credit_note::running(view, id, now)?,
            ended: credit_note::ended(view, id, now)?,
            adjustments: invoice::adjustments(view, id, now)?,
            subscription,
        })
    }

    fn ground(&self) -> Ground<'_> {
        let Self { subscription, agreed, in_force, running, ended, adjustments, usage, .. } = self;
        Ground { subscription, agreed, in_force, running, ended, adjustments, usage }
    }
}

/// Lock a subscription's customer, as whoever changes one does, and load its ground.
pub(crate) fn lock(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Loaded> {
    let customer = find(tx, id)?.customer;
    customer::lock(tx, customer)?;
    Loaded::load(tx, id)
}

/// The same for a decision that credits what is billed: what waits because it is over so little is issued first.
fn lock_billed(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Loaded> {
    let customer = find(tx, id)?.customer;
    customer::lock(tx, customer)?;
    invoice::issue_carried(tx, id)?;
    Loaded::load(tx, id)
}

/// What [`change`] would do, by the same decision; writes nothing. Errors as for [`change`].
pub fn preview_change(
    view: &mut View<'_>,
    id: SubscriptionId,
    command: &Change,
    timing: Timing,
) -> Result<ChangePreview> {
    let (loaded, now) = (Loaded::load(view, id)?, view.now());
    let (outcome, effective) = decide(&loaded, command, timing, now)?;
    let currency = loaded.subscription.currency;
    let parts = outcome.credits.iter().flat_map(|credit| [credit.amount, credit.tax]);
    let credited = Money::total(parts, currency)?;
    let invoice = outcome.draft.map(|draft| invoice::assessed(view, draft)).transpose()?;
    Ok(ChangePreview {
        subscription: outcome.subscription,
        effective,
        credits: outcome.credits,
        credited,
        invoice,
    })
}

/// What was agreed with the customer is not replaced unseen.
fn accepted(from: Date) -> Error {
    let detail = format!(
        "The customer accepted a renewal offer that counts from {from} on. Make another offer, or take the accepted one \
         back before you change what follows the period."
    );
    Error::conflict("renewal_accepted", detail)
}

fn decide(loaded: &Loaded, command: &Change, timing: Timing, now: Timestamp) -> Result<(Outcome, Edge)> {
    let subscription = &loaded.subscription;
    match timing {
        Timing::Now => {
            Ok((change::change(&loaded.ground(), command, now)?, Edge::at(now, &subscription.schedule.zone)))
        }
        Timing::PeriodEnd => {
            Transition::Change.require(subscription.state)?;
            // Decided again at that time; now it is only checked that it can be.
            let at = subscription.billed_through;
            change::check_scheduled(&loaded.ground(), command, at)?;
            if let Some(from) = subscription.accepted_for() {
                return Err(accepted(from));
            }
            let mut waiting = subscription.without_pending();
            waiting.scheduled.insert(0, Scheduled { on: at.date, change: command.clone(), offered: false });
            Ok((Outcome::unbilled(waiting), at))
        }
    }
}

/// Change plan, cycle, quantity or add-ons, now or at the end of the period.
///
/// An accepted renewal offer stays: a change now counts up to it.
///
/// Errors: `not_found`, `transition_illegal`, `nothing_changes`, `renewal_pending`, `renewal_accepted`, `invoice_is_draft`,
/// and those of the items as for a start.
pub fn change(tx: &mut Tx<'_>, id: SubscriptionId, command: &Change, timing: Timing) -> Result<Changed> {
    let loaded = if timing == Timing::Now { lock_billed(tx, id)? } else { lock(tx, id)? };
    let now = tx.now();
    let (outcome, _) = decide(&loaded, command, timing, now)?;
    let kind = match timing {
        Timing::Now => "subscription.changed",
        Timing::PeriodEnd => "subscription.change_scheduled",
    };
    carry_out(tx, &loaded, outcome, Cause::Change, kind)
}

/// Cancel a subscription without a reason. See [`cancellation::cancel`].
///
/// Errors: those of [`cancellation::cancel`].
pub fn cancel(tx: &mut Tx<'_>, id: SubscriptionId, timing: Timing) -> Result<Changed> {
    cancellation::cancel(tx, id, &Cancel::at(timing))
}

/// Let a subscription end, now or at the end of what is billed or tried.
pub(crate) fn end(tx: &mut Tx<'_>, id: SubscriptionId, timing: Timing) -> Result<Changed> {
    let (mut loaded, now) = (lock(tx, id)?, tx.now());
    let runs = matches!(loaded.subscription.state, State::Active | State::Trialing);
    if timing == Timing::Now || !runs {
        loaded = lock_billed(tx, id)?;
    }
    let (outcome, at_once) = decide_end(&loaded, timing, now)?;
    if !at_once {
        return carry_out(tx, &loaded, outcome, Cause::Cancellation, "subscription.cancellation_scheduled");
    }
    usage::known::settled(tx, &[id])?;
    carry_out(tx, &loaded, outcome, Cause::Cancellation, "subscription.canceled")
}

/// What [`end`] would do, by the same decision.
pub(crate) fn preview_end(view: &mut View<'_>, id: SubscriptionId, timing: Timing) -> Result<Outcome> {
    let (loaded, now) = (Loaded::load(view, id)?, view.now());
    Ok(decide_end(&loaded, timing, now)?.0)
}

/// What the end of a subscription means, and whether it comes at once.
fn decide_end(loaded: &Loaded, timing: Timing, now: Timestamp) -> Result<(Outcome, bool)> {
    let subscription = &loaded.subscription;
    let runs = matches!(subscription.state, State::Active | State::Trialing);
    if timing == Timing::Now || !runs {
        return Ok((change::cancel(&loaded.ground(), &loaded.late, &loaded.charges, now)?, true));
    }
    Transition::Cancel.require(subscription.state)?;
    let ends = Some(rules::end_of_commitment(subscription)?);
    let ending = Subscription { ends, ..subscription.without_pending() };
    Ok((Outcome::unbilled(ending), false))
}

/// Take back what was to happen at the end of the period: a cancellation or a change.
///
/// Errors: `not_found`, `transition_illegal`, `nothing_scheduled`.
pub fn keep_on(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Changed> {
    let loaded = lock(tx, id)?;
    let subscription = &loaded.subscription;
    Transition::KeepOn.require(subscription.state)?;
    if subscription.ends.is_none() && subscription.pending().is_none() {
        let detail = "Nothing is scheduled for the end of the period.";
        return Err(Error::conflict("nothing_scheduled", detail));
    }
    if subscription.ends.is_some() {
        cancellation::kept(tx, id)?;
    }
    let kept = Subscription { ends: None, ..subscription.without_pending() };
    let outcome = Outcome::unbilled(kept);
    carry_out(tx, &loaded, outcome, Cause::Change, "subscription.kept_on")
}

/// Pause a subscription: what is not used is credited, what came late is billed, and nothing falls due until it resumes.
///
/// Errors: `not_found`, `transition_illegal`, `cancellation_scheduled`, `renewal_pending`, `invoice_is_draft`.
pub fn pause(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Changed> {
    let (loaded, now) = (lock_billed(tx, id)?, tx.now());
    let outcome = change::pause(&loaded.ground(), &loaded.late, now)?;
    usage::known::settled(tx, &[id])?;
    carry_out(tx, &loaded, outcome, Cause::Pause, "subscription.paused")
}

/// Resume a paused subscription: the rest of the period its anchor gives is charged.
///
/// Errors: `not_found`, `transition_illegal`.
pub fn resume(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Changed> {
    let (loaded, now) = (lock(tx, id)?, tx.now());
    let outcome = change::resume(&loaded.ground(), now)?;
    carry_out(tx, &loaded, outcome, Cause::Change, "subscription.resumed")
}

/// Save a subscription to which something was agreed that counts later; nothing is billed now.
pub(crate) fn wait(
    tx: &mut Tx<'_>,
    loaded: &Loaded,
    waiting: Subscription,
    kind: &'static str,
) -> Result<Changed> {
    carry_out(tx, loaded, Outcome::unbilled(waiting), Cause::Change, kind)
}

/// Save an outcome: the subscription, its place in the due queue, credit notes, the invoice, and the facts.
pub(super) fn carry_out(
    tx: &mut Tx<'_>,
    loaded: &Loaded,
    outcome: Outcome,
    cause: Cause,
    kind: &'static str,
) -> Result<Changed> {
    let (before, after, now) = (&loaded.subscription, outcome.subscription, tx.now());
    // Credits first: the invoice that follows is paid from them.
    let notes = credit_note::issue_for(tx, outcome.credits, cause, now)?;
    super::save_all(tx, &[(before, &after)])?;
    let (old, new) = (waiting(before), waiting(&after));
    if old != new {
        // The old entry stays: other subscriptions of the customer may wait with it.
        due::put(tx, &new.into_iter().collect::<Vec<_>>())?;
    }
    let invoice = outcome.draft.map(|draft| (tx.new_id(), draft));
    let id = invoice.as_ref().map(|(id, _)| *id);
    if let Some((id, draft)) = &invoice {
        let once: Vec<_> =
            charge::places(&draft.lines).into_iter().map(|place| (after.id, place, *id)).collect();
        charge::billed(tx, &once)?;
        coupon::used(tx, &coupon::uses(before, &after, *id))?;
    }
    invoice::issue(tx, invoice.into_iter().collect(), now)?;
    usage::keep_unbilled(tx, &outcome.unbilled)?;
    let credit_notes: Vec<CreditNoteId> = notes.iter().map(|note| note.id).collect();
    tx.fact(fact(kind, &after, &credit_notes, id, &outcome.settled)?);
    Ok(Changed { subscription: after, credit_notes, invoice: id })
}

/// The items a subscription has, as facts say them.
pub(in crate::subscription) fn items_said(subscription: &Subscription) -> Vec<Json> {
    let said = |item: &Item| json!({"kind": item.kind.word(), "key": item.key, "quantity": item.quantity});
    subscription.active_items().map(said).collect()
}

fn fact(
    kind: &'static str,
    after: &Subscription,
    credit_notes: &[CreditNoteId],
    invoice: Option<InvoiceId>,
    settled: &[Settled],
) -> Result<NewFact> {
    let payload = json!({
        "state": after.state.word(),
        "book": after.book,
        "cycle": after.schedule.cycle,
        "items": items_said(after),
        "period_start": after.period.start.at,
        "period_end": after.period.end.at,
        "usage_from": after.arrears_from.at,
        "ends": after.ends,
        "pending": after.pending(),
        "credit_notes": credit_notes,
        "invoice": invoice,
    });
    Ok(NewFact::new(kind, after.id.any(), usage::with_settled(payload, settled)?)?.of(after.customer))
}
