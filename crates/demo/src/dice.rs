//! Choices that look like chance and are the same for the same seed.

use fastrand::Rng;

/// A source of choices.
pub struct Dice(Rng);

impl Dice {
    /// The choices of one matter: each place in `path` (a business, a customer, …) has choices of its own.
    pub fn of(seed: u64, path: &[u64]) -> Self {
        let mixed =
            path.iter().fold(seed, |seed, place| Rng::with_seed(seed ^ place.rotate_left(17)).u64(..));
        Self(Rng::with_seed(mixed))
    }

    /// A number from `from` to `to`, both included.
    pub fn from(&mut self, from: i64, to: i64) -> i64 {
        self.0.i64(from..=to.max(from))
    }

    /// Whether something happens that happens so many times in a hundred.
    pub fn percent(&mut self, percent: i64) -> bool {
        self.from(1, 100) <= percent
    }

    /// A place among so many: below `count`, which is above zero.
    pub fn place(&mut self, count: usize) -> usize {
        self.0.usize(..count)
    }

    /// One of these.
    pub fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.place(all.len())]
    }

    /// One of these, each as often as its weight says.
    pub fn weighted<'a, T>(&mut self, all: &'a [T], weight: impl Fn(&T) -> i64) -> &'a T {
        let mut left = self.from(1, all.iter().map(&weight).sum::<i64>().max(1));
        let found = all.iter().find(|one| {
            left -= weight(one);
            left <= 0
        });
        found.unwrap_or(&all[0])
    }
}
