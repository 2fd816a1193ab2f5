//! Which other plans would serve customers better, by what they used.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use catalog::{
    Book, PriceKind,
    version::{self, Version},
};
use jiff::Timestamp;
use kernel::{
    Exact, Money, Period, Result,
    ids::{CustomerId, SubscriptionId},
};
use metering::{
    alert::{self, Alert},
    event::Meter,
    usage::{self as log, Span, Subject},
};
use store::{View, params};
use uuid::Uuid;

use super::{
    PlanAdvice,
    rules::{self, Past},
    sql,
};
use crate::{
    subscription::{Subscription, rules::of_a_period},
    usage::{
        Groups,
        measure::{Known, count, log_place},
        ops as figures, sql as usage_sql,
    },
};

/// Customers that are looked at together: what they used is measured and priced anew, so that is a matter of
/// milliseconds.
pub const LOOKED: i64 = 10;
/// How often that is done for one page of a list; it may therefore be short, or empty, and still have a next one.
pub const ROUNDS: usize = 100;

/// Some customers, with everything the core database knows of them.
pub struct Ground {
    known: Known,
    in_force: Option<Arc<Version>>,
    alerts: Vec<Alert>,
    /// Subscriptions whose usage somebody else counts.
    by_hand: HashSet<SubscriptionId>,
    now: Timestamp,
    /// The last customer that was looked at, when there are more.
    last: Option<CustomerId>,
    /// The customers, by id.
    customers: Vec<CustomerId>,
}

/// Part of a list of advice.
#[derive(Clone, Debug)]
pub struct Listed {
    /// By customer.
    pub found: Vec<PlanAdvice>,
    /// Where to go on; none at the end.
    pub next: Option<CustomerId>,
}

impl Ground {
    /// The next customers behind `after` (none: from the first), in order of their ids.
    pub fn next(view: &mut View<'_>, after: Option<CustomerId>) -> Result<Self> {
        let after = after.map_or(Uuid::nil(), CustomerId::uuid);
        let customers: Vec<CustomerId> =
            view.all(&sql::CUSTOMERS, params![after, LOOKED], |row| row.get(0))?;
        let last = customers.last().copied().filter(|_| customers.len() as i64 == LOOKED);
        Ok(Self { last, ..Self::of(view, customers)? })
    }

    /// One customer.
    pub fn one(view: &mut View<'_>, customer: CustomerId) -> Result<Self> {
        Self::of(view, vec![customer])
    }

    fn of(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<Self> {
        let now = view.now();
        let known = Known::load(view, customers.clone())?;
        let in_force = version::newest(view)?;
        let most = in_force.as_ref().map_or(0, |version| version.book.advice.periods);
        let periods = known.subscriptions().map(|one| rules::closed(one, most));
        let since = periods.filter_map(|periods| Some(periods.first()?.start.at)).min();
        let (mut alerts, mut by_hand) = (Vec::new(), HashSet::new());
        if let Some(since) = since {
            alerts = alert::since(view, customers.clone(), since)?;
            let ids: Vec<SubscriptionId> = known.subscriptions().map(|one| one.id).collect();
            let posted = view.all(&usage_sql::OPEN_SINCE, params![ids, since], figures::read)?;
            let counted = |watermark: &Option<String>| watermark.as_deref().and_then(log_place).is_some();
            by_hand.extend(posted.iter().filter(|one| !counted(&one.watermark)).map(|one| one.subscription));
        }
        Ok(Self { known, in_force, alerts, by_hand, now, last: None, customers })
    }

    /// The advice there is, at most `limit`. Read in the usage database, at one place of the log.
    ///
    /// Errors: those of the database; a price that cannot be applied to what was used is left out.
    pub fn advise(&self, view: &mut View<'_>, limit: usize) -> Result<Listed> {
        let Some(in_force) = &self.in_force else { return Ok(Listed { found: Vec::new(), next: None }) };
        let last = log::watermark(view)?;
        let mut found = Vec::new();
        for customer in &self.customers {
            let mine: Vec<_> = self.known.all().filter(|(one, _)| one.customer == *customer).collect();
            for (subscription, agreed) in mine {
                let one = One { ground: self, subscription, agreed, in_force, place: last };
                found.extend(one.advise(view)?);
            }
            if found.len() >= limit && Some(customer) != self.customers.last() {
                return Ok(Listed { found, next: Some(*customer) });
            }
        }
        Ok(Listed { found, next: self.last })
    }
}

/// A subscription that is looked at.
struct One<'a> {
    ground: &'a Ground,
    subscription: &'a Arc<Subscription>,
    agreed: &'a Arc<Version>,
    in_force: &'a Arc<Version>,
    /// The place of the log that figures are read at.
    place: i64,
}

/// What was measured, by what makes two measurements the same one.
type Measured = HashMap<(String, Timestamp, Timestamp), Groups>;

impl One<'_> {
    fn advise(&self, view: &mut View<'_>) -> Result<Option<PlanAdvice>> {
        let advice = &self.in_force.book.advice;
        if !rules::is_looked_at(self.subscription, self.agreed)
            || self.ground.by_hand.contains(&self.subscription.id)
        {
            return Ok(None);
        }
        let periods = rules::closed(self.subscription, advice.periods);
        if periods.is_empty() || rules::others(self.subscription, self.in_force).is_empty() {
            return Ok(None);
        }
        let used = self.used(view, &periods)?;
        let past = Past {
            subscription: self.subscription,
            agreed: self.agreed,
            in_force: self.in_force,
            periods: &periods,
            used: &used,
            alerts: &rules::of_customer(&self.ground.alerts, self.subscription.customer),
        };
        let (mut measured, mut broken) = (Measured::new(), None);
        let cost = |subscription: &Subscription, version: &Version, period: Period| {
            let version = if version.id == self.agreed.id { self.agreed } else { self.in_force };
            let mut figures = |one: &Subscription, key: &str, stretch: Period| {
                self.figures(view, &mut measured, (one, version, key, stretch)).inspect_err(|error| {
                    broken.get_or_insert_with(|| error.clone());
                })
            };
            let lines = of_a_period(subscription, version, period, &mut figures).ok()?;
            Money::total(lines.iter().map(|line| line.amount), subscription.currency).ok()
        };
        let found = rules::recommend(&past, advice, cost);
        broken.map_or(Ok(found), Err)
    }

    /// What the customer used of every meter that matters, in each period.
    fn used(&self, view: &mut View<'_>, periods: &[Period]) -> Result<BTreeMap<String, Vec<Exact>>> {
        let mut used = BTreeMap::new();
        for (key, book) in rules::meters(self.agreed, self.in_force) {
            let Some(meter) = book.meter(key).map(|meter| Meter::of(book, meter)) else { continue };
            let customer = self.subscription.customer;
            let subject = Subject { customer, subscription: None, unnamed: None, meter: &meter };
            let spans: Vec<Span> =
                periods.iter().map(|period| Span::new(period.start.at, period.end.at)).collect();
            let figures = log::figures_of_spans(view, subject, &spans, self.ground.now)?;
            used.insert(key.to_owned(), figures.into_iter().map(|figure| figure.value).collect());
        }
        Ok(used)
    }

    /// What metering measured for a stretch by a price of a plan.
    fn figures(
        &self,
        view: &mut View<'_>,
        measured: &mut Measured,
        (one, version, key, period): (&Subscription, &Arc<Version>, &str, Period),
    ) -> Result<Groups> {
        let place = (signature(&version.book, one, key), period.start.at, period.end.at);
        if let Some(groups) = measured.get(&place) {
            return Ok(groups.clone());
        }
        let stretch = self.ground.known.stretch(&Arc::new(one.clone()), version, key, period);
        let groups = count(view, &stretch, self.ground.now, self.place)?.groups;
        measured.insert(place, groups.clone());
        Ok(groups)
    }
}

/// What a measurement depends on beside whose and when: plans whose prices ask the same of a meter share it.
fn signature(book: &Book, one: &Subscription, key: &str) -> String {
    let Some(plan) = book.plan(one.plan()) else { return key.to_owned() };
    let Some(usage) = plan.usage.iter().find(|usage| usage.key == key) else {
        return format!("base {:?}", book.meter(key));
    };
    let meter = book.meter(&usage.meter);
    let siblings = plan.usage.iter().filter(|other| other.meter == usage.meter);
    let filters: Vec<_> = siblings.map(|other| (&other.key, &other.filter)).collect();
    let price = usage.price_in(one.currency).map(|price| {
        let kind =
            one.agreement.price(key, price).map_or_else(|_| price.kind.clone(), |agreed| agreed.kind.clone());
        match &kind {
            // What transactions come to is added up as their price takes them.
            PriceKind::Percentage(rule) if rule.looks_at_each() => format!("{rule:?}"),
            _ => format!("{:?}", std::mem::discriminant(&kind)),
        }
    });
    format!("{meter:?} {} {:?} {filters:?} {:?} {price:?}", usage.key, usage.filter, usage.group_by)
}
