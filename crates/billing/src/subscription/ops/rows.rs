//! Subscriptions as rows.

use kernel::{Edge, Error, Period, Result, Schedule, ids::SubscriptionId};
use serde_json::Value as Json;
use store::{Row, ToValue, Tx, Value, params};

use crate::subscription::{
    closing::Closing,
    groups,
    model::{Rhythm, State, Subscription},
    sql,
};

pub(super) fn insert<'s>(
    tx: &mut Tx<'_>,
    subscriptions: impl Iterator<Item = &'s Subscription> + Clone,
) -> Result<()> {
    let count = subscriptions.clone().count() as u64;
    let agreed = subscriptions.clone().map(Agreed::of).collect::<Result<Vec<_>>>()?;
    let rows = subscriptions.clone().zip(&agreed).map(|(subscription, agreed)| row(subscription, agreed));
    if tx.bulk(&sql::INSERT, rows)? != count {
        let detail = "Another subscription already has this external id.";
        return Err(Error::conflict("external_id_taken", detail).at("/external_id"));
    }
    groups::count_new(tx, subscriptions.clone());
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
    groups::count_moved(tx, &changed);
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

fn saved<'v>(after: &'v Subscription, agreed: &'v Agreed) -> [Value<'v>; 34] {
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
        Value::from(after.plan()),
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

fn row<'v>(subscription: &'v Subscription, agreed: &'v Agreed) -> [Value<'v>; 40] {
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
        Value::from(subscription.plan()),
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

pub(super) fn read(row: &Row<'_>) -> Result<Subscription> {
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
