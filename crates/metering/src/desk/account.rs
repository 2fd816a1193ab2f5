//! What metering has to be told about customers: they, and what they agreed to, are known elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use catalog::{Book, Limit, LimitPolicy, RateLimit, When, Window};
use jiff::Timestamp;
use kernel::{
    Currency, Cycle, Exact, Period, Result, Schedule, Zone,
    ids::{CustomerId, SubscriptionId},
};
use store::Scope;

use super::Changes;
use crate::{
    event::Meters,
    limit::{Having, upgrade},
    usage::Span,
};

/// Who knows customers, subscriptions and the price book. Asked rarely: answers are kept until they are said to have
/// changed.
pub trait Directory: Send + Sync + 'static {
    /// The meters of the price book in force, and of those that customers agreed to before and still have.
    fn meters(&self, scope: &Scope) -> Result<Arc<Meters>>;

    /// Whom each subject of events names: an id of ours or the merchant's own, of a customer or a subscription.
    /// One answer for each, in order; none for a subject nobody knows.
    fn resolve(&self, scope: &Scope, subjects: &[String]) -> Result<Vec<Option<Resolved>>>;

    /// What changed after a place in the log of changes, and the place that is read up to: how an owner hears of what
    /// other processes do. None: from here on, with no changes. A directory that cannot know says nothing.
    fn changes(&self, scope: &Scope, after: Option<i64>) -> Result<(i64, Changes)> {
        let _ = scope;
        Ok((after.unwrap_or(0), Changes::default()))
    }
}

/// Whom a subject names.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The customer, and all it agreed to.
    pub account: Arc<Account>,
    /// The subscription, when the subject names one.
    pub subscription: Option<SubscriptionId>,
}

/// A customer as metering sees it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub customer: CustomerId,
    /// Where its days begin.
    pub zone: Zone,
    /// Its subscriptions that run or are suspended, the oldest first.
    pub agreements: Vec<Agreement>,
    /// What was said about it beside what it agreed to.
    pub beside: Beside,
}

/// What was said about a customer beside what it agreed to.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// How many units it may use in place of what a plan's limit says, by the meter's key; none: without a limit. Meters
    /// that no plan limits stay so.
    pub amounts: BTreeMap<String, Option<u64>>,
    /// Meters it may not use.
    pub withheld: BTreeSet<String>,
    /// From this instant of business time on it is to be asked for again.
    pub until: Option<Timestamp>,
}

/// A subscription as metering sees it.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// Its id.
    pub subscription: SubscriptionId,
    /// The price book it agreed to.
    pub book: Arc<Book>,
    /// The key of its plan.
    pub plan: String,
    /// How often the plan is billed.
    pub cycle: Cycle,
    /// In which currency.
    pub currency: Currency,
    /// Units of what the plan is priced per.
    pub quantity: Exact,
    /// By how much add-ons raise limits, by the meter's key: all units bought together.
    pub raises: BTreeMap<String, u64>,
    /// Its periods.
    pub schedule: Schedule,
    /// The period it is in.
    pub period: Period,
    /// Whether it gives access; a suspended one does not.
    pub access: bool,
}

/// A limit as it applies to a customer now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The most that may be used, scaled by the meter's decimals.
    pub amount: i64,
    /// What happens at it.
    pub policy: LimitPolicy,
    /// Over what time it counts.
    pub window: Window,
    /// The property of an event that says whose usage counts together; none: the customer's.
    pub property: Option<&'static str>,
    /// Percentages of it whose reaching is told.
    pub alerts: Arc<[u16]>,
    /// The agreement it comes from, by its place.
    pub agreement: usize,
}

/// What an account says about a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Terms {
    /// No running subscription gives access.
    NoAccess,
    /// It may be used without a limit.
    Unlimited,
    /// It is limited.
    Limited(InForce),
}

impl Account {
    /// How fast the customer may call the merchant's services: of several subscriptions that say so the fastest. None
    /// when no running subscription gives access; the inner one when none of them says how fast.
    pub fn rate(&self) -> Option<Option<RateLimit>> {
        let mut running = self.agreements.iter().filter(|agreement| agreement.access).peekable();
        running.peek()?;
        let rates = running.filter_map(|agreement| agreement.book.plan(&agreement.plan)?.rate_limit);
        // As requests of a day, the longest span there is.
        Some(rates.max_by_key(|rate| {
            (u64::from(rate.requests) * u64::from(86_400 / rate.per.seconds()), rate.burst)
        }))
    }

    /// The terms of a meter: of several subscriptions with a limit the most generous one.
    pub fn terms(&self, meter: &str, decimals: u8) -> Terms {
        let running = || self.agreements.iter().enumerate().filter(|(_, agreement)| agreement.access);
        if running().next().is_none() || self.beside.withheld.contains(meter) {
            return Terms::NoAccess;
        }
        let limits = running().filter_map(|(place, agreement)| agreement.limit(meter, decimals, place));
        let Some(limit) = limits.max_by_key(|limit| limit.amount) else { return Terms::Unlimited };
        match self.beside.amounts.get(meter) {
            None => Terms::Limited(limit),
            Some(None) => Terms::Unlimited,
            Some(Some(amount)) => Terms::Limited(InForce { amount: whole(*amount, decimals), ..limit }),
        }
    }

    /// Whether it is to be asked for again at `now`, in microseconds.
    pub fn is_over(&self, now: i64) -> bool {
        self.beside.until.is_some_and(|until| until.as_microsecond() <= now)
    }
}

impl Agreement {
    fn limit(&self, meter: &str, decimals: u8, place: usize) -> Option<InForce> {
        let limit = self.book.plan(&self.plan)?.limits.get(meter)?;
        let raised = self.raises.get(meter).copied().unwrap_or(0);
        Some(InForce {
            amount: scaled(limit, &self.quantity, raised, decimals),
            policy: limit.policy,
            window: limit.window,
            property: crate::event::scope_property(limit.scope),
            alerts: limit.alerts().into(),
            agreement: place,
        })
    }

    /// The cheapest plan under which `wanted` of the meter, scaled by its decimals, could be used.
    pub fn upgrade(&self, meter: &str, wanted: i128, decimals: u8) -> Option<String> {
        let window = self.book.plan(&self.plan)?.limits.get(meter)?.window;
        let (cycle, currency) = (self.cycle, self.currency);
        let (book, plan, quantity) = (&*self.book, self.plan.as_str(), &self.quantity);
        upgrade(Having { book, plan, cycle, currency, quantity, window }, meter, wanted, decimals)
    }

    /// The period a limit of the meter counts in at `at`: that of the meter's price, or the plan's.
    ///
    /// Error: `time_out_of_range`.
    pub fn period_of(&self, meter: &str, at: Timestamp) -> Result<Span> {
        let usage = self.book.plan(&self.plan).and_then(|plan| plan.usage_for(meter, |_| None));
        let cycle =
            usage.and_then(|usage| usage.price_in(self.currency)).and_then(|price| match price.when {
                When::Every(cycle) => Some(cycle),
                When::Once | When::Period => None,
            });
        let period = match cycle.filter(|cycle| *cycle != self.schedule.cycle) {
            Some(cycle) => Schedule { cycle, ..self.schedule.clone() }.period_at(at)?,
            None if self.period.contains(at) => self.period,
            None => self.schedule.period_at(at)?,
        };
        Ok(Span::new(period.start.at, period.end.at))
    }
}

/// A limit of the book in the meter's scaled units, rounded down; as many as can be counted when it is greater.
pub fn scaled(limit: &Limit, quantity: &Exact, raised: u64, decimals: u8) -> i64 {
    let amount = limit.amount_for(quantity) + Exact::ratio(raised.into(), 1);
    (amount * Exact::ratio(10_i128.pow(decimals.into()), 1)).floor().unwrap_or(i64::MAX)
}

/// So many whole units in the meter's scaled ones; as many as can be counted when it is greater.
fn whole(amount: u64, decimals: u8) -> i64 {
    let scaled = i128::from(amount) * 10_i128.pow(decimals.into());
    i64::try_from(scaled).unwrap_or(i64::MAX)
}
