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
    let now = tx.now();
    let figures: Vec<Posted> = counted
        .iter()
        .filter(|one| open.contains(&place(&one.stretch)))
        .filter(|one| is_news(one, posted.get(&place(&one.stretch))))
        .map(|one| one.posted(now))
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
        Some(posted) => {
            let measured = posted.watermark.as_deref().and_then(log_place).is_some();
            measured && (posted.groups != one.groups || posted.watermark.as_deref() != Some(&one.watermark))
        }
    }
}

impl Counted {
    fn posted(&self, now: Timestamp) -> Posted {
        Posted {
            subscription: self.stretch.subscription.id,
            start: self.stretch.period.start.at,
            key: self.stretch.key.clone(),
            groups: self.groups.clone(),
            watermark: Some(self.watermark.clone()),
            posted: now,
            late: false,
        }
    }
}
