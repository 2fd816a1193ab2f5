//! Where new ids come from: UUIDv7 of the real clock, or a repeatable sequence for tests.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::{Builder, Uuid};

use crate::{Id, SystemClock, WallClock};

/// Makes raw ids that are unique and ascend in the order they are made.
pub trait IdSource: Send + Sync {
    /// The next raw id.
    fn next(&self) -> Uuid;
}

/// A new typed id.
pub fn new_id<K>(source: &dyn IdSource) -> Id<K> {
    Id::from_uuid(source.next())
}

/// UUIDv7 from the machine's clock, ascending within the process whatever the clock does.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl SystemIds {
    /// The source; there is one sequence per process, shared by all values of this type.
    pub const fn new() -> Self {
        Self
    }
}

impl IdSource for SystemIds {
    fn next(&self) -> Uuid {
        // Counts in one `ContextV7` of the whole process, behind the library's lock.
        Uuid::now_v7()
    }
}

/// Ids in the order of their milliseconds only, for what is made often and stored nowhere: nobody waits for the others'
/// turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct PassingIds;

impl IdSource for PassingIds {
    fn next(&self) -> Uuid {
        let now = SystemClock.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
    }
}

/// The same ids for the same seed, in the shape of UUIDv7: for tests and demonstrations.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    made: AtomicU64,
}

/// 2020-01-01T00:00:00Z: the instant seeded ids pretend to start at, one millisecond each.
const SEEDED_START_MILLIS: u64 = 1_577_836_800_000;

impl SeededIds {
    /// The sequence of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { seed, made: AtomicU64::new(0) }
    }
}

impl IdSource for SeededIds {
    fn next(&self) -> Uuid {
        let count = self.made.fetch_add(1, Ordering::SeqCst);
        let mut tail = [0; 10];
        tail[..8].copy_from_slice(&scramble(self.seed.wrapping_add(scramble(count))).to_be_bytes());
        tail[8..].copy_from_slice(&scramble(self.seed ^ count).to_be_bytes()[..2]);
        Builder::from_unix_timestamp_millis(SEEDED_START_MILLIS + count, &tail).into_uuid()
    }
}

/// SplitMix64: spreads a number over all 64 bits.
fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::InvoiceId;

    #[test]
    fn system_ids_ascend_across_threads() {
        let mut all: Vec<Uuid> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let made: Vec<Uuid> = (0..500).map(|_| SystemIds.next()).collect();
                        assert!(made.is_sorted_by(|a, b| a < b));
                        made
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2000);
        assert!(all.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn seeded_ids_repeat_for_a_seed_ascend_and_differ_between_seeds() {
        let made = |seed| {
            let source = SeededIds::new(seed);
            (0..1000).map(|_| source.next()).collect::<Vec<Uuid>>()
        };
        let (one, two) = (made(1), made(2));
        assert_eq!(one, made(1));
        assert!(one.is_sorted_by(|a, b| a < b));
        assert!(one.iter().all(|id| !two.contains(id) && id.get_version_num() == 7));
    }

    #[test]
    fn a_typed_id_takes_the_next_of_the_source() {
        let id: InvoiceId = new_id(&SeededIds::new(5));
        assert_eq!(id.uuid(), SeededIds::new(5).next());
    }
}
