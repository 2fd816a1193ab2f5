//! The hours that are counted in, by series and start: a bounded part of what an owner has in memory.

use super::state::Hour;
use crate::once::IntMap;

/// The bytes an entry takes at most, with the room a table keeps for more.
const ENTRY: usize = 2 * (size_of::<((i64, i64), Hour)>() + 1) + 64;

/// Hours in two generations. Whoever is asked for comes into the young one; when that has become large, it is the old
/// one from then on, and what was not asked for since the last time is forgotten.
#[derive(Debug, Default)]
pub struct Hours {
    young: IntMap<(i64, i64), Hour>,
    old: IntMap<(i64, i64), Hour>,
}

impl Hours {
    /// Whether the hour is in memory; it stays there until the end of the group.
    pub fn holds(&mut self, key: (i64, i64)) -> bool {
        self.get_mut(&key).is_some()
    }

    /// The hour of a series, when it is in memory.
    pub fn get_mut(&mut self, key: &(i64, i64)) -> Option<&mut Hour> {
        if !self.old.is_empty()
            && !self.young.contains_key(key)
            && let Some(hour) = self.old.remove(key)
        {
            self.young.insert(*key, hour);
        }
        self.young.get_mut(key)
    }

    /// The hour of a series, put there if it is not in memory.
    pub fn get_or(&mut self, key: (i64, i64), hour: impl FnOnce() -> Hour) -> &mut Hour {
        if !self.old.is_empty() {
            self.holds(key);
        }
        self.young.entry(key).or_insert_with(hour)
    }

    /// Bytes in memory, at most.
    pub fn size(&self) -> usize {
        (self.young.len() + self.old.len()) * ENTRY
    }

    /// Let go of the old generation until all of them take no more than `most` bytes.
    pub fn shrink(&mut self, most: usize) {
        if self.young.len() * ENTRY > most / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        if self.size() > most {
            self.old = IntMap::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use catalog::Aggregation;

    use super::*;
    use crate::usage::Tally;

    fn hour(head: i64) -> Hour {
        Hour { head, tally: Tally::empty(Aggregation::Count) }
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let (mut hours, most) = (Hours::default(), 100 * ENTRY);
        for n in 0..10_000 {
            hours.get_or((n, 0), || hour(n)).head = n;
            assert!(hours.holds((0, 0)), "asked for each time");
            hours.shrink(most);
            assert!(hours.size() <= most);
        }
        assert_eq!(hours.get_mut(&(9_999, 0)).map(|hour| hour.head), Some(9_999));
        assert!(!hours.holds((5_000, 0)));
    }
}
