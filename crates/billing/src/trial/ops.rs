//! Looking up who had a trial, and keeping it.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{
    OncePer, Sameness,
    version::{self, Version},
};
use identity::{Customer, customer};
use kernel::{
    Kind, Result,
    ids::{CustomerId, SubscriptionId},
};
use store::{Row, ToValue, Tx, Value, View, params};

use super::{
    model::{Had, Sign},
    rules::{Known, signs},
    sql,
};
use crate::subscription::{Start, State, Subscription};

/// Somebody who may want a trial, and what a gateway says tells its method of payment from others.
type Asking<'a> = (CustomerId, Option<&'a str>);

/// Whether a customer may have the trial of the price book in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MayTry {
    /// Whether there is a trial at all.
    pub offered: bool,
    /// The trials that stand against another one; staff may allow it all the same.
    pub had: Vec<Had>,
}

impl MayTry {
    /// Whether a start with a trial would not be refused for one they had.
    pub const fn allowed(&self) -> bool {
        self.offered && self.had.is_empty()
    }
}

/// Whether a customer may have a trial, and which ones stand against it. `fingerprint` is what a gateway says tells its
/// method of payment from others.
///
/// Errors: `not_found`.
pub fn may_try(view: &mut View<'_>, id: CustomerId, fingerprint: Option<&str>) -> Result<MayTry> {
    customer::find(view, id)?;
    let version = match version::in_force(view) {
        Ok(version) => version,
        Err(error) if error.kind == Kind::Internal => return Err(error),
        Err(_) => return Ok(MayTry { offered: false, had: Vec::new() }), // no price book yet
    };
    let Some(trial) = &version.book.trial else { return Ok(MayTry { offered: false, had: Vec::new() }) };
    let mut had = had_before(view, &[(id, fingerprint)])?.remove(&id).unwrap_or_default();
    had.retain(|one| trial.once_per.holds(one.because));
    Ok(MayTry { offered: true, had })
}

/// The trials of customers, and of those who are the same as they in something.
fn had_before(view: &mut View<'_>, asking: &[Asking<'_>]) -> Result<BTreeMap<CustomerId, Vec<Had>>> {
    let ids: BTreeSet<CustomerId> = asking.iter().map(|(id, _)| *id).collect();
    let mut found: BTreeMap<CustomerId, Vec<Had>> = BTreeMap::new();
    let own = view.all(&sql::OF_CUSTOMERS, params![ids.iter().copied().collect::<Vec<_>>()], |row| {
        let (customer, subscription, began) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Had { because: Sameness::Customer, customer, subscription, began })
    })?;
    for had in own {
        found.entry(had.customer).or_default().push(had);
    }
    let signs = signs_of(view, asking)?;
    let marks: BTreeSet<String> = signs.iter().map(|(_, sign)| sign.mark.clone()).collect();
    if marks.is_empty() {
        return Ok(found);
    }
    let known = view.all(&sql::OF_MARKS, params![marks.into_iter().collect::<Vec<_>>()], read)?;
    let known: BTreeMap<String, Had> = known.into_iter().collect();
    for (customer, sign) in signs {
        // What they had themselves was said already.
        let had = known.get(&sign.mark).filter(|had| had.customer != customer);
        found.entry(customer).or_default().extend(had.cloned());
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<(String, Had)> {
    let sameness = |word: &str| Sameness::ALL.iter().find(|(known, _)| *known == word).map(|(_, one)| *one);
    let (because, customer) = (row.parse(1, sameness)?, row.get(2)?);
    Ok((row.get(0)?, Had { because, customer, subscription: row.get(3)?, began: row.get(4)? }))
}

/// The signs of customers as they are known now.
fn signs_of(view: &mut View<'_>, asking: &[Asking<'_>]) -> Result<Vec<(CustomerId, Sign)>> {
    let environment = view.env()?;
    let fingerprints: BTreeMap<CustomerId, &str> =
        asking.iter().filter_map(|(id, fingerprint)| Some((*id, (*fingerprint)?))).collect();
    let ids: BTreeSet<CustomerId> = asking.iter().map(|(id, _)| *id).collect();
    let parties = customer::parties(view, ids.into_iter().collect())?;
    let of_one = |(id, party): &(CustomerId, customer::Party)| {
        let known = Known {
            email: party.email.as_deref(),
            country: &party.country,
            tax_id: party.tax_id.as_deref(),
            fingerprint: fingerprints.get(id).copied(),
        };
        signs(environment, &known).into_iter().map(|sign| (*id, sign)).collect::<Vec<_>>()
    };
    Ok(parties.iter().flat_map(of_one).collect())
}

/// What there is one trial for, when a start asks for one and staff did not allow it anyway.
fn guard<'v>(version: &'v Version, start: &Start) -> Option<&'v OncePer> {
    version.book.trial.as_ref().filter(|_| start.trial && !start.trial_again).map(|trial| &trial.once_per)
}

/// Starts with a trial are by customers who have none behind them, as the price book counts.
///
/// Errors: `trial_used`.
pub(crate) fn check<'s>(
    view: &mut View<'_>,
    version: &Version,
    starts: impl Iterator<Item = (CustomerId, &'s Start)>,
) -> Result<()> {
    let guarded: Vec<(CustomerId, &Start, &OncePer)> =
        starts.filter_map(|(customer, start)| Some((customer, start, guard(version, start)?))).collect();
    if guarded.is_empty() {
        return Ok(());
    }
    let asking: Vec<Asking<'_>> =
        guarded.iter().map(|(customer, start, _)| (*customer, start.fingerprint.as_deref())).collect();
    let had = had_before(view, &asking)?;
    let mut seen = BTreeSet::new();
    for (customer, _, once) in guarded {
        let before = had.get(&customer).into_iter().flatten().find(|had| once.holds(had.because));
        if let Some(before) = before {
            return Err(before.refusal());
        }
        if !seen.insert(customer) && once.holds(Sameness::Customer) {
            return Err(Had::refusal_of(Sameness::Customer));
        }
    }
    Ok(())
}

/// Keep by what those who begin a trial are recognised again.
///
/// Errors: `trial_used` when somebody who is the same began one in this moment.
pub(crate) fn keep(
    tx: &mut Tx<'_>,
    version: &Version,
    started: &[(&Customer, &Start, &Subscription)],
) -> Result<()> {
    let trying: Vec<_> = started.iter().filter(|(.., one)| one.state == State::Trialing).collect();
    if trying.is_empty() {
        return Ok(());
    }
    let asking: Vec<Asking<'_>> =
        trying.iter().map(|(customer, start, _)| (customer.id, start.fingerprint.as_deref())).collect();
    let signs = signs_of(tx, &asking)?;
    let mut kept: Vec<(&Sign, &Start, &Subscription)> = Vec::with_capacity(signs.len());
    for (id, sign) in &signs {
        let of = trying.iter().find(|(customer, ..)| customer.id == *id);
        kept.extend(of.map(|(_, start, subscription)| (sign, *start, *subscription)));
    }
    let rows = kept.iter().map(|(sign, _, subscription)| {
        [
            sign.mark.to_value(),
            Value::from(sign.sameness.word()),
            subscription.customer.to_value(),
            subscription.id.to_value(),
            Value::Instant(subscription.started),
        ]
    });
    tx.bulk(&sql::INSERT, rows)?;
    let marks: BTreeSet<String> = signs.iter().map(|(_, sign)| sign.mark.clone()).collect();
    let owners: BTreeMap<String, Had> =
        tx.all(&sql::OF_MARKS, params![marks.into_iter().collect::<Vec<_>>()], read)?.into_iter().collect();
    let mine =
        |id: SubscriptionId, sign: &Sign| owners.get(&sign.mark).is_some_and(|had| had.subscription == id);
    for (sign, start, subscription) in kept {
        let guarded = guard(version, start).is_some_and(|once| once.holds(sign.sameness));
        if guarded && !mine(subscription.id, sign) {
            return Err(Had::refusal_of(sign.sameness));
        }
    }
    Ok(())
}
