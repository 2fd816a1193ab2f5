//! What is done to a subscription, where its state allows it.

use std::collections::BTreeMap;

use billing::{
    cancellation::{self, Cancel},
    charge::{self, BillWith, NewCharge},
    subscription::{self, Change, ItemKind, Start, State, Subscription, Timing, Transition},
};
use catalog::version;
use kernel::{Cycle, Result, UnitPrice, ids::SubscriptionId};
use store::Tx;

use crate::{
    business::{Business, Plan},
    dice::Dice,
    life::Deed,
};

/// Something to do to a subscription.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) subscription: SubscriptionId,
    pub(super) deed: Deed,
    /// The seed of its dice, and their path.
    pub(super) dice: [u64; 4],
}

/// Do it, unless that is not possible now; the subscription a customer came back with.
///
/// Errors: those of the operation.
pub(super) fn act(tx: &mut Tx<'_>, business: &Business, task: &Task) -> Result<Option<SubscriptionId>> {
    let [seed, path @ ..] = task.dice;
    let dice = &mut Dice::of(seed, &path);
    let id = task.subscription;
    let now = subscription::find(tx, id)?;
    if let Some(transition) = transition(&task.deed)
        && transition.from(now.state).is_none()
    {
        return Ok(None);
    }
    let scheduled = now.ends.is_some() || now.pending().is_some();
    match &task.deed {
        Deed::Method if now.state == State::Trialing => subscription::set_method(tx, id, true).map(drop)?,
        Deed::Extend(days) => subscription::extend_trial(tx, id, *days).map(drop)?,
        Deed::Convert => subscription::convert(tx, id).map(drop)?,
        Deed::Suspend => subscription::suspend(tx, id).map(drop)?,
        Deed::Reinstate => subscription::reinstate(tx, id).map(drop)?,
        Deed::Resume => subscription::resume(tx, id).map(drop)?,
        Deed::KeepOn if scheduled => subscription::keep_on(tx, id).map(drop)?,
        Deed::Cancel(at_once) if now.ends.is_none() => leave(tx, &now, timing(*at_once), dice)?,
        Deed::Charge(at_once) if now.state == State::Active => {
            let with = if *at_once { BillWith::Now } else { BillWith::NextInvoice };
            charge::add(tx, id, &once(business, &now)?, with).map(drop)?;
        }
        Deed::Pause if now.ends.is_none() => subscription::pause(tx, id).map(drop)?,
        Deed::Return if now.is_over() => {
            // Some want what they had, with what the price book wins customers back with.
            if dice.percent(40) && cancellation::preview_reactivation(tx, id, true).is_ok() {
                return Ok(Some(cancellation::reactivate(tx, id, true)?.subscription.id));
            }
            return again(tx, business, &now, dice).map(Some);
        }
        Deed::Up | Deed::Down(_) | Deed::Seats(_) | Deed::Cycle if !scheduled => {
            if let Some((change, timing)) = change(business, &now, &task.deed, dice)? {
                subscription::change(tx, id, &change, timing)?;
            }
        }
        _ => {}
    }
    Ok(None)
}

/// Somebody cancels and mostly says why; some stay for what is offered then.
fn leave(tx: &mut Tx<'_>, now: &Subscription, timing: Timing, dice: &mut Dice) -> Result<()> {
    let book = version::in_force(tx)?;
    let reason = dice.one(&book.book.cancellation.reasons).key.clone();
    let cancel = Cancel { reason: Some(reason.clone()).filter(|_| dice.percent(80)), ..Cancel::at(timing) };
    let offered = cancellation::preview(tx, now.id, &cancel)?.offer.is_some();
    if offered && dice.percent(45) {
        return cancellation::stay(tx, now.id, &reason, None).map(drop);
    }
    cancellation::cancel(tx, now.id, &cancel).map(drop)
}

/// What must be allowed for a deed.
const fn transition(deed: &Deed) -> Option<Transition> {
    match deed {
        Deed::Extend(_) => Some(Transition::ExtendTrial),
        Deed::Convert => Some(Transition::Convert),
        Deed::Up | Deed::Down(_) | Deed::Seats(_) | Deed::Cycle => Some(Transition::Change),
        Deed::Pause => Some(Transition::Pause),
        Deed::Resume => Some(Transition::Resume),
        Deed::Cancel(_) => Some(Transition::Cancel),
        Deed::KeepOn => Some(Transition::KeepOn),
        Deed::Suspend => Some(Transition::Suspend),
        Deed::Reinstate => Some(Transition::Reinstate),
        Deed::Method | Deed::Return | Deed::Charge(_) => None,
    }
}

/// What is charged once: what the price book has for this plan, or a day of training as agreed.
fn once(business: &Business, now: &Subscription) -> Result<NewCharge> {
    let sold = business.once.iter().find(|(_, plans)| plans.contains(&now.plan()));
    if let Some((key, _)) = sold {
        return Ok(NewCharge { key: Some((*key).to_owned()), ..NewCharge::default() });
    }
    let amount = match now.currency.code() {
        "JPY" => "90000",
        "KWD" => "185.500",
        _ => "600",
    };
    let amount = Some(UnitPrice::parse(amount)?);
    Ok(NewCharge { description: Some("Training, one day".to_owned()), amount, ..NewCharge::default() })
}

const fn timing(at_once: bool) -> Timing {
    if at_once { Timing::Now } else { Timing::PeriodEnd }
}

/// The change a deed comes to; none when there is nothing to change to.
fn change(
    business: &Business,
    now: &Subscription,
    deed: &Deed,
    dice: &mut Dice,
) -> Result<Option<(Change, Timing)>> {
    let Some(place) = business.plans.iter().position(|plan| plan.key == now.plan()) else { return Ok(None) };
    let plan = &business.plans[place];
    let to = |place: usize| business.plans.get(place).filter(|plan| plan.agreed.is_none());
    let (change, timing) = match deed {
        Deed::Up => (to(place + 1).map(|next| to_plan(now, next, dice)).transpose()?, Timing::Now),
        Deed::Down(at_once) => {
            let next = place.checked_sub(1).filter(|_| plan.agreed.is_none()).and_then(to);
            (next.map(|next| to_plan(now, next, dice)).transpose()?, timing(*at_once))
        }
        Deed::Cycle => (other_cycle(now, plan)?, Timing::PeriodEnd),
        Deed::Seats(by) => (seats(now, plan, *by), Timing::Now),
        _ => (None, Timing::Now),
    };
    Ok(change.map(|change| (change, timing)))
}

/// The same by another cycle, where there is one.
fn other_cycle(now: &Subscription, plan: &Plan) -> Result<Option<Change>> {
    let other = plan.cycles.iter().find(|cycle| **cycle != now.schedule.cycle.to_string());
    let cycle = other.map(|cycle| Cycle::parse(cycle)).transpose()?;
    Ok(cycle.map(|cycle| Change { cycle: Some(cycle), ..Change::default() }))
}

/// To another plan, without add-ons that are not for it.
fn to_plan(now: &Subscription, next: &Plan, dice: &mut Dice) -> Result<Change> {
    let cycle = now.schedule.cycle.to_string();
    let cycle = (!next.cycles.contains(&cycle.as_str())).then(|| Cycle::parse("month")).transpose()?;
    let addons = now.active_items().filter(|item| item.kind == ItemKind::Addon);
    let gone = addons.filter(|item| next.addons.iter().all(|(key, _)| *key != item.key));
    Ok(Change {
        plan: Some(next.key.to_owned()),
        cycle,
        quantity: next.seats.map(|(from, to)| dice.from(from, to)),
        addons: gone.map(|item| (item.key.clone(), 0)).collect(),
        ..Change::default()
    })
}

/// Other numbers on the same plan.
fn seats(now: &Subscription, plan: &Plan, by: i64) -> Option<Change> {
    if plan.seats.is_some() {
        let quantity = (now.plan_quantity() + by).max(1);
        let change = Change { quantity: Some(quantity), ..Change::default() };
        return (quantity != now.plan_quantity()).then_some(change);
    }
    let (key, most) = plan.addons.first()?;
    let held = now.active_items().find(|item| item.key == *key).map_or(0, |item| item.quantity);
    let wanted = (held + by).clamp(0, most * 4);
    let addons = BTreeMap::from([((*key).to_owned(), wanted)]);
    (wanted != held).then(|| Change { addons, ..Change::default() })
}

/// A customer whose subscription is over comes back, to a plan of the usual ones.
fn again(
    tx: &mut Tx<'_>,
    business: &Business,
    old: &Subscription,
    dice: &mut Dice,
) -> Result<SubscriptionId> {
    let usual: Vec<&Plan> = business.plans.iter().filter(|plan| plan.agreed.is_none()).collect();
    let plan = dice.weighted(&usual, |plan| plan.weight);
    let start = Start {
        quantity: plan.seats.map(|(from, to)| dice.from(from, to)),
        ..Start::of(old.customer, plan.key, Cycle::MONTH)
    };
    Ok(subscription::start(tx, &start)?.subscription.id)
}
