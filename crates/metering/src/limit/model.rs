//! What is answered to check, consume and reserve.

use jiff::Timestamp;
use kernel::{Quantity, Result, time};

use crate::log::codec::{Reader, write_signed, write_unsigned};

/// Why an answer is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing limits it.
    Unlimited,
    /// It fits.
    Within,
    /// It goes beyond a soft limit: allowed and billed.
    Overage,
    /// It goes beyond a limit that only warns.
    Warning,
    /// It does not fit under a hard limit.
    LimitReached,
    /// No running subscription gives access.
    NoAccess,
}

impl Reason {
    const ALL: [Self; 6] =
        [Self::Unlimited, Self::Within, Self::Overage, Self::Warning, Self::LimitReached, Self::NoAccess];

    /// The word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unlimited => "unlimited",
            Self::Within => "within_limit",
            Self::Overage => "overage",
            Self::Warning => "warning",
            Self::LimitReached => "limit_reached",
            Self::NoAccess => "no_access",
        }
    }
}

/// The answer to a check, a consume or a reserve. Figures are scaled by the meter's decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it may be done; of a consume, whether it was counted.
    pub allowed: bool,
    /// Why.
    pub reason: Reason,
    /// The most that may be used; none: unlimited.
    pub limit: Option<i64>,
    /// What is used, holds and, when it was counted, this one among it.
    pub used: i64,
    /// The earliest instant at which a refused request would fit, in microseconds; of an allowed one the end of the
    /// window, when it has a fixed one. None: never, or nothing to wait for.
    pub resets_at: Option<i64>,
    /// The cheapest plan that would allow a refused request.
    pub upgrade: Option<String>,
    /// Decimals of the figures.
    pub decimals: u8,
}

impl Answer {
    /// What is left under the limit, not below 0; none: unlimited.
    pub fn remaining(&self) -> Option<i64> {
        self.limit.map(|limit| limit.saturating_sub(self.used).max(0))
    }

    /// A figure of the answer in the meter's unit.
    pub fn quantity(&self, scaled: i64) -> Result<Quantity> {
        Quantity::from_scaled(scaled, self.decimals)
    }

    /// [`Answer::resets_at`] as an instant.
    pub fn resets(&self) -> Option<Timestamp> {
        self.resets_at.and_then(|at| time::from_micros(at).ok())
    }

    /// As stored beside an accepted event, which has no upgrade.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        let reason = Reason::ALL.iter().position(|reason| *reason == self.reason).unwrap_or(0);
        out.push(u8::from(self.allowed) | (reason as u8) << 1);
        out.push(self.decimals);
        write_signed(&mut out, self.used);
        for field in [self.limit, self.resets_at] {
            write_unsigned(&mut out, u64::from(field.is_some()));
            write_signed(&mut out, field.unwrap_or(0));
        }
        out
    }

    /// The inverse of [`Answer::encode`]. Error: `internal` when the bytes are damaged.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes);
        let (flags, decimals, used) = (from.byte()?, from.byte()?, from.signed()?);
        let mut field = || -> Result<Option<i64>> {
            let there = from.unsigned()? == 1;
            let value = from.signed()?;
            Ok(there.then_some(value))
        };
        let (limit, resets_at) = (field()?, field()?);
        let reason = *Reason::ALL.get(usize::from(flags >> 1)).unwrap_or(&Reason::Within);
        Ok(Self { allowed: flags & 1 == 1, reason, limit, used, resets_at, upgrade: None, decimals })
    }
}

/// How fast a customer may call the merchant's services, and whether it may now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// No plan of the customer's says how fast.
    Unlimited,
    /// No running subscription gives access.
    NoAccess,
    /// So much was taken, or not.
    Taken(super::Taken),
}

/// A hold, as [`crate::Metering::reserve`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Names it; none when it was refused.
    pub id: Option<kernel::ids::HoldId>,
    /// The answer.
    pub answer: Answer,
    /// When it is released by itself, in microseconds.
    pub expires: i64,
}

/// How a hold ended; one whose time ran out stays open and holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// It holds.
    Open,
    /// It was committed.
    Committed,
    /// It was released.
    Released,
}

impl HoldState {
    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Committed => "committed",
            Self::Released => "released",
        }
    }

    /// The inverse of [`HoldState::word`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Committed, Self::Released].into_iter().find(|state| state.word() == word)
    }
}
