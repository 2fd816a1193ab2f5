//! The one thread that owns an environment's metering: it takes what was asked meanwhile, decides it in memory,
//! commits it as one group, and answers.

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
use store::Db;

use super::{
    Directory, Options, State,
    ask::{Ask, later},
    book::{Draft, Group},
    change,
    decide::Ground,
    desks::Desks,
    groups::{Groups, Next, Woken},
    hold,
    load::{self, Wanted},
    owner::Stay,
    seal::{Sealed, Sealing},
    station::Station,
};
use crate::event::{Horizon, Meters};

/// Asks with so many events are small: a use, a few events. A group takes all that wait,
const SMALL: usize = 64;
/// and of larger ones the first, with those behind it up to so many events together: else everybody would wait for them.
const LARGE: usize = 1_024;
/// So many asks are looked through for a group, and so many small ones are in it.
const IN_VIEW: usize = 1_024;
/// Microseconds of one.
const SECOND: i64 = 1_000_000;
/// How often an owner with nothing to do looks around.
pub const PULSE: Duration = Duration::from_millis(500);

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
    /// The groups that are not durable yet.
    pub groups: RefCell<Groups>,
}

impl Worker {
    /// Serve until nobody can ask any more.
    pub fn run(self) {
        let (mut idle, mut waiting) = (0, VecDeque::new());
        loop {
            self.wait_for_turn();
            waiting.extend(self.asks.try_iter().take(IN_VIEW.saturating_sub(waiting.len())));
            let asks = next_group(&mut waiting, Ask::weight, self.room());
            idle = if asks.is_empty() { idle } else { 0 };
            let serve = || {
                self.serve(asks);
                self.advance();
            };
            if catch_unwind(AssertUnwindSafe(serve)).is_err() {
                tracing::error!("a group of metering panicked; its memory is dropped");
                self.fail(&Error::internal("metering panicked"));
            }
            if !waiting.is_empty() || !self.asks.is_empty() || self.groups.borrow().next().is_some() {
                continue;
            }
            match self.wake(&mut waiting) {
                Woken::Asked | Woken::Arrived => {}
                Woken::Idle if !self.groups.borrow().is_empty() => {}
                // This thread can send to itself, so that only a count tells that nobody else can.
                Woken::Idle if Arc::strong_count(&self.station) == 1 => return,
                Woken::Idle => {
                    idle += 1;
                    if self.look_around(idle) == Stay::Gone {
                        return;
                    }
                }
            }
        }
    }

    /// How much is in the group that is joined.
    fn room(&self) -> Taken {
        let groups = self.groups.borrow();
        groups
            .next()
            .map_or_else(Taken::default, |next| Taken { asks: next.settles.len(), large: next.large })
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
        if let Err(error) = self.decide(&mut asks) {
            // Memory is ahead of what is stored.
            self.fail(&error);
            asks.into_iter().for_each(|ask| ask.fail(error.clone()));
        } else if self.is_full() && self.settled().is_ok() {
            // What is sealed is stored.
            self.seal();
        }
    }

    /// Look up, decide: asks become answers that wait for the commit of the group they join. On an error those that are
    /// left are to be told.
    ///
    /// Memory is held for as long as one ask takes, so that checks come in between.
    fn decide(&self, asks: &mut Vec<Ask>) -> Result<()> {
        let (db, scope) = (&self.db, &self.station.scope);
        let meters = self.inside(|held| Arc::clone(&held.words.meters))?;
        self.find_holds(asks, &meters)?;
        let now = self.instant(asks.iter().map(Ask::now).max().unwrap_or(0))?;
        let mut wanted = self.inside(|held| Wanted::of(&mut held.state, asks, now, now))??;
        let mut strangers = wanted.strangers();
        if !strangers.is_empty() {
            // One look for everybody who has just changed, and not one for each of them in a group of its own.
            let changed = self.inside(|held| held.state.desks.changed())?;
            strangers.extend(changed.iter().map(|name| (**name).to_owned()));
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
        let found = self.inside(|held| loaded.seat(&mut held.state))?;
        let (horizon, clock) = (self.horizon(now)?, self.db.real_now());
        let mut groups = self.groups.borrow_mut();
        let next = groups.next_or(|| self.inside(|held| Draft::begin(&mut held.state, now)))?;
        next.large += asks.iter().map(Ask::weight).filter(|events| *events > SMALL).sum::<usize>();
        let Next { draft, answered, settles, .. } = next;
        self.inside(|held| draft.go_on(&mut held.state, now))?;
        let (buckets, rejected) = (&self.station.buckets, &self.station.rejected);
        let mut ground = Ground { found, horizon, buckets, rejected, clock, ids: &SystemIds, answered };
        for ask in asks.drain(..) {
            settles.extend(
                self.inside(|held| ground.decide(&mut Group { state: &mut held.state, draft }, ask))?,
            );
            self.station.let_in();
        }
        Ok(())
    }

    /// When what is asked now happens. The group it joins is of the same second, by which rolling windows count; one of
    /// an earlier second is sent off first.
    fn instant(&self, asked: i64) -> Result<i64> {
        let second = |now: i64| now.div_euclid(SECOND);
        let earlier = self.groups.borrow().next().is_some_and(|next| second(next.draft.now) < second(asked));
        if earlier {
            self.turn()?;
        }
        self.inside(|held| asked.max(held.state.accepted))
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
        self.keep_small();
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

/// What is in a group already.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    /// Asks.
    asks: usize,
    /// Events of large ones.
    large: usize,
}

/// Of what waits all that is small, and as much of the rest as goes together with what is taken. Whoever is passed over is
/// the first of its size next time.
fn next_group<T>(waiting: &mut VecDeque<T>, weight: impl Fn(&T) -> usize, taken: Taken) -> Vec<T> {
    let Taken { mut asks, mut large } = taken;
    let (mut group, mut rest) = (Vec::with_capacity(waiting.len()), VecDeque::new());
    for ask in waiting.drain(..) {
        let events = weight(&ask);
        let is_large = events > SMALL;
        let fits = if is_large { large == 0 || large + events <= LARGE } else { asks < IN_VIEW };
        if is_large {
            large += events;
        }
        if fits {
            asks += 1;
            group.push(ask);
        } else {
            rest.push_back(ask);
        }
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
        let mut next = |taken| next_group(&mut waiting, |events| *events, taken);
        assert_eq!(next(Taken::default()), [500, 1, 500, 64, 2]);
        assert!(next(Taken { asks: 5, large: 1_000 }).is_empty());
        assert_eq!(next(Taken::default()), [1_000]);
        assert_eq!(next(Taken::default()), [10_000]);
        assert!(next(Taken::default()).is_empty());
    }

    #[test]
    fn a_group_is_joined_by_so_many_small_asks() {
        let mut waiting: VecDeque<usize> = [1; 10].into();
        let taken = Taken { asks: IN_VIEW - 4, large: 0 };
        assert_eq!(next_group(&mut waiting, |events| *events, taken).len(), 4);
        assert_eq!(waiting.len(), 6);
    }
}
