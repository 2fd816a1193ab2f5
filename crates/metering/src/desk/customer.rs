//! A customer in memory: what it agreed to, its series, what is used of its limits. Everything is stored or follows
//! from what is.

use std::{collections::HashMap, sync::Arc};

use kernel::ids::SubscriptionId;

use super::{Account, Agreement, Terms};
use crate::{
    event::Meter,
    limit::{Counter, Counting},
    usage::read_dimensions,
};

/// What a bucket of a table of `T` takes: there are up to twice as many as entries, with a byte each.
const fn slot<T>() -> usize {
    2 * (size_of::<T>() + 1)
}

/// A customer at its desk.
#[derive(Debug)]
pub struct Desk {
    /// Who it is and what it agreed to.
    pub account: Arc<Account>,
    /// When it was last used.
    pub tick: u64,
    /// In the order of their keys.
    meters: Vec<AtMeter>,
    /// Bytes, when they were counted.
    counted: usize,
    /// Bytes that came at most since.
    grown: usize,
}

/// One meter of a customer.
#[derive(Debug)]
struct AtMeter {
    key: Box<str>,
    /// What its agreements say about it.
    terms: Option<Terms>,
    /// What is used of the customer's own limit.
    own: Option<Counter>,
    /// What is used by each user, seat or key that is limited apart.
    apart: HashMap<Box<str>, Counter>,
    /// By kind, subscription and dimensions.
    series: HashMap<Box<str>, Series>,
    /// Series by whose use they are, for a meter that is limited apart.
    whose: Option<Box<Whose>>,
}

/// The series of a meter by the user, seat or key whose use they are.
#[derive(Debug)]
struct Whose {
    /// The property that says it.
    property: &'static str,
    /// Series by the property's value.
    series: HashMap<String, Vec<i64>>,
}

/// A series in memory.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// Its id.
    pub id: i64,
    /// By how many minutes its hours begin later than those of UTC.
    pub shift: u8,
}

impl Whose {
    fn add(&mut self, dimensions: &str, series: i64) {
        let who = read_dimensions(dimensions).remove(self.property).unwrap_or_default();
        self.series.entry(who).or_default().push(series);
    }
}

impl Desk {
    /// Nothing but the account.
    pub fn new(account: Arc<Account>, tick: u64) -> Self {
        let mut desk = Self { account, tick, meters: Vec::new(), counted: 0, grown: 0 };
        desk.counted = desk.size();
        desk
    }

    fn meter(&self, key: &str) -> Option<&AtMeter> {
        let place = self.meters.binary_search_by(|meter| (*meter.key).cmp(key)).ok()?;
        self.meters.get(place)
    }

    fn meter_mut(&mut self, key: &str) -> &mut AtMeter {
        let place = self.place(key);
        &mut self.meters[place]
    }

    /// Where a meter is, put there if it is not.
    fn place(&mut self, key: &str) -> usize {
        self.meters.binary_search_by(|meter| (*meter.key).cmp(key)).unwrap_or_else(|place| {
            // There are few, and many customers: no room is kept for more.
            self.meters.reserve_exact(1);
            self.meters.insert(place, AtMeter::new(key));
            self.grown += size_of::<AtMeter>() + key.len() + 64;
            place
        })
    }

    /// What the customer's agreements say about a meter.
    pub fn terms(&mut self, meter: &Meter) -> &Terms {
        self.at(meter).1
    }

    /// Its series of this key, and whether it may use only so much of the meter.
    pub fn find(&mut self, meter: &Meter, key: &str) -> (Option<Series>, bool) {
        let (series, terms) = self.at(meter);
        (series.get(key).copied(), matches!(terms, Terms::Limited(_)))
    }

    /// Its series of a meter, and what its agreements say about it.
    fn at(&mut self, meter: &Meter) -> (&HashMap<Box<str>, Series>, &Terms) {
        let place = self.place(&meter.key);
        let Self { account, meters, .. } = self;
        let at = &mut meters[place];
        (&at.series, at.terms.get_or_insert_with(|| account.terms(&meter.key, meter.decimals)))
    }

    /// Its series of this key.
    pub fn series(&self, meter: &Meter, key: &str) -> Option<Series> {
        self.meter(&meter.key).and_then(|meter| meter.series.get(key)).copied()
    }

    /// How many series it has of a meter.
    pub fn series_count(&self, meter: &Meter) -> usize {
        self.meter(&meter.key).map_or(0, |meter| meter.series.len())
    }

    /// A series that is stored or will be.
    pub fn add_series(&mut self, meter: &str, key: String, series: Series) {
        self.grown += slot::<(Box<str>, Series)>() + slot::<(String, Vec<i64>)>() + 2 * key.len() + 96;
        let meter = self.meter_mut(meter);
        // By whose use it is will be looked up anew.
        meter.whose = None;
        meter.series.insert(key.into(), series);
    }

    /// A series of a meter as it measures now, which did not exist.
    pub fn found_series(&mut self, meter: &Meter, key: String, series: Series) {
        let mut whose = self.meter_mut(&meter.key).whose.take();
        if let (Some(whose), Some(dimensions)) = (&mut whose, dimensions_of(&key, meter)) {
            whose.add(dimensions, series.id);
        }
        self.add_series(&meter.key, key, series);
        self.meter_mut(&meter.key).whose = whose;
    }

    /// The series of a meter whose use counts together under a limit.
    pub fn series_of(&mut self, meter: &Meter, property: Option<&'static str>, who: &str) -> Vec<i64> {
        let Some(at) = self.meters.iter_mut().find(|at| *at.key == *meter.key) else { return Vec::new() };
        // As it measures now.
        let of_kind =
            at.series.iter().filter_map(|(key, series)| Some((dimensions_of(key, meter)?, series.id)));
        let Some(property) = property else { return of_kind.map(|(_, series)| series).collect() };
        if at.whose.as_ref().is_none_or(|whose| whose.property != property) {
            let mut whose = Whose { property, series: HashMap::new() };
            of_kind.for_each(|(dimensions, series)| whose.add(dimensions, series));
            at.whose = Some(Box::new(whose));
        }
        at.whose.as_ref().and_then(|whose| whose.series.get(who)).cloned().unwrap_or_default()
    }

    /// The counter of a limit. More may come into it.
    pub fn counter(&mut self, meter: &str, who: &str) -> Option<&mut Counter> {
        let place = self.meters.binary_search_by(|at| (*at.key).cmp(meter)).ok()?;
        // A hold, a percentage told, a second: with the room that is kept for more.
        self.grown += 256;
        let meter = self.meters.get_mut(place)?;
        if who.is_empty() { meter.own.as_mut() } else { meter.apart.get_mut(who) }
    }

    /// A counter as it follows from what is stored.
    pub fn add_counter(&mut self, meter: &str, who: String, counter: Counter) {
        self.grown += heap_of(&counter) + slot::<(Box<str>, Counter)>() + who.len() + 64;
        let meter = self.meter_mut(meter);
        if who.is_empty() {
            meter.own = Some(counter);
        } else {
            meter.apart.insert(who.into(), counter);
        }
    }

    /// Bytes it takes, at most. They are counted when much may have come since they were last.
    pub fn bytes(&mut self) -> usize {
        if self.grown > 512 + self.counted / 4 {
            self.counted = self.size();
            self.grown = 0;
        }
        self.counted + self.grown
    }

    /// Bytes it takes now, at most.
    pub(super) fn size(&self) -> usize {
        let agreements = &self.account.agreements;
        let terms = |agreement: &Agreement| {
            let raises = agreement.raises.keys().map(|key| key.len() + 64).sum::<usize>();
            agreement.plan.capacity() + 128 + raises
        };
        let beside = &self.account.beside;
        let said = beside.amounts.keys().chain(&beside.withheld).map(|key| key.len() + 64).sum::<usize>();
        size_of::<Self>()
            + size_of::<Account>()
            + agreements.capacity() * size_of::<Agreement>()
            + agreements.iter().map(terms).sum::<usize>()
            + said
            + self.meters.capacity() * size_of::<AtMeter>()
            + self.meters.iter().map(AtMeter::heap).sum::<usize>()
            + 64
    }
}

impl AtMeter {
    fn new(key: &str) -> Self {
        let (apart, series) = (HashMap::new(), HashMap::new());
        Self { key: key.into(), terms: None, own: None, apart, series, whose: None }
    }

    /// Bytes it takes elsewhere, at most.
    fn heap(&self) -> usize {
        let alerts = match &self.terms {
            Some(Terms::Limited(limit)) => 32 + 2 * limit.alerts.len(),
            _ => 0,
        };
        let own = self.own.as_ref().map_or(0, heap_of);
        let apart = table::<(Box<str>, Counter)>(self.apart.len(), self.apart.capacity());
        let counters: usize = self.apart.iter().map(|(who, counter)| who.len() + 16 + heap_of(counter)).sum();
        let series = table::<(Box<str>, Series)>(self.series.len(), self.series.capacity());
        let keys: usize = self.series.keys().map(|key| key.len() + 16).sum();
        self.key.len() + 16 + alerts + own + apart + counters + series + keys + self.whose()
    }

    fn whose(&self) -> usize {
        let Some(whose) = &self.whose else { return 0 };
        let lists: usize =
            whose.series.iter().map(|(who, list)| who.capacity() + 32 + list.capacity() * 8).sum();
        size_of::<Whose>() + table::<(String, Vec<i64>)>(whose.series.len(), whose.series.capacity()) + lists
    }
}

/// What a table takes, or will with the next entry.
fn table<T>(entries: usize, capacity: usize) -> usize {
    if capacity == 0 { 0 } else { capacity.max(2 * entries) * 8 / 7 * (size_of::<T>() + 1) + 48 }
}

/// What a counter takes elsewhere, or will with the next second, hold and percentage.
fn heap_of(counter: &Counter) -> usize {
    let list = |length: usize, capacity: usize, entry: usize| capacity.max(2 * length) * entry;
    let seconds = match &counter.counting {
        Counting::Fixed { .. } => 0,
        Counting::Rolling { seconds, .. } => list(seconds.len(), seconds.capacity(), 32),
    };
    let (held, told) = (&counter.held, &counter.told);
    seconds
        + list(held.len(), held.capacity(), size_of::<crate::limit::Held>())
        + list(told.len(), told.capacity(), 16)
}

/// What a series is called within its meter: its kind and subscription, and its dimensions.
pub fn series_key(kind: &str, subscription: Option<SubscriptionId>, dimensions: &str) -> String {
    let mut key = String::with_capacity(kind.len() + dimensions.len() + 32);
    write_series_key(&mut key, kind, subscription, dimensions);
    key
}

/// The same, in place of what `key` was.
pub fn write_series_key(
    key: &mut String,
    kind: &str,
    subscription: Option<SubscriptionId>,
    dimensions: &str,
) {
    key.clear();
    key.push_str(kind);
    if let Some(subscription) = subscription {
        key.push_str(subscription.uuid().simple().encode_lower(&mut [0; 32]));
    }
    key.push_str(dimensions);
}

/// The dimensions in the key of a series of the meter as it measures now: behind the kind, and the subscription if it
/// is of one, stands a JSON object.
fn dimensions_of<'k>(key: &'k str, meter: &Meter) -> Option<&'k str> {
    let rest = key.strip_prefix(meter.kind.as_str())?;
    if rest.starts_with('{') { Some(rest) } else { rest.get(32..).filter(|rest| rest.starts_with('{')) }
}
