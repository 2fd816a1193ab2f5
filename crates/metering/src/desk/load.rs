//! Bringing into memory what a group needs and does not find there: one read for its customers, one for the rest.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::Aggregation;
use kernel::{Id, Result, ids::CustomerId};
use store::{Db, Row, Scope, View, params};
use uuid::Uuid;

use super::{
    Directory, Resolved, State,
    ask::{Ask, LimitAsk, Wish},
    counters,
    customer::{Desk, Series, series_key},
    state::Hour,
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
#[derive(Clone, Debug, Default)]
pub struct Wanted {
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
    /// Names that are in sealed segments.
    pub known: HashMap<u128, Known>,
    /// First answers to consumes that are repeated, by name.
    pub answers: HashMap<u128, Answer>,
    /// First answers to reserves that are repeated, by name.
    pub reserved: HashMap<u128, Reserved>,
}

impl Wanted {
    /// What these asks need at `now`.
    pub fn of(state: &mut State, asks: &[Ask], now: i64) -> Result<Self> {
        let mut wanted = Self::default();
        for ask in asks {
            if let Ask::Limit(limit) = ask {
                match limit.wish {
                    Wish::Consume(_) => {
                        let name = limit.event.identity;
                        wanted.consumes.insert(name, state.names.recent(name));
                    }
                    Wish::Reserve(..) => wanted.reserves.push(limit.event.identity),
                    Wish::Check(_) => {}
                }
            }
            for event in ask.events() {
                let checked = matches!(ask, Ask::Limit(LimitAsk { wish: Wish::Check(_), .. }));
                if !checked && state.names.recent(event.identity).is_none() {
                    wanted.names.push(event.identity);
                }
                // What is consumed, and what goes beyond a hold, is used now.
                if matches!(ask, Ask::Limit(_) | Ask::End(_)) {
                    wanted.event(state, event, now, now, true)?;
                }
                if !matches!(ask, Ask::Limit(_)) {
                    let limited = matches!(ask, Ask::End(_));
                    wanted.event(state, event, event.at.unwrap_or(now), now, limited)?;
                }
            }
        }
        wanted.names.sort_unstable();
        wanted.places = state.names.places(&wanted.names);
        Ok(wanted)
    }

    /// What booking one event takes, its name left out.
    pub fn for_event(state: &mut State, event: &Checked, now: i64) -> Result<Self> {
        let mut wanted = Self::default();
        wanted.event(state, event, event.at.unwrap_or(now), now, true)?;
        Ok(wanted)
    }

    /// What an event takes that is booked as of `at`.
    fn event(&mut self, state: &mut State, event: &Checked, at: i64, now: i64, limited: bool) -> Result<()> {
        let Some((customer, subscription)) = state.whom(&event.subject) else { return Ok(()) };
        let Some(desk) = state.desks.get_mut(&customer) else { return Ok(()) };
        if let Some(series) =
            desk.series(&event.meter, &series_key(&event.meter.kind, subscription, &event.dimensions))
        {
            let hour = window::hour_of(at, series.shift);
            if !state.hours.holds((series.id, hour)) {
                self.hours.entry(hour).or_default().push((series.id, event.meter.aggregation));
            }
        }
        if limited || event.meter.limited {
            self.counters.want(desk, customer, event, now, limited)?;
        }
        Ok(())
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
    pub fn load(self, db: &Db, scope: &Scope, now: i64) -> Result<Loaded> {
        let mut loaded = if self.is_empty() {
            Loaded::default()
        } else {
            db.read(scope, {
                let wanted = self.clone();
                move |view| wanted.read(view, now)
            })
            .wait()?
        };
        // What is not stored yet has no events.
        for (hour, series) in self.hours {
            for (id, aggregation) in series {
                let nothing = || Hour { head: 0, tally: Tally::empty(aggregation) };
                loaded.hours.entry((id, hour)).or_insert_with(nothing);
            }
        }
        Ok(loaded)
    }

    fn read(&self, view: &mut View<'_>, now: i64) -> Result<Loaded> {
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
        read.counters = self.counters.read(view, now)?;
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
