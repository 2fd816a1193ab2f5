//! What starting a subscription means, and what a new period of one is billed. Pure.

use catalog::{Anchor, Book, version::Version};
use identity::{Customer, LegalEntity};
use jiff::Timestamp;
use kernel::{
    Currency, Edge, Error, Period, ProrationUnit, Quantity, Result, Schedule, ids::SubscriptionId, time,
};
use rating::{Charge, Share, rate};

use super::model::{BillFrom, Item, ItemKind, Start, State, Subscription};
use crate::invoice::{ChargeKind, Draft, Line};

/// The most units of one item.
pub const MAX_QUANTITY: i64 = 1_000_000_000;

/// What a decision about a subscription rests on.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Who subscribes.
    pub customer: &'a Customer,
    /// Who invoices.
    pub entity: &'a LegalEntity,
    /// The price book version agreed to.
    pub version: &'a Version,
}

/// A subscription as it is from now on, and what is to be billed for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The new state.
    pub subscription: Subscription,
    /// What falls due with the decision; none when nothing does.
    pub draft: Option<Draft>,
}

/// Start a subscription.
///
/// Errors: `start_in_future`, `time_out_of_range`, `plan_unknown`, `price_missing`, `quantity_invalid`,
/// `addon_unknown`, `addon_not_for_plan`, `addon_one_off`.
pub fn start(terms: &Terms<'_>, command: &Start, id: SubscriptionId, now: Timestamp) -> Result<Decision> {
    let started = time::in_range(command.start.unwrap_or(now)).map_err(|error| error.at("/start"))?;
    if started > now {
        let detail = format!("A subscription starts now or in the past; it is {now} here.");
        return Err(Error::invalid("start_in_future", detail).at("/start"));
    }
    let book = &terms.version.book;
    let currency = command.currency.unwrap_or(terms.customer.currency);
    let schedule = schedule(book, command, terms.customer, started);
    let first = schedule.first_period(started)?;
    let current = if first.contains(now) { first } else { schedule.period_at(now)? };
    let (period, billed) = match command.bill_from {
        BillFrom::Start => (first, true),
        BillFrom::CurrentPeriod => (current, true),
        BillFrom::NextPeriod => (current, false),
    };
    let subscription = Subscription {
        id,
        entity: terms.entity.id,
        customer: terms.customer.id,
        external_id: command.external_id.clone(),
        book: terms.version.id,
        state: State::Active,
        currency,
        items: items(book, command, currency)?,
        schedule,
        started,
        period,
        billed_through: period.end,
        metadata: command.metadata.clone(),
    };
    let lines = lines(&subscription, terms.version, period)?;
    let draft = billed.then(|| draft(&subscription, now, lines));
    Ok(Decision { subscription, draft })
}

/// Open the period that begins at the edge a subscription is billed through, and bill it in advance.
///
/// Errors: `time_out_of_range` when the period ends after the year 2999.
pub fn renew(subscription: &Subscription, version: &Version) -> Result<Decision> {
    let begins = subscription.billed_through;
    let period = Period { start: begins, end: subscription.schedule.next_edge_after(begins.at)? };
    let renewed = Subscription { period, billed_through: period.end, ..subscription.clone() };
    let lines = lines(&renewed, version, period)?;
    let draft = draft(&renewed, begins.at, lines);
    Ok(Decision { subscription: renewed, draft: Some(draft) })
}

fn draft(subscription: &Subscription, due: Timestamp, lines: Vec<Line>) -> Draft {
    Draft {
        entity: subscription.entity,
        customer: subscription.customer,
        currency: subscription.currency,
        due,
        lines,
    }
}

/// When periods begin, by the knobs `anchor` and `proration` of the book.
fn schedule(book: &Book, command: &Start, customer: &Customer, started: Timestamp) -> Schedule {
    let zone = command.zone.as_ref().unwrap_or(&customer.zone).clone();
    let schedule = match book.billing.anchor {
        Anchor::Anniversary => Schedule::anniversary(started, command.cycle, zone.clone()),
        Anchor::Calendar => Schedule::calendar(started, command.cycle, zone.clone()),
    };
    match (book.billing.proration, book.billing.anchor) {
        (ProrationUnit::Second, Anchor::Anniversary) => schedule.at_wall_time(zone.time_of(started)),
        _ => schedule,
    }
}

/// The items of a new subscription: the plan, then the add-ons by key.
fn items(book: &Book, command: &Start, currency: Currency) -> Result<Vec<Item>> {
    let plan = book.plan(&command.plan).ok_or_else(|| {
        let known: Vec<&str> = book.plans.iter().map(|plan| plan.key.as_str()).collect();
        let detail = format!("There is no plan {:?}. The price book has {}.", command.plan, known.join(", "));
        Error::invalid("plan_unknown", detail).at("/plan")
    })?;
    let price = plan.price_for(command.cycle, currency).ok_or_else(|| {
        let cycles: Vec<String> = plan.cycles().map(|cycle| cycle.to_string()).collect();
        let detail = format!(
            "{} has no price for every {} in {currency}. It is sold by {} in {}.",
            plan.name,
            command.cycle,
            cycles.join(", "),
            book.currency
        );
        Error::invalid("price_missing", detail).at("/cycle")
    })?;
    let quantity =
        quantity(price.unit(), command.quantity, &plan.name).map_err(|error| error.at("/quantity"))?;
    let mut items = vec![Item { ordinal: 0, kind: ItemKind::Plan, key: plan.key.clone(), quantity }];
    for (key, wanted) in command.addons.iter().filter(|(_, wanted)| **wanted != 0) {
        let pointer = format!("/addons/{key}");
        let wrong = |code, detail: String| Err(Error::invalid(code, detail).at(pointer.clone()));
        let Some(addon) = book.addon(key) else {
            return wrong("addon_unknown", format!("There is no add-on {key:?} in the price book."));
        };
        if !addon.fits(plan) {
            return wrong(
                "addon_not_for_plan",
                format!("{} cannot be bought with {}.", addon.name, plan.name),
            );
        }
        if addon.one_off(currency).is_some() {
            return wrong(
                "addon_one_off",
                format!("{} is charged once and is no part of a subscription.", addon.name),
            );
        }
        let Some(price) = addon.price_for(command.cycle, currency) else {
            return wrong(
                "price_missing",
                format!("{} has no price for every {} in {currency}.", addon.name, command.cycle),
            );
        };
        let quantity = self::quantity(price.price.unit(), Some(*wanted), &addon.name)
            .map_err(|error| error.at(pointer))?;
        items.push(Item { ordinal: items.len() as i64, kind: ItemKind::Addon, key: key.clone(), quantity });
    }
    Ok(items)
}

fn quantity(unit: Option<&str>, wanted: Option<i64>, name: &str) -> Result<i64> {
    let wrong = |detail: String| Err(Error::invalid("quantity_invalid", detail));
    match (unit, wanted) {
        (None, None | Some(1)) => Ok(1),
        (None, Some(_)) => {
            wrong(format!("{name} has one price whatever the quantity, so the quantity is 1."))
        }
        (Some(unit), None) => wrong(format!("{name} is priced per {unit}: say how many.")),
        (Some(_), Some(count)) if (1..=MAX_QUANTITY).contains(&count) => Ok(count),
        (Some(_), Some(_)) => wrong(format!("A quantity is a whole number from 1 to {MAX_QUANTITY}.")),
    }
}

/// The lines of one period, one for each item, at the prices of the version agreed to.
fn lines(subscription: &Subscription, version: &Version, period: Period) -> Result<Vec<Line>> {
    let full = full_period(subscription, period)?;
    let share = Share::of(version.book.billing.proration, &subscription.schedule.zone, period, full);
    subscription.items.iter().map(|item| line(subscription, version, item, period, share)).collect()
}

/// The whole period a first, shorter one is a part of.
fn full_period(subscription: &Subscription, period: Period) -> Result<Period> {
    let whole = subscription.schedule.period_at(period.start.at)?;
    Ok(if whole.end == period.end { whole } else { period })
}

fn line(
    subscription: &Subscription,
    version: &Version,
    item: &Item,
    period: Period,
    share: Share,
) -> Result<Line> {
    let (cycle, currency) = (subscription.schedule.cycle, subscription.currency);
    let gone = || {
        Error::internal(format!("version {} of the price book has no price for {}", version.number, item.key))
    };
    let (name, place, price, months) = match item.kind {
        ItemKind::Plan => {
            let plan = version.book.plan(&item.key).ok_or_else(gone)?;
            (&plan.name, format!("plans.{}", item.key), plan.price_for(cycle, currency).ok_or_else(gone)?, 1)
        }
        ItemKind::Addon => {
            let addon = version.book.addon(&item.key).ok_or_else(gone)?;
            let price = addon.price_for(cycle, currency).ok_or_else(gone)?;
            (&addon.name, format!("addons.{}", item.key), price.price, price.months_factor)
        }
    };
    let quantity = Quantity::whole(item.quantity);
    let charge = Charge { name, place: &place, book: version.number, price, months, quantity, share };
    let rated = rate(&charge)?;
    Ok(Line {
        ordinal: item.ordinal,
        subscription: subscription.id,
        item: item.ordinal,
        kind: ChargeKind::Recurring,
        description: name.clone(),
        period,
        quantity: item.quantity,
        amount: rated.amount,
        explanation: rated.explanation,
    })
}

/// When a subscription falls due next.
pub const fn next_due(subscription: &Subscription) -> Edge {
    subscription.billed_through
}
