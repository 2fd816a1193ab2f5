//! The handle the rest of the program holds.

use std::{cell::RefCell, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kernel::{
    Result,
    ids::{CustomerId, EnvironmentId, HoldId},
};
use store::{Db, Pending, Promise, Scope};

use super::{
    Changed, Changes, Directory,
    ask::{Ask, End, EndAsk, LimitAsk, Wish},
    change::Change,
    decide,
    desks::{Desk, Desks},
    standing::{Standing, standing},
    station::{Station, Words},
    worker::Worker,
};
use crate::{
    event::{self, Checked, EventName, NewEvent, Receipt, wire::Unread},
    limit::{Answer, Pace, Reserved},
    reject::{self, Rejected},
};

/// How metering works here.
#[derive(Clone, Debug)]
pub struct Options {
    /// What this process is called among those that share the database; nobody else alive has the name.
    pub holder: String,
    /// Where the others reach it: `http://10.0.0.1:8080`; none: nowhere.
    pub address: Option<String>,
    /// Events older than so many days are refused unless sent as backfill.
    pub late_days: u16,
    /// Events are kept for so many days; none older is taken in any case.
    pub kept_days: u16,
    /// Bytes of memory for the customers, series and counters of one environment.
    pub memory: usize,
    /// Names that are kept in memory before they are sealed as a segment.
    pub seal_at: usize,
    /// Asks that may wait before more are refused.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            holder: "local".to_owned(),
            address: None,
            late_days: 90,
            kept_days: 400,
            memory: 512 << 20,
            // 3,125 names in each of 256 tables, which have room for 3,584 before they double.
            seal_at: 800_000,
            queue: 4_096,
        }
    }
}

/// Metering of every environment this process owns. Cheap to clone.
///
/// Every call is about the environment of its scope and tells business time (`now`). Answers come once what they
/// say is durable. Errors of all: `owned_elsewhere`, `owner_deposed`, `too_busy`, and those of the store.
#[derive(Clone)]
pub struct Metering {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    directory: Arc<dyn Directory>,
    options: Options,
    desks: Arc<Desks>,
}

impl Metering {
    /// Over a database whose usage file has [`crate::CONTEXT`].
    pub fn new(db: &Db, directory: Arc<dyn Directory>, options: Options) -> Self {
        let desks = Arc::default();
        Self { shared: Arc::new(Shared { db: db.usage(), directory, options, desks }) }
    }

    /// Take events in: a receipt for each, in order. `backfill` lets events through that are older than the late
    /// window; only staff may send those.
    pub fn ingest(
        &self,
        scope: &Scope,
        events: Vec<NewEvent>,
        backfill: bool,
        now: Timestamp,
    ) -> Pending<Vec<Receipt>> {
        let now = now.as_microsecond();
        let station = self.desk(scope).map(|desk| desk.station);
        self.ask(scope, move |words, answer| {
            let check = |event| {
                event::check_or_keep(event, &words.meters, &words.fingerprints).map_err(|(error, event)| {
                    if let Ok(station) = &station {
                        station.rejected.note(Rejected::of_event(&error, &event, now));
                    }
                    error
                })
            };
            let events = events.into_iter().map(check).collect();
            Some(Ask::Ingest { events, backfill, now, answer })
        })
    }

    /// Something came in place of an event: it is kept for staff to look at. Never waits.
    pub fn note_unread(&self, scope: &Scope, unread: &Unread, now: Timestamp) {
        // Where metering cannot be asked at all there is nobody to tell.
        if let Ok(desk) = self.desk(scope) {
            desk.station.rejected.note(Rejected::of_unread(unread, now.as_microsecond()));
        }
    }

    /// Write down what was rejected since this was done last, beside what is counted. Waits for the database. An
    /// environment for which that does not work keeps its own for the next time, and none of the others waiting.
    ///
    /// Errors: the last one.
    pub fn keep_rejected(&self) -> Result<()> {
        let mut done = Ok(());
        for station in self.shared.desks.stations() {
            let noted = Arc::new(station.rejected.take());
            if noted.is_empty() {
                continue;
            }
            let rows = Arc::clone(&noted);
            let kept = self.shared.db.background().write(&station.scope, move |tx| reject::keep(tx, &rows));
            if let Err(error) = kept.wait() {
                noted.iter().cloned().for_each(|one| station.rejected.note(one));
                done = Err(error);
            }
        }
        done
    }

    /// Whether so much may be used now; nothing is counted. Errors also: `meter_not_consumable`, `subject_unknown`
    /// and those of [`event::check`].
    pub fn check(&self, scope: &Scope, event: NewEvent, now: Timestamp) -> Pending<Answer> {
        let desk = match self.desk(scope) {
            Ok(desk) => desk,
            Err(error) => return Pending::done(Err(error)),
        };
        let Some(words) = desk.station.words() else {
            return self.limit(scope, event, now, |event, now, answer| {
                Some(LimitAsk { event, wish: Wish::Check(answer), now })
            });
        };
        let event = match event::check(event, &words.meters, &words.fingerprints) {
            Ok(event) => event,
            Err(error) => return Pending::done(Err(error)),
        };
        let now = now.as_microsecond();
        if let Some(known) = self.shared.at_once(&desk.station, &event, now) {
            return Pending::done(known);
        }
        let (answer, pending) = Promise::pair();
        desk.send(Ask::Limit(LimitAsk { event, wish: Wish::Check(answer), now }), pending)
    }

    /// Use so much now, if it is allowed: asked and counted in one. A repeat of an accepted one gets its first
    /// answer; a refusal is not remembered. Errors also: `event_counted_before`, and those of [`Metering::check`].
    pub fn consume(&self, scope: &Scope, event: NewEvent, now: Timestamp) -> Pending<Answer> {
        self.limit(scope, event, now, |event, now, answer| {
            Some(LimitAsk { event, wish: Wish::Consume(answer), now })
        })
    }

    /// Hold so much for a time, if it is allowed, in the window of now. Errors as [`Metering::consume`].
    pub fn reserve(
        &self,
        scope: &Scope,
        event: NewEvent,
        time: SignedDuration,
        now: Timestamp,
    ) -> Pending<Reserved> {
        let time = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.limit(scope, event, now, move |event, now, answer| {
            Some(LimitAsk { event, wish: Wish::Reserve(time, answer), now })
        })
    }

    /// Call the merchant's services so often, if the customer's plan allows it now: from the token bucket of one of its
    /// keys (any name; empty for the customer's own), in real time. Buckets are in the owner's memory and not stored.
    /// Errors also: `subject_unknown`.
    pub fn take(&self, scope: &Scope, subject: String, key: String, cost: u32) -> Pending<Pace> {
        let desk = match self.desk(scope) {
            Ok(desk) => desk,
            Err(error) => return Pending::done(Err(error)),
        };
        if let Some(known) = self.shared.pace(&desk.station, (&subject, &key, cost)) {
            return Pending::done(known);
        }
        let (answer, pending) = Promise::pair();
        desk.send(Ask::Take { subject, key, cost, answer }, pending)
    }

    /// Use what was held, or `amount`, a decimal number rounded to the meter's decimals. Up to what is held it always succeeds; what
    /// goes beyond, and all of it when the hold has run out, is used now if it is allowed and else recorded as over
    /// the limit: `allowed` says which. Errors also: `not_found`, `hold_ended`,
    /// `quantity_malformed`, `quantity_out_of_range`.
    pub fn commit(
        &self,
        scope: &Scope,
        hold: HoldId,
        amount: Option<String>,
        now: Timestamp,
    ) -> Pending<Answer> {
        self.end(scope, hold, End::Commit(amount), now)
    }

    /// Use nothing of what was held. Errors also: `not_found`, `hold_ended`.
    pub fn release(&self, scope: &Scope, hold: HoldId, now: Timestamp) -> Pending<Answer> {
        self.end(scope, hold, End::Release, now)
    }

    /// Let an event not count, as if it had never been sent. `backfill` lets events be changed that are older than the
    /// late window; only staff may do so. Errors also: `event_unknown`, `permission_missing`, `too_old`.
    pub fn void(&self, scope: &Scope, name: &EventName, backfill: bool, now: Timestamp) -> Pending<Changed> {
        let (name, by) = (name.clone(), By::of(scope, backfill));
        self.ask(scope, move |words, answer| {
            let change = by.change(words.fingerprints.identity(&name.source, &name.id), None);
            Some(Ask::Change { change, now: now.as_microsecond(), answer })
        })
    }

    /// Put an event in the place of the accepted one of the same name. Without a time it keeps that one's. Errors
    /// also: `event_voided`, `subject_unknown`, `in_the_future`, and those of [`Metering::void`] and [`event::check`].
    pub fn correct(
        &self,
        scope: &Scope,
        event: NewEvent,
        backfill: bool,
        now: Timestamp,
    ) -> Pending<Changed> {
        let by = By::of(scope, backfill);
        self.with_event(scope, event, move |event, answer| {
            let change = by.change(event.identity, Some(event));
            Some(Ask::Change { change, now: now.as_microsecond(), answer })
        })
    }

    /// How the limits of a customer's running subscriptions stand, from what is stored; in any process. Waits for the
    /// database, so it is nothing for threads that may not.
    pub fn standing(&self, scope: &Scope, customer: CustomerId, now: Timestamp) -> Result<Vec<Standing>> {
        standing(&self.shared.db, &*self.shared.directory, scope, customer, now)
    }

    /// Where the environment's owner is reached, when that is another process of the installation; none: it is this
    /// one, which takes it over where there is no other, or nobody knows.
    pub fn owner(&self, scope: &Scope) -> Pending<Option<String>> {
        let desk = match self.desk(scope) {
            Ok(desk) => desk,
            Err(error) => return Pending::done(Err(error)),
        };
        let now = self.shared.db.real_now();
        if desk.station.look().as_ref().is_some_and(|held| held.until > now) {
            return Pending::done(Ok(None));
        }
        let elsewhere = desk.station.elsewhere().clone();
        if let Some((address, _)) = elsewhere.filter(|(_, until)| *until > now) {
            return Pending::done(Ok(Some(address)));
        }
        let (answer, pending) = Promise::pair();
        desk.send(Ask::Owner(answer), pending)
    }

    /// What a customer agreed to has changed (none: the price book, and so everybody's). When the answer is there
    /// every later check, consume and reserve heeds it.
    pub fn forget(&self, scope: &Scope, customer: Option<CustomerId>) -> Pending<()> {
        self.ask(scope, move |_, answer| Some(Ask::Forget(customer, answer)))
    }

    /// What to call when something changed in an environment: when it returns, every later answer of this process
    /// heeds that. It never waits, does nothing where this process is not the owner, and keeps nothing alive.
    pub fn hearing(&self) -> impl Fn(EnvironmentId, &Changes) + Send + Sync + 'static {
        let shared = Arc::downgrade(&self.shared);
        move |env, changes| {
            let Some(shared) = shared.upgrade() else { return };
            let desk = shared.known(env);
            if let Some(desk) = desk {
                desk.station.stale.mark(changes);
            }
        }
    }

    fn end(&self, scope: &Scope, hold: HoldId, end: End, now: Timestamp) -> Pending<Answer> {
        let now = now.as_microsecond();
        self.ask(scope, move |_, answer| Some(Ask::End(EndAsk { hold, end, now, found: None, answer })))
    }

    fn limit<T: Send + 'static>(
        &self,
        scope: &Scope,
        event: NewEvent,
        now: Timestamp,
        ask: impl FnOnce(Checked, i64, Promise<T>) -> Option<LimitAsk> + Send + 'static,
    ) -> Pending<T> {
        self.with_event(scope, event, move |event, answer| {
            ask(event, now.as_microsecond(), answer).map(Ask::Limit)
        })
    }

    /// Ask with one event, or answer what is wrong with it.
    fn with_event<T: Send + 'static>(
        &self,
        scope: &Scope,
        event: NewEvent,
        ask: impl FnOnce(Checked, Promise<T>) -> Option<Ask> + Send + 'static,
    ) -> Pending<T> {
        self.ask(scope, move |words, answer| match event::check(event, &words.meters, &words.fingerprints) {
            Ok(event) => ask(event, answer),
            Err(error) => {
                answer.keep(Err(error));
                None
            }
        })
    }

    /// Read the events of an ask here, or in the owner's thread when the environment is not in memory yet: nothing
    /// here waits for the database, so that it can be called where nothing may wait.
    fn ask<T: Send + 'static>(
        &self,
        scope: &Scope,
        make: impl FnOnce(&Words, Promise<T>) -> Option<Ask> + Send + 'static,
    ) -> Pending<T> {
        let desk = match self.desk(scope) {
            Ok(desk) => desk,
            Err(error) => return Pending::done(Err(error)),
        };
        let (answer, pending) = Promise::pair();
        let ask = match desk.station.words() {
            Some(words) => make(&words, answer),
            None => Some(Ask::Unread(Box::new(move |words| match words {
                Ok(words) => make(words, answer),
                Err(error) => {
                    answer.keep(Err(error));
                    None
                }
            }))),
        };
        match ask {
            Some(ask) => desk.send(ask, pending),
            None => pending,
        }
    }

    /// The environment's desk, opened when it is asked for the first time.
    fn desk(&self, scope: &Scope) -> Result<Desk> {
        let Shared { db, directory, options, desks } = &*self.shared;
        desks.find_or_open(scope, options.queue, |own, asks, station| Worker {
            db: db.clone(),
            directory: Arc::clone(directory),
            options: options.clone(),
            station,
            asks,
            own,
            desks: Arc::downgrade(desks),
            groups: RefCell::default(),
        })
    }
}

impl Shared {
    fn known(&self, env: EnvironmentId) -> Option<Desk> {
        self.desks.find(env)
    }

    /// The answer to a check from memory, when it is there and the lease still runs.
    fn at_once(&self, station: &Station, event: &Checked, now: i64) -> Option<Result<Answer>> {
        let mut held = station.look();
        let held = held.as_mut().filter(|held| held.until > self.db.real_now())?;
        decide::quick(&mut held.state, &station.stale, event, now)
    }

    /// The like for a token bucket.
    fn pace(&self, station: &Station, (subject, key, cost): (&str, &str, u32)) -> Option<Result<Pace>> {
        let (held, clock) = (station.look(), self.db.real_now());
        let state = &held.as_ref().filter(|held| held.until > clock)?.state;
        state.whom(subject).filter(|(customer, _)| !station.stale.concerns(customer))?;
        decide::pace(state, &station.buckets, (subject, key.to_owned(), cost), clock)
    }
}

/// Who changes an event, and why.
struct By {
    actor: String,
    reason: Option<String>,
    backfill: bool,
}

impl By {
    fn of(scope: &Scope, backfill: bool) -> Self {
        let reason = scope.reason.as_ref().map(|code| code.as_str().to_owned());
        Self { actor: scope.actor.to_string(), reason, backfill }
    }

    fn change(self, identity: u128, replacement: Option<Checked>) -> Change {
        let Self { actor, reason, backfill } = self;
        Change { identity, replacement, actor, reason, backfill }
    }
}
