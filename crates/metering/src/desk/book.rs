//! Booking an event: into the log, its tally, the names and the counters of limits. In memory; [`Rows`] is what is
//! then written.

use std::{
    collections::{
        HashMap,
        hash_map::Entry::{Occupied, Vacant},
    },
    sync::Arc,
};

use kernel::{Error, Result, ids::CustomerId};
use uuid::Uuid;

use super::{
    InForce, Rows, State, Terms,
    customer::{Series, series_key},
    rows::{ChunkRow, CrossingRow, DrawnRow, SeriesRow},
    state::{Hour, Spot},
};
use crate::{
    double::{self, Posting},
    event::{Checked, EventName, Meter, Reading},
    log::{Address, CHUNK_ENTRIES, Entry, Kind},
    once::{IntMap, Known},
    usage::{Followed, Sample, Tally, read_dimensions, window},
};

/// The most series one customer's meter can have.
pub const MAX_SERIES: usize = 100_000;

/// What a group has become so far, beside what it changed in memory.
#[derive(Debug)]
pub struct Draft {
    /// When what is booked now happens.
    pub now: i64,
    /// When all of the group counts as accepted: when it began.
    accepted: i64,
    /// Series from this one on are made by the group.
    first_series: i64,
    /// What will be written.
    pub rows: Rows,
    /// Hours whose tally could not follow and is to be counted anew, with the aggregation.
    pub anew: IntMap<(i64, i64), catalog::Aggregation>,
    /// Chunks being filled, by series and hour.
    filling: IntMap<(i64, i64), ChunkRow>,
    values: IntMap<(i64, i64, u128), i64>,
    /// Of critical meters: what is posted, by series and hour.
    posted: IntMap<(i64, i64), (Arc<Meter>, Posting)>,
    seconds: HashMap<(CustomerId, String, String, i64), i128>,
}

/// A group in the making. The state may be let go of between two asks.
pub struct Group<'s> {
    /// The environment's state.
    pub state: &'s mut State,
    /// What will be written.
    pub draft: &'s mut Draft,
}

impl Draft {
    /// Of an empty group at an instant of acceptance: that for which its counters and hours were loaded.
    pub fn begin(state: &mut State, now: i64) -> Self {
        state.accepted = now.max(state.accepted);
        Self::to_look(state, now)
    }

    /// It is joined by what happens later in the same second.
    pub fn go_on(&mut self, state: &mut State, now: i64) {
        self.now = now.max(self.now);
        state.accepted = now.max(state.accepted);
    }

    /// Of somebody who only looks something up: events are accepted at the time of their own group.
    pub fn to_look(state: &mut State, now: i64) -> Self {
        state.tick += 1;
        Self {
            now,
            accepted: now,
            first_series: state.next_series,
            rows: Rows::default(),
            anew: IntMap::default(),
            filling: IntMap::default(),
            values: IntMap::default(),
            posted: IntMap::default(),
            seconds: HashMap::new(),
        }
    }

    /// The entries the group adds to a series and hour, with their addresses.
    pub fn added(&self, series: i64, hour: i64) -> Vec<(Address, Entry)> {
        let chunks = self.chunks(series, hour);
        chunks
            .flat_map(|chunk| {
                let address = |place| Address::new(chunk.n, place);
                chunk.entries.iter().enumerate().map(move |(place, entry)| (address(place), entry.clone()))
            })
            .collect()
    }

    /// The chunk of a series and hour that was the last one before the group's own.
    pub fn chunk_before(&self, series: i64, hour: i64) -> i64 {
        self.chunks(series, hour).next().map_or(0, |chunk| chunk.prev)
    }

    /// The group's own chunks of a series and hour, in the order of their numbers.
    fn chunks(&self, series: i64, hour: i64) -> impl Iterator<Item = &ChunkRow> {
        let full = self.rows.chunks.iter().filter(move |chunk| chunk.series == series && chunk.hour == hour);
        full.chain(self.filling.get(&(series, hour)))
    }
}

/// An event about to be booked, and whose it is.
pub struct Booking {
    /// Where.
    pub spot: Spot,
    /// Its meter.
    pub meter: Arc<Meter>,
    /// Its dimensions.
    pub dimensions: String,
    /// What goes into the log.
    pub entry: Entry,
    /// Its fingerprints; none for one that takes the place of another.
    pub name: Option<(u128, u64)>,
}

impl Booking {
    /// Of an event that came in.
    pub fn of(event: Checked, spot: Spot, draft: &Draft) -> Self {
        let Checked { name, identity, content, meter, at, reading, dimensions, data, .. } = event;
        let entry = Entry {
            kind: Kind::Event,
            name,
            at: at.unwrap_or(draft.now),
            accepted: draft.accepted,
            reading,
            over_limit: false,
            data,
            answer: None,
        };
        Self { spot, meter, dimensions, entry, name: Some((identity, content)) }
    }
}

impl Group<'_> {
    /// Book an event. Error: `too_many_series`.
    pub fn book(&mut self, booking: Booking) -> Result<Address> {
        let Booking { spot, meter, dimensions, entry, name } = booking;
        let (shared, dimensions) = (meter, dimensions.as_str());
        let meter = &*shared;
        let series = match spot.series {
            Some(series) => series,
            None => self.series(spot, meter, dimensions, entry.at)?,
        };
        let hour = window::hour_of(entry.at, series.shift);
        let sample = Sample { at: entry.at, value: entry.reading.amount() };
        let (at, accepted, reading) = (entry.at, entry.accepted, entry.reading);
        let (address, tally) = self.append(meter, series.id, hour, entry)?;
        if tally.add(sample) == Followed::CountAnew {
            self.draft.anew.insert((series.id, hour), meter.aggregation);
        }
        self.value(series.id, hour, reading, 1);
        self.post(&shared, (series.id, hour), reading, 1);
        if let Some((identity, content)) = name {
            let known = Known { address, content };
            self.state.names.add(identity, known);
            self.draft.rows.names.push((identity, known));
        }
        if spot.limited {
            self.count(spot.customer, meter, dimensions, (at, accepted), reading.amount());
        }
        Ok(address)
    }

    /// Book that an entry does not count any more.
    pub fn void(
        &mut self,
        customer: CustomerId,
        shared: &Arc<Meter>,
        dimensions: &str,
        (series, hour): (i64, i64),
        (target, entry): (Address, &Entry),
    ) -> Result<()> {
        let (accepted, reading, meter) = (self.draft.accepted, entry.reading, &**shared);
        let name = EventName { source: entry.name.source.clone(), id: entry.name.id.clone() };
        let void = Entry {
            kind: Kind::Void(target),
            name,
            accepted,
            data: String::new(),
            answer: None,
            over_limit: false,
            ..*entry
        };
        let (_, tally) = self.append(meter, series, hour, void)?;
        let sample = Sample { at: entry.at, value: reading.amount() };
        if tally.remove(meter.aggregation, sample) == Followed::CountAnew {
            self.draft.anew.insert((series, hour), meter.aggregation);
        }
        self.value(series, hour, reading, -1);
        self.post(shared, (series, hour), reading, -1);
        self.count(customer, meter, dimensions, (entry.at, entry.accepted), -reading.amount());
        Ok(())
    }

    /// Whether an event has a series or may have a new one. Error: `too_many_series`.
    pub fn has_room(&self, spot: Spot, event: &Checked) -> Result<()> {
        if spot.series.is_some() {
            return Ok(());
        }
        let desk = self.state.desks.get(&spot.customer).ok_or_else(|| missing("customer"))?;
        let many = desk.series_count(&event.meter) >= MAX_SERIES;
        // Looked up only where it matters.
        let key = || series_key(&event.meter.kind, spot.subscription, &event.dimensions);
        if many && desk.series(&event.meter, &key()).is_none() {
            return Err(too_many_series(&event.meter));
        }
        Ok(())
    }

    /// The series of these dimensions, made when it is not there.
    fn series(&mut self, spot: Spot, meter: &Meter, dimensions: &str, at: i64) -> Result<Series> {
        let Spot { customer, subscription, .. } = spot;
        let key = series_key(&meter.kind, subscription, dimensions);
        let desk = self.state.desks.get_mut(&customer).ok_or_else(|| missing("customer"))?;
        desk.tick = self.state.tick;
        if let Some(series) = desk.series(meter, &key) {
            return Ok(series);
        }
        if desk.series_count(meter) >= MAX_SERIES {
            return Err(too_many_series(meter));
        }
        let at = jiff::Timestamp::from_microsecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let shift = window::shift_of(&desk.account.zone, at);
        let series = Series { id: self.state.next_series, shift };
        self.state.next_series += 1;
        desk.found_series(meter, key, series);
        self.draft.rows.series.push(SeriesRow {
            customer,
            meter: meter.key.clone(),
            kind: meter.kind.clone(),
            subscription: subscription.map_or_else(Uuid::nil, |id| id.uuid()),
            dimensions: dimensions.to_owned(),
            id: series.id,
            shift,
        });
        Ok(series)
    }

    /// Append to the chunk of a series and hour, which a new one follows when it is full; with the hour's tally.
    fn append(
        &mut self,
        meter: &Meter,
        series: i64,
        hour: i64,
        entry: Entry,
    ) -> Result<(Address, &mut Tally)> {
        let Self { state, draft } = self;
        let accepted = draft.accepted;
        if series < draft.first_series && !state.hours.holds((series, hour)) {
            return Err(missing("hour"));
        }
        // It was loaded unless the series is new.
        let empty = || Hour { head: 0, tally: Tally::empty(meter.aggregation) };
        let Hour { head, tally } = state.hours.get_or((series, hour), empty);
        let mut next = || {
            let n = state.next_chunk;
            state.next_chunk += 1;
            let prev = std::mem::replace(head, n);
            ChunkRow { n, series, hour, prev, accepted, entries: Vec::with_capacity(1) }
        };
        let chunk = match draft.filling.entry((series, hour)) {
            Vacant(place) => place.insert(next()),
            Occupied(place) => {
                let chunk = place.into_mut();
                if chunk.entries.len() == CHUNK_ENTRIES {
                    draft.rows.chunks.push(std::mem::replace(chunk, next()));
                }
                chunk
            }
        };
        chunk.entries.push(entry);
        Ok((Address::new(chunk.n, chunk.entries.len() - 1), tally))
    }

    fn value(&mut self, series: i64, hour: i64, reading: Reading, by: i64) {
        if let Reading::Value(value) = reading {
            *self.draft.values.entry((hour, series, value)).or_default() += by;
        }
    }

    /// Post what a critical meter accepted, or takes back.
    fn post(&mut self, meter: &Arc<Meter>, place: (i64, i64), reading: Reading, sign: i64) {
        if !meter.critical && !self.state.is_posted(meter) {
            return;
        }
        let quantity = double::quantity(meter.aggregation, reading.amount());
        let (_, posting) =
            self.draft.posted.entry(place).or_insert_with(|| (Arc::clone(meter), Posting::default()));
        posting.add(i128::from(quantity) * i128::from(sign), sign);
    }

    /// Both legs of what was posted: each hour's, and for each meter what they come to, taken from its source.
    fn legs(&mut self, rows: &mut Rows) {
        let since = rows.chunks.first().map_or(0, |chunk| chunk.n);
        for ((series, hour), (meter, posting)) in std::mem::take(&mut self.draft.posted) {
            rows.posted.push((hour, series, posting));
            let of_meter = |row: &&mut DrawnRow| row.meter == meter.key && row.kind == meter.kind;
            if let Some(row) = rows.drawn.iter_mut().find(of_meter) {
                row.drawn.add(-posting.quantity, -posting.events);
                continue;
            }
            let drawn = Posting { quantity: -posting.quantity, events: -posting.events };
            let (meter, kind) = (meter.key.clone(), meter.kind.clone());
            let new = self.state.sources.insert((meter.clone(), kind.clone()));
            let first = new.then(|| rows.series.first().map_or(self.state.next_series, |series| series.id));
            rows.drawn.push(DrawnRow { meter, kind, since, first, drawn });
        }
        rows.posted.sort_unstable_by_key(|(hour, series, _)| (*hour, *series));
    }

    /// Count an amount under the customer's limit on the meter, if there is one and it is in memory.
    fn count(
        &mut self,
        customer: CustomerId,
        meter: &Meter,
        dimensions: &str,
        (at, accepted): (i64, i64),
        amount: i64,
    ) {
        let Some(desk) = self.state.desks.get_mut(&customer) else { return };
        let Terms::Limited(limit) = desk.terms(meter) else { return };
        let (who, agreement, amount_of_limit) = (who(limit, dimensions), limit.agreement, limit.amount);
        let alerts = Arc::clone(&limit.alerts);
        let (now, Some(counter)) = (self.draft.now, desk.counter(&meter.key, &who)) else { return };
        counter.settle(now);
        let before = counter.counted();
        if let Some((second, sum)) = counter.count(at, accepted, amount) {
            self.draft.seconds.insert((customer, meter.key.clone(), who.clone(), second), sum);
        }
        let crossed = counter.crossed(&alerts, amount_of_limit, before, now);
        for crossing in crossed {
            let agreement = desk.account.agreements.get(agreement);
            let (wanted, decimals) = (i128::from(amount_of_limit) + 1, meter.decimals);
            self.draft.rows.crossings.push(CrossingRow {
                customer,
                subscription: agreement.map_or_else(Uuid::nil, |agreement| agreement.subscription.uuid()),
                meter: meter.key.clone(),
                who: who.clone(),
                crossing,
                amount: amount_of_limit,
                decimals,
                upgrade: agreement.and_then(|one| one.upgrade(&meter.key, wanted, decimals)),
                at: now,
            });
        }
    }

    /// What the group will write: chunks in order, each tally once.
    pub fn finish(&mut self) -> Rows {
        let mut rows = std::mem::take(&mut self.draft.rows);
        rows.chunks.extend(self.draft.filling.drain().map(|(_, chunk)| chunk));
        rows.chunks.sort_unstable_by_key(|chunk| chunk.n);
        self.legs(&mut rows);
        let mut touched: Vec<(i64, i64)> =
            rows.chunks.iter().map(|chunk| (chunk.hour, chunk.series)).collect();
        touched.sort_unstable();
        touched.dedup();
        for (hour, series) in touched {
            if let Some(stored) = self.state.hours.get_mut(&(series, hour)) {
                rows.tallies.push((hour, series, stored.head, stored.tally.encode()));
            }
        }
        let values = std::mem::take(&mut self.draft.values).into_iter().filter(|(_, by)| *by != 0);
        rows.values.extend(values.map(|((hour, series, value), by)| (hour, series, value, by)));
        rows.values.sort_unstable();
        let seconds = std::mem::take(&mut self.draft.seconds).into_iter();
        rows.seconds.extend(seconds.map(|((customer, meter, who, second), amount)| {
            let amount = amount.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
            (customer, meter, who, second, amount)
        }));
        rows
    }
}

/// Whose usage counts together with that of an event of these dimensions.
pub fn who(limit: &InForce, dimensions: &str) -> String {
    match limit.property {
        None => String::new(),
        Some(property) => read_dimensions(dimensions).remove(property).unwrap_or_default(),
    }
}

fn too_many_series(meter: &Meter) -> Error {
    let detail = format!(
        "The customer has {MAX_SERIES} combinations of dimensions of {} already. Use fewer different values.",
        meter.key
    );
    Error::invalid("too_many_series", detail).at("/data")
}

pub(crate) fn missing(what: &str) -> Error {
    Error::internal(format!("a {what} was not loaded before it was booked on"))
}
