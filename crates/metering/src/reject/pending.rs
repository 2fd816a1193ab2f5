//! Rejections of one environment that are not written down yet.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

use super::Rejected;

/// Sorts in memory. Of more at once the others are counted together. Whoever sent them was told.
pub(super) const MOST: usize = 500;

/// What was noted since it was written down last. Anybody notes in it, at any time.
#[derive(Debug, Default)]
pub struct Noted {
    sorts: Mutex<HashMap<Uuid, Rejected>>,
}

impl Noted {
    /// An event was rejected.
    pub fn note(&self, rejected: Rejected) {
        let mut sorts = self.sorts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sorts.len() < MOST || sorts.contains_key(&rejected.id);
        let rejected = if known { rejected } else { rejected.among_others() };
        match sorts.get_mut(&rejected.id) {
            Some(known) => known.add(rejected),
            None => drop(sorts.insert(rejected.id, rejected)),
        }
    }

    /// Whether there is nothing to write down.
    pub fn is_empty(&self) -> bool {
        self.sorts.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// All of it, the one seen longest ago first.
    pub fn take(&self) -> Vec<Rejected> {
        let mut sorts = self.sorts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<Rejected> = std::mem::take(&mut *sorts).into_values().collect();
        taken.sort_unstable_by_key(|one| (one.last, one.id));
        taken
    }
}

#[cfg(test)]
mod tests {
    use kernel::Error;

    use super::*;
    use crate::{
        event::wire::Unread,
        reject::{MOST_TEXT, OTHERS},
    };

    fn unread(code: &'static str, text: &str) -> Unread {
        Unread::new(Error::invalid(code, "It is no event."), text)
    }

    #[test]
    fn rejections_of_a_sort_are_added_up_and_sorts_are_bounded() {
        let noted = Noted::default();
        for n in 0..1_000 {
            noted.note(Rejected::of_unread(&unread("one", &format!("text {n}")), n));
        }
        let codes: Vec<&'static str> =
            (0..1_000).map(|n| &*Box::leak(format!("c{n}").into_boxed_str())).collect();
        for (code, n) in codes.into_iter().zip(0..) {
            noted.note(Rejected::of_unread(&unread(code, &format!("text {n}")), 2_000 + n));
        }
        let taken = noted.take();
        assert_eq!(taken.len(), MOST + 1);
        assert_eq!(taken.iter().map(|one| one.events).sum::<u64>(), 2_000, "each is counted");
        let others = taken.last().unwrap();
        assert_eq!((others.sort.code.as_str(), others.events), (OTHERS, 501));
        assert_eq!((others.first, others.last, others.content.as_str()), (2_499, 2_999, "text 999"));
        let one = &taken[0];
        assert_eq!((one.events, one.first, one.last, one.content.as_str()), (1_000, 0, 999, "text 999"));
        assert!(noted.take().is_empty());
    }

    #[test]
    fn content_is_cut_between_characters() {
        let long = "ä".repeat(MOST_TEXT);
        let one = Rejected::of_unread(&unread("one", &format!("x{long}")), 0);
        assert!(one.cut && one.content.len() < MOST_TEXT && one.content.ends_with('ä'));
        assert!(!Rejected::of_unread(&unread("one", "short"), 0).cut);
    }
}
