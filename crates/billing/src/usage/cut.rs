//! Figures from metering at the moment they are billed, and the ones that stand in between.

use std::collections::{BTreeSet, HashMap, HashSet};

use identity::customer;
use jiff::Timestamp;
use jobs::due::DueKind;
use kernel::{
    Result,
    ids::{CustomerId, SubscriptionId},
};
use store::{Db, Scope, Tx, View, params};
use uuid::Uuid;

use super::{
    measure::{Counted, Known, Stretch, ids, is_metered, log_place, measure},
    model::Posted,
    ops, sql,
};
use crate::subscription::{self, State, rules::arrears};

/// Before edges are passed: post what metering measured for the stretches that end there.
///
/// Usage lies in another database file than what it is billed by, so that this is a transaction of its own, and the
/// figure carries the place of the log it is complete up to. What comes later is late. A figure somebody posted by
/// hand stands. For [`jobs::due::run_after`].
pub fn cut(db: &Db, scope: &Scope, kind: &DueKind, at: Timestamp, subjects: &[Uuid]) -> Result<()> {
    if kind.rank != subscription::EDGE.rank || !is_metered(db, scope)? {
        return Ok(());
    }
    let customers: Vec<CustomerId> = subjects.iter().copied().map(CustomerId::from_uuid).collect();
    let ending = db.read(scope, move |view| ending(view, &customers, at)).wait()?;
    let counted = measure(db, scope, ending, at)?;
    post_open(db, scope, counted, Some(at))
}

/// The stretches of customers that end at `at` or before, and those that ended earlier and are billed then.
fn ending(view: &mut View<'_>, customers: &[CustomerId], at: Timestamp) -> Result<Vec<Stretch>> {
    let known = Known::load(view, customers.to_vec())?;
    let mut ending = Vec::new();
    for (one, version, key) in known.keys() {
        let period = arrears::open_period(one, version, key);
        if [State::Active, State::Trialing].contains(&one.state) && period.end.at <= at {
            ending.push(known.stretch(one, version, key, period));
        }
    }
    ending.extend(known.waiting().filter(|(cut, _)| *cut <= at).map(|(_, stretch)| stretch));
    Ok(ending)
}

/// Store what was measured for stretches that are not billed yet, unless somebody posted another figure by hand.
pub(super) fn post_open(db: &Db, scope: &Scope, counted: Vec<Counted>, at: Option<Timestamp>) -> Result<()> {
    if counted.is_empty() {
        return Ok(());
    }
    let post = move |tx: &mut Tx<'_>| {
        at.iter().try_for_each(|at| tx.run_at(*at))?;
        keep(tx, &counted)
    };
    db.write(scope, post).wait()
}

/// Store figures of stretches as far as these are still not billed and the figures are news.
pub(super) fn keep(tx: &mut Tx<'_>, counted: &[Counted]) -> Result<()> {
    let customers: BTreeSet<CustomerId> =
        counted.iter().map(|one| one.stretch.subscription.customer).collect();
    customer::lock_all(tx, &customers.iter().copied().collect::<Vec<_>>())?;
    let known = Known::load(tx, customers.into_iter().collect())?;
    let open = known
        .keys()
        .map(|(one, version, key)| (one.id, key.to_owned(), arrears::open_from(one, version, key).at));
    let open: HashSet<Place> = open.chain(known.waiting().map(|(_, stretch)| place(&stretch))).collect();
    let posted = posted(tx, counted)?;
    let figures: Vec<Posted> = counted
        .iter()
        .filter(|one| open.contains(&place(&one.stretch)))
        .filter(|one| is_news(one, posted.get(&place(&one.stretch))))
        .map(Counted::posted)
        .collect();
    ops::post_all(tx, &figures)
}

type Place = (SubscriptionId, String, Timestamp);

fn place(stretch: &Stretch) -> Place {
    (stretch.subscription.id, stretch.key.clone(), stretch.period.start.at)
}

/// What is posted for the stretches that were measured, and those after them.
fn posted(view: &mut View<'_>, counted: &[Counted]) -> Result<HashMap<Place, Posted>> {
    let ids = ids(counted.iter().map(|one| &one.stretch));
    let Some(earliest) = counted.iter().map(|one| one.stretch.period.start.at).min() else {
        return Ok(HashMap::new());
    };
    let posted = view.all(&sql::OPEN_SINCE, params![ids, earliest], ops::read)?;
    Ok(posted.into_iter().map(|one| ((one.subscription, one.key.clone(), one.start), one)).collect())
}

/// Whether what was measured is to take the place of what is posted.
pub(super) fn is_news(one: &Counted, posted: Option<&Posted>) -> bool {
    match posted {
        None => !one.nothing,
        Some(posted) => is_newer(&one.posted(), posted),
    }
}

/// Whether a measured figure says something else than one that is posted, and was not measured before it: whoever
/// measured at an earlier place of the log, or earlier at the same one, comes too late. A figure posted by hand stands.
fn is_newer(new: &Posted, posted: &Posted) -> bool {
    let place = |one: &Posted| one.watermark.as_deref().and_then(log_place);
    let differs = posted.groups != new.groups || posted.watermark != new.watermark;
    differs && place(posted).is_some_and(|before| (place(new), new.posted) >= (Some(before), posted.posted))
}

impl Counted {
    /// As it is stored: at the instant it was measured for, so that it can be measured again.
    fn posted(&self) -> Posted {
        Posted {
            subscription: self.stretch.subscription.id,
            start: self.stretch.period.start.at,
            key: self.stretch.key.clone(),
            groups: self.groups.clone(),
            watermark: Some(self.watermark.clone()),
            posted: self.at,
            late: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Figure;

    #[test]
    fn only_what_was_measured_later_takes_the_place_of_a_figure() {
        let figure = |watermark: &str, at: &str, units: i64| Posted {
            subscription: SubscriptionId::from_uuid(Uuid::nil()),
            start: Timestamp::UNIX_EPOCH,
            key: "calls".into(),
            groups: [(String::new(), Figure::Quantity(kernel::Exact::from(units).into()))].into(),
            watermark: Some(watermark.to_owned()),
            posted: at.parse().unwrap(),
            late: false,
        };
        let (noon, one) = ("2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z");
        let posted = figure("event log 9", noon, 5);
        assert!(is_newer(&figure("event log 10", noon, 6), &posted));
        assert!(!is_newer(&figure("event log 8", one, 4), &posted), "of an earlier place");
        // A value that stands is more an hour later, without an event.
        assert!(is_newer(&figure("event log 9", one, 6), &posted));
        assert!(!is_newer(&posted, &figure("event log 9", one, 6)));
        assert!(!is_newer(&posted.clone(), &posted), "the same");
        assert!(!is_newer(&figure("event log 10", one, 6), &figure("by hand", noon, 5)), "by hand it stands");
    }
}
