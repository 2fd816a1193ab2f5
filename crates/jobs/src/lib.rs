//! Durable work: a queue of jobs, schedules that fill it, and the due queue of business time.
//!
//! A job is enqueued in the transaction of the change that wants it, and run by one of the processes over
//! the database under a lease of real time. A job may be run more than once (the process may die behind
//! its last commit), so a handler is repeatable; one that writes in several transactions calls [`hold`]
//! in each, which fails when another process has taken the job over. The [`due`] queue is what falls due
//! in an environment's own time, in order, whether its clock is live or a sandbox's.

pub mod due;
mod job;
mod runner;
mod schedule;
mod schema;

pub use due::due_job_kind;
pub use job::{
    DEFAULT_ATTEMPTS, INSTALLATION, Job, LEASE, Lease, NewJob, Run, RunOutcome, State, backoff, enqueue,
    find, forget, hold, list, runs,
};
pub use runner::{Bell, Handler, JobKind, Runner, Running, Work};
pub use schedule::{Every, Planned, Schedule, schedules, trigger};
pub use schema::CONTEXT;
