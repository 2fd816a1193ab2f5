//! Starting, previewing and finding subscriptions.

use std::{collections::HashMap, sync::Arc};

use catalog::{
    ZeroInvoices,
    version::{self, Version},
};
use identity::{Customer, LegalEntity, customer, environment, text};
use jiff::Timestamp;
use jobs::due::{self, Due};
use kernel::{
    Edge, Error, Period, Result, Schedule, Zone,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use serde_json::{Value as Json, json};
use store::{NewFact, Row, ToValue, Tx, Value, View, params};
use uuid::Uuid;

use super::{
    closing::Closing,
    edge::EDGE,
    model::{Item, ItemKind, Rhythm, Start, Started, State, Subscription},
    rules::{self, Decision, Ready, Terms, arrears::Usage},
    sql,
};
use crate::{
    charge::{self, Charge},
    coupon,
    invoice::{self, Draft, Line, Totals},
};

pub(super) mod change;
pub(super) mod history;
pub(super) mod trial;

/// What starting a subscription would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The subscription as it would be; its id means nothing.
    pub subscription: Subscription,
    /// What would be billed at once, or when it begins if that is later.
    pub invoice: Option<(Draft, Totals)>,
    /// When it would fall due next.
    pub next_due: Edge,
}

/// Everything a start needs that is the same for all starts of a transaction.
struct Ground {
    version: Arc<Version>,
    entities: Vec<LegalEntity>,
}

impl Ground {
    fn load(view: &mut View<'_>) -> Result<Self> {
        Ok(Self { version: version::in_force(view)?, entities: environment::entities(view)? })
    }

    /// Decide a start. Errors: those of [`rules::start`], `legal_entity_unknown`, `no_legal_entity`.
    fn decide(
        &self,
        customer: &Customer,
        command: &Start,
        id: SubscriptionId,
        view: &View<'_>,
    ) -> Result<Decision> {
        let entity = match command.entity {
            None => self.entities.first().ok_or_else(|| {
                Error::conflict(
                    "no_legal_entity",
                    "This environment has no legal entity to issue invoices yet.",
                )
            })?,
            Some(id) => self.entities.iter().find(|entity| entity.id == id).ok_or_else(|| {
                Error::invalid("legal_entity_unknown", "There is no such legal entity.").at("/legal_entity")
            })?,
        };
        if let Some(external) = &command.external_id {
            text::external_id(external, "/external_id")?;
        }
        rules::start(&Terms { customer, entity, version: &self.version }, command, id, view.now())
    }
}

impl Ground {
    /// What a subscription that begins later is billed then, by the decision that is made then.
    fn at_begin(&self, Decision { subscription, charges, .. }: &Decision) -> Result<Option<Draft>> {
        let none = Usage::none(subscription.currency);
        let charges: Vec<Charge> = charges.iter().map(|line| Charge::waiting(line.clone())).collect();
        let ready = Ready {
            subscription,
            agreed: &self.version,
            in_force: &self.version,
            usage: &none,
            late: &[],
            charges: &charges,
            closing: None,
        };
        let renewal = rules::renew(&ready)?;
        let nothing = renewal.owed.lines.iter().all(Line::is_nothing);
        let skips = self.version.book.billing.zero_invoices == ZeroInvoices::Skip;
        Ok(renewal.draft().filter(|_| !(nothing && skips)))
    }
}

/// What [`start`] would do, by the same decision; writes nothing. Errors as for [`start`], except `external_id_taken`.
pub fn preview(view: &mut View<'_>, command: &Start) -> Result<Preview> {
    let customer = customer::find(view, command.customer)?;
    trial::check_first(view, std::iter::once((command.customer, command)))?;
    let nowhere = SubscriptionId::from_uuid(Uuid::nil());
    let ground = Ground::load(view)?;
    let decision = ground.decide(&customer, command, nowhere, view)?;
    let draft = match decision.subscription.state {
        State::Scheduled => ground.at_begin(&decision)?,
        _ => decision.draft,
    };
    let invoice = draft.map(|draft| invoice::assessed(view, draft)).transpose()?;
    Ok(Preview { next_due: decision.subscription.next_due(), subscription: decision.subscription, invoice })
}

/// Start a subscription and bill what falls due with it.
///
/// Errors: `not_found` for the customer; those of [`rules::start`]; `external_id_taken`, `no_price_book`,
/// `no_legal_entity`, `legal_entity_unknown`, `metadata_invalid`.
pub fn start(tx: &mut Tx<'_>, command: &Start) -> Result<Started> {
    customer::lock(tx, command.customer)?;
    let customer = customer::find(tx, command.customer)?;
    start_all(tx, vec![(customer, command.clone())])?
        .pop()
        .ok_or_else(|| Error::internal("nothing was started"))
}

/// Start many subscriptions, all or none, of customers this transaction has locked or made.
pub fn start_all(tx: &mut Tx<'_>, starts: Vec<(Customer, Start)>) -> Result<Vec<Started>> {
    let ground = Ground::load(tx)?;
    trial::check_first(tx, starts.iter().map(|(customer, start)| (customer.id, start)))?;
    let mut decided = Vec::with_capacity(starts.len());
    for (customer, mut command) in starts {
        command.metadata = customer::metadata(command.metadata)?;
        let id = tx.new_id();
        decided.push((ground.decide(&customer, &command, id, tx)?, command.finalize));
    }
    insert(tx, decided.iter().map(|(decision, _)| &decision.subscription))?;
    coupon::take_all(tx, &ground.version.book, decided.iter().map(|(decision, _)| &decision.subscription))?;
    let (mut drafts, mut finals) = (Vec::new(), Vec::new());
    let mut started = Vec::with_capacity(decided.len());
    let (mut charges, mut uses) = (Vec::new(), Vec::new());
    for (Decision { subscription, draft, charges: once }, finalize) in decided {
        let invoice = draft.map(|draft| {
            let id = tx.new_id();
            charges.extend(once.iter().cloned().map(|line| {
                let on_it = charge::places(&draft.lines).contains(&line.adjustment);
                (line, on_it.then_some(id))
            }));
            if finalize { &mut finals } else { &mut drafts }.push((id, draft));
            id
        });
        if let Some(id) = invoice {
            uses.extend(coupon::first_uses(&ground.version.book, &subscription, id)?);
        } else {
            charges.extend(once.into_iter().map(|line| (line, None)));
        }
        tx.fact(started_fact(&subscription, &ground.version)?);
        started.push(Started { subscription, invoice });
    }
    let due: Vec<Due> = started.iter().filter_map(|started| waiting(&started.subscription)).collect();
    due::put(tx, &due)?;
    let trying = started.iter().map(|started| &started.subscription);
    due::put(tx, &trial::reminders(&ground.version, trying)?)?;
    let now = tx.now();
    charge::store(tx, &charges.iter().map(|(line, invoice)| (line, *invoice)).collect::<Vec<_>>())?;
    coupon::used(tx, &uses)?;
    invoice::save_drafts(tx, drafts)?;
    invoice::issue(tx, finals, now)?;
    Ok(started)
}

/// The entry of the due queue a subscription waits with, when it waits for anything. It is its customer's, so that
/// all that falls due for a customer at an instant is billed together.
pub(super) fn waiting(subscription: &Subscription) -> Option<Due> {
    let at = subscription.falls_due()?.at;
    Some(Due { at, rank: EDGE.rank, subject: subscription.customer.uuid() })
}

fn started_fact(subscription: &Subscription, version: &Version) -> Result<NewFact> {
    let items: Vec<_> = subscription
        .items
        .iter()
        .map(|item| json!({"kind": item.kind.word(), "key": item.key, "quantity": item.quantity}))
        .collect();
    let payload = json!({
        "legal_entity": subscription.entity,
        "book": version.id,
        "book_number": version.number,
        "cycle": subscription.schedule.cycle,
        "currency": subscription.currency,
        "items": items,
        "state": subscription.state.word(),
        "started": subscription.started,
        "trial_end": subscription.trial_end.map(|end| end.at),
        "period_start": subscription.period.start.at,
        "period_end": subscription.period.end.at,
    });
    let fact = NewFact::new("subscription.started", subscription.id.any(), payload)?;
    Ok(fact.of(subscription.customer).effective(subscription.started))
}

fn insert<'s>(tx: &mut Tx<'_>, subscriptions: impl Iterator<Item = &'s Subscription> + Clone) -> Result<()> {
    let count = subscriptions.clone().count() as u64;
    let agreed = subscriptions.clone().map(Agreed::of).collect::<Result<Vec<_>>>()?;
    let rows = subscriptions.clone().zip(&agreed).map(|(subscription, agreed)| row(subscription, agreed));
    if tx.bulk(&sql::INSERT, rows)? != count {
        let detail = "Another subscription already has this external id.";
        return Err(Error::conflict("external_id_taken", detail).at("/external_id"));
    }
    insert_items(tx, subscriptions)
}

/// What was agreed, as it is stored; nothing is stored for nothing.
struct Agreed {
    scheduled: Option<Json>,
    term: Option<Json>,
    agreement: Option<Json>,
    discounts: Option<Json>,
    closing: Option<Json>,
}

impl Agreed {
    fn of(subscription: &Subscription) -> Result<Self> {
        fn json<T: serde::Serialize>(some: bool, value: &T) -> Result<Option<Json>> {
            let value = some.then(|| serde_json::to_value(value)).transpose();
            value.map_err(|error| Error::internal(error.to_string()))
        }
        let Subscription { scheduled, term, agreement, discounts, .. } = subscription;
        Ok(Self {
            scheduled: json(!scheduled.is_empty(), scheduled)?,
            term: json(term.is_some(), term)?,
            agreement: json(!agreement.is_empty(), agreement)?,
            discounts: json(!discounts.is_empty(), discounts)?,
            closing: subscription.closing.as_ref().map(|closing| closing.json()).transpose()?,
        })
    }

    fn read<T: serde::de::DeserializeOwned + Default>(row: &Row<'_>, column: usize) -> Result<T> {
        let stored: Option<Json> = row.get(column)?;
        let read = stored.map(serde_json::from_value).transpose();
        let read =
            read.map_err(|error| Error::internal(format!("what was agreed cannot be read: {error}")))?;
        Ok(read.unwrap_or_default())
    }
}

/// Store what subscriptions have become, their items only where they changed.
pub(crate) fn save_all(tx: &mut Tx<'_>, changes: &[(&Subscription, &Subscription)]) -> Result<()> {
    let simple = |before: &Subscription, after: &Subscription| {
        // Only what every period changes.
        let Subscription { period, billed_through, arrears_from, peak, .. } = after.clone();
        *after == Subscription { period, billed_through, arrears_from, peak, ..before.clone() }
    };
    let (opened, changed): (Vec<_>, Vec<_>) =
        changes.iter().copied().partition(|(before, after)| simple(before, after));
    tx.bulk_all(
        &sql::OPEN_PERIOD,
        opened.iter().map(|(_, after)| {
            let Subscription { period: Period { start, end }, billed_through, arrears_from, .. } = after;
            [
                after.id.to_value(),
                Value::Date(start.date),
                Value::Instant(start.at),
                Value::Date(end.date),
                Value::Instant(end.at),
                Value::Date(billed_through.date),
                Value::Instant(billed_through.at),
                Value::Date(arrears_from.date),
                Value::Instant(arrears_from.at),
                Value::Int(after.peak),
                due(after),
            ]
        }),
    )?;
    let agreed = changed.iter().map(|(_, after)| Agreed::of(after)).collect::<Result<Vec<_>>>()?;
    let rows = changed.iter().zip(&agreed).map(|((_, after), agreed)| saved(after, agreed));
    tx.bulk_all(&sql::SAVE, rows)?;
    let other_items: Vec<&Subscription> = changed
        .iter()
        .filter(|(before, after)| before.items != after.items)
        .map(|(_, after)| *after)
        .collect();
    if !other_items.is_empty() {
        let ids: Vec<SubscriptionId> = other_items.iter().map(|after| after.id).collect();
        tx.exec(&sql::DROP_ITEMS, params![ids])?;
        insert_items(tx, other_items.into_iter())?;
    }
    Ok(())
}

fn saved<'v>(after: &'v Subscription, agreed: &'v Agreed) -> [Value<'v>; 33] {
    let Subscription { schedule, period: Period { start, end }, billed_through, arrears_from, .. } = after;
    let json = |stored: &'v Option<Json>| stored.as_ref().map_or(Value::Null, Value::json);
    let [cycle, from_date, from, end_date, until, peak] = rhythm(after);
    [
        after.id.to_value(),
        after.book.to_value(),
        Value::from(after.state.word()),
        schedule.anchor.to_value(),
        schedule.cycle.to_value(),
        schedule.wall_time.map_or(Value::Null, |time| Value::from(time.to_string())),
        Value::Date(start.date),
        Value::Instant(start.at),
        Value::Date(end.date),
        Value::Instant(end.at),
        Value::Date(billed_through.date),
        Value::Instant(billed_through.at),
        after.ends.to_value(),
        json(&agreed.scheduled),
        after.trial_end.map_or(Value::Null, |end| Value::Date(end.date)),
        after.trial_end.map_or(Value::Null, |end| Value::Instant(end.at)),
        Value::Bool(after.has_method),
        Value::Date(arrears_from.date),
        Value::Instant(arrears_from.at),
        Value::Int(after.peak),
        json(&agreed.term),
        json(&agreed.agreement),
        json(&agreed.discounts),
        cycle,
        from_date,
        from,
        end_date,
        until,
        peak,
        due(after),
        json(&agreed.closing),
        next_zone(after),
        schedule.zone.to_value(),
    ]
}

/// When it falls due, for the index.
fn due(subscription: &Subscription) -> Value<'static> {
    subscription.falls_due().map_or(Value::Null, |due| Value::Instant(due.at))
}

fn next_zone(subscription: &Subscription) -> Value<'_> {
    subscription.next_zone.as_ref().map_or(Value::Null, ToValue::to_value)
}

fn insert_items<'s>(tx: &mut Tx<'_>, subscriptions: impl Iterator<Item = &'s Subscription>) -> Result<()> {
    let items: Vec<_> = subscriptions
        .flat_map(|subscription| subscription.items.iter().map(|item| (subscription.id, item)))
        .collect();
    tx.bulk_all(
        &sql::INSERT_ITEMS,
        items.iter().map(|(id, item)| {
            let kind = Value::from(item.kind.word());
            [id.to_value(), item.ordinal.to_value(), kind, item.key.to_value(), item.quantity.to_value()]
        }),
    )
}

fn row<'v>(subscription: &'v Subscription, agreed: &'v Agreed) -> [Value<'v>; 39] {
    let Subscription { schedule, period, billed_through, arrears_from, .. } = subscription;
    let [cycle, from_date, from, end_date, end, peak] = rhythm(subscription);
    let json = |stored: &'v Option<Json>| stored.as_ref().map_or(Value::Null, Value::json);
    [
        subscription.id.to_value(),
        subscription.entity.to_value(),
        subscription.customer.to_value(),
        subscription.external_id.to_value(),
        subscription.book.to_value(),
        Value::from(subscription.state.word()),
        subscription.currency.to_value(),
        schedule.anchor.to_value(),
        schedule.cycle.to_value(),
        schedule.zone.to_value(),
        schedule.wall_time.map_or(Value::Null, |time| Value::from(time.to_string())),
        subscription.started.to_value(),
        period.start.date.to_value(),
        period.start.at.to_value(),
        period.end.date.to_value(),
        period.end.at.to_value(),
        billed_through.date.to_value(),
        billed_through.at.to_value(),
        subscription.ends.to_value(),
        json(&agreed.scheduled),
        subscription.trial_end.map(|end| end.date).map_or(Value::Null, Value::Date),
        subscription.trial_end.map(|end| end.at).map_or(Value::Null, Value::Instant),
        subscription.has_method.to_value(),
        subscription.metadata.to_value(),
        Value::Date(arrears_from.date),
        Value::Instant(arrears_from.at),
        Value::Int(subscription.peak),
        json(&agreed.term),
        json(&agreed.agreement),
        json(&agreed.discounts),
        cycle,
        from_date,
        from,
        end_date,
        end,
        peak,
        due(subscription),
        json(&agreed.closing),
        next_zone(subscription),
    ]
}

/// The columns of the rhythm of usage.
fn rhythm(subscription: &Subscription) -> [Value<'static>; 6] {
    let Some(Rhythm { cycle, stretch: Period { start, end }, peak }) = subscription.rhythm else {
        return [const { Value::Null }; 6];
    };
    [
        Value::from(cycle.to_string()),
        Value::Date(start.date),
        Value::Instant(start.at),
        Value::Date(end.date),
        Value::Instant(end.at),
        Value::Int(peak),
    ]
}

fn read_rhythm(row: &Row<'_>) -> Result<Option<Rhythm>> {
    let Some(cycle) = row.get(30)? else { return Ok(None) };
    let start = Edge { date: row.get(31)?, at: row.get(32)? };
    let end = Edge { date: row.get(33)?, at: row.get(34)? };
    Ok(Some(Rhythm { cycle, stretch: Period { start, end }, peak: row.get(35)? }))
}

fn read(row: &Row<'_>) -> Result<Subscription> {
    let wall_time = row.get::<Option<String>>(10)?.map(|text| text.parse()).transpose();
    let wall_time =
        wall_time.map_err(|error| Error::internal(format!("a stored wall time is none: {error}")))?;
    let period = Period {
        start: Edge { date: row.get(12)?, at: row.get(13)? },
        end: Edge { date: row.get(14)?, at: row.get(15)? },
    };
    Ok(Subscription {
        id: row.get(0)?,
        entity: row.get(1)?,
        customer: row.get(2)?,
        external_id: row.get(3)?,
        book: row.get(4)?,
        state: row.parse(5, State::parse)?,
        currency: row.get(6)?,
        schedule: Schedule { anchor: row.get(7)?, cycle: row.get(8)?, zone: row.get(9)?, wall_time },
        started: row.get(11)?,
        billed_through: Edge { date: row.get(16)?, at: row.get(17)? },
        // Subscriptions from before there were arrears owe them from their period's start.
        arrears_from: match (row.get(24)?, row.get(25)?) {
            (Some(date), Some(at)) => Edge { date, at },
            _ => period.start,
        },
        period,
        peak: row.get(26)?,
        rhythm: read_rhythm(row)?,
        closing: row
            .get::<Option<Json>>(36)?
            .map(|stored| Closing::read(stored).map(Box::new))
            .transpose()?,
        next_zone: row.get(37)?,
        ends: row.get(19)?,
        scheduled: Agreed::read(row, 20)?,
        term: Agreed::read(row, 27)?,
        agreement: Agreed::read(row, 28)?,
        discounts: Agreed::read(row, 29)?,
        trial_end: match (row.get(21)?, row.get(22)?) {
            (Some(date), Some(at)) => Some(Edge { date, at }),
            _ => None,
        },
        has_method: row.get(23)?,
        items: Vec::new(),
        metadata: row.get(18)?,
    })
}

/// Give loaded subscriptions their items, in one query.
fn with_items(view: &mut View<'_>, mut subscriptions: Vec<Subscription>) -> Result<Vec<Subscription>> {
    let ids: Vec<SubscriptionId> = subscriptions.iter().map(|subscription| subscription.id).collect();
    let mut items: HashMap<SubscriptionId, Vec<Item>> = HashMap::with_capacity(ids.len());
    view.each(&sql::ITEMS, params![ids], |row| {
        let item = Item {
            ordinal: row.get(1)?,
            kind: row.parse(2, ItemKind::parse)?,
            key: row.get(3)?,
            quantity: row.get(4)?,
        };
        items.entry(row.get(0)?).or_default().push(item);
        Ok(())
    })?;
    for subscription in &mut subscriptions {
        subscription.items = items.remove(&subscription.id).unwrap_or_default();
    }
    Ok(subscriptions)
}

/// The subscriptions of customers that fall due at an instant, by customer and id.
pub(super) fn due_at(
    view: &mut View<'_>,
    customers: Vec<CustomerId>,
    at: Timestamp,
) -> Result<Vec<Subscription>> {
    let mut found = view.all(&sql::DUE, params![customers, at], read)?;
    found.retain(|one| one.falls_due().is_some_and(|due| due.at == at));
    with_items(view, found)
}

/// The subscriptions of customers that fall due up to an instant, by customer and id.
pub(crate) fn due_until(
    view: &mut View<'_>,
    customers: Vec<CustomerId>,
    until: Timestamp,
) -> Result<Vec<Subscription>> {
    let mut found = view.all(&sql::DUE_UNTIL, params![customers, until], read)?;
    found.retain(|one| one.falls_due().is_some());
    with_items(view, found)
}

/// Subscriptions after `after` that are not over and on another version than `book`, by id.
pub(crate) fn on_other_books(
    view: &mut View<'_>,
    book: BookVersionId,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<Subscription>> {
    let after = after.map_or(Uuid::nil(), SubscriptionId::uuid);
    let found = view.all(&sql::ON_OTHER_BOOKS, params![book, after, limit], read)?;
    with_items(view, found)
}

/// A customer moved to another zone: the subscriptions that follow it do so from their next period on.
pub(crate) fn follow_zone(tx: &mut Tx<'_>, customer: CustomerId, from: &Zone, to: &Zone) -> Result<()> {
    tx.exec(&sql::FOLLOW_ZONE, params![customer, from, to]).map(drop)
}

/// Several subscriptions in ascending order of id.
pub(super) fn load(view: &mut View<'_>, ids: Vec<SubscriptionId>) -> Result<Vec<Subscription>> {
    let found = view.all(&sql::MANY, params![ids], read)?;
    with_items(view, found)
}

/// A subscription. Errors: `not_found`.
pub fn find(view: &mut View<'_>, id: SubscriptionId) -> Result<Subscription> {
    load(view, vec![id])?.pop().ok_or_else(|| Error::not_found("subscription"))
}

/// The id that `sub_…` or `ext:…` stands for. Errors: `id_malformed`, `not_found`.
pub fn resolve(view: &mut View<'_>, reference: &str) -> Result<SubscriptionId> {
    match reference.strip_prefix("ext:") {
        None => reference.parse(),
        Some(external) => view
            .opt(&sql::BY_EXTERNAL, params![external], |row| row.get(0))?
            .ok_or_else(|| Error::not_found("subscription")),
    }
}

/// Subscriptions started before `before` (none: from the newest on), newest first.
pub fn list(view: &mut View<'_>, before: Option<SubscriptionId>, limit: i64) -> Result<Vec<Subscription>> {
    let before = before.map_or(Uuid::max(), SubscriptionId::uuid);
    let found = view.all(&sql::LIST, params![before, limit], read)?;
    with_items(view, found)
}

/// Every subscription of some customers, by customer and id.
pub(crate) fn of_customers(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<Vec<Subscription>> {
    let found = view.all(&sql::OF_CUSTOMERS, params![customers], read)?;
    with_items(view, found)
}

/// A customer's newest subscriptions, at most 1,000.
pub fn of_customer(view: &mut View<'_>, customer: CustomerId) -> Result<Vec<Subscription>> {
    let found = view.all(&sql::OF_CUSTOMER, params![customer, 1_000_i64], read)?;
    with_items(view, found)
}
