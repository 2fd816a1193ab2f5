//! What the owner of an environment is asked.

use kernel::{Error, ids::HoldId};
use store::Promise;

use super::{
    change::{Change, Changed},
    hold::Hold,
    seal::Sealed,
    station::Words,
};
use crate::{
    event::{Checked, Receipt},
    limit::{Answer, Pace, Reserved},
};

/// An ask whose events are not read yet: it becomes one with what it takes to read them, and answers by itself when
/// there is an error.
pub type Unread = Box<dyn FnOnce(Result<&Words, Error>) -> Option<Ask> + Send>;

/// One ask, with the promise of its answer.
pub enum Ask {
    /// Events that came before the environment was in memory.
    Unread(Unread),
    /// Take events in.
    Ingest {
        /// The events, those that were not in order as what is wrong with them.
        events: Vec<Result<Checked, Error>>,
        /// Staff sends them: older ones than the late window count too.
        backfill: bool,
        /// Business time of the asker.
        now: i64,
        /// A receipt for each, in order.
        answer: Promise<Vec<Receipt>>,
    },
    /// Check, consume or reserve.
    Limit(LimitAsk),
    /// Take from the token bucket of a customer's key.
    Take {
        /// The customer or subscription, as it was sent.
        subject: String,
        /// Which of its keys.
        key: String,
        /// How much.
        cost: u32,
        /// What it came to.
        answer: Promise<Pace>,
    },
    /// End a hold.
    End(EndAsk),
    /// Void or replace an event.
    Change {
        /// What.
        change: Change,
        /// Business time of the asker.
        now: i64,
        /// What it did.
        answer: Promise<Changed>,
    },
    /// Where the owner is reached, when it is another process.
    Owner(Promise<Option<String>>),
    /// What a customer agreed to has changed; none: everybody's.
    Forget(Option<kernel::ids::CustomerId>, Promise<()>),
    /// Names closed under this epoch are in a segment now, or could not be written.
    Sealed(i64, Result<Sealed, Error>),
}

/// An ask about a limit.
#[derive(Debug)]
pub struct LimitAsk {
    /// What is to be used, as an event.
    pub event: Checked,
    /// What is wanted.
    pub wish: Wish,
    /// Business time of the asker.
    pub now: i64,
}

/// What is wanted of a limit.
#[derive(Debug)]
pub enum Wish {
    /// Only ask.
    Check(Promise<Answer>),
    /// Ask, and count it when it is allowed.
    Consume(Promise<Answer>),
    /// Ask, and hold it for so many microseconds when it is allowed.
    Reserve(i64, Promise<Reserved>),
}

/// An ask to end a hold.
#[derive(Debug)]
pub struct EndAsk {
    /// Which.
    pub hold: HoldId,
    /// How.
    pub end: End,
    /// Business time of the asker.
    pub now: i64,
    /// The hold as stored, looked up by the owner; none: there is no such hold.
    pub found: Option<Box<Hold>>,
    /// The answer.
    pub answer: Promise<Answer>,
}

/// How a hold is ended.
#[derive(Clone, Debug)]
pub enum End {
    /// So much was used, as a decimal number; none: what was held.
    Commit(Option<String>),
    /// Nothing was used.
    Release,
}

impl Ask {
    /// How many events it is about.
    pub fn weight(&self) -> usize {
        match self {
            Self::Ingest { events, .. } => events.len(),
            _ => 1,
        }
    }

    /// Whether it goes into a group of its own.
    pub const fn is_alone(&self) -> bool {
        matches!(self, Self::Change { .. } | Self::Owner(_) | Self::Forget(..) | Self::Sealed(..))
    }

    /// Business time of the asker.
    pub const fn now(&self) -> i64 {
        match self {
            Self::Ingest { now, .. } | Self::Change { now, .. } => *now,
            Self::Limit(ask) => ask.now,
            Self::End(ask) => ask.now,
            Self::Unread(_) | Self::Take { .. } | Self::Owner(_) | Self::Forget(..) | Self::Sealed(..) => {
                i64::MIN
            }
        }
    }

    /// Answer with an error.
    pub fn fail(self, error: Error) {
        match self {
            Self::Unread(unread) => {
                // With an error it answers by itself.
                let _ = unread(Err(error));
            }
            Self::Ingest { answer, .. } => answer.keep(Err(error)),
            Self::Limit(LimitAsk { wish: Wish::Check(answer) | Wish::Consume(answer), .. }) => {
                answer.keep(Err(error));
            }
            Self::Limit(LimitAsk { wish: Wish::Reserve(_, answer), .. }) => answer.keep(Err(error)),
            Self::End(EndAsk { answer, .. }) => answer.keep(Err(error)),
            Self::Change { answer, .. } => answer.keep(Err(error)),
            Self::Take { answer, .. } => answer.keep(Err(error)),
            Self::Owner(answer) => answer.keep(Err(error)),
            // Nothing is in memory any more: it is forgotten.
            Self::Forget(_, answer) => answer.keep(Ok(())),
            Self::Sealed(..) => {}
        }
    }
}

/// An answer that waits for its group to be durable.
pub type Settle = Box<dyn FnOnce(Option<&Error>) + Send>;

/// An answer to give once the group is durable, or the group's error in its place.
pub fn later<T: Send + 'static>(promise: Promise<T>, answer: Result<T, Error>) -> Settle {
    Box::new(move |error| promise.keep(error.map_or(answer, |error| Err(error.clone()))))
}
