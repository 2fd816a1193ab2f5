//! Postings and what they add up to.

use std::fmt;

use kernel::Exact;

/// A quantity of 128 bits as two numbers that are added up apart: `hi` × 2³² + `lo`. Four billion postings of the
/// greatest quantity fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// What is above 32 bits, rounded down.
    pub hi: i64,
    /// The 32 bits below; a sum of them may be more.
    pub lo: i64,
}

impl Parts {
    /// The parts of a quantity.
    pub fn of(quantity: i128) -> Self {
        Self { hi: (quantity >> 32) as i64, lo: (quantity & 0xffff_ffff) as i64 }
    }

    /// The quantity, also of sums of parts.
    pub fn quantity(self) -> i128 {
        (i128::from(self.hi) << 32) + i128::from(self.lo)
    }
}

/// What is posted: a quantity scaled by the meter's decimals, and how many events it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Posting {
    /// The quantity.
    pub quantity: i128,
    /// The events, those taken out again subtracted.
    pub events: i64,
}

impl Posting {
    /// And so much more.
    pub fn add(&mut self, quantity: i128, events: i64) {
        self.quantity += quantity;
        self.events += events;
    }
}

impl fmt::Display for Posting {
    /// `5 events, 1250 posted`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events, {} posted", self.events, self.quantity)
    }
}

/// A critical meter's account `source:{meter}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The meter's key.
    pub meter: String,
    /// How it measured, as in its series.
    pub kind: String,
    /// The first chunk of the log that was posted.
    pub since: i64,
    /// When that was accepted, in microseconds; when the meter had no use before, the beginning of time. Only stretches
    /// that began since are posted when they are billed.
    pub began: i64,
}

/// The accounts of a critical meter, in its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The meter's key.
    pub meter: String,
    /// `source:{meter}`: what was accepted, negative.
    pub source: Exact,
    /// All `usage:{customer}`: what was accepted and is not billed.
    pub usage: Exact,
    /// `billed`: what was measured of stretches when they were billed or credited.
    pub billed: Exact,
}

impl Balance {
    /// What the three come to: zero.
    pub fn sum(&self) -> Exact {
        &(&self.source + &self.usage) + &self.billed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_add_up(quantities in proptest::collection::vec(-1_i128 << 77..1 << 77, 0..50)) {
            let parts: Vec<Parts> = quantities.iter().map(|one| Parts::of(*one)).collect();
            prop_assert!(parts.iter().all(|part| (0..1 << 32).contains(&part.lo)));
            let sum = |part: fn(&Parts) -> i64| parts.iter().map(part).sum::<i64>();
            let sums = Parts { hi: sum(|part| part.hi), lo: sum(|part| part.lo) };
            prop_assert_eq!(sums.quantity(), quantities.iter().sum::<i128>());
        }
    }
}
