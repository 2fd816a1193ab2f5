//! What a job is.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use kernel::ids::{EnvironmentId, JobId};
use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use uuid::Uuid;

/// Where jobs of the installation itself are kept: an environment that is none.
pub const INSTALLATION: EnvironmentId = EnvironmentId::from_uuid(Uuid::nil());

/// How often a job is tried unless it says otherwise.
pub const DEFAULT_ATTEMPTS: u32 = 5;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The word in storage and in the API.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The inverse of `word`.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}

words! {
    /// Where a job stands.
    State {
        /// Waits for its time and for a runner.
        Queued "queued",
        /// A runner holds its lease.
        Running "running",
        /// Ended well.
        Done "done",
        /// Every attempt failed.
        Failed "failed",
    }
}

words! {
    /// How one attempt at a job ended.
    RunOutcome {
        /// Not yet.
        Running "running",
        /// Well.
        Done "done",
        /// With an error.
        Failed "failed",
        /// Its lease ran out: the process died or could not reach the database.
        Lost "lost",
        /// The process was asked to stop; the job goes on elsewhere.
        Stopped "stopped",
    }
}

/// What to enqueue.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// The name of a [`JobKind`](crate::JobKind).
    pub kind: &'static str,
    /// What its handler is told. Ids and figures, no secrets.
    pub payload: Json,
    /// Not before this instant of real time; none: now.
    pub run_at: Option<Timestamp>,
    /// While a job of the environment with the same words waits or runs, no second one is made.
    pub dedupe: Option<String>,
    /// How often it is tried in all, at least once.
    pub max_attempts: u32,
}

impl NewJob {
    /// As soon as possible, [`DEFAULT_ATTEMPTS`] times at most.
    pub const fn new(kind: &'static str, payload: Json) -> Self {
        Self { kind, payload, run_at: None, dedupe: None, max_attempts: DEFAULT_ATTEMPTS }
    }

    /// The same, once at a time under these words.
    #[must_use]
    pub fn once(mut self, dedupe: impl Into<String>) -> Self {
        self.dedupe = Some(dedupe.into());
        self
    }
}

/// A job as it stands. All its instants are real time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    /// Its environment, or [`INSTALLATION`].
    #[serde(skip)]
    pub env: EnvironmentId,
    /// Whether that environment is a sandbox.
    #[serde(skip)]
    pub sandbox: bool,
    /// Its id.
    pub id: JobId,
    /// The name of its kind.
    pub kind: String,
    /// What its handler is told.
    pub payload: Json,
    /// Where it stands.
    pub state: State,
    /// The words under which it is the only one.
    pub dedupe: Option<String>,
    /// Not before this instant: the wish, or the next attempt.
    pub run_at: Timestamp,
    /// Attempts begun.
    pub attempts: i64,
    /// Attempts allowed.
    pub max_attempts: i64,
    /// Units done, in whatever the handler counts.
    pub done: i64,
    /// Units in all, when known.
    pub total: Option<i64>,
    /// `code: detail` of the last failure, while it is the last word.
    pub error: Option<String>,
    /// What the handler answered.
    pub result: Option<Json>,
    /// When it was enqueued.
    pub created: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

/// One attempt at a job, in the run log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Counts from 1.
    pub attempt: i64,
    /// Real time.
    pub started: Timestamp,
    /// Real time; none while it runs.
    pub finished: Option<Timestamp>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// `code: detail` of what went wrong.
    pub detail: Option<String>,
}

/// The right to work on a job for now.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The job's environment, or [`INSTALLATION`].
    pub env: EnvironmentId,
    /// The job.
    pub job: JobId,
    /// Differs with each attempt.
    pub token: Uuid,
    /// Set when the runner is to stop.
    pub(crate) stopping: Arc<AtomicBool>,
}

impl Lease {
    /// Whether the process is asked to stop: a long handler ends at its next [`hold`](crate::hold).
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
