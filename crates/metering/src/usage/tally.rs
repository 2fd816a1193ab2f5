//! What a meter keeps about the events of one hour.
//!
//! A tally is a function of the *set* of its events: their order does not matter. Taking one out again is exact;
//! where the tally alone cannot tell what it would be without (the greatest value goes), it says so and is counted
//! anew from the log.

use catalog::Aggregation;

use crate::log::codec::{Reader, write_i128, write_signed, write_unsigned};

/// One event as an aggregation sees it: its instant in microseconds, and its value scaled by the meter's decimals.
///
/// Ordered by instant, then value: of several values at one instant the greatest is the one that counts as last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// Microseconds since 1970.
    pub at: i64,
    /// The value; a count and a number of different values do not look at it.
    pub value: i64,
}

/// What is known about a set of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many events.
    pub events: u64,
    /// What the aggregation needs besides.
    pub state: State,
}

/// The part of a [`Tally`] that depends on the aggregation. Without events it is the empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing: a count, or different values, which are kept beside it.
    Counted,
    /// The sum of the values.
    Sum(i128),
    /// The greatest value.
    Max(i64),
    /// The least value.
    Min(i64),
    /// The last sample.
    Latest(Sample),
    /// A value that stands until the next one.
    Standing {
        /// When the first sample was.
        first: i64,
        /// Values times microseconds from the first sample to the last.
        integral: i128,
        /// The last sample.
        last: Sample,
    },
}

const NOTHING: Sample = Sample { at: i64::MIN, value: 0 };

/// Whether a tally could follow a change, or has to be counted anew from its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Followed {
    /// It did.
    Yes,
    /// It is unchanged and no longer right: count it anew.
    CountAnew,
}

impl Tally {
    /// Of no events.
    pub const fn empty(aggregation: Aggregation) -> Self {
        let state = match aggregation {
            Aggregation::Count | Aggregation::Unique => State::Counted,
            Aggregation::Sum => State::Sum(0),
            Aggregation::Max => State::Max(i64::MIN),
            Aggregation::Min => State::Min(i64::MAX),
            Aggregation::Latest => State::Latest(NOTHING),
            Aggregation::TimeWeighted => State::Standing { first: 0, integral: 0, last: NOTHING },
        };
        Self { events: 0, state }
    }

    /// Of these events, in any order.
    pub fn of(aggregation: Aggregation, mut samples: Vec<Sample>) -> Self {
        samples.sort_unstable();
        let mut tally = Self::empty(aggregation);
        for sample in samples {
            // In order every state can follow.
            let _ = tally.add(sample);
        }
        tally
    }

    /// One more event.
    pub fn add(&mut self, sample: Sample) -> Followed {
        let first_event = self.events == 0;
        match &mut self.state {
            State::Counted => {}
            State::Sum(sum) => *sum += i128::from(sample.value),
            State::Max(value) => *value = sample.value.max(*value),
            State::Min(value) => *value = sample.value.min(*value),
            State::Latest(last) => *last = sample.max(*last),
            State::Standing { first, last, .. } if first_event => (*first, *last) = (sample.at, sample),
            State::Standing { last, .. } if sample.at < last.at => return Followed::CountAnew,
            State::Standing { integral, last, .. } => {
                *integral += stood(last.value, last.at, sample.at);
                *last = sample.max(*last);
            }
        }
        self.events += 1;
        Followed::Yes
    }

    /// One event fewer: one that was added before.
    pub fn remove(&mut self, aggregation: Aggregation, sample: Sample) -> Followed {
        if self.events <= 1 {
            *self = Self::empty(aggregation);
            return Followed::Yes;
        }
        match &mut self.state {
            State::Counted => {}
            State::Sum(sum) => *sum -= i128::from(sample.value),
            State::Max(value) if sample.value < *value => {}
            State::Min(value) if sample.value > *value => {}
            State::Latest(last) if sample < *last => {}
            State::Max(_) | State::Min(_) | State::Latest(_) | State::Standing { .. } => {
                return Followed::CountAnew;
            }
        }
        self.events -= 1;
        Followed::Yes
    }

    /// As stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        write_unsigned(&mut out, self.events);
        match &self.state {
            State::Counted => {}
            State::Sum(sum) => write_i128(&mut out, *sum),
            State::Max(value) | State::Min(value) => write_signed(&mut out, *value),
            State::Latest(last) => write_sample(&mut out, *last),
            State::Standing { first, integral, last } => {
                write_signed(&mut out, *first);
                write_i128(&mut out, *integral);
                write_sample(&mut out, *last);
            }
        }
        out
    }

    /// The inverse of [`Tally::encode`]. Error: `internal` when the bytes are no tally of this aggregation.
    pub fn decode(aggregation: Aggregation, bytes: &[u8]) -> kernel::Result<Self> {
        let mut from = Reader::new(bytes);
        let events = from.unsigned()?;
        let state = match aggregation {
            Aggregation::Count | Aggregation::Unique => State::Counted,
            Aggregation::Sum => State::Sum(from.i128()?),
            Aggregation::Max => State::Max(from.signed()?),
            Aggregation::Min => State::Min(from.signed()?),
            Aggregation::Latest => State::Latest(read_sample(&mut from)?),
            Aggregation::TimeWeighted => State::Standing {
                first: from.signed()?,
                integral: from.i128()?,
                last: read_sample(&mut from)?,
            },
        };
        Ok(Self { events, state })
    }
}

/// A value times the microseconds it stood.
pub(super) fn stood(value: i64, from: i64, to: i64) -> i128 {
    i128::from(value) * (i128::from(to) - i128::from(from))
}

fn write_sample(out: &mut Vec<u8>, sample: Sample) {
    write_signed(out, sample.at);
    write_signed(out, sample.value);
}

fn read_sample(from: &mut Reader<'_>) -> kernel::Result<Sample> {
    Ok(Sample { at: from.signed()?, value: from.signed()? })
}
