//! The wall clock, behind a trait so that everything else is told the time.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::time::micros;

/// Tells the present instant, to the microsecond.
pub trait WallClock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock. The one place in the program that reads it for business.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now(&self) -> Timestamp {
        truncated(micros(Timestamp::now()))
    }
}

/// Stands still until it is set: for tests.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Stands at `at`, cut to the microsecond.
    pub fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(micros(at)))
    }

    /// Moves to `at`, forward or back.
    pub fn set(&self, at: Timestamp) {
        self.0.store(micros(at), Ordering::SeqCst);
    }

    /// Moves on by `by`.
    pub fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(micros_of(by), Ordering::SeqCst);
    }
}

impl WallClock for FixedClock {
    fn now(&self) -> Timestamp {
        truncated(self.0.load(Ordering::SeqCst))
    }
}

/// Moves on by one step after every reading, so that no two readings are equal: for tests.
#[derive(Debug)]
pub struct SteppedClock {
    next: AtomicI64,
    step: i64,
}

impl SteppedClock {
    /// The first reading is `start`, each later one `step` after the one before.
    pub fn new(start: Timestamp, step: SignedDuration) -> Self {
        Self { next: AtomicI64::new(micros(start)), step: micros_of(step) }
    }

    /// The next reading is `at`.
    pub fn set(&self, at: Timestamp) {
        self.next.store(micros(at), Ordering::SeqCst);
    }
}

impl WallClock for SteppedClock {
    fn now(&self) -> Timestamp {
        truncated(self.next.fetch_add(self.step, Ordering::SeqCst))
    }
}

fn micros_of(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The instant of that many microseconds, or the nearest one there is.
fn truncated(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_reads_whole_microseconds_of_the_present() {
        let (before, now, after) = (Timestamp::now(), SystemClock.now(), Timestamp::now());
        assert_eq!(now.subsec_nanosecond() % 1000, 0);
        assert!(before - SignedDuration::from_micros(1) <= now && now <= after);
    }

    #[test]
    fn test_clocks_do_as_they_are_told() {
        let start: Timestamp = "2026-01-31T09:30:00Z".parse().unwrap();
        let fixed = FixedClock::new(start);
        assert_eq!((fixed.now(), fixed.now()), (start, start));
        fixed.advance(SignedDuration::from_hours(24));
        assert_eq!(fixed.now().to_string(), "2026-02-01T09:30:00Z");
        fixed.set(start);
        assert_eq!(fixed.now(), start);

        let stepped = SteppedClock::new(start, SignedDuration::from_secs(1));
        assert_eq!(stepped.now(), start);
        assert_eq!(stepped.now() - start, jiff::Span::new().seconds(1).fieldwise());
        stepped.set(start);
        assert_eq!(stepped.now(), start);
    }

    #[test]
    fn a_stepped_clock_never_reads_the_same_twice_on_any_thread() {
        let clock = SteppedClock::new(Timestamp::UNIX_EPOCH, SignedDuration::from_micros(1));
        let mut readings: Vec<Timestamp> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..250).map(|_| clock.now()).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        readings.sort_unstable();
        readings.dedup();
        assert_eq!(readings.len(), 1000);
    }
}
