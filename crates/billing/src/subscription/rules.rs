//! What starting a subscription means, and what a new period of one is billed. Pure.

use std::collections::{BTreeMap, HashMap};

use catalog::{Anchor, Book, PayIn, Plan, Price, version::Version};
use identity::{Customer, LegalEntity};
use jiff::Timestamp;
use kernel::{
    Currency, Cycle, Edge, Error, Period, ProrationUnit, Quantity, Result, Schedule, ids::SubscriptionId,
    time,
};
use rating::{Charge, Share, rate};

use super::model::{BillFrom, Item, ItemKind, Start, State, Subscription};
use crate::invoice::{ChargeKind, Draft, Line};

pub mod change;
pub mod history;
pub mod trial;

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
/// `addon_unknown`, `addon_not_for_plan`, `addon_one_off`; with a trial `no_trial`, `trial_needs_method`, `trial_in_past`.
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
        items: items(&terms.version.book, &wanted(command), command.cycle, currency)?,
        schedule,
        started,
        period,
        billed_through: period.end,
        ends: None,
        pending: None,
        trial_end: None,
        has_method: command.has_method,
        metadata: command.metadata.clone(),
    };
    if command.trial {
        return trial::begin(terms, command, subscription);
    }
    let lines = lines(&subscription, terms.version, period)?;
    let draft = billed.then(|| draft(&subscription, now, lines));
    Ok(Decision { subscription, draft })
}

/// What happens at the edge a subscription is billed through.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewal {
    /// The new state.
    pub subscription: Subscription,
    /// The next period in advance; none when it ended.
    pub draft: Option<Draft>,
    /// Why a scheduled change could not be made; the subscription then goes on unchanged.
    pub dropped: Option<Error>,
}

/// The subscription with the change that waited for the end of its period, the version it is on then, and
/// why the change could not be made.
fn with_pending<'v>(
    subscription: &Subscription,
    agreed: &'v Version,
    in_force: &'v Version,
) -> (Subscription, &'v Version, Option<Error>) {
    let unchanged = Subscription { pending: None, ..subscription.clone() };
    let Some(command) = &subscription.pending else { return (unchanged, agreed, None) };
    let nothing = HashMap::new();
    let (running, ended, adjustments) = (&[][..], &[][..], &nothing);
    let ground = change::Ground { subscription, agreed, in_force, running, ended, adjustments };
    let version = if command.renegotiates() { in_force } else { agreed };
    match change::changed(&ground, command, subscription.billed_through) {
        Ok(changed) => (changed, version, None),
        Err(error) => (unchanged, agreed, Some(error)),
    }
}

/// End a subscription that was to end, or make the change that was scheduled, open the next period and bill
/// it in advance.
///
/// Errors: `time_out_of_range` when the period ends after the year 2999.
pub fn renew(subscription: &Subscription, agreed: &Version, in_force: &Version) -> Result<Renewal> {
    let begins = subscription.billed_through;
    if subscription.ends == Some(begins.at) {
        let ended = Subscription { state: State::Canceled, pending: None, ..subscription.clone() };
        return Ok(Renewal { subscription: ended, draft: None, dropped: None });
    }
    let (mut next, version, dropped) = with_pending(subscription, agreed, in_force);
    next.period = Period { start: begins, end: next.schedule.next_edge_after(begins.at)? };
    next.billed_through = next.period.end;
    let lines = lines(&next, version, next.period)?;
    let draft = draft(&next, begins.at, lines);
    Ok(Renewal { subscription: next, draft: Some(draft), dropped })
}

pub(super) fn draft(subscription: &Subscription, due: Timestamp, lines: Vec<Line>) -> Draft {
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

/// What a subscription is to consist of.
pub(super) struct Wanted<'w> {
    pub(super) plan: &'w str,
    pub(super) quantity: Option<i64>,
    pub(super) addons: BTreeMap<&'w str, i64>,
}

fn wanted(command: &Start) -> Wanted<'_> {
    let addons = command.addons.iter().map(|(key, quantity)| (key.as_str(), *quantity)).collect();
    Wanted { plan: &command.plan, quantity: command.quantity, addons }
}

/// The items of a subscription: the plan, then the add-ons by key.
pub(super) fn items(book: &Book, wanted: &Wanted<'_>, cycle: Cycle, currency: Currency) -> Result<Vec<Item>> {
    let plan = book.plan(wanted.plan).ok_or_else(|| {
        let known: Vec<&str> = book.plans.iter().map(|plan| plan.key.as_str()).collect();
        let detail = format!("There is no plan {:?}. The price book has {}.", wanted.plan, known.join(", "));
        Error::invalid("plan_unknown", detail).at("/plan")
    })?;
    let price = plan.price_for(cycle, currency).ok_or_else(|| {
        let cycles: Vec<String> = plan.cycles().map(|cycle| cycle.to_string()).collect();
        let (name, sold, home) = (&plan.name, cycles.join(", "), book.currency);
        let detail =
            format!("{name} has no price for every {cycle} in {currency}. It is sold by {sold} in {home}.");
        Error::invalid("price_missing", detail).at("/cycle")
    })?;
    check_billable(plan, price, currency)?;
    let quantity =
        quantity(price.unit(), wanted.quantity, &plan.name).map_err(|error| error.at("/quantity"))?;
    let mut items = vec![Item { ordinal: 0, kind: ItemKind::Plan, key: plan.key.clone(), quantity }];
    for (key, count) in wanted.addons.iter().filter(|(_, count)| **count != 0) {
        let quantity = addon(book, plan, key, *count, cycle, currency)
            .map_err(|error| error.at(format!("/addons/{key}")))?;
        let ordinal = items.len() as i64;
        items.push(Item { ordinal, kind: ItemKind::Addon, key: (*key).to_owned(), quantity });
    }
    Ok(items)
}

/// Subscriptions bill fees in advance; what is billed at the end of a period waits for metering.
///
/// Errors: `price_not_billed_yet`.
fn check_billable(plan: &Plan, price: &Price, currency: Currency) -> Result<()> {
    let metered = price.pay_in == PayIn::Arrears || price.meter().is_some();
    let usage = plan.usage.iter().any(|usage| usage.price_in(currency).is_some());
    if !metered && !usage && plan.minimum.is_empty() {
        return Ok(());
    }
    let name = &plan.name;
    let detail = format!(
        "{name} has prices for usage or in arrears, which cannot be billed before metering is there."
    );
    Err(Error::conflict("price_not_billed_yet", detail).at("/plan"))
}

/// Whether `count` of an add-on can be bought with a plan.
fn addon(book: &Book, plan: &Plan, key: &str, count: i64, cycle: Cycle, currency: Currency) -> Result<i64> {
    let wrong = |code, detail: String| Err(Error::invalid(code, detail));
    let Some(addon) = book.addon(key) else {
        return wrong("addon_unknown", format!("There is no add-on {key:?} in the price book."));
    };
    if !addon.fits(plan) {
        return wrong("addon_not_for_plan", format!("{} cannot be bought with {}.", addon.name, plan.name));
    }
    if addon.one_off(currency).is_some() {
        return wrong(
            "addon_one_off",
            format!("{} is charged once and is no part of a subscription.", addon.name),
        );
    }
    let Some(price) = addon.price_for(cycle, currency) else {
        return wrong(
            "price_missing",
            format!("{} has no price for every {cycle} in {currency}.", addon.name),
        );
    };
    quantity(price.price.unit(), Some(count), &addon.name)
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
    let share = share(subscription, version, period)?;
    let items = subscription.active_items().enumerate();
    items.map(|(place, item)| line(subscription, version, item, place, period, share)).collect()
}

/// How much of a full period `period` is: all of it, unless it begins late.
pub(super) fn share(subscription: &Subscription, version: &Version, period: Period) -> Result<Share> {
    let whole = subscription.schedule.period_at(period.start.at)?;
    let whole = if whole.end == period.end { whole } else { period };
    Ok(Share::of(version.book.billing.proration, &subscription.schedule.zone, period, whole))
}

/// The price of an item and what it is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Priced<'v> {
    name: &'v str,
    price: &'v Price,
    months: u32,
}

pub(super) fn priced<'v>(
    version: &'v Version,
    item: &Item,
    cycle: Cycle,
    currency: Currency,
) -> Option<Priced<'v>> {
    match item.kind {
        ItemKind::Plan => {
            let plan = version.book.plan(&item.key)?;
            Some(Priced { name: &plan.name, price: plan.price_for(cycle, currency)?, months: 1 })
        }
        ItemKind::Addon => {
            let addon = version.book.addon(&item.key)?;
            let price = addon.price_for(cycle, currency)?;
            Some(Priced { name: &addon.name, price: price.price, months: price.months_factor })
        }
    }
}

pub(super) fn line(
    subscription: &Subscription,
    version: &Version,
    item: &Item,
    place: usize,
    period: Period,
    share: Share,
) -> Result<Line> {
    let priced =
        priced(version, item, subscription.schedule.cycle, subscription.currency).ok_or_else(|| {
            Error::internal(format!(
                "version {} of the price book has no price for {}",
                version.number, item.key
            ))
        })?;
    let section = match item.kind {
        ItemKind::Plan => "plans",
        ItemKind::Addon => "addons",
    };
    let charge = Charge {
        name: priced.name,
        place: &format!("{section}.{}", item.key),
        book: version.number,
        price: priced.price,
        months: priced.months,
        quantity: Quantity::whole(item.quantity),
        share,
    };
    let rated = rate(&charge)?;
    Ok(Line {
        ordinal: place as i64,
        subscription: subscription.id,
        item: item.ordinal,
        kind: ChargeKind::Recurring,
        adjustment: 0,
        description: priced.name.to_owned(),
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
