//! What the owner of an environment holds in memory. Everything here is also stored, or follows from what is: it can
//! be dropped between two groups and is, when a commit fails.

use std::{collections::HashMap, sync::Arc};

use kernel::ids::{CustomerId, SubscriptionId};

use super::{Account, Terms};
use crate::{
    event::Meter,
    limit::Counter,
    once::{IntMap, Names},
    usage::{Tally, read_dimensions},
};

/// After so many groups the size of everything is added up.
const LOOK_THROUGH: u64 = 256;

/// One environment's metering.
#[derive(Debug)]
pub struct State {
    /// Of the lease: a commit under another one fails.
    pub epoch: i64,
    /// The number of the next chunk.
    pub next_chunk: i64,
    /// The id of the next series.
    pub next_series: i64,
    /// The number of the next segment.
    pub next_segment: i64,
    /// The clock of acceptance, in microseconds: it never moves back, also not across owners.
    pub accepted: i64,
    /// Which names are known.
    pub names: Names,
    /// Customers that were asked about.
    pub desks: HashMap<CustomerId, Desk>,
    /// Whom subjects name.
    pub subjects: HashMap<String, (CustomerId, Option<SubscriptionId>)>,
    /// The hours that are counted in, by series and start.
    pub hours: IntMap<(i64, i64), Hour>,
    /// Counts groups, to know what was not used for long.
    pub tick: u64,
}

/// An hour of a series.
#[derive(Clone, Debug)]
pub struct Hour {
    /// Its last chunk; 0 before the first.
    pub head: i64,
    /// Its tally.
    pub tally: Tally,
}

/// A customer in memory.
#[derive(Debug)]
pub struct Desk {
    /// Who it is and what it agreed to.
    pub account: Arc<Account>,
    /// Its series, by meter and then by subscription and dimensions.
    pub series: HashMap<String, HashMap<String, Series>>,
    /// What its agreements say about meters.
    pub terms: HashMap<String, Terms>,
    /// What is used of limits, by meter and then by whose use counts together.
    pub counters: HashMap<String, HashMap<String, Counter>>,
    /// Whose use counts together, by meter: the series of each, for meters that are limited apart.
    pub whose: HashMap<String, Whose>,
    /// When it was last used.
    pub tick: u64,
}

/// The series of a meter by the user, seat or key whose use they are.
#[derive(Debug)]
pub struct Whose {
    /// The property that says it.
    pub property: &'static str,
    /// Series by the property's value.
    pub series: HashMap<String, Vec<i64>>,
}

impl Whose {
    /// A series that is new.
    pub fn add(&mut self, dimensions: &str, series: i64) {
        let who = read_dimensions(dimensions).remove(self.property).unwrap_or_default();
        self.series.entry(who).or_default().push(series);
    }
}

/// A series in memory.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// Its id.
    pub id: i64,
    /// By how many minutes its hours begin later than those of UTC.
    pub shift: u8,
}

impl Desk {
    /// Nothing but the account.
    pub fn new(account: Arc<Account>, tick: u64) -> Self {
        let (series, terms, counters) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { account, series, terms, counters, whose: HashMap::new(), tick }
    }

    /// What the customer's agreements say about a meter.
    pub fn terms(&mut self, meter: &Meter) -> &Terms {
        if !self.terms.contains_key(&meter.key) {
            self.terms.insert(meter.key.clone(), self.account.terms(&meter.key, meter.decimals));
        }
        // It has just been put there if it was not.
        self.terms.get(&meter.key).unwrap_or(&Terms::NoAccess)
    }

    /// Its series of these dimensions.
    pub fn series(&self, meter: &Meter, key: &str) -> Option<Series> {
        self.series.get(&meter.key).and_then(|series| series.get(key)).copied()
    }

    /// The series of a meter whose use counts together under a limit.
    pub fn series_of(&mut self, meter: &Meter, property: Option<&'static str>, who: &str) -> Vec<i64> {
        let Some(property) = property else {
            return self.of_kind(meter).map(|(_, series)| series.id).collect();
        };
        if self.whose.get(&meter.key).is_none_or(|whose| whose.property != property) {
            let mut whose = Whose { property, series: HashMap::new() };
            for (dimensions, series) in self.of_kind(meter) {
                whose.add(dimensions, series.id);
            }
            self.whose.insert(meter.key.clone(), whose);
        }
        self.whose.get(&meter.key).and_then(|whose| whose.series.get(who)).cloned().unwrap_or_default()
    }

    /// The series of a meter as it measures now, with their dimensions.
    fn of_kind(&self, meter: &Meter) -> impl Iterator<Item = (&str, Series)> {
        let series = self.series.get(&meter.key).into_iter().flatten();
        series.filter_map(|(key, series)| {
            let rest = key.strip_prefix(meter.kind.as_str())?;
            Some((rest.get(rest.find('{')?..)?, *series))
        })
    }

    /// The counter of a limit.
    pub fn counter(&mut self, meter: &str, who: &str) -> Option<&mut Counter> {
        self.counters.get_mut(meter).and_then(|counters| counters.get_mut(who))
    }

    /// Bytes it takes, about.
    fn size(&self) -> usize {
        let series: usize = self.series.values().map(HashMap::len).sum();
        let counters = self.counters.values().flat_map(HashMap::values);
        let counted: usize = counters
            .map(|counter| match &counter.counting {
                crate::limit::Counting::Fixed { .. } => 256,
                crate::limit::Counting::Rolling { seconds, .. } => 256 + seconds.capacity() * 32,
            })
            .sum();
        let whose: usize = self.whose.values().map(|whose| whose.series.len()).sum();
        768 + series * 192 + whose * 128 + counted
    }
}

/// What a series is called within its meter: its kind and subscription, and its dimensions.
pub fn series_key(kind: &str, subscription: Option<SubscriptionId>, dimensions: &str) -> String {
    let mut key = String::with_capacity(kind.len() + dimensions.len() + 32);
    key.push_str(kind);
    if let Some(subscription) = subscription {
        key.push_str(subscription.uuid().simple().encode_lower(&mut [0; 32]));
    }
    key.push_str(dimensions);
    key
}

impl State {
    /// Whom a subject names, when that is in memory.
    pub fn whom(&self, subject: &str) -> Option<(CustomerId, Option<SubscriptionId>)> {
        self.subjects.get(subject).copied().filter(|(customer, _)| self.desks.contains_key(customer))
    }

    /// Bytes of limit state in memory, about; the names are not part of it.
    pub fn size(&self) -> usize {
        let desks: usize = self.desks.values().map(Desk::size).sum();
        desks + self.subjects.len() * 128 + self.hours.len() * 160
    }

    /// Drop what was not used for longest until the rest takes no more than `most` bytes.
    ///
    /// Asked after each group: everything is only looked through when there is much, and now and then.
    pub fn shrink(&mut self, most: usize) {
        let about = self.desks.len() * 1_024 + self.subjects.len() * 128 + self.hours.len() * 160;
        let looks = about > most || self.tick.is_multiple_of(LOOK_THROUGH);
        if !looks || self.size() <= most {
            return;
        }
        let current = self.hours.keys().map(|(_, start)| *start).max().unwrap_or(0);
        self.hours.retain(|(_, start), _| *start >= current - crate::usage::window::HOUR);
        let mut by_use: Vec<(u64, CustomerId)> =
            self.desks.iter().map(|(customer, desk)| (desk.tick, *customer)).collect();
        by_use.sort_unstable();
        let mut size = self.size();
        // Some room, so that this does not happen with every group.
        let wanted = most - most / 4;
        for (_, customer) in by_use {
            if size <= wanted {
                break;
            }
            size -= self.desks.remove(&customer).map_or(0, |desk| desk.size()).min(size);
        }
        let desks = &self.desks;
        self.subjects.retain(|_, (customer, _)| desks.contains_key(customer));
        if self.size() > most {
            self.hours.clear();
        }
    }

    /// Forget whoever is meant by these subjects and is to be asked for again at `now`.
    pub fn forget_over<'s>(&mut self, subjects: impl Iterator<Item = &'s String>, now: i64) {
        for subject in subjects {
            let whom = self.whom(subject).map(|(customer, _)| customer);
            if let Some(over) =
                whom.filter(|whom| self.desks.get(whom).is_some_and(|desk| desk.account.is_over(now)))
            {
                self.forget(Some(over));
            }
        }
    }

    /// Forget a customer, or all: what it agreed to has changed.
    pub fn forget(&mut self, customer: Option<CustomerId>) {
        match customer {
            Some(customer) => {
                self.desks.remove(&customer);
                self.subjects.retain(|_, (whom, _)| *whom != customer);
            }
            None => {
                self.desks.clear();
                self.subjects.clear();
            }
        }
    }
}
