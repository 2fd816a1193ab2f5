//! How much of a limit is used, whether more fits, and from when on. Pure.

use std::collections::VecDeque;

use catalog::{Book, LimitPolicy, Window};
use kernel::{Currency, Cycle, Exact};
use uuid::Uuid;

use super::{Answer, Reason};
use crate::usage::Span;

const SECOND: i64 = 1_000_000;

/// Where usage under a limit is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counting {
    /// By the time of events, in one window after the other.
    Fixed {
        /// The window.
        span: Span,
        /// What was used in it.
        used: i128,
    },
    /// By seconds of acceptance: those after now less the length, up to now.
    Rolling {
        /// Seconds it reaches back.
        length: i64,
        /// What was accepted in each second, the oldest first.
        seconds: VecDeque<(i64, i128)>,
        /// Their sum.
        used: i128,
    },
}

/// An amount that is held and not used yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The hold.
    pub id: Uuid,
    /// How much.
    pub amount: i64,
    /// When it was reserved: the window it holds in.
    pub reserved: i64,
    /// When it is released by itself.
    pub expires: i64,
}

/// The use of one limit by one user, seat, key or customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// What is used.
    pub counting: Counting,
    /// What is held.
    pub held: Vec<Held>,
    /// Percentages of the limit that were told, and until when they are not told again.
    pub told: Vec<(u16, i64)>,
}

impl Counter {
    /// Of nothing used, in a fixed window.
    pub const fn fixed(span: Span, used: i128) -> Self {
        Self { counting: Counting::Fixed { span, used }, held: Vec::new(), told: Vec::new() }
    }

    /// From what was accepted in each second, the oldest first.
    pub fn rolling(length: i64, seconds: impl IntoIterator<Item = (i64, i128)>) -> Self {
        let seconds: VecDeque<_> = seconds.into_iter().collect();
        let used = seconds.iter().map(|(_, amount)| amount).sum();
        Self { counting: Counting::Rolling { length, seconds, used }, held: Vec::new(), told: Vec::new() }
    }

    /// Whether it counts in this window: not when the window is over, or the limit has another one now.
    pub fn is_of(&self, window: Result<Span, i64>) -> bool {
        match (&self.counting, window) {
            (Counting::Fixed { span, .. }, Ok(wanted)) => *span == wanted,
            (Counting::Rolling { length, .. }, Err(wanted)) => *length == wanted,
            _ => false,
        }
    }

    /// Whether nothing but a change of the limit makes it count in another window at `now`.
    pub const fn stands_at(&self, now: i64) -> bool {
        match &self.counting {
            Counting::Fixed { span, .. } => span.contains(now),
            Counting::Rolling { .. } => true,
        }
    }

    /// Forget what lies behind `now`, in microseconds. What is gone from a rolling window is gone.
    pub fn settle(&mut self, now: i64) {
        self.held.retain(|held| held.expires > now);
        self.told.retain(|(_, until)| *until > now);
        if let Counting::Rolling { length, seconds, used } = &mut self.counting {
            let until = now.div_euclid(SECOND) - *length;
            while let Some((_, amount)) = seconds.pop_front_if(|(second, _)| *second <= until) {
                *used -= amount;
            }
        }
    }

    /// What is used, and what is held in the same window.
    pub fn used(&self) -> i128 {
        let (used, since) = match &self.counting {
            Counting::Fixed { span, used } => (*used, span.start),
            Counting::Rolling { used, .. } => (*used, i64::MIN),
        };
        let held = self.held.iter().filter(|held| held.reserved >= since);
        used + held.map(|held| i128::from(held.amount)).sum::<i128>()
    }

    /// Count an amount of an event at `at`, accepted at `accepted`; below zero to take one back. The acceptance
    /// second and its new amount, when it counts by those.
    pub fn count(&mut self, at: i64, accepted: i64, amount: i64) -> Option<(i64, i128)> {
        match &mut self.counting {
            Counting::Fixed { span, used } => {
                if span.contains(at) {
                    *used += i128::from(amount);
                }
                None
            }
            Counting::Rolling { seconds, used, .. } => {
                let second = accepted.div_euclid(SECOND);
                *used += i128::from(amount);
                let place = seconds.partition_point(|(other, _)| *other < second);
                match seconds.get_mut(place) {
                    Some((other, sum)) if *other == second => {
                        *sum += i128::from(amount);
                        Some((second, *sum))
                    }
                    _ => {
                        seconds.insert(place, (second, amount.into()));
                        Some((second, amount.into()))
                    }
                }
            }
        }
    }

    /// The earliest instant after `now` at which `asked` fits under `limit`, when nothing else happens; none: never.
    pub fn fits_at(&self, now: i64, asked: i64, limit: i64) -> Option<i64> {
        let asked = i128::from(asked);
        let mut frees: Vec<(i64, i128)> =
            self.held.iter().map(|held| (held.expires, i128::from(held.amount))).collect();
        match &self.counting {
            Counting::Fixed { span, .. } => {
                let whole = self.used();
                frees.retain(|(expires, _)| *expires < span.end);
                frees.push((span.end, whole));
            }
            Counting::Rolling { length, seconds, .. } => {
                frees.extend(seconds.iter().map(|(second, amount)| ((second + length) * SECOND, *amount)));
            }
        }
        frees.sort_unstable();
        let mut left = self.used();
        for (at, amount) in frees {
            left -= amount;
            if left.max(0) + asked <= i128::from(limit) {
                return Some(at.max(now));
            }
        }
        None
    }
}

/// A limit, as the decision wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The most that may be used.
    pub amount: i64,
    /// What happens at it.
    pub policy: LimitPolicy,
    /// Decimals of the figures.
    pub decimals: u8,
}

/// Whether `asked` may be used now. The counter is settled and of the limit's window.
///
/// A hard limit refuses what does not fit and nothing else; less than nothing always fits.
pub fn decide(counter: &Counter, bound: Bound, asked: i64, now: i64) -> Answer {
    let Bound { amount: limit, policy, decimals } = bound;
    let used = counter.used();
    let fits = asked <= 0 || used + i128::from(asked) <= i128::from(limit);
    let (allowed, reason) = match policy {
        _ if fits => (true, Reason::Within),
        LimitPolicy::Hard => (false, Reason::LimitReached),
        LimitPolicy::Soft => (true, Reason::Overage),
        LimitPolicy::Warn => (true, Reason::Warning),
    };
    let resets_at = match &counter.counting {
        _ if !allowed => counter.fits_at(now, asked, limit),
        Counting::Fixed { span, .. } => Some(span.end),
        Counting::Rolling { .. } => None,
    };
    let used = i64::try_from(used).unwrap_or(if used < 0 { i64::MIN } else { i64::MAX });
    Answer { allowed, reason, limit: Some(limit), used, resets_at, upgrade: None, decimals }
}

/// What a customer has, when it asks for more.
#[derive(Clone, Copy, Debug)]
pub struct Having<'a> {
    /// The price book it agreed to.
    pub book: &'a Book,
    /// Its plan.
    pub plan: &'a str,
    /// How often that is billed.
    pub cycle: Cycle,
    /// In which currency.
    pub currency: Currency,
    /// Units of what the plan is priced per.
    pub quantity: &'a Exact,
    /// The window of its limit.
    pub window: Window,
}

/// The cheapest plan of the book that would allow a use of `wanted` in all, by [`catalog::Having::cheapest`].
pub fn upgrade(having: Having<'_>, meter: &str, wanted: i128, decimals: u8) -> Option<String> {
    let Having { book, plan, cycle, currency, quantity, window } = having;
    let allows = |plan: &catalog::Plan| match plan.limits.get(meter) {
        None => true,
        Some(limit) if limit.policy != LimitPolicy::Hard => true,
        // Over another time less or more may be used: it is only sure for the same one.
        Some(limit) => {
            limit.window == window && i128::from(crate::desk::scaled(limit, quantity, 0, decimals)) >= wanted
        }
    };
    let having = catalog::Having { book, plan: Some(plan), cycle, currency, quantity };
    having.cheapest(allows).map(|(plan, _)| plan.key.clone())
}
