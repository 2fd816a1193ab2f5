//! From `usage` to `billed`: what was measured of a stretch when it was billed or credited.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kernel::{
    Exact, Result,
    ids::{CustomerId, SubscriptionId},
};
use rating::Number;
use serde::{Deserialize, Serialize};
use store::{Tx, Value, View, params};
use uuid::Uuid;

use super::{
    Parts, Source,
    proof::{decimals, scaled},
    sql,
};
use crate::{
    reconcile::{Difference, Proof},
    usage,
};

/// Up to which fact of the core database stretches were posted; the name of its reader.
const READER: &str = "double_entry";

/// What was measured of a stretch when it was settled: billed, credited, or found to cost the same as before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The key its figures are posted under.
    pub key: String,
    /// The meter's key.
    pub meter: String,
    /// How it measures.
    pub kind: String,
    /// When the stretch began.
    pub start: Timestamp,
    /// What was measured of all of it, in the meter's unit.
    pub measured: Number,
}

/// The same, and whose stretch it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billed {
    /// Whose.
    pub customer: CustomerId,
    /// For which subscription.
    pub subscription: SubscriptionId,
    /// What was settled.
    pub settled: Settled,
}

/// A stretch by the subscription, the key of its figures and its start.
pub type Place = (SubscriptionId, String, Timestamp);

impl Billed {
    /// Which stretch it is.
    pub fn place(&self) -> Place {
        (self.subscription, self.settled.key.clone(), self.settled.start)
    }

    /// Whether it is posted: its stretch began since its meter is critical.
    pub fn is_posted(&self, sources: &[Source]) -> bool {
        let Settled { meter, kind, start, .. } = &self.settled;
        let source = sources.iter().find(|source| source.meter == *meter && source.kind == *kind);
        source.is_some_and(|source| start.as_microsecond() >= source.began)
    }
}

/// Up to which fact [`settle`] has seen everything; 0 before the first.
pub fn read_to(view: &mut View<'_>) -> Result<i64> {
    usage::read_to(view, READER)
}

/// Everything up to this fact is settled.
pub fn mark(tx: &mut Tx<'_>, fact: i64) -> Result<()> {
    usage::set_read_to(tx, READER, fact)
}

/// Post stretches from `usage` to `billed`, in the order they were settled: what was measured of a stretch in all takes the
/// place of what was posted for it before, so that done again it posts nothing twice. Stretches that began before their
/// meter was critical are not posted.
pub fn settle(tx: &mut Tx<'_>, all: &[Billed], sources: &[Source]) -> Result<()> {
    let posted = all.iter().filter(|one| one.is_posted(sources));
    let last: BTreeMap<Place, &Billed> = posted.map(|one| (one.place(), one)).collect();
    let rows = last.iter().map(|((subscription, key, start), one)| {
        let Settled { meter, kind, measured, .. } = &one.settled;
        let Parts { hi, lo } = Parts::of(scaled(kind, measured));
        [
            Value::Uuid(subscription.uuid()),
            Value::from(key.as_str()),
            Value::Int(start.as_microsecond()),
            Value::from(meter.as_str()),
            Value::from(kind.as_str()),
            Value::Uuid(one.customer.uuid()),
            Value::Int(hi),
            Value::Int(lo),
        ]
    });
    tx.bulk_all(&sql::SETTLE, rows)
}

/// Stretches that are posted with what is posted for them, in the order of their places, after one or from the first.
pub fn posted_after(view: &mut View<'_>, after: Option<Place>, limit: i64) -> Result<Vec<Billed>> {
    let (subscription, key, start) = after.map_or((Uuid::nil(), String::new(), i64::MIN), |place| {
        (place.0.uuid(), place.1, place.2.as_microsecond())
    });
    view.all(&sql::POSTED_AFTER, params![subscription, key, start, limit], |row| {
        let kind: String = row.get(4)?;
        let quantity = Parts { hi: row.get(6)?, lo: row.get(7)? }.quantity();
        let settled = Settled {
            key: row.get(1)?,
            start: Timestamp::from_microsecond(row.get(2)?).unwrap_or(Timestamp::MIN),
            meter: row.get(3)?,
            measured: Exact::ratio(quantity, 10_i128.pow(decimals(&kind))).into(),
            kind,
        };
        Ok(Billed { customer: row.get(5)?, subscription: row.get(0)?, settled })
    })
}

/// Which stretches of subscriptions are posted.
pub fn posted_of(view: &mut View<'_>, subscriptions: Vec<SubscriptionId>) -> Result<BTreeSet<Place>> {
    let places = view.all(&sql::POSTED_OF, params![subscriptions], |row| {
        let start = Timestamp::from_microsecond(row.get(2)?).unwrap_or(Timestamp::MIN);
        Ok((row.get(0)?, row.get(1)?, start))
    })?;
    Ok(places.into_iter().collect())
}

/// A stretch that is not posted as it was billed: `billed_differs`.
pub fn differs(proof: &mut Proof, one: &Billed, expected: String, found: String) {
    proof.add(Difference {
        code: "billed_differs",
        customer: Some(one.customer),
        meter: one.settled.meter.clone(),
        place: format!("{} from {} ({})", one.subscription, one.settled.start, one.settled.key),
        expected,
        found,
    });
}
