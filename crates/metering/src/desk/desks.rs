//! The desks of a process: a thread, its memory and its queue for each environment that is asked.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    thread,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use kernel::{Error, Result, ids::EnvironmentId};
use store::{Pending, Scope};

use super::{ask::Ask, station::Station, worker::Worker};

/// The desks of this process, by environment.
#[derive(Default)]
pub struct Desks {
    open: RwLock<HashMap<EnvironmentId, Desk>>,
}

/// Where an environment is asked.
#[derive(Clone)]
pub struct Desk {
    /// What those who ask share with its worker.
    pub station: Arc<Station>,
    asks: Sender<Ask>,
}

impl Desk {
    /// Let the worker answer, unless too many wait already.
    pub(super) fn send<T>(&self, ask: Ask, pending: Pending<T>) -> Pending<T> {
        match self.asks.try_send(ask) {
            Ok(()) => pending,
            Err(TrySendError::Full(_)) => Pending::done(Err(Error::unavailable(
                "too_busy",
                "More requests are waiting than can be served in good time. Try again in a moment.",
            ))),
            Err(TrySendError::Disconnected(_)) => {
                Pending::done(Err(Error::unavailable("store_closed", "The program is shutting down.")))
            }
        }
    }
}

impl Desks {
    pub(super) fn find(&self, env: EnvironmentId) -> Option<Desk> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&env).cloned()
    }

    pub(super) fn stations(&self) -> Vec<Arc<Station>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().map(|desk| Arc::clone(&desk.station)).collect()
    }

    /// The environment's desk, attended by the worker that is made when it is asked for the first time.
    pub(super) fn find_or_open(
        &self,
        scope: &Scope,
        queue: usize,
        worker: impl FnOnce(Sender<Ask>, Receiver<Ask>, Arc<Station>) -> Worker,
    ) -> Result<Desk> {
        let env = scope.env().ok_or_else(|| Error::internal("metering belongs to an environment"))?;
        if let Some(desk) = self.find(env) {
            return Ok(desk);
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = open.get(&env) {
            return Ok(desk.clone());
        }
        let (own, asks) = bounded(queue);
        let station = Arc::new(Station::new(scope.clone()));
        let worker = worker(own.clone(), asks, Arc::clone(&station));
        let thread = thread::Builder::new().name("metering".to_owned()).spawn(move || worker.run());
        thread.map_err(|error| Error::internal(format!("cannot start metering: {error}")))?;
        let desk = Desk { station, asks: own };
        open.insert(env, desk.clone());
        Ok(desk)
    }

    /// Close a desk, asked by its own thread; whether nobody holds it or waits at it. Whoever comes to it does so under
    /// the lock, and finds it or gets a new one.
    pub(super) fn leave(&self, station: &Arc<Station>, asks: &Receiver<Ask>) -> bool {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let Some(env) = station.scope.env() else { return false };
        // The thread has it, and the desk.
        let nobody = Arc::strong_count(station) == 2 && asks.is_empty() && station.rejected.is_empty();
        nobody && open.remove(&env).is_some()
    }
}
