//! A bill run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::ids::BillRunId;
use serde::{Deserialize, Serialize};

/// How far a bill run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being done, or goes on when its process comes back.
    Running,
    /// Everything that was due is billed.
    Done,
}

impl State {
    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
        }
    }

    /// The inverse of [`State::word`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Running, Self::Done].into_iter().find(|state| state.word() == word)
    }
}

/// What a run issued in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// How many invoices.
    pub invoices: i64,
    /// What they come to, tax included, in minor units.
    pub total: i64,
    /// How much of it credit paid at once, in minor units.
    pub credit: i64,
}

/// All that fell due and was billed in one go. It is begun by the first subscription that is due and goes on, over
/// crashes and in any process, until nothing more is.
#[derive(Clone, Debug, PartialEq)]
pub struct BillRun {
    /// Its id.
    pub id: BillRunId,
    /// How far it is.
    pub state: State,
    /// Whose work it is: a job's id, which says whether the clock went on, was moved, or somebody asked for it.
    pub begun_by: String,
    /// The earliest instant something was due at, in business time.
    pub first_due: Timestamp,
    /// The latest so far.
    pub last_due: Timestamp,
    /// The version of the time zone data its dates were computed with.
    pub zone_data: String,
    /// How many subscriptions passed an edge.
    pub subscriptions: i64,
    /// How many invoices were issued.
    pub invoices: i64,
    /// What they come to, by currency.
    pub totals: BTreeMap<String, Total>,
    /// When it began, in real time.
    pub started: Timestamp,
    /// When it was done, in real time.
    pub finished: Option<Timestamp>,
}
