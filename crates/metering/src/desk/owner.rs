//! Being the owner of an environment's metering: holding the lease, and heeding what changed elsewhere.

use jiff::{SignedDuration, Timestamp};
use kernel::{Error, Result};
use store::Pending;

use super::{Rows, State, lease, rows::Stand, stale::Changes, station::Held, worker::Worker};

/// It keeps its lease with every so many pulses.
const PULSES_OF_LEASE: u32 = 6;
/// After so many pulses without an ask it lets the environment go.
const PULSES: u32 = 600;
/// How often an owner asks whether other processes changed something.
const LOOK: SignedDuration = SignedDuration::from_millis(500);

/// Whether a desk is still attended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// It is.
    Here,
    /// Nobody asked for long, and nobody can any more: the next one who does gets a new desk.
    Gone,
}

impl Worker {
    /// An owner with nothing to do looks for changes and keeps its lease for a while, then lets it go and leaves its
    /// desk. One that lost it forgets.
    pub(super) fn look_around(&self, idle: u32) -> Stay {
        if let Err(error) = self.heed() {
            tracing::warn!(%error, "an environment's metering could not look for changes");
            self.station.hold(None);
        }
        if idle > PULSES {
            self.station.hold(None);
            let left = self.desks.upgrade().is_some_and(|desks| desks.leave(&self.station, &self.asks));
            return if left { Stay::Gone } else { Stay::Here };
        }
        if idle.is_multiple_of(PULSES_OF_LEASE)
            && self.station.held().is_some()
            && let Err(error) = self.keep_lease()
        {
            tracing::warn!(%error, "the lease of an environment's metering was not renewed");
            self.station.hold(None);
        }
        Stay::Here
    }

    /// Where the owner is reached, when it is another process; this one becomes it when there is none.
    pub(super) fn owner(&self) -> Result<Option<String>> {
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

    /// Be the owner. One whose lease nears its end keeps it before anything else is answered: where that fails,
    /// somebody else may be the owner, and what is in memory is nothing to answer from.
    pub(super) fn prepared(&self) -> Result<()> {
        let left = || {
            let until = self.station.held().as_ref().map(|held| held.until);
            until.map(|until| until.duration_since(self.db.real_now()))
        };
        let long = |left: &SignedDuration| *left > lease::LEASE / 2;
        if left().filter(long).is_none() {
            // A group under way lengthens it; or nothing in memory is true any more.
            self.settled()?;
        }
        match left() {
            Some(left) if long(&left) => self.heed(),
            Some(_) => match self.keep_lease() {
                Ok(()) => self.heed(),
                Err(error) => {
                    self.station.hold(None);
                    if error.code == "owner_deposed" { self.open() } else { Err(error) }
                }
            },
            None => self.open(),
        }
    }

    fn open(&self) -> Result<()> {
        let scope = &self.station.scope;
        // What is read from here on has it all.
        self.station.stale.take();
        let opened = lease::open(&self.db, &*self.directory, scope, &self.options)?;
        self.station.hold(Some(opened));
        Ok(())
    }

    /// Let the lease run on: once that is stored, and not before.
    fn keep_lease(&self) -> Result<()> {
        let stand = self.inside(|held| self.stand(held))?;
        self.commit(Rows::default(), stand)
    }

    /// Forget what has changed: what this process was told of, and now and then what others did.
    pub(super) fn heed(&self) -> Result<()> {
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

    /// How far this owner is, with a lease that begins now.
    pub(super) fn stand(&self, held: &Held) -> Stand {
        let State { epoch, next_chunk, next_series, accepted, .. } = held.state;
        Stand { epoch, until: lease::later(self.db.real_now()), next_chunk, next_series, accepted }
    }

    /// Begin to commit a group.
    pub(super) fn begin(&self, rows: Rows, stand: Stand) -> Pending<()> {
        self.db.write(&self.station.scope, move |tx| rows.save(tx, stand))
    }

    /// Commit what comes alone.
    pub(super) fn commit(&self, rows: Rows, stand: Stand) -> Result<()> {
        let until = stand.until;
        self.begin(rows, stand).wait()?;
        self.inside(|held| held.until = until)
    }

    /// Do something to what is in memory.
    pub(super) fn inside<T>(&self, work: impl FnOnce(&mut Held) -> T) -> Result<T> {
        let mut guard = self.station.held();
        guard.as_mut().map(work).ok_or_else(|| Error::internal("metering is not in memory"))
    }
}
