//! What was measured at the moment it was billed or credited. The fact of whatever settles it says so, whether there is a
//! document or not: a figure that changed may cost the same. Double entry of critical meters follows these facts.

use jiff::Timestamp;
use kernel::{
    Error, Exact, Result,
    ids::{CustomerId, SubscriptionId},
};
use metering::{
    double::{Billed, Place, Settled},
    event::{can_be_limited, kind},
};
use serde_json::Value as Json;
use store::{Fact, View, params};

use super::{
    measure::{Known, log_place},
    model::{Groups, Posted},
    ops, sql,
};
use crate::subscription::{Subscription, rules::arrears};

/// Where a payload says what was settled.
const SETTLED: &str = "settled";

/// What is settled with a stretch by the figure under `key`; none when the log did not measure it, or its meter neither
/// counts nor sums up, so that there are no quantities to post.
pub(crate) fn settled(
    meter: &catalog::Meter,
    key: &str,
    start: Timestamp,
    groups: &Groups,
    watermark: &str,
) -> Option<Settled> {
    if !can_be_limited(meter.aggregation) {
        return None;
    }
    log_place(watermark)?;
    let (key, kind) = (key.to_owned(), kind(meter));
    Some(Settled { key, meter: meter.key.clone(), kind, start, measured: total(groups)?.into() })
}

/// All groups of a figure together; none while it is not complete.
fn total(groups: &Groups) -> Option<Exact> {
    let totals = groups.values().map(|figure| figure.total().map(|total| (*total).clone()));
    totals.sum()
}

/// A fact's payload with what it settles.
pub(crate) fn with_settled(mut payload: Json, settled: &[Settled]) -> Result<Json> {
    if !settled.is_empty() {
        let said = serde_json::to_value(settled).map_err(|error| Error::internal(error.to_string()))?;
        payload[SETTLED] = said;
    }
    Ok(payload)
}

/// What a fact settled.
///
/// Errors: `internal` when its payload cannot be read.
pub fn settled_by(fact: &Fact) -> Result<Vec<Billed>> {
    let (Some(said), Some(customer)) = (fact.payload.get(SETTLED), fact.customer) else {
        return Ok(Vec::new());
    };
    let subscription = SubscriptionId::from_uuid(fact.subject.uuid);
    let settled: Vec<Settled> = serde_json::from_value(said.clone())
        .map_err(|error| Error::internal(format!("fact {} cannot be read: {error}", fact.seq)))?;
    Ok(settled.into_iter().map(|settled| Billed { customer, subscription, settled }).collect())
}

/// What the figures that are kept of settled stretches come to. Left out are stretches that go on, those for which a
/// late figure waits, and those whose figure somebody posted by hand; one without any figure comes to nothing.
pub fn kept(
    view: &mut View<'_>,
    customers: Vec<CustomerId>,
    stretches: &[Place],
) -> Result<Vec<(Place, Exact)>> {
    let Some(earliest) = stretches.iter().map(|(.., start)| *start).min() else { return Ok(Vec::new()) };
    let ids: Vec<SubscriptionId> = stretches.iter().map(|(id, ..)| *id).collect();
    let posted = view.all(&sql::OPEN_SINCE, params![ids, earliest], ops::read)?;
    let known = Known::load(view, customers)?;
    let mut found = Vec::new();
    for place in stretches {
        let (id, key, start) = place;
        let mine = |one: &&Posted| one.subscription == *id && one.key == *key && one.start == *start;
        let open = known.find(*id).is_some_and(|(one, version)| goes_on(one, version, key, *start));
        match posted.iter().find(mine) {
            _ if open => {}
            None => found.push((place.clone(), Exact::zero())),
            Some(figure) => {
                let here = !figure.late && figure.watermark.as_deref().and_then(log_place).is_some();
                let total = here.then(|| total(&figure.groups)).flatten();
                found.extend(total.map(|total| (place.clone(), total)));
            }
        }
    }
    Ok(found)
}

/// Whether the stretch that began at `start` is not over yet, or waits to be billed.
fn goes_on(one: &Subscription, version: &catalog::version::Version, key: &str, start: Timestamp) -> bool {
    let expected = arrears::expected(one, version).contains(&key);
    let open = expected && !one.is_over() && arrears::open_from(one, version, key).at <= start;
    open || one.closing.as_ref().is_some_and(|closing| closing.earliest() <= start)
}
