//! Stretches that are billed, as their subscription was then: a line says by which plan of which version it was rated,
//! and that is how its usage is measured again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use catalog::{
    Price,
    version::{self, Version},
};
use jiff::{SignedDuration, Timestamp};
use kernel::{Error, Result, ids::SubscriptionId};
use metering::usage::Touched;
use rating::Step;
use store::View;

use super::{
    follow::{hours, micros, touches},
    known::since,
    measure::{ByCustomer, Known, Stretch, meter_of},
    rated::rated,
};
use crate::{
    credit_note::Running,
    invoice::{ChargeKind, Line},
    subscription::{ItemKind, Subscription, rules::late::Late},
};

/// No stretch is longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 1_100);

/// The billed stretches that something in the log touched.
pub(super) fn touched(
    view: &mut View<'_>,
    known: &Known,
    log: &ByCustomer<Vec<Touched>>,
) -> Result<Vec<Stretch>> {
    let early: HashMap<SubscriptionId, Timestamp> =
        known.subscriptions().filter_map(|one| Some((one.id, from(one, log)?))).collect();
    let (mut found, mut versions) = (Vec::new(), Versions::default());
    let mut closed: BTreeMap<(SubscriptionId, String, Timestamp), Line> = BTreeMap::new();
    for Running { line, .. } in since(view, &early, rated)? {
        let Some(key) = measured_by(&line) else { continue };
        if line.explanation.early_until().is_some() {
            continue; // another line closes its stretch, or it is open
        }
        let stretch = (line.subscription, key.to_owned(), line.period.start.at);
        match closed.get_mut(&stretch) {
            Some(known) if known.period.end.at >= line.period.end.at => {}
            Some(known) => *known = line,
            None => drop(closed.insert(stretch, line)),
        }
    }
    for ((id, key, _), line) in &closed {
        let Some((one, _)) = known.find(*id) else { continue };
        let Some((was, version)) = versions.as_billed(view, one, line)? else { continue };
        let meter = meter_of(&version, was.plan(), key).to_owned();
        if touches(&hours(log, one, Some(&meter)), line.period) {
            let stretch = known.stretch(&Arc::new(was), &version, key, line.period);
            found.push(Stretch { billed_by: price_of(line).map(Arc::new), ..stretch });
        }
    }
    Ok(found)
}

/// The price a line was rated by.
fn price_of(line: &Line) -> Option<Price> {
    line.explanation.steps.iter().find_map(|step| match step {
        Step::Tariff { price, .. } => Some((**price).clone()),
        _ => None,
    })
}

/// From when on billed stretches of a subscription may be touched; none: the log only has what came for its open one.
fn from(one: &Subscription, log: &ByCustomer<Vec<Touched>>) -> Option<Timestamp> {
    let earliest = hours(log, one, None).iter().map(|hour| hour.hour.start).min()?;
    let rhythm = one.rhythm.map(|rhythm| rhythm.stretch.start.at);
    let open = rhythm.map_or(one.arrears_from.at, |rhythm| rhythm.max(one.arrears_from.at));
    if earliest >= micros(open) {
        return None;
    }
    let from = Timestamp::from_microsecond(earliest).unwrap_or(Timestamp::UNIX_EPOCH);
    Some(from.checked_sub(LONGEST).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The key a figure for the line is posted under; none when it charges no usage.
pub(crate) fn measured_by(line: &Line) -> Option<&str> {
    match line.kind {
        ChargeKind::Usage => Some(&line.key),
        ChargeKind::Arrears => line.explanation.steps.iter().find_map(|step| match step {
            Step::Tariff { price, .. } => price.meter(),
            _ => None,
        }),
        _ => None,
    }
}

/// The plan of a place in a price book: "plans.growth.usage.calls", "plans.growth, as agreed".
pub(crate) fn plan_at(place: &str) -> Option<&str> {
    place.strip_prefix("plans.")?.split(['.', ',']).next()
}

/// A subscription as it was when a line of it was rated.
///
/// Errors: those of storage.
pub(super) fn as_billed(
    view: &mut View<'_>,
    subscription: &Subscription,
    line: &Line,
) -> Result<Option<(Subscription, Arc<Version>)>> {
    Versions::default().as_billed(view, subscription, line)
}

/// Versions of the price book by their number.
#[derive(Default)]
pub(super) struct Versions {
    found: BTreeMap<i64, Option<Arc<Version>>>,
}

impl Versions {
    fn numbered(&mut self, view: &mut View<'_>, number: i64) -> Result<Option<Arc<Version>>> {
        if let Some(found) = self.found.get(&number) {
            return Ok(found.clone());
        }
        let listed = version::list(view, number.saturating_add(1), 1)?;
        let listed = listed.into_iter().find(|one| one.number == number);
        let found = listed.map(|one| version::find(view, one.id)).transpose()?;
        self.found.insert(number, found.clone());
        Ok(found)
    }

    /// The version and the place in it a line was rated by; none for one without a tariff.
    fn rated_by<'l>(
        &mut self,
        view: &mut View<'_>,
        line: &'l Line,
    ) -> Result<Option<(Arc<Version>, &'l str)>> {
        let tariff = line.explanation.steps.iter().find_map(|step| match step {
            Step::Tariff { place, book, .. } => Some((place.as_str(), *book)),
            _ => None,
        });
        let Some((place, book)) = tariff else { return Ok(None) };
        let gone = || Error::internal(format!("version {book} of the price book is gone"));
        Ok(Some((self.numbered(view, book)?.ok_or_else(gone)?, place)))
    }

    /// The meter each key of late figures looked at, by the version its lines name.
    pub(super) fn meters_of(
        &mut self,
        view: &mut View<'_>,
        late: &Late,
    ) -> Result<BTreeMap<String, catalog::Meter>> {
        let mut meters = BTreeMap::new();
        for key in late.figures.keys() {
            let Some(basis) = late.billed.iter().find(|one| one.line.amount_is_of(key)) else { continue };
            let Some((version, place)) = self.rated_by(view, &basis.line)? else { continue };
            let meter = meter_of(&version, plan_at(place).unwrap_or_default(), key);
            meters.extend(version.book.meter(meter).map(|meter| (key.clone(), meter.clone())));
        }
        Ok(meters)
    }

    /// The same as [`as_billed`]; none for a line without a tariff.
    pub(super) fn as_billed(
        &mut self,
        view: &mut View<'_>,
        subscription: &Subscription,
        line: &Line,
    ) -> Result<Option<(Subscription, Arc<Version>)>> {
        let Some((version, place)) = self.rated_by(view, line)? else { return Ok(None) };
        let mut was = Subscription { book: version.id, ..subscription.clone() };
        let plan = plan_at(place);
        let item = was.items.iter_mut().find(|item| item.kind == ItemKind::Plan);
        if let (Some(plan), Some(item)) = (plan, item) {
            plan.clone_into(&mut item.key);
        }
        Ok(Some((was, version)))
    }
}
