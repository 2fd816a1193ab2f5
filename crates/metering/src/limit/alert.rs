//! When a use has reached so much of its limit that somebody is to be told. Pure.

use super::{Counter, Counting};

/// The reaching of a percentage of a limit, told once: in a fixed window once in it, in a rolling one not again
/// until its length has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The percentage.
    pub level: u16,
    /// When the window began, in microseconds; of a rolling one when it was reached.
    pub since: i64,
    /// Until when it is not told again.
    pub until: i64,
    /// What was used then, scaled by the meter's decimals.
    pub used: i64,
}

/// Whether so much is a percentage of the limit. Nothing used is none of it, also where the limit is 0.
pub fn reached(level: u16, limit: i64, used: i128) -> bool {
    used > 0 && used.saturating_mul(100) >= i128::from(level) * i128::from(limit)
}

impl Counter {
    /// What was counted, without what is only held: a hold may be released.
    pub const fn counted(&self) -> i128 {
        match &self.counting {
            Counting::Fixed { used, .. } | Counting::Rolling { used, .. } => *used,
        }
    }

    /// The percentages of `limit` that what was just counted reached, from `before` on. They are kept, so that each is
    /// told once.
    ///
    /// In a fixed window what stands there already is told with the next event, whatever brought it there: a limit can
    /// come down to a use. A rolling use that stays above a percentage is told of it when it gets there.
    pub fn crossed(&mut self, levels: &[u16], limit: i64, before: i128, now: i64) -> Vec<Crossing> {
        let used = self.counted();
        let mut crossed = Vec::new();
        if used <= before {
            return crossed;
        }
        for level in levels.iter().copied().take_while(|level| reached(*level, limit, used)) {
            let (since, until, rose) = match &self.counting {
                Counting::Fixed { span, .. } => (span.start, span.end, true),
                Counting::Rolling { length, .. } => {
                    (now, now.saturating_add(length * 1_000_000), !reached(level, limit, before))
                }
            };
            if rose && !self.told.iter().any(|(told, _)| *told == level) {
                self.told.push((level, until));
                let used = i64::try_from(used).unwrap_or(i64::MAX);
                crossed.push(Crossing { level, since, until, used });
            }
        }
        crossed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::usage::Span;

    const LEVELS: [u16; 2] = [80, 100];

    fn told(counter: &mut Counter, amount: i64, now: i64) -> Vec<u16> {
        counter.settle(now);
        let before = counter.counted();
        counter.count(now, now, amount);
        counter.crossed(&LEVELS, 10, before, now).into_iter().map(|crossing| crossing.level).collect()
    }

    #[test]
    fn a_window_is_told_of_each_level_once() {
        let mut counter = Counter::fixed(Span { start: 0, end: 1_000 }, 0);
        assert!(told(&mut counter, 7, 1).is_empty());
        assert_eq!(told(&mut counter, 1, 2), [80]);
        assert!(told(&mut counter, -3, 3).is_empty());
        assert_eq!(told(&mut counter, 9, 4), [100]);
        assert!(told(&mut counter, -14, 5).is_empty());
        assert!(told(&mut counter, 100, 6).is_empty());
    }

    #[test]
    fn a_rolling_use_is_told_when_it_gets_there_and_not_again_for_its_length() {
        let second = 1_000_000;
        let mut counter = Counter::rolling(10, []);
        assert_eq!(told(&mut counter, 10, second), [80, 100]);
        assert!(told(&mut counter, 1, 5 * second).is_empty());
        // The first ten are gone; what comes is above 80 % again.
        assert_eq!(told(&mut counter, 7, 11 * second), [80]);
        assert!(told(&mut counter, 1, 12 * second).is_empty());
    }

    #[test]
    fn the_least_use_reaches_a_limit_of_nothing() {
        let mut counter = Counter::fixed(Span { start: 0, end: 1_000 }, 0);
        let before = counter.counted();
        assert!(counter.crossed(&LEVELS, 0, before, 1).is_empty());
        counter.count(1, 1, 1);
        assert_eq!(counter.crossed(&LEVELS, 0, before, 1).len(), 2);
    }

    proptest! {
        #[test]
        fn no_level_comes_twice_in_a_window(amounts in proptest::collection::vec(-5_i64..10, 1..40)) {
            let mut counter = Counter::fixed(Span { start: 0, end: 1_000 }, 0);
            let mut all = Vec::new();
            let (mut most, mut used) = (0, 0);
            for (now, amount) in (1..).zip(amounts) {
                used += amount;
                most = most.max(if amount > 0 { used } else { most });
                all.extend(told(&mut counter, amount, now));
            }
            let wanted: Vec<u16> = LEVELS.into_iter().filter(|level| most > 0 && most * 100 >= i64::from(*level) * 10).collect();
            prop_assert_eq!(all, wanted);
        }
    }
}
