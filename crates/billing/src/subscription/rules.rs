//! What starting a subscription means, and what a new period of one is billed. Pure.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use catalog::{Anchor, Book, Plan, Price, TaxRounding, version::Version};
use identity::{Customer, LegalEntity};
use jiff::{Span, Timestamp, civil::Date};
use kernel::{
    Currency, Cycle, Edge, Error, Money, Period, ProrationUnit, Quantity, Result, Schedule,
    ids::SubscriptionId, time,
};
use rating::{Charge as Bought, Rated, Share, rate};

use self::{
    arrears::{Of, Stretch, Usage, in_arrears},
    discount::{Turn, take_off},
    late::Late,
};
use super::{
    agreement::{Agreement, MAX_TERM, NewTerm, Scheduled, Term},
    model::{BillFrom, Item, ItemKind, Rhythm, Start, State, Subscription},
};
use crate::{
    charge::{self, Charge},
    credit_note::Credit,
    invoice::{ChargeKind, Draft, Line},
};

pub mod arrears;
pub mod change;
pub mod closing;
pub mod coupon;
mod discount;
pub mod history;
pub mod late;
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
    /// What is charged once, before coupons: on the draft, or waiting for the first invoice.
    pub charges: Vec<Line>,
}

/// What is to be billed, and what is to be credited on lines billed before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owed {
    /// Lines, before coupons unless said otherwise.
    pub lines: Vec<Line>,
    /// Credits.
    pub credits: Vec<Credit>,
}

impl Owed {
    fn add(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.credits.extend(other.credits);
    }
}

/// The tax category of an item.
fn tax_category(version: &Version, item: &Item) -> String {
    let book = &version.book;
    let category = match item.kind {
        ItemKind::Plan => book.plan(&item.key).map(|plan| book.plan_tax(plan)),
        ItemKind::Addon => book.addon(&item.key).map(|addon| book.addon_tax(addon)),
    };
    category.unwrap_or(&book.billing.tax).to_string()
}

/// Start a subscription.
///
/// One that begins later is billed nothing before; what it owes then is what [`renew`] says at its start.
///
/// Errors: `start_invalid`, `time_out_of_range`, `plan_unknown`, `price_missing`, `quantity_invalid`,
/// `addon_unknown`, `addon_not_for_plan`, `addon_one_off`; with a trial `no_trial`, `trial_needs_method`, `trial_in_past`;
/// those of [`coupon::redeem`]; `term_invalid`, `ramp_invalid`, `price_not_negotiable`; those of
/// [`charge::line`].
pub fn start(terms: &Terms<'_>, command: &Start, id: SubscriptionId, now: Timestamp) -> Result<Decision> {
    let started = time::in_range(command.start.unwrap_or(now)).map_err(|error| error.at("/start"))?;
    let later = started > now;
    if later && (command.trial || command.bill_from != BillFrom::Start) {
        let detail = format!(
            "It is {now} here. A subscription that begins later has no trial and is billed from its start on."
        );
        return Err(Error::invalid("start_invalid", detail).at("/start"));
    }
    let book = &terms.version.book;
    let currency = command.currency.unwrap_or(terms.customer.currency);
    let schedule = schedule(book, command, terms.customer, started);
    let first = schedule.first_period(started).map_err(|error| error.at("/start"))?;
    let current = if later || first.contains(now) { first } else { schedule.period_at(now)? };
    let (period, billed) = match command.bill_from {
        // Nothing is billed yet: an empty period ends where it begins.
        BillFrom::Start if later => (Period { end: first.start, ..first }, false),
        BillFrom::Start => (first, true),
        BillFrom::CurrentPeriod => (current, true),
        BillFrom::NextPeriod => (current, false),
    };
    let items = items(book, &wanted(command), command.cycle, currency)?;
    check_agreement(book, &items, command.cycle, currency, &command.agreement)?;
    let today = schedule.zone.date_of(now);
    let mut subscription = Subscription {
        id,
        entity: terms.entity.id,
        customer: terms.customer.id,
        external_id: command.external_id.clone(),
        book: terms.version.id,
        state: if later { State::Scheduled } else { State::Active },
        currency,
        peak: items.first().map_or(0, |plan| plan.quantity),
        rhythm: None,
        discounts: coupon::redeem(book, &command.coupons, &items, currency, today)?,
        items,
        term: term(command.term, schedule.zone.date_of(started))?,
        schedule,
        started,
        period,
        billed_through: period.end,
        arrears_from: if billed { period.start } else { period.end },
        closing: None,
        next_zone: None,
        ends: None,
        scheduled: ramp(command)?,
        agreement: command.agreement.clone(),
        trial_end: None,
        has_method: command.has_method,
        metadata: command.metadata.clone(),
    };
    let charges = charge::lines(
        &subscription,
        terms.version,
        &command.charges,
        Edge::at(now, &subscription.schedule.zone),
    )?;
    if command.trial {
        return trial::begin(terms, command, subscription, charges);
    }
    if !later {
        subscription.rhythm = arrears::rhythm(&subscription, terms.version, subscription.arrears_from)?;
    }
    let mut lines = if billed { lines(&subscription, terms.version, period)? } else { Vec::new() };
    if billed {
        lines.extend(charges.iter().cloned());
    }
    discounted(&mut subscription, &mut lines, period.start.date, &Turn::Edge)?;
    let rounding = book.billing.tax_rounding;
    Ok(Decision { draft: draft(&subscription, rounding, now, lines), subscription, charges })
}

/// Take the subscription's coupons off its lines.
fn discounted(subscription: &mut Subscription, lines: &mut [Line], on: Date, turn: &Turn) -> Result<()> {
    let months = subscription.schedule.cycle.months().unwrap_or(1);
    take_off(&mut subscription.discounts, lines, subscription.currency, months, on, turn)
}

/// A contract's term from the local date `from` on. Errors: `term_invalid`.
fn term(new: Option<NewTerm>, from: Date) -> Result<Option<Term>> {
    let Some(NewTerm { months, renews }) = new else { return Ok(None) };
    if !(1..=MAX_TERM).contains(&months) {
        let detail = format!("A contract's term is 1 to {MAX_TERM} months long.");
        return Err(Error::invalid("term_invalid", detail).at("/term/months"));
    }
    Ok(Some(Term { months, renews, ends: months_after(from, months) }))
}

fn months_after(date: Date, months: u32) -> Date {
    // Business time ends long before the calendar does.
    date.checked_add(Span::new().months(i64::from(months))).unwrap_or(date)
}

/// The most steps of a ramp.
const MAX_RAMP: usize = 60;

/// The steps of a ramp, in order of their dates. Errors: `ramp_invalid`.
fn ramp(command: &Start) -> Result<Vec<Scheduled>> {
    let mut steps = command.ramp.clone();
    steps.sort_by_key(|step| step.on);
    let twice = steps.windows(2).any(|pair| pair[0].on == pair[1].on);
    if twice || steps.len() > MAX_RAMP {
        let detail = format!("A ramp has at most {MAX_RAMP} steps, each on a date of its own.");
        return Err(Error::invalid("ramp_invalid", detail).at("/ramp"));
    }
    Ok(steps)
}

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
fn with_pending<'v>(
    subscription: &Subscription,
    agreed: &'v Version,
    in_force: &'v Version,
) -> (Subscription, &'v Version, Option<Error>) {
    let nothing = HashMap::new();
    let usage = Usage::none(subscription.currency);
    let (mut next, mut version, mut dropped) = (subscription.without_pending(), agreed, None);
    let due = subscription.scheduled.iter().filter(|step| step.on <= subscription.billed_through.date);
    for step in due {
        let renegotiated = if step.change.renegotiates() { in_force } else { version };
        let ground = change::Ground {
            subscription: &next,
            agreed: version,
            in_force,
            running: &[],
            ended: &[],
            adjustments: &nothing,
            usage: &usage,
        };
        match change::changed(&ground, &step.change, subscription.billed_through) {
            Ok(changed) => (next, version) = (changed, renegotiated),
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
    if let Some(mut over) = over(&closed, begins) {
        discounted(&mut over, &mut owed.lines, begins.date, &Turn::Edge)?;
        closing::settle(ready, &mut over, &mut owed)?;
        closing::wait(subscription, &mut over, cut, false);
        let tax_rounding = agreed.book.billing.tax_rounding;
        return Ok(Renewal { at: begins, subscription: over, tax_rounding, owed, dropped: None });
    }
    let (mut next, version, dropped) = with_pending(&closed, agreed, in_force);
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

/// The draft that bills lines; none when there are none.
pub(crate) fn draft(
    subscription: &Subscription,
    tax_rounding: TaxRounding,
    due: Timestamp,
    lines: Vec<Line>,
) -> Option<Draft> {
    (!lines.is_empty()).then(|| Draft {
        entity: subscription.entity,
        customer: subscription.customer,
        currency: subscription.currency,
        due,
        lines,
        run: None,
        tax_rounding,
        taxes: Vec::new(),
    })
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

/// What was agreed must be about what is subscribed to, and fit its price.
///
/// Errors: `price_not_negotiable`.
pub(super) fn check_agreement(
    book: &Book,
    items: &[Item],
    cycle: Cycle,
    currency: Currency,
    agreement: &Agreement,
) -> Result<()> {
    let plan = items.iter().find(|item| item.kind == ItemKind::Plan).and_then(|item| book.plan(&item.key));
    for key in agreement.prices.keys() {
        let price = match items.iter().find(|item| item.key == *key) {
            Some(item) if item.kind == ItemKind::Plan => {
                plan.and_then(|plan| plan.price_for(cycle, currency))
            }
            Some(item) => {
                book.addon(&item.key).and_then(|addon| Some(addon.price_for(cycle, currency)?.price))
            }
            None => plan
                .and_then(|plan| plan.usage.iter().find(|usage| usage.key == *key))
                .and_then(|usage| usage.price_in(currency)),
        };
        let price = price.ok_or_else(|| {
            let detail = format!("Nothing in the subscription is priced under the key {key:?}.");
            Error::invalid("price_not_negotiable", detail).at(format!("/agreement/prices/{key}"))
        })?;
        agreement.price(key, price)?;
    }
    Ok(())
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
        let detail = format!("{} is charged once: say it under charges.", addon.name);
        return wrong("addon_one_off", detail);
    }
    let Some(price) = addon.price_for(cycle, currency) else {
        return wrong(
            "price_missing",
            format!("{} has no price for every {cycle} in {currency}.", addon.name),
        );
    };
    quantity(price.price.unit(), Some(count), &addon.name)
}

pub(crate) fn quantity(unit: Option<&str>, wanted: Option<i64>, name: &str) -> Result<i64> {
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

/// The lines of one period in advance, one for each item that is paid so, at the prices of the version agreed to.
fn lines(subscription: &Subscription, version: &Version, period: Period) -> Result<Vec<Line>> {
    let share = share(subscription, version, period)?;
    let items = subscription.active_items();
    items.filter_map(|item| line(subscription, version, item, period, share).transpose()).collect()
}

/// What the fees of a subscription come to in a whole period, before coupons, usage and tax. What depends on a figure
/// counts its flat price.
///
/// Errors: those of [`priced`]; `amount_out_of_range`.
pub fn fees_of_a_period(subscription: &Subscription, version: &Version) -> Result<Money> {
    let fees = subscription.active_items().map(|item| {
        let priced = priced(version, item, subscription.schedule.cycle, subscription)?;
        Ok(charge(&priced, &section(item), version, item, Share::Whole)?.amount)
    });
    Money::total(fees.collect::<Result<Vec<_>>>()?, subscription.currency)
}

/// How much of a full period `period` is: all of it, unless it begins late.
pub(super) fn share(subscription: &Subscription, version: &Version, period: Period) -> Result<Share> {
    let whole = subscription.schedule.period_at(period.start.at)?;
    let whole = if whole.end == period.end { whole } else { period };
    Ok(share_of(version, subscription, period, whole))
}

/// How much of `whole` a part of it is. A part that begins on its date is all of it, also where the customer's zone
/// changed with that date.
fn share_of(version: &Version, subscription: &Subscription, part: Period, whole: Period) -> Share {
    let unit = version.book.billing.proration;
    if unit.counts_days() && part.start.date <= whole.start.date && part.end == whole.end {
        return Share::Whole;
    }
    Share::of(unit, &subscription.schedule.zone, part, whole)
}

/// The price of an item and what it is called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Priced<'v> {
    name: &'v str,
    price: Cow<'v, Price>,
    months: u32,
    agreed: bool,
}

/// The price that counts for an item: the version's, or what was agreed instead.
///
/// Errors: `internal` when the version has none; `price_not_negotiable` when what was agreed does not fit it.
pub(super) fn priced<'v>(
    version: &'v Version,
    item: &Item,
    cycle: Cycle,
    subscription: &Subscription,
) -> Result<Priced<'v>> {
    let (currency, agreement) = (subscription.currency, &subscription.agreement);
    let found = match item.kind {
        ItemKind::Plan => version
            .book
            .plan(&item.key)
            .and_then(|plan: &Plan| Some((plan.name.as_str(), plan.price_for(cycle, currency)?, 1))),
        ItemKind::Addon => version.book.addon(&item.key).and_then(|addon| {
            let price = addon.price_for(cycle, currency)?;
            Some((addon.name.as_str(), price.price, price.months_factor))
        }),
    };
    let (name, price, months) = found.ok_or_else(|| {
        Error::internal(format!("version {} of the price book has no price for {}", version.number, item.key))
    })?;
    let agreed = agreement.prices.contains_key(&item.key);
    Ok(Priced { name, price: agreement.price(&item.key, price)?, months, agreed })
}

/// Where an item's price stands in the book.
fn section(item: &Item) -> String {
    match item.kind {
        ItemKind::Plan => format!("plans.{}", item.key),
        ItemKind::Addon => format!("addons.{}", item.key),
    }
}

/// What an item costs for a share of a period.
fn charge(priced: &Priced<'_>, place: &str, version: &Version, item: &Item, share: Share) -> Result<Rated> {
    let agreed = if priced.agreed { ", as agreed" } else { "" };
    rate(&Bought {
        name: priced.name,
        place: &format!("{place}{agreed}"),
        book: version.number,
        price: &priced.price,
        months: priced.months,
        quantity: Quantity::whole(item.quantity),
        share,
    })
}

/// The line that bills an item in advance for a period; none when it is paid in arrears.
pub(super) fn line(
    subscription: &Subscription,
    version: &Version,
    item: &Item,
    period: Period,
    share: Share,
) -> Result<Option<Line>> {
    let priced = priced(version, item, subscription.schedule.cycle, subscription)?;
    if in_arrears(&priced.price) {
        return Ok(None);
    }
    let rated = charge(&priced, &section(item), version, item, share)?;
    let zero = Money::zero(subscription.currency);
    Ok(Some(Line {
        ordinal: 0,
        subscription: subscription.id,
        item: item.ordinal,
        kind: ChargeKind::Recurring,
        key: item.key.clone(),
        group: String::new(),
        adjustment: 0,
        description: priced.name.to_owned(),
        period,
        quantity: item.quantity,
        measured: None,
        discount: zero,
        amount: rated.amount,
        tax: zero,
        tax_category: tax_category(version, item),
        explanation: rated.explanation,
    }))
}
