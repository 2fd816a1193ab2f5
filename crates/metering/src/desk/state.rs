//! What the owner of an environment holds in memory. Everything here is also stored, or follows from what is: it can
//! be dropped between two groups and is, when a commit fails.

use std::collections::HashSet;

use kernel::ids::{CustomerId, SubscriptionId};

use super::{
    customer::{Series, write_series_key},
    hours::Hours,
    room::Room,
};
use crate::{
    event::{Checked, Meter},
    once::Names,
    usage::Tally,
};

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

/// Where an event is counted.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// Whose it is.
    pub customer: CustomerId,
    /// For which subscription.
    pub subscription: Option<SubscriptionId>,
    /// Its series; none: it is new, or still to be looked up.
    pub series: Option<Series>,
    /// Whether the customer may use only so much of the meter; true also when nobody has looked.
    pub limited: bool,
}

impl Spot {
    /// At this customer's; the rest is still to be looked up.
    pub const fn of((customer, subscription): (CustomerId, Option<SubscriptionId>)) -> Self {
        Self { customer, subscription, series: None, limited: true }
    }
}

impl State {
    /// Where an event is counted, when its customer is [present](Self::present). `key` is for the name of its series.
    pub fn spot(&mut self, event: &Checked, now: i64, key: &mut String) -> Option<Spot> {
        let (customer, subscription) = self.present(&event.subject, now)?;
        let desk = self.desks.get_mut(&customer)?;
        desk.tick = self.tick;
        write_series_key(key, &event.meter.kind, subscription, &event.dimensions);
        let (series, limited) = desk.find(&event.meter, key);
        Some(Spot { customer, subscription, series, limited })
    }

    /// Whom a subject names, when that customer is in memory. Who is to be asked for again at `now` is forgotten first.
    pub fn present(&mut self, subject: &str, now: i64) -> Option<(CustomerId, Option<SubscriptionId>)> {
        let whom = self.whom(subject)?;
        if self.desks.get(&whom.0)?.account.is_over(now) {
            self.forget(Some(whom.0));
            return None;
        }
        Some(whom)
    }

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

    /// Forget a customer, or all: what it agreed to has changed.
    pub fn forget(&mut self, customer: Option<CustomerId>) {
        match customer {
            Some(customer) => self.desks.forget_changed(&customer),
            None => {
                let all = std::mem::take(&mut self.desks);
                // Giving back that much memory takes its time, and nobody is to wait for it.
                let thread = std::thread::Builder::new().name("metering-forget".to_owned());
                drop(thread.spawn(move || drop(all)));
            }
        }
    }
}
