//! Starting, previewing and finding subscriptions.

use std::collections::HashMap;

use catalog::version::{self, Version};
use identity::{Customer, LegalEntity, customer, environment, text};
use jobs::due::{self, Due};
use kernel::{
    Edge, Error, Period, Result, Schedule,
    ids::{self, CustomerId, SubscriptionId},
};
use serde_json::json;
use store::{Lock, NewFact, Row, ToValue, Tx, Value, View, params};
use uuid::Uuid;

use super::{
    model::{Item, ItemKind, Start, Started, State, Subscription},
    renewal::{RENEWAL, TRIAL_END},
    rules::{self, Decision, Terms},
    sql,
};
use crate::invoice::{self, Draft, Totals};

pub(super) mod change;
pub(super) mod history;
pub(super) mod trial;

/// What starting a subscription would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The subscription as it would be; its id means nothing.
    pub subscription: Subscription,
    /// What would be billed at once.
    pub invoice: Option<(Draft, Totals)>,
    /// When it would fall due next.
    pub next_due: Edge,
}

/// Everything a start needs that is the same for all starts of a transaction.
struct Ground {
    version: Version,
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

/// What [`start`] would do, by the same decision; writes nothing. Errors as for [`start`], except `external_id_taken`.
pub fn preview(view: &mut View<'_>, command: &Start) -> Result<Preview> {
    let customer = customer::find(view, command.customer)?;
    trial::check_first(view, std::iter::once((command.customer, command)))?;
    let nowhere = SubscriptionId::from_uuid(Uuid::nil());
    let decision = Ground::load(view)?.decide(&customer, command, nowhere, view)?;
    let invoice = decision.draft.map(|draft| draft.totals().map(|totals| (draft, totals))).transpose()?;
    Ok(Preview {
        next_due: rules::next_due(&decision.subscription),
        subscription: decision.subscription,
        invoice,
    })
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
    let (mut drafts, mut finals) = (Vec::new(), Vec::new());
    let mut started = Vec::with_capacity(decided.len());
    for (Decision { subscription, draft }, finalize) in decided {
        let invoice = draft.map(|draft| {
            let id = tx.new_id();
            if finalize { &mut finals } else { &mut drafts }.push((id, draft));
            id
        });
        tx.fact(started_fact(&subscription, &ground.version)?);
        started.push(Started { subscription, invoice });
    }
    let due: Vec<Due> = started.iter().filter_map(|started| waiting(&started.subscription)).collect();
    due::put(tx, &due)?;
    let trying = started.iter().map(|started| &started.subscription);
    due::put(tx, &trial::reminders(&ground.version, trying)?)?;
    let now = tx.now();
    invoice::save_drafts(tx, drafts)?;
    invoice::issue(tx, finals, now)?;
    Ok(started)
}

/// Subscriptions are locked after their customers.
pub(super) static LOCK: Lock<ids::Subscription> = Lock::new(20, &sql::LOCK);

/// The entry of the due queue a subscription waits with, when it waits for anything.
pub(super) fn waiting(subscription: &Subscription) -> Option<Due> {
    let rank = match subscription.state {
        State::Active => RENEWAL.rank,
        State::Trialing => TRIAL_END.rank,
        _ => return None,
    };
    Some(Due { at: rules::next_due(subscription).at, rank, subject: subscription.id.uuid() })
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
    if tx.bulk(&sql::INSERT, subscriptions.clone().map(row))? != count {
        let detail = "Another subscription already has this external id.";
        return Err(Error::conflict("external_id_taken", detail).at("/external_id"));
    }
    insert_items(tx, subscriptions)
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

fn row(subscription: &Subscription) -> [Value<'_>; 24] {
    let Subscription { schedule, period, billed_through, .. } = subscription;
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
        Value::Null, // nothing is scheduled at the start
        subscription.trial_end.map(|end| end.date).map_or(Value::Null, Value::Date),
        subscription.trial_end.map(|end| end.at).map_or(Value::Null, Value::Instant),
        subscription.has_method.to_value(),
        subscription.metadata.to_value(),
    ]
}

fn read(row: &Row<'_>) -> Result<Subscription> {
    let wall_time = row.get::<Option<String>>(10)?.map(|text| text.parse()).transpose();
    let pending = row.get::<Option<serde_json::Value>>(20)?.map(serde_json::from_value).transpose();
    let wall_time =
        wall_time.map_err(|error| Error::internal(format!("a stored wall time is none: {error}")))?;
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
        period: Period {
            start: Edge { date: row.get(12)?, at: row.get(13)? },
            end: Edge { date: row.get(14)?, at: row.get(15)? },
        },
        billed_through: Edge { date: row.get(16)?, at: row.get(17)? },
        ends: row.get(19)?,
        pending: pending
            .map_err(|error| Error::internal(format!("a stored change cannot be read: {error}")))?,
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

/// A customer's newest subscriptions, at most 1,000.
pub fn of_customer(view: &mut View<'_>, customer: CustomerId) -> Result<Vec<Subscription>> {
    let found = view.all(&sql::OF_CUSTOMER, params![customer, 1_000_i64], read)?;
    with_items(view, found)
}
