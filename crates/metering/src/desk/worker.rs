//! The one thread that owns an environment's metering: it takes what was asked meanwhile, decides it in memory,
//! commits it as one group, and answers.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};
use jiff::{SignedDuration, Timestamp};
use kernel::{Error, Result, SystemIds, ids::CustomerId};
use store::{Db, View};

use super::{
    Directory, Options, Rows, State,
    ask::{Ask, Settle, later},
    book::{Draft, Group},
    change,
    decide::Ground,
    hold, lease,
    load::{self, Wanted},
    rows::Stand,
    seal::Sealing,
    stale::Changes,
    station::{Held, Station},
};
use crate::{
    event::{Horizon, Meters},
    log,
    usage::Tally,
};

/// Asks with so many events are small: a use, a few events. A group takes all that wait,
const SMALL: usize = 64;
/// and of larger ones the first, with those behind it up to so many events together: else everybody would wait for them.
const LARGE: usize = 1_024;
/// So many asks are looked through for a group.
const IN_VIEW: usize = 1_024;
/// How often an owner with nothing to do looks around.
const PULSE: Duration = Duration::from_millis(500);
/// It keeps its lease with every so many pulses.
const PULSES_OF_LEASE: u32 = 6;
/// After so many pulses without an ask it lets the environment go.
const PULSES: u32 = 600;
/// How often an owner asks whether other processes changed something.
const LOOK: SignedDuration = SignedDuration::from_millis(500);

/// The owner's thread.
pub struct Worker {
    pub db: Db,
    pub directory: Arc<dyn Directory>,
    pub options: Options,
    pub station: Arc<Station>,
    pub asks: Receiver<Ask>,
    /// For what finishes beside the groups.
    pub own: Sender<Ask>,
}

impl Worker {
    /// Serve until nobody can ask any more.
    pub fn run(self) {
        let (mut idle, mut waiting) = (0, VecDeque::new());
        loop {
            if waiting.is_empty() {
                match self.asks.recv_timeout(PULSE) {
                    Ok(ask) => waiting.push_back(ask),
                    // This thread can send to itself, so that only a count tells that nobody else can.
                    Err(_) if Arc::strong_count(&self.station) == 1 => return,
                    Err(_) => {
                        idle += 1;
                        self.look_around(idle);
                        continue;
                    }
                }
            }
            idle = 0;
            waiting.extend(self.asks.try_iter().take(IN_VIEW.saturating_sub(waiting.len())));
            let asks = next_group(&mut waiting, Ask::weight);
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(asks)));
            if served.is_err() {
                tracing::error!("a group of metering panicked; its memory is dropped");
                self.station.hold(None);
            }
        }
    }

    /// An owner with nothing to do looks for changes and keeps its lease for a while, then lets it go. One that lost
    /// it forgets.
    fn look_around(&self, idle: u32) {
        if let Err(error) = self.heed() {
            tracing::warn!(%error, "an environment's metering could not look for changes");
            self.station.hold(None);
        }
        if idle > PULSES {
            self.station.hold(None);
        }
        if !idle.is_multiple_of(PULSES_OF_LEASE) {
            return;
        }
        let renewed = self.station.held().as_mut().map_or(Ok(()), |held| self.save(held, Rows::default()));
        if let Err(error) = renewed {
            tracing::warn!(%error, "the lease of an environment's metering was not renewed");
            self.station.hold(None);
        }
    }

    /// Groups of asks, with those between them that come alone. Errors end up with those who asked.
    fn serve(&self, asks: Vec<Ask>) {
        let mut group = Vec::new();
        for ask in asks {
            if let Ask::Owner(answer) = ask {
                answer.keep(self.owner());
                continue;
            }
            let Some(ask) = self.read(ask) else { continue };
            if !ask.is_alone() {
                group.push(ask);
                continue;
            }
            self.when_ready(std::mem::take(&mut group), |asks| self.group(asks));
            self.when_ready(vec![ask], |asks| asks.into_iter().for_each(|ask| self.alone(ask)));
        }
        self.when_ready(group, |asks| self.group(asks));
    }

    /// Read the events of an ask that could not be read when it was asked.
    fn read(&self, ask: Ask) -> Option<Ask> {
        let Ask::Unread(unread) = ask else { return Some(ask) };
        match self.prepared().and_then(|()| self.inside(|held| Arc::clone(&held.words))) {
            Ok(words) => unread(Ok(&words)),
            Err(error) => unread(Err(error)),
        }
    }

    /// Where the owner is reached, when it is another process; this one becomes it when there is none.
    fn owner(&self) -> Result<Option<String>> {
        match self.prepared() {
            Err(error) if error.code == "owned_elsewhere" => {
                let address = lease::address(&self.db, &self.station.scope, &self.options.holder)?;
                let until = self.db.real_now().checked_add(LOOK).unwrap_or(Timestamp::MIN);
                *self.station.elsewhere() = address.clone().map(|address| (address, until));
                Ok(address)
            }
            prepared => prepared.map(|()| None),
        }
    }

    fn when_ready(&self, asks: Vec<Ask>, work: impl FnOnce(Vec<Ask>)) {
        if asks.is_empty() {
            return;
        }
        match self.prepared() {
            Ok(()) => work(asks),
            Err(error) => asks.into_iter().for_each(|ask| ask.fail(error.clone())),
        }
    }

    /// Be the owner.
    fn prepared(&self) -> Result<()> {
        if self.station.held().is_none() {
            let scope = &self.station.scope;
            // What is read from here on has it all.
            self.station.stale.take();
            let opened = lease::open(&self.db, &*self.directory, scope, &self.options)?;
            self.station.hold(Some(opened));
            return Ok(());
        }
        self.heed()
    }

    /// Forget what has changed: what this process was told of, and now and then what others did.
    fn heed(&self) -> Result<()> {
        self.forget_changed()?;
        let now = self.db.real_now();
        let look = |held: &mut Held| {
            let due = now.duration_since(held.looked) >= LOOK;
            if due {
                held.looked = now;
            }
            due.then_some(held.heeded.place())
        };
        let Some(after) = self.station.held().as_mut().and_then(look) else { return Ok(()) };
        let (place, changes) = self.directory.changes(&self.station.scope, Some(after))?;
        self.station.stale.mark(&changes);
        if let Some(held) = self.station.held().as_mut() {
            held.heeded.read(place);
        }
        self.forget_changed()
    }

    /// What changed counts as heeded in the same moment as it is forgotten: nobody is answered between them.
    fn forget_changed(&self) -> Result<()> {
        let (mut guard, stale) = (self.station.held(), &self.station.stale);
        let changes = stale.take();
        let Some(held) = guard.as_mut() else { return Ok(()) };
        let ended = self.drop_changed(held, &changes);
        if ended.is_err() {
            stale.mark(&changes);
        }
        ended
    }

    fn drop_changed(&self, held: &mut Held, changes: &Changes) -> Result<()> {
        held.heeded.told(&changes.places);
        if changes.book {
            held.learn(self.directory.meters(&self.station.scope)?);
            self.station.speak(Some(held));
        }
        if changes.book || changes.everybody {
            held.state.forget(None);
        }
        for customer in &changes.customers {
            held.state.forget(Some(*customer));
        }
        Ok(())
    }

    fn group(&self, mut asks: Vec<Ask>) {
        let mut settles = Vec::with_capacity(asks.len());
        let ended = self.decide(&mut asks, &mut settles).and_then(|(rows, stand)| self.commit(rows, stand));
        if let Err(error) = &ended {
            // Memory is ahead of what is stored.
            self.station.hold(None);
            asks.into_iter().for_each(|ask| ask.fail(error.clone()));
        }
        settles.into_iter().for_each(|settle| settle(ended.as_ref().err()));
        self.after_group();
    }

    /// Look up, decide: asks become answers that wait for the commit. On an error those that are left of either
    /// are to be told.
    ///
    /// Memory is held for as long as one ask takes, so that checks come in between.
    fn decide(&self, asks: &mut Vec<Ask>, settles: &mut Vec<Settle>) -> Result<(Rows, Stand)> {
        let (db, scope) = (&self.db, &self.station.scope);
        let meters = self.inside(|held| Arc::clone(&held.words.meters))?;
        self.find_holds(asks, &meters)?;
        let asked = asks.iter().map(Ask::now).max().unwrap_or(0);
        let strangers = self.inside(|held| {
            let now = asked.max(held.state.accepted);
            let subjects = asks.iter().flat_map(Ask::events).map(|event| &event.subject);
            held.state.forget_over(subjects, now);
            load::strangers(&held.state, asks)
        })?;
        let arrivals = load::arrivals(db, scope, &*self.directory, strangers)?;
        let (now, wanted) = self.inside(|held| {
            arrivals.seat(&mut held.state);
            let now = asked.max(held.state.accepted);
            (now, Wanted::of(&mut held.state, asks, now))
        })?;
        let loaded = wanted?.load(db, scope, now)?;
        let (found, mut draft) =
            self.inside(|held| (loaded.seat(&mut held.state), Draft::begin(&mut held.state, now)))?;
        let horizon = self.horizon(now)?;
        let (answered, ended) = Default::default();
        let (buckets, clock) = (&self.station.buckets, self.db.real_now());
        let rejected = &self.station.rejected;
        let ids = &SystemIds;
        let mut ground = Ground { found: &found, horizon, buckets, rejected, clock, ids, answered, ended };
        for ask in asks.drain(..) {
            settles.extend(self.inside(|held| {
                ground.decide(&mut Group { state: &mut held.state, draft: &mut draft }, ask)
            })?);
            self.station.let_in();
        }
        self.count_anew(&mut draft)?;
        let (rows, stand) = self.inside(|held| {
            (Group { state: &mut held.state, draft: &mut draft }.finish(), self.stand(held))
        })?;
        Ok((rows, stand))
    }

    /// Which event times are taken at an instant.
    fn horizon(&self, now: i64) -> Result<Horizon> {
        let at = Timestamp::from_microsecond(now).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Horizon::at(at, self.options.late_days, self.options.kept_days))
    }

    /// Do something to what is in memory.
    fn inside<T>(&self, work: impl FnOnce(&mut Held) -> T) -> Result<T> {
        let mut guard = self.station.held();
        guard.as_mut().map(work).ok_or_else(|| Error::internal("metering is not in memory"))
    }

    /// The holds that are to be ended, as they are stored.
    fn find_holds(&self, asks: &mut [Ask], meters: &Arc<Meters>) -> Result<()> {
        for ask in asks {
            if let Ask::End(ask) = ask {
                let (id, meters) = (ask.hold, Arc::clone(meters));
                let found =
                    self.db.read(&self.station.scope, move |view| hold::find(view, id, &meters)).wait()?;
                ask.found = found.map(Box::new);
            }
        }
        Ok(())
    }

    /// Tallies that could not follow are counted anew from the log and what the group adds to it.
    fn count_anew(&self, draft: &mut Draft) -> Result<()> {
        for ((series, hour), aggregation) in std::mem::take(&mut draft.anew) {
            let before = draft.chunk_before(series, hour);
            let stored = move |view: &mut View<'_>| log::hour_entries(view, before, i64::MAX);
            let mut entries = self.db.read(&self.station.scope, stored).wait()?;
            entries.extend(draft.added(series, hour));
            let samples = log::samples(&log::standing(entries));
            self.inside(|held| {
                if let Some(stored) = held.state.hours.get_mut(&(series, hour)) {
                    stored.tally = Tally::of(aggregation, samples);
                }
            })?;
        }
        Ok(())
    }

    fn stand(&self, held: &mut Held) -> Stand {
        held.until = lease::later(self.db.real_now());
        let State { epoch, next_chunk, next_series, accepted, .. } = held.state;
        Stand { epoch, until: held.until, next_chunk, next_series, accepted }
    }

    fn save(&self, held: &mut Held, rows: Rows) -> Result<()> {
        let stand = self.stand(held);
        self.db.write(&self.station.scope, move |tx| rows.save(tx, stand)).wait()
    }

    /// Commit a group.
    fn commit(&self, rows: Rows, stand: Stand) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.db.write(&self.station.scope, move |tx| rows.save(tx, stand)).wait()
    }

    fn alone(&self, ask: Ask) {
        match ask {
            Ask::Change { change, now, answer } => {
                let ended = self.change(&change, now);
                later(answer, ended)(None);
            }
            Ask::Forget(customer, answer) => answer.keep(self.forget(customer)),
            Ask::Sealed(epoch, sealed) => self.sealed(epoch, sealed),
            other => other.fail(Error::internal("an ask of a group came alone")),
        }
        self.after_group();
    }

    fn change(&self, change: &change::Change, now: i64) -> Result<change::Changed> {
        let meters = self.inside(|held| Arc::clone(&held.words.meters))?;
        let ground = (&self.db, &self.station.scope, &*self.directory, &*meters);
        let before = self.inside(|held| held.state.next_chunk)?;
        let horizon = self.horizon(self.inside(|held| now.max(held.state.accepted))?)?;
        let decided = self.inside(|held| change::decide(ground, &mut held.state, change, horizon, now))?;
        let ended = decided.and_then(|draft| {
            let Some(mut draft) = draft else { return Ok(change::Changed { changed: false }) };
            self.count_anew(&mut draft)?;
            let (rows, stand) = self.inside(|held| {
                (Group { state: &mut held.state, draft: &mut draft }.finish(), self.stand(held))
            })?;
            self.commit(rows, stand).map(|()| change::Changed { changed: true })
        });
        if ended.is_err() && self.inside(|held| held.state.next_chunk)? != before {
            // What was booked before it failed is in memory only.
            self.station.hold(None);
        }
        ended
    }

    fn forget(&self, customer: Option<CustomerId>) -> Result<()> {
        let mut guard = self.station.held();
        if let Some(held) = guard.as_mut() {
            held.state.forget(customer);
            if customer.is_none() {
                held.learn(self.directory.meters(&self.station.scope)?);
                self.station.speak(Some(held));
            }
        }
        Ok(())
    }

    /// Keep memory within its bounds, and seal names when there are many.
    fn after_group(&self) {
        let mut guard = self.station.held();
        let Some(held) = guard.as_mut() else { return };
        held.state.shrink(self.options.memory);
        if held.state.names.open() < self.options.seal_at || held.state.names.is_closing() {
            return;
        }
        let State { epoch, next_segment, next_chunk, .. } = held.state;
        let names = held.state.names.close();
        let sealing = Sealing { epoch, number: next_segment, names, last_chunk: next_chunk - 1 };
        let (db, scope, own) = (self.db.background(), self.station.scope.clone(), self.own.clone());
        let spawned = thread::Builder::new().name("metering-seal".to_owned()).spawn(move || {
            // When the owner is gone nobody waits for it.
            let _ = own.send(Ask::Sealed(epoch, sealing.run(&db, &scope)));
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread to seal names on; they stay in memory");
            held.state.names.reopen();
        }
    }

    fn sealed(&self, epoch: i64, sealed: Result<crate::once::Sealed>) {
        let mut guard = self.station.held();
        let Some(held) = guard.as_mut().filter(|held| held.state.epoch == epoch) else { return };
        match sealed {
            Ok(sealed) => {
                held.state.next_segment = sealed.number + 1;
                held.state.names.seal(sealed);
            }
            Err(error) => {
                tracing::warn!(%error, "names could not be sealed; they stay in memory");
                held.state.names.reopen();
            }
        }
    }
}

/// Of what waits all that is small, and as much of the rest as goes together. Whoever is passed over is the first of its
/// size next time.
fn next_group<T>(waiting: &mut VecDeque<T>, weight: impl Fn(&T) -> usize) -> Vec<T> {
    let (mut large, mut group, mut rest) = (0, Vec::with_capacity(waiting.len()), VecDeque::new());
    for ask in waiting.drain(..) {
        let events = weight(&ask);
        let is_large = events > SMALL;
        let fits = !is_large || large == 0 || large + events <= LARGE;
        if is_large {
            large += events;
        }
        if fits { group.push(ask) } else { rest.push_back(ask) }
    }
    *waiting = rest;
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_asks_pass_large_ones_and_nobody_is_passed_for_ever() {
        let mut waiting: VecDeque<usize> = [500, 1, 500, 1_000, 64, 10_000, 2].into();
        let mut next = || next_group(&mut waiting, |events| *events);
        assert_eq!(next(), [500, 1, 500, 64, 2]);
        assert_eq!(next(), [1_000]);
        assert_eq!(next(), [10_000]);
        assert!(next().is_empty());
    }
}
