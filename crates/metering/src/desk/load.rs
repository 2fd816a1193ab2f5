//! Bringing into memory what a group needs and does not find there: one read for its customers, one for the rest.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    vec,
};

use catalog::Aggregation;
use kernel::{Id, Result, ids::CustomerId};
use store::{Db, Row, Scope, View, params};
use uuid::Uuid;

use super::{
    Directory, Resolved, State,
    ask::{Ask, EndAsk, LimitAsk, Wish},
    counters,
    customer::{Desk, Series, series_key},
    state::{Hour, Spot},
};
use crate::{
    event::Checked,
    limit::{Answer, Counter, Reserved},
    log,
    once::{IntMap, Known, Place},
    sql,
    usage::{Tally, window},
};

/// Customers on their way to their desks, with their series.
#[derive(Debug, Default)]
pub struct Arrivals {
    whom: Vec<(String, Resolved)>,
    series: Vec<(CustomerId, String, String, Series)>,
}

/// Ask who is meant by subjects, and read their series. Subjects that nobody knows stay away.
pub fn arrivals(
    db: &Db,
    scope: &Scope,
    directory: &dyn Directory,
    mut subjects: Vec<String>,
) -> Result<Arrivals> {
    subjects.sort_unstable();
    subjects.dedup();
    if subjects.is_empty() {
        return Ok(Arrivals::default());
    }
    let resolved = directory.resolve(scope, &subjects)?;
    let whom: Vec<(String, Resolved)> =
        subjects.into_iter().zip(resolved).filter_map(|(subject, found)| Some((subject, found?))).collect();
    let customers: BTreeSet<CustomerId> = whom.iter().map(|(_, found)| found.account.customer).collect();
    let customers: Vec<CustomerId> = customers.into_iter().collect();
    let series =
        db.read(scope, move |view| view.all(&sql::SERIES_OF, params![customers], read_series)).wait()?;
    Ok(Arrivals { whom, series })
}

impl Arrivals {
    /// Put them at their desks; whoever is there already stays as it is.
    pub fn seat(self, state: &mut State) {
        let mut new = BTreeSet::new();
        for (subject, Resolved { account, subscription }) in self.whom {
            let customer = account.customer;
            if state.desks.get(&customer).is_none() {
                state.desks.seat(customer, Desk::new(account, state.tick));
                new.insert(customer);
            }
            state.desks.call(&subject, (customer, subscription));
        }
        for (customer, meter, key, series) in self.series {
            if let Some(desk) = state.desks.get_mut(&customer).filter(|_| new.contains(&customer)) {
                desk.add_series(&meter, key, series);
            }
        }
    }
}

fn read_series(row: &Row<'_>) -> Result<(CustomerId, String, String, Series)> {
    let (kind, subscription, dimensions): (String, Uuid, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let subscription = (!subscription.is_nil()).then(|| Id::from_uuid(subscription));
    let series = Series { id: row.get(5)?, shift: row.get::<i64>(6)? as u8 };
    Ok((row.get(0)?, row.get(1)?, series_key(&kind, subscription, &dimensions), series))
}

/// What a group needs that is not in memory.
#[derive(Debug, Default)]
pub struct Wanted {
    /// When.
    now: i64,
    /// Who is to be asked for again at this instant is forgotten.
    over: i64,
    /// The name of a series, in the making.
    key: String,
    /// Subjects that are not in memory.
    strangers: Vec<String>,
    /// Where the events of ingests are counted, in their order; none: the subject is a stranger.
    spots: Vec<Option<Spot>>,
    /// Names that are not among the recent ones.
    names: Vec<u128>,
    /// Pages that may hold them.
    places: Vec<Place>,
    /// Names of consumes, with what is known of recent ones: repeats get their first answer.
    consumes: BTreeMap<u128, Option<Known>>,
    /// Names of reserves, likewise.
    reserves: Vec<u128>,
    /// Series by hour.
    hours: BTreeMap<i64, Vec<(i64, Aggregation)>>,
    /// Counters of limits.
    counters: counters::Wanted,
}

/// What was looked up for one group and is not kept beyond it.
#[derive(Debug, Default)]
pub struct Found {
    /// Where the events of ingests are counted, in their order; none: nobody knows the subject.
    pub spots: vec::IntoIter<Option<Spot>>,
    /// Names that are in sealed segments.
    pub known: HashMap<u128, Known>,
    /// First answers to consumes that are repeated, by name.
    pub answers: HashMap<u128, Answer>,
    /// First answers to reserves that are repeated, by name.
    pub reserved: HashMap<u128, Reserved>,
}

impl Wanted {
    /// What these asks need at `now`. Whoever is to be asked for again at `over` is forgotten, and a stranger.
    pub fn of(state: &mut State, asks: &[Ask], now: i64, over: i64) -> Result<Self> {
        let mut wanted = Self { now, over, ..Self::default() };
        state.tick += 1;
        for ask in asks {
            match ask {
                Ask::Ingest { events, .. } => {
                    for event in events.iter().flatten() {
                        wanted.ingest(state, event)?;
                    }
                }
                Ask::Limit(LimitAsk { event, wish, .. }) => {
                    match wish {
                        Wish::Consume(_) => {
                            let recent = state.names.recent(event.identity);
                            wanted.consumes.insert(event.identity, recent);
                        }
                        Wish::Reserve(..) => wanted.reserves.push(event.identity),
                        Wish::Check(_) => {}
                    }
                    if !matches!(wish, Wish::Check(_)) {
                        wanted.name(state, event);
                    }
                    wanted.limited(state, event, now)?;
                }
                Ask::End(EndAsk { found: Some(hold), .. }) => {
                    wanted.name(state, &hold.event);
                    // What goes beyond a hold is used now.
                    for at in [now, hold.event.at.unwrap_or(now)] {
                        wanted.limited(state, &hold.event, at)?;
                    }
                }
                Ask::Take { subject, .. } if state.present(subject, over).is_none() => {
                    wanted.strangers.push(subject.clone());
                }
                _ => {}
            }
        }
        wanted.names.sort_unstable();
        wanted.places = state.names.places(&wanted.names);
        Ok(wanted)
    }

    /// What booking one event takes, its name left out.
    pub fn for_event(state: &mut State, event: &Checked, now: i64) -> Result<Self> {
        let mut wanted = Self { now, over: i64::MIN, ..Self::default() };
        wanted.limited(state, event, event.at.unwrap_or(now))?;
        Ok(wanted)
    }

    /// What an event takes that is reported.
    fn ingest(&mut self, state: &mut State, event: &Checked) -> Result<()> {
        self.name(state, event);
        let spot = self.spot(state, event, event.at.unwrap_or(self.now));
        self.spots.push(spot);
        match spot.filter(|spot| spot.limited && event.meter.limited) {
            Some(spot) => self.counter(state, spot, event, false),
            None => Ok(()),
        }
    }

    /// What an event takes that is booked as of `at`, and whose limit is asked for.
    fn limited(&mut self, state: &mut State, event: &Checked, at: i64) -> Result<()> {
        match self.spot(state, event, at) {
            Some(spot) => self.counter(state, spot, event, true),
            None => Ok(()),
        }
    }

    fn name(&mut self, state: &State, event: &Checked) {
        if state.names.recent(event.identity).is_none() {
            self.names.push(event.identity);
        }
    }

    /// Where an event is counted, and its hour.
    fn spot(&mut self, state: &mut State, event: &Checked, at: i64) -> Option<Spot> {
        let Some(spot) = state.spot(event, self.over, &mut self.key) else {
            self.strangers.push(event.subject.clone());
            return None;
        };
        if let Some(series) = spot.series {
            let hour = window::hour_of(at, series.shift);
            if !state.hours.holds((series.id, hour)) {
                self.hours.entry(hour).or_default().push((series.id, event.meter.aggregation));
            }
        }
        Some(spot)
    }

    fn counter(&mut self, state: &mut State, spot: Spot, event: &Checked, limited: bool) -> Result<()> {
        let Some(desk) = state.desks.get_mut(&spot.customer) else { return Ok(()) };
        self.counters.want(desk, spot.customer, event, self.now, limited)
    }

    /// The subjects that are not in memory.
    pub fn strangers(&mut self) -> Vec<String> {
        std::mem::take(&mut self.strangers)
    }

    /// Whether nothing has to be read.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty() && !self.may_be_new()
    }

    /// Whether something is to be read that a group still being committed may write. Pages of names, and what they lead
    /// to, were stored before their segment was known.
    pub fn may_be_new(&self) -> bool {
        self.consumes.values().any(Option::is_some)
            || !self.reserves.is_empty()
            || !self.hours.is_empty()
            || !self.counters.is_empty()
    }

    /// Look everything up.
    pub fn load(mut self, db: &Db, scope: &Scope) -> Result<Loaded> {
        let (spots, hours) = (std::mem::take(&mut self.spots), self.hours.clone());
        let mut loaded = if self.is_empty() {
            Loaded::default()
        } else {
            db.read(scope, move |view| self.read(view)).wait()?
        };
        loaded.found.spots = spots.into_iter();
        // What is not stored yet has no events.
        for (hour, series) in hours {
            for (id, aggregation) in series {
                let nothing = || Hour { head: 0, tally: Tally::empty(aggregation) };
                loaded.hours.entry((id, hour)).or_insert_with(nothing);
            }
        }
        Ok(loaded)
    }

    fn read(&self, view: &mut View<'_>) -> Result<Loaded> {
        let mut read = Loaded::default();
        self.read_names(view, &mut read.found)?;
        for (hour, series) in &self.hours {
            let aggregations: BTreeMap<i64, Aggregation> = series.iter().copied().collect();
            let ids: Vec<i64> = aggregations.keys().copied().collect();
            view.each(&sql::TALLIES_AT, params![hour, ids], |row| {
                let (id, bytes): (i64, Vec<u8>) = (row.get(0)?, row.get(2)?);
                let aggregation = aggregations.get(&id).copied().unwrap_or(Aggregation::Count);
                let tally = Tally::decode(aggregation, &bytes)?;
                read.hours.insert((id, *hour), Hour { head: row.get(1)?, tally });
                Ok(())
            })?;
        }
        read.counters = self.counters.read(view, self.now)?;
        Ok(read)
    }

    fn read_names(&self, view: &mut View<'_>, found: &mut Found) -> Result<()> {
        let mut places: BTreeMap<i64, BTreeMap<i64, Vec<Place>>> = BTreeMap::new();
        for place in &self.places {
            places.entry(place.segment).or_default().entry(place.page).or_default().push(*place);
        }
        for (segment, pages) in places {
            view.each(&sql::PAGES, params![segment, pages.keys().copied().collect::<Vec<_>>()], |row| {
                let (page, names): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
                let there = pages.get(&page).into_iter().flatten();
                found.known.extend(there.filter_map(|place| Some((place.identity, place.read(&names)?))));
                Ok(())
            })?;
        }
        for (name, recent) in &self.consumes {
            let Some(known) = recent.or_else(|| found.known.get(name).copied()) else { continue };
            let entry = log::entry(view, known.address)?;
            if let Some(answer) = entry.and_then(|(.., entry)| entry.answer) {
                found.answers.insert(*name, Answer::decode(&answer)?);
            }
        }
        for name in &self.reserves {
            let bytes = name.to_be_bytes().to_vec();
            let hold = view.opt(&sql::HOLD_BY_NAME, params![bytes], |row| {
                let answer: Vec<u8> = row.get(1)?;
                Ok(Reserved { id: Some(row.get(0)?), answer: Answer::decode(&answer)?, expires: row.get(2)? })
            })?;
            found.reserved.extend(hold.map(|hold| (*name, hold)));
        }
        Ok(())
    }
}

/// What was looked up for a group.
#[derive(Debug, Default)]
pub struct Loaded {
    found: Found,
    hours: IntMap<(i64, i64), Hour>,
    counters: Vec<(counters::Missing, Counter)>,
}

impl Loaded {
    /// Put into memory what is kept there, and hand out the rest.
    pub fn seat(self, state: &mut State) -> Found {
        for (key, hour) in self.hours {
            state.hours.get_or(key, || hour);
        }
        for (missing, counter) in self.counters {
            if let Some(desk) = state.desks.get_mut(&missing.customer) {
                desk.add_counter(&missing.meter.key, missing.who, counter);
            }
        }
        self.found
    }
}
