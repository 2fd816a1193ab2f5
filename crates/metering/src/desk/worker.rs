//! The one thread that owns an environment's metering: it takes what was asked meanwhile, decides it in memory,
//! commits it as one group, and answers.
//!
//! While a group is being committed the next one is decided. It is committed once the one before is durable, and nothing that
//! this one may write is read from the database in between: it is in memory, or is waited for.

use std::{
    cell::RefCell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};
use jiff::Timestamp;
use kernel::{Error, Result, SystemIds, ids::CustomerId};
use store::{Db, Pending, View};

use super::{
    Directory, Options, Rows, State,
    ask::{Ask, Settle, later},
    book::{Draft, Group},
    change,
    decide::Ground,
    desks::Desks,
    hold,
    load::{self, Wanted},
    owner::Stay,
    rows::Stand,
    seal::{Sealed, Sealing},
    station::Station,
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

/// The owner's thread.
pub struct Worker {
    pub db: Db,
    pub directory: Arc<dyn Directory>,
    pub options: Options,
    pub station: Arc<Station>,
    pub asks: Receiver<Ask>,
    /// For what finishes beside the groups.
    pub own: Sender<Ask>,
    /// The desks this process has.
    pub desks: Weak<Desks>,
    /// The group that is being committed.
    pub under_way: RefCell<Option<UnderWay>>,
}

/// A group that is being committed, and those who wait for it.
pub struct UnderWay {
    commit: Pending<()>,
    until: Timestamp,
    settles: Vec<Settle>,
}

/// A group that is durable, or failed, with those who are to be told.
struct Ended {
    result: Result<()>,
    settles: Vec<Settle>,
}

impl Ended {
    fn tell(self) {
        self.settles.into_iter().for_each(|settle| settle(self.result.as_ref().err()));
    }
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
                        if self.look_around(idle) == Stay::Gone {
                            return;
                        }
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
            if served.is_err() || waiting.is_empty() && self.asks.is_empty() {
                // Who waits for it is told; what comes next finds out by itself.
                let _ = self.settled();
            }
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

    fn when_ready(&self, asks: Vec<Ask>, work: impl FnOnce(Vec<Ask>)) {
        if asks.is_empty() {
            return;
        }
        match self.prepared() {
            Ok(()) => work(asks),
            Err(error) => asks.into_iter().for_each(|ask| ask.fail(error.clone())),
        }
    }

    fn group(&self, mut asks: Vec<Ask>) {
        let mut settles = Vec::with_capacity(asks.len());
        let decided = self.decide(&mut asks, &mut settles);
        let before = self.arrived();
        match before.result.clone().and(decided) {
            Ok((rows, _)) if rows.is_empty() => {
                before.tell();
                settles.into_iter().for_each(|settle| settle(None));
            }
            Ok((rows, stand)) => {
                let (until, commit) = (stand.until, self.begin(rows, stand));
                self.under_way.replace(Some(UnderWay { commit, until, settles }));
                before.tell();
            }
            Err(error) => {
                // Memory is ahead of what is stored.
                self.station.hold(None);
                before.tell();
                asks.into_iter().for_each(|ask| ask.fail(error.clone()));
                settles.into_iter().for_each(|settle| settle(Some(&error)));
            }
        }
        self.after_group();
    }

    /// Wait for the group that is being committed, if there is one. When it failed memory is ahead of what is stored, and
    /// is dropped.
    fn arrived(&self) -> Ended {
        let Some(UnderWay { commit, until, settles }) = self.under_way.take() else {
            return Ended { result: Ok(()), settles: Vec::new() };
        };
        let result = commit.wait();
        match &result {
            Ok(()) => _ = self.inside(|held| held.until = until),
            Err(_) => self.station.hold(None),
        }
        Ended { result, settles }
    }

    /// Everything decided before is stored, and whoever waited for it was told.
    ///
    /// Errors: why it could not be; memory is dropped then.
    pub(super) fn settled(&self) -> Result<()> {
        let ended = self.arrived();
        let result = ended.result.clone();
        ended.tell();
        result
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
        let now = self.inside(|held| asked.max(held.state.accepted))?;
        let mut wanted = self.inside(|held| Wanted::of(&mut held.state, asks, now, now))??;
        let strangers = wanted.strangers();
        if !strangers.is_empty() {
            self.settled()?;
            let arrivals = load::arrivals(db, scope, &*self.directory, strangers)?;
            wanted = self.inside(|held| {
                arrivals.seat(&mut held.state);
                // Whoever was asked for just now is not asked for again.
                Wanted::of(&mut held.state, asks, now, i64::MIN)
            })??;
        }
        if wanted.may_be_new() {
            self.settled()?;
        }
        let loaded = wanted.load(db, scope)?;
        let (found, mut draft) =
            self.inside(|held| (loaded.seat(&mut held.state), Draft::begin(&mut held.state, now)))?;
        let horizon = self.horizon(now)?;
        let (answered, ended) = Default::default();
        let (buckets, clock) = (&self.station.buckets, self.db.real_now());
        let rejected = &self.station.rejected;
        let ids = &SystemIds;
        let mut ground = Ground { found, horizon, buckets, rejected, clock, ids, answered, ended };
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

    /// The holds that are to be ended, as they are stored.
    fn find_holds(&self, asks: &mut [Ask], meters: &Arc<Meters>) -> Result<()> {
        for ask in asks {
            if let Ask::End(ask) = ask {
                self.settled()?;
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
            self.settled()?;
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

    fn alone(&self, ask: Ask) {
        if let Err(error) = self.settled() {
            return ask.fail(error);
        }
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
        // What is sealed is stored.
        drop(guard);
        if self.settled().is_ok() {
            self.seal();
        }
    }

    /// Seal the names in memory, beside the groups that follow.
    fn seal(&self) {
        let mut guard = self.station.held();
        let Some(held) = guard.as_mut() else { return };
        let State { epoch, next_segment, next_chunk, .. } = held.state;
        let names = held.state.names.close();
        let sealed = held.state.names.sealed();
        let sealing = Sealing { epoch, number: next_segment, names, last_chunk: next_chunk - 1, sealed };
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

    fn sealed(&self, epoch: i64, sealed: Result<Sealed>) {
        let mut guard = self.station.held();
        let Some(held) = guard.as_mut().filter(|held| held.state.epoch == epoch) else { return };
        match sealed {
            Ok(sealed) => {
                held.state.next_segment = sealed.number + 1;
                held.state.names.seal(sealed.layers);
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
