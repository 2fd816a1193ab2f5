//! Takes jobs from the queue and runs them, on threads of its own or until nothing is left.

mod bell;
#[cfg(test)]
mod tests;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

pub use bell::Bell;
use kernel::{Error, Kind, Result};
use serde_json::Value as Json;
use store::{Actor, Db, Mode, Scope};

use crate::{
    due,
    job::{INSTALLATION, Job, Lease, claim},
    schedule::{self, Schedule},
};

/// How long an idle thread waits before it looks at the queue again.
const POLL: Duration = Duration::from_millis(250);
/// How long a thread waits when the database is away.
const PAUSE: Duration = Duration::from_secs(1);
/// How often schedules and due work are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often the leases of running jobs are renewed.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Jobs run at a time, unless told otherwise.
const THREADS: usize = 2;

/// Does the work of a job and answers with what is kept as its result.
pub type Handler = Arc<dyn Fn(&Work) -> Result<Json> + Send + Sync>;

/// What runs the jobs of one kind.
#[derive(Clone)]
pub struct JobKind {
    /// Its name, such as `bill_run.continue`.
    pub name: &'static str,
    /// Does the work.
    pub run: Handler,
}

impl JobKind {
    /// A kind by its name and its handler.
    pub fn new(name: &'static str, run: impl Fn(&Work) -> Result<Json> + Send + Sync + 'static) -> Self {
        Self { name, run: Arc::new(run) }
    }
}

/// What a handler works with.
pub struct Work {
    /// The job as it was claimed.
    pub job: Job,
    /// The database, yielding to requests.
    pub db: Db,
    /// The job's environment, or the installation; the actor is the job.
    pub scope: Scope,
    /// Pass it to [`hold`](crate::hold) in each transaction of a long job.
    pub lease: Lease,
}

/// Runs jobs of the kinds it knows. Any number of processes may run one each over the same database.
pub struct Runner {
    shared: Shared,
    threads: usize,
}

struct Shared {
    /// In the lane of requests, which background work never holds up: leases must be kept under load.
    db: Db,
    kinds: Vec<JobKind>,
    /// Their names, as the queue asks for them.
    names: Vec<String>,
    schedules: Vec<Schedule>,
    bell: Bell,
    stopping: Arc<AtomicBool>,
    /// How often leases are renewed.
    heartbeat: Duration,
    /// Leases of jobs that are being run.
    held: Mutex<Vec<Lease>>,
}

impl Runner {
    /// A runner that knows these kinds and schedules. When one of the kinds is
    /// [`due_job_kind`](crate::due_job_kind), it also looks for due work of live environments.
    ///
    /// # Panics
    /// When two kinds or two schedules share a name, or a schedule wants a kind that is not there.
    pub fn new(db: Db, kinds: Vec<JobKind>, schedules: Vec<Schedule>) -> Self {
        let names: Vec<String> = kinds.iter().map(|kind| kind.name.to_owned()).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "two job kinds are named {name}");
        }
        for (index, schedule) in schedules.iter().enumerate() {
            let Schedule { name, kind, .. } = schedule;
            assert!(
                names.iter().any(|name| name == kind),
                "the schedule {name} wants the job kind {kind}, which there is none of"
            );
            assert!(
                schedules[..index].iter().all(|other| other.name != *name),
                "two schedules are named {name}"
            );
        }
        let (bell, stopping, held) = (Bell::new(), Arc::default(), Mutex::default());
        let shared = Shared { db, kinds, names, schedules, bell, stopping, heartbeat: HEARTBEAT, held };
        Self { shared, threads: THREADS }
    }

    /// Run so many jobs at a time, at least one.
    #[must_use]
    pub const fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Listen to a bell that others already hold.
    #[must_use]
    pub fn with_bell(mut self, bell: Bell) -> Self {
        self.shared.bell = bell;
        self
    }

    /// What to ring after enqueuing, so that the job starts at once rather than within 250 ms.
    pub fn bell(&self) -> Bell {
        self.shared.bell.clone()
    }

    /// Run on threads of its own until it is stopped.
    ///
    /// # Panics
    /// When the system refuses a thread.
    pub fn start(self) -> Running {
        let shared = Arc::new(self.shared);
        let start = |work: fn(&Shared)| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || work(&shared))
        };
        let mut threads: Vec<JoinHandle<()>> =
            (0..self.threads.max(1)).map(|_| start(Shared::serve)).collect();
        threads.push(start(Shared::keep_time));
        let end = Bell::new();
        let beat = thread::spawn({
            let (end, shared) = (end.clone(), Arc::clone(&shared));
            move || shared.keep_leases(&end)
        });
        Running { shared, threads, beat: Some((end, beat)) }
    }

    /// Run whatever is due, on this thread, until nothing is; how many attempts that took. A job that
    /// failed and waits for its next attempt is not waited for.
    ///
    /// Errors: those of the database, not those of jobs.
    pub fn run_until_idle(&self) -> Result<u64> {
        let end = Bell::new();
        thread::scope(|threads| {
            threads.spawn(|| self.shared.keep_leases(&end));
            let ended = self.shared.run_all();
            end.ring();
            ended
        })
    }
}

/// A runner at work. Stops when it is dropped.
pub struct Running {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// The thread that keeps the leases, and what ends it.
    beat: Option<(Bell, JoinHandle<()>)>,
}

impl Running {
    /// What to ring after enqueuing.
    pub fn bell(&self) -> Bell {
        self.shared.bell.clone()
    }

    /// Take no more jobs, end long ones at their next [`hold`](crate::hold), wait for the others.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.bell.ring();
        self.threads.drain(..).for_each(join);
        // Last, so that a job that takes its time to end keeps its lease.
        if let Some((end, beat)) = self.beat.take() {
            end.ring();
            join(beat);
        }
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the job runner panicked");
    }
}

impl Shared {
    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Run jobs as they come.
    fn serve(&self) {
        while !self.stopping() {
            // Before looking, so that a ring while we look is not missed.
            let heard = self.bell.rings();
            match self.run_next() {
                Ok(true) => {}
                Ok(false) => self.bell.wait(heard, POLL),
                Err(error) => {
                    tracing::warn!(%error, "the job queue cannot be read");
                    self.bell.wait(heard, PAUSE);
                }
            }
        }
    }

    /// Fill the queue as time goes by.
    fn keep_time(&self) {
        let mut registered = false;
        while !self.stopping() {
            let ticked =
                if registered { self.tick() } else { self.register().inspect(|()| registered = true) };
            if let Err(error) = ticked {
                tracing::warn!(%error, "schedules cannot be run");
            }
            self.pause(TICK);
        }
    }

    /// Sleep, but not through a stop.
    fn pause(&self, how_long: Duration) {
        let until = Instant::now() + how_long;
        while !self.stopping() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.bell.wait(self.bell.rings(), left);
        }
    }

    fn run_all(&self) -> Result<u64> {
        self.register()?;
        let mut attempts = 0;
        loop {
            self.tick()?;
            if !self.run_next()? {
                return Ok(attempts);
            }
            attempts += 1;
        }
    }

    fn register(&self) -> Result<()> {
        schedule::register(&self.db, &self.schedules)
    }

    fn tick(&self) -> Result<()> {
        schedule::tick(&self.db, &self.schedules)?;
        if self.kinds.iter().any(|kind| kind.name == due::JOB_KIND) {
            due::enqueue_runs(&self.db)?;
        }
        Ok(())
    }

    /// Claim one job and run it; whether there was one.
    fn run_next(&self) -> Result<bool> {
        let Some((job, lease)) = claim::claim(&self.db, &self.names, &self.stopping)? else {
            return Ok(false);
        };
        self.held().push(lease.clone());
        let ended = self.attempt(&job, &lease);
        self.settle(&job, &lease, &ended);
        self.held().retain(|held| held.token != lease.token);
        Ok(true)
    }

    /// Store how an attempt ended, while the lease is still being kept.
    fn settle(&self, job: &Job, lease: &Lease, ended: &Result<Json>) {
        for last in [false, false, false, false, true] {
            match claim::settle(&self.db, job, lease, ended) {
                Ok(()) => return,
                Err(error) if error.kind == Kind::Unavailable && !last => thread::sleep(PAUSE),
                // Unless another process has it, the lease runs out and another attempt is made.
                Err(error) => {
                    tracing::warn!(job = %job.id, %error, "the end of a job could not be stored");
                    return;
                }
            }
        }
    }

    fn attempt(&self, job: &Job, lease: &Lease) -> Result<Json> {
        let kind = self.kinds.iter().find(|kind| kind.name == job.kind);
        let kind =
            kind.ok_or_else(|| Error::internal(format!("nothing here runs jobs of kind {}", job.kind)))?;
        let work = Work {
            job: job.clone(),
            db: self.db.background(),
            scope: scope(kind, job),
            lease: lease.clone(),
        };
        // What a panic says may hold anything, so it is not stored.
        catch_unwind(AssertUnwindSafe(|| (kind.run)(&work)))
            .unwrap_or_else(|_| Err(Error::internal("the job panicked")))
    }

    /// Renew the leases of running jobs until `end` rings: a handler may be long in one step.
    fn keep_leases(&self, end: &Bell) {
        while end.rings() == 0 {
            end.wait(0, self.heartbeat);
            let held = self.held().clone();
            if held.is_empty() {
                continue;
            }
            if let Err(error) = claim::renew(&self.db, held) {
                tracing::warn!(%error, "leases of running jobs could not be renewed");
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Vec<Lease>> {
        // Pushing and retaining leave nothing half done.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a job may see, and in whose name.
fn scope(kind: &JobKind, job: &Job) -> Scope {
    let actor = Actor::Job(job.id);
    if job.env == INSTALLATION {
        let mut scope = Scope::installation(kind.name);
        scope.actor = actor;
        return scope;
    }
    Scope::environment(job.env, if job.sandbox { Mode::Sandbox } else { Mode::Live }, actor)
}
