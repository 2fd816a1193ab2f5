//! Measuring stretches from the log of events: which stretches there are, and what metering says of them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use catalog::{
    Price, UsagePrice,
    version::{self, Version},
};
use jiff::Timestamp;
use kernel::{
    Error, Exact, Period, Result,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use metering::usage::{self as log, Charged, Dimensions, Measurement, Span};
use rating::{Measured, Number};
use store::{Db, Scope, View};

use super::{
    model::{Figure, Groups},
    owner::Owners,
};
use crate::subscription::{self, Closing, Subscription, rules::arrears};

/// A stretch of a subscription that is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(super) subscription: Arc<Subscription>,
    pub(super) version: Arc<Version>,
    /// The key of the usage price, or of the meter a fee looks at.
    pub(super) key: String,
    pub(super) period: Period,
    /// Only in these parts of it events that name no subscription are this one's; none: in all of it.
    pub(super) unnamed: Option<Arc<[Span]>>,
    /// The price that billed it; none: what the subscription agreed to.
    pub(super) billed_by: Option<Arc<Price>>,
}

/// What was measured for a stretch.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(super) stretch: Stretch,
    pub(crate) groups: Groups,
    /// The last entry of the log in it.
    pub(super) watermark: String,
    /// As of when it was measured.
    pub(super) at: Timestamp,
    /// There was nothing to measure.
    pub(super) nothing: bool,
}

/// A subscription with the price book it agreed to.
type Agreed = (Arc<Subscription>, Arc<Version>);

/// Subscriptions of some customers, with the price books they agreed to.
pub(crate) struct Known {
    all: Vec<Agreed>,
    /// Those with a stretch that is over and not billed yet, as they were when it ended.
    closing: Vec<(Box<Closing>, Agreed)>,
    owners: Owners,
}

impl Known {
    pub(crate) fn load(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<Self> {
        let all = subscription::of_customers(view, customers)?;
        let owners = Owners::load(view, &all)?;
        let closing: Vec<(Box<Closing>, Subscription)> = all
            .iter()
            .filter_map(|one| Some((one.closing.clone()?, one)))
            .map(|(closing, one)| (closing.clone(), closing.as_it_was(one)))
            .collect();
        let were = closing.iter().map(|(_, was)| was.book);
        let books: BTreeSet<BookVersionId> = all.iter().map(|one| one.book).chain(were).collect();
        let versions = version::many(view, books.into_iter().collect())?;
        let versions: HashMap<BookVersionId, Arc<Version>> =
            versions.into_iter().map(|version| (version.id, version)).collect();
        let of = |one: Subscription| Some((versions.get(&one.book).cloned()?, Arc::new(one)));
        let agreed = |one: Subscription| of(one).map(|(version, one)| (one, version));
        let waiting = |(closing, was): (Box<Closing>, Subscription)| Some((closing, agreed(was)?));
        let closing = closing.into_iter().filter_map(waiting).collect();
        Ok(Self { all: all.into_iter().filter_map(agreed).collect(), closing, owners })
    }

    /// All of them, with the price books they agreed to.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Arc<Subscription>, &Arc<Version>)> {
        self.all.iter().map(|(one, version)| (one, version))
    }

    /// All of them.
    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.all.iter().map(|(one, _)| one)
    }

    /// One of them, with the price book it agreed to.
    pub(super) fn find(&self, id: SubscriptionId) -> Option<(&Arc<Subscription>, &Arc<Version>)> {
        self.all.iter().find(|(one, _)| one.id == id).map(|(one, version)| (one, version))
    }

    /// Each of them with every key figures are expected under.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&Arc<Subscription>, &Arc<Version>, &str)> {
        self.all.iter().flat_map(|(one, version)| {
            arrears::expected(one, version).into_iter().map(move |key| (one, version, key))
        })
    }

    /// The stretches that are over and not billed yet, each with the instant at which it will be.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (Timestamp, Stretch)> {
        self.closing.iter().flat_map(move |(closing, (was, version))| {
            arrears::expected(was, version).into_iter().filter_map(move |key| {
                let period = closing.period(was, version, key)?;
                Some((closing.cut.at, self.stretch(was, version, key, period)))
            })
        })
    }

    /// A stretch of one of them.
    pub(crate) fn stretch(
        &self,
        subscription: &Arc<Subscription>,
        version: &Arc<Version>,
        key: &str,
        period: Period,
    ) -> Stretch {
        let meter = meter_of(version, subscription.plan(), key);
        Stretch {
            subscription: Arc::clone(subscription),
            version: Arc::clone(version),
            key: key.to_owned(),
            period,
            unnamed: self.unnamed(subscription, meter, period),
            billed_by: None,
        }
    }

    /// The parts of a time in which events that name no subscription are this one's; none: all of it.
    pub(crate) fn unnamed(
        &self,
        subscription: &Subscription,
        meter: &str,
        period: Period,
    ) -> Option<Arc<[Span]>> {
        self.owners.parts(subscription, meter, period)
    }
}

/// The meter that is looked at under a key.
pub(super) fn meter_of<'k>(version: &'k Version, plan: &str, key: &'k str) -> &'k str {
    price_of(version, plan, key).map_or(key, |usage| usage.meter.as_str())
}

fn price_of<'v>(version: &'v Version, plan: &str, key: &str) -> Option<&'v UsagePrice> {
    version.book.plan(plan)?.usage.iter().find(|usage| usage.key == key)
}

/// Whether any event was ever accepted in the environment.
pub(super) fn is_metered(db: &Db, scope: &Scope) -> Result<bool> {
    Ok(db.usage().read(scope, log::watermark).wait()? > 0)
}

/// Measure stretches as of `now`, all at one place of the log.
pub(super) fn measure(
    db: &Db,
    scope: &Scope,
    stretches: Vec<Stretch>,
    now: Timestamp,
) -> Result<Vec<Counted>> {
    if stretches.is_empty() {
        return Ok(Vec::new());
    }
    db.usage().read(scope, move |view| count_all(view, &stretches, now)).wait()
}

/// Events that are read one by one for a stretch that goes on: one with more, under a price that looks at each of them, is
/// measured when it is billed or something is decided about it, and not whenever something came.
const EACH: u64 = 10_000;

/// The same of stretches that go on: those that would have to be read event by event, with many of them, are left out.
pub(super) fn measure_going_on(
    db: &Db,
    scope: &Scope,
    stretches: Vec<Stretch>,
    now: Timestamp,
) -> Result<Vec<Counted>> {
    if stretches.is_empty() {
        return Ok(Vec::new());
    }
    let read = move |view: &mut View<'_>| {
        let mut small = Vec::with_capacity(stretches.len());
        for stretch in &stretches {
            if stretch.read_one_by_one(view, now)? <= EACH {
                small.push(stretch.clone());
            }
        }
        count_all(view, &small, now)
    };
    db.usage().read(scope, read).wait()
}

/// What the usage database says of stretches as of `now`, all at one place of the log.
pub(super) fn count_all(view: &mut View<'_>, stretches: &[Stretch], now: Timestamp) -> Result<Vec<Counted>> {
    let last = log::watermark(view)?;
    stretches.iter().map(|stretch| count(view, stretch, now, last)).collect()
}

pub(crate) fn count(view: &mut View<'_>, stretch: &Stretch, now: Timestamp, last: i64) -> Result<Counted> {
    let Stretch { subscription, version, key, period, unnamed, .. } = stretch;
    let unnamed = unnamed.as_deref();
    let span = Span::new(period.start.at, period.end.at);
    let (customer, id, book) = (subscription.customer, subscription.id, &version.book);
    let (measurements, group_by) = match price_of(version, subscription.plan(), key) {
        Some(usage) => {
            let plan = book.plan(subscription.plan()).ok_or_else(|| Error::internal("a plan is gone"))?;
            let price = stretch.price(usage);
            let (subscription, price) = (Some(id), price.as_deref());
            let charged = Charged { customer, subscription, unnamed, book, plan, usage, price, span };
            (log::measurements(view, charged, now, Some(last))?, usage.group_by.as_slice())
        }
        None => (vec![log::base(view, book, key, (customer, Some(id), unnamed), span, now)?], &[][..]),
    };
    let nothing = measurements.iter().all(is_nothing);
    // A value that was seen once would have a line over nothing for ever.
    let seen = measurements.into_iter().filter(|one| group_by.is_empty() || !is_nothing(one));
    let mut groups: Groups = seen.map(|one| (group_name(group_by, &one.by), figure(one.measured))).collect();
    if groups.is_empty() {
        groups.insert(String::new(), Figure::zero());
    }
    Ok(Counted { stretch: stretch.clone(), groups, watermark: watermark(last), at: now, nothing })
}

impl Stretch {
    /// What is charged of it.
    fn price<'p>(&'p self, usage: &'p UsagePrice) -> Option<Cow<'p, Price>> {
        if let Some(price) = &self.billed_by {
            return Some(Cow::Borrowed(price));
        }
        let price = usage.price_in(self.subscription.currency)?;
        let agreed = self.subscription.agreement.price(&self.key, price);
        // What was agreed for another plan's price is none of this one.
        Some(agreed.unwrap_or(Cow::Borrowed(price)))
    }

    /// How many events its price is applied to one by one.
    fn read_one_by_one(&self, view: &mut View<'_>, now: Timestamp) -> Result<u64> {
        let Self { subscription, version, key, period, unnamed, .. } = self;
        let book = &version.book;
        let (Some(plan), Some(usage)) =
            (book.plan(subscription.plan()), price_of(version, subscription.plan(), key))
        else {
            return Ok(0);
        };
        let price = self.price(usage);
        let charged = Charged {
            customer: subscription.customer,
            subscription: Some(subscription.id),
            unnamed: unnamed.as_deref(),
            book,
            plan,
            usage,
            price: price.as_deref(),
            span: Span::new(period.start.at, period.end.at),
        };
        log::looked_at_each(view, charged, now)
    }
}

fn is_nothing(one: &Measurement) -> bool {
    let value = match &one.measured {
        Measured::Quantity(value) => !value.is_zero(),
        Measured::Amount { .. } | Measured::Transactions(_) | Measured::Each(_) | Measured::Incomplete => {
            false
        }
    };
    one.events == 0 && !value
}

/// What a group is called on a line: its values of the dimensions that the price groups by, in the price's order.
pub fn group_name(group_by: &[String], by: &Dimensions) -> String {
    let values: Vec<&str> = group_by.iter().map(|name| by.get(name).map_or("", String::as_str)).collect();
    values.join(", ")
}

/// As billing stores it; what is below zero, because more was taken back than came, is nothing.
fn figure(measured: Measured) -> Figure {
    let number = |value: Exact| Number::from(if value.is_negative() { Exact::zero() } else { value });
    match measured {
        Measured::Quantity(value) => Figure::Quantity(number(value)),
        Measured::Amount { total, events } => Figure::Amount { total: number(total), events },
        Measured::Transactions(all) => Figure::Transactions(all.into_iter().map(number).collect()),
        Measured::Each(each) => Figure::Each(each),
        Measured::Incomplete => Figure::Incomplete,
    }
}

/// What was measured as it is billed: never below zero.
pub(crate) fn not_below_zero(measured: Measured) -> Measured {
    figure(measured).measured()
}

const WATERMARK: &str = "event log ";

/// A place in the log as a figure's watermark.
fn watermark(chunk: i64) -> String {
    format!("{WATERMARK}{chunk}")
}

/// The place in the log of a figure's watermark; none when the figure was not measured here.
pub fn log_place(watermark: &str) -> Option<i64> {
    watermark.strip_prefix(WATERMARK)?.parse().ok()
}

/// Customers and their stretches that something in the log touched, by customer.
pub(super) type ByCustomer<T> = BTreeMap<CustomerId, T>;

/// The ids of the subscriptions of stretches.
pub(super) fn ids<'c>(stretches: impl Iterator<Item = &'c Stretch>) -> Vec<SubscriptionId> {
    let ids: BTreeSet<SubscriptionId> = stretches.map(|stretch| stretch.subscription.id).collect();
    ids.into_iter().collect()
}
