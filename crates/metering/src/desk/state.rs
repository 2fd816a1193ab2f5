//! What the owner of an environment holds in memory. Everything here is also stored, or follows from what is: it can
//! be dropped between two groups and is, when a commit fails.

use std::collections::HashSet;

use kernel::ids::{CustomerId, SubscriptionId};

use super::{hours::Hours, room::Room};
use crate::{event::Meter, once::Names, usage::Tally};

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
    pub desks: Room,
    /// The hours that are counted in, by series and start.
    pub hours: Hours,
    /// Meters that are kept in double entry, by key and kind: they go on being so.
    pub sources: HashSet<(String, String)>,
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

impl State {
    /// Whom a subject names, when that is in memory.
    pub fn whom(&self, subject: &str) -> Option<(CustomerId, Option<SubscriptionId>)> {
        self.desks.whom(subject)
    }

    /// Whether a meter has been kept in double entry before.
    pub fn is_posted(&self, meter: &Meter) -> bool {
        !self.sources.is_empty() && self.sources.contains(&(meter.key.clone(), meter.kind.clone()))
    }

    /// Drop what was not used for long, so that within `most` bytes there is room for what the next group brings. The
    /// names are not part of it.
    pub fn shrink(&mut self, most: usize) {
        let most = most - most / 8;
        self.hours.shrink(most / 2);
        self.desks.shrink(most - self.hours.size());
    }

    /// Those of these subjects that are not in memory. Whoever is to be asked for again at `now` is forgotten first.
    pub fn strangers<'s>(&mut self, subjects: impl Iterator<Item = &'s String>, now: i64) -> Vec<String> {
        let mut strangers = Vec::new();
        for subject in subjects {
            if let Some((customer, _)) = self.whom(subject) {
                if !self.desks.get(&customer).is_some_and(|desk| desk.account.is_over(now)) {
                    continue;
                }
                self.forget(Some(customer));
            }
            strangers.push(subject.clone());
        }
        strangers
    }

    /// Forget a customer, or all: what it agreed to has changed.
    pub fn forget(&mut self, customer: Option<CustomerId>) {
        match customer {
            Some(customer) => self.desks.forget(&customer),
            None => {
                let all = std::mem::take(&mut self.desks);
                // Giving back that much memory takes its time, and nobody is to wait for it.
                let thread = std::thread::Builder::new().name("metering-forget".to_owned());
                drop(thread.spawn(move || drop(all)));
            }
        }
    }
}
