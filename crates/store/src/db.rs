//! The handle the program holds: where the data is, and the queues to the threads that reach it.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use crossbeam_channel::{Sender, TrySendError, bounded};
use kernel::{Error, IdSource, Result, SystemClock, SystemIds, WallClock};

use crate::{
    Context, File, Pending, Scope, Tx, View,
    facts::Listener,
    postgres_engine, sqlite_engine,
    view::Runtime,
    work::{Closure, ReadWork, WriteWork, closed},
};

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder with `core.db` and `usage/`.
    Sqlite(PathBuf),
    /// A connection URL.
    Postgres(String),
}

impl Location {
    /// `postgres://…` is a database, anything else a folder.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.to_owned())
        } else {
            Self::Sqlite(PathBuf::from(text.strip_prefix("sqlite://").unwrap_or(text)))
        }
    }

    /// Which engine that is.
    pub const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }
}

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, one process.
    Sqlite,
    /// A server, many processes.
    Postgres,
}

impl Engine {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// How to open a database.
#[derive(Clone)]
pub struct Options {
    /// Real time.
    pub clock: Arc<dyn WallClock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdSource>,
    /// Bring the schema up to date; otherwise refuse a database that is behind.
    pub migrate: bool,
    /// Threads (and PostgreSQL connections) for requests.
    pub threads: usize,
    /// Work that may wait for a thread before new work is refused with 503.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            migrate: true,
            threads: 4,
            queue: 1_024,
        }
    }
}

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
    lane: Lane,
    file: File,
}

struct Shared {
    location: Location,
    runtime: Arc<Runtime>,
    core: Queues,
    usage: Queues,
}

/// Requests go before background work, which has threads of its own where there is more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Request,
    Background,
}

/// Where work waits: for each lane, reads and writes.
#[derive(Clone)]
pub(crate) struct Queues {
    pub(crate) request: Senders,
    pub(crate) background: Senders,
}

#[derive(Clone)]
pub(crate) struct Senders {
    pub(crate) read: Sender<Box<dyn ReadWork>>,
    pub(crate) write: Sender<Box<dyn WriteWork>>,
}

/// The other ends, held by the engine's threads.
pub(crate) struct Receivers {
    pub(crate) read: crossbeam_channel::Receiver<Box<dyn ReadWork>>,
    pub(crate) write: crossbeam_channel::Receiver<Box<dyn WriteWork>>,
}

/// How much lower the priority of background threads is: about a tenth of what others have who want the processor too.
#[cfg(target_os = "linux")]
const LOWER: i32 = 10;

/// Let the calling thread, and those it starts, give way to others where all want the processor.
pub(crate) fn give_way() {
    // Elsewhere it would be the priority of the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, LOWER) {
        tracing::debug!(%error, "background work keeps the priority of requests");
    }
}

pub(crate) fn lane(capacity: usize) -> (Senders, Receivers) {
    let (read, reads) = bounded(capacity);
    let (write, writes) = bounded(capacity);
    (Senders { read, write }, Receivers { read: reads, write: writes })
}

impl Db {
    /// Open (and, with `options.migrate`, create or bring up to date) a database.
    ///
    /// Errors: `database_away`, `schema_newer`, `schema_behind`, `database_locked`.
    pub fn open(location: &Location, contexts: &[&'static Context], options: &Options) -> Result<Self> {
        let upcasters = contexts.iter().flat_map(|context| context.upcasters).copied().collect();
        let runtime = Arc::new(Runtime {
            clock: Arc::clone(&options.clock),
            ids: Arc::clone(&options.ids),
            upcasters,
            listeners: RwLock::default(),
        });
        let (core, usage) = match location {
            Location::Sqlite(folder) => (
                sqlite_engine::open(folder, File::Core, contexts, options, &runtime)?,
                sqlite_engine::open(folder, File::Usage, contexts, options, &runtime)?,
            ),
            Location::Postgres(url) => {
                let queues = postgres_engine::open(url, contexts, options, &runtime)?;
                (queues.clone(), queues)
            }
        };
        let shared = Shared { location: location.clone(), runtime, core, usage };
        Ok(Self { shared: Arc::new(shared), lane: Lane::Request, file: File::Core })
    }

    /// Where the data is.
    pub fn location(&self) -> &Location {
        &self.shared.location
    }

    /// Which engine it is.
    pub fn engine(&self) -> Engine {
        self.shared.location.engine()
    }

    /// Real time, as the transactions see it.
    pub fn real_now(&self) -> jiff::Timestamp {
        self.shared.runtime.clock.now()
    }

    /// Let `listener` hear of the facts that this process writes, beside those who do already: after the commit that made
    /// them durable and before whoever wrote them has the answer. It runs on a store thread and must neither wait nor use
    /// the database.
    pub fn on_facts(&self, listener: Listener) {
        self.shared.runtime.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// The same database for background work, which yields to requests.
    #[must_use]
    pub fn background(&self) -> Self {
        Self { lane: Lane::Background, ..self.clone() }
    }

    /// The same database's usage data: a file of its own on SQLite, with its own writer. No transaction
    /// spans both; usage has no facts, and its business time is told by the caller.
    #[must_use]
    pub fn usage(&self) -> Self {
        Self { file: File::Usage, ..self.clone() }
    }

    /// Read: `work` sees one consistent state.
    pub fn read<T, F>(&self, scope: &Scope, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: Fn(&mut View<'_>) -> Result<T> + Send + 'static,
    {
        let (closure, pending) = Closure::new(self.scoped(scope), work);
        self.submit(&self.senders().read, Box::new(closure) as Box<dyn ReadWork>, pending)
    }

    /// Change: `work` and its facts happen together or not at all, and are durable when
    /// the answer comes. `work` may be run more than once.
    pub fn write<T, F>(&self, scope: &Scope, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (closure, pending) = Closure::new(self.scoped(scope), work);
        self.submit(&self.senders().write, Box::new(closure) as Box<dyn WriteWork>, pending)
    }

    fn scoped(&self, scope: &Scope) -> Scope {
        Scope { file: self.file, ..scope.clone() }
    }

    fn senders(&self) -> &Senders {
        let queues = match self.file {
            File::Core => &self.shared.core,
            File::Usage => &self.shared.usage,
        };
        match self.lane {
            Lane::Request => &queues.request,
            Lane::Background => &queues.background,
        }
    }

    fn submit<T, W>(&self, queue: &Sender<W>, work: W, pending: Pending<T>) -> Pending<T> {
        let full = match self.lane {
            // Background work waits for its place, requests are told to come back.
            Lane::Background => queue.send(work).map_err(|_| closed()),
            Lane::Request => queue.try_send(work).map_err(|error| match error {
                TrySendError::Full(_) => Error::unavailable(
                    "too_busy",
                    "More requests are waiting than can be served in good time. Try again in a moment.",
                ),
                TrySendError::Disconnected(_) => closed(),
            }),
        };
        match full {
            Ok(()) => pending,
            Err(error) => Pending::refused(error),
        }
    }
}
