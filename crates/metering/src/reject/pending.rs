//! Rejections of one environment that are not written down yet.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

use super::Rejected;

/// Sorts in memory: of more at once nothing is kept, and nothing counted. Whoever sent them was told.
const MOST: usize = 500;

/// What was noted since it was written down last. Anybody notes in it, at any time.
#[derive(Debug, Default)]
pub struct Noted {
    sorts: Mutex<HashMap<Uuid, Rejected>>,
}

impl Noted {
    /// An event was rejected.
    pub fn note(&self, rejected: Rejected) {
        let mut sorts = self.sorts.lock().unwrap_or_else(PoisonError::into_inner);
        let room = sorts.len() < MOST;
        match sorts.get_mut(&rejected.id) {
            Some(known) => known.add(rejected),
            None if room => {
                sorts.insert(rejected.id, rejected);
            }
            // Whoever sent it was told; with so many sorts at once one more says nothing new to staff.
            None => {}
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
    use crate::{event::wire::Unread, reject::MOST_TEXT};

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
        for code in codes {
            noted.note(Rejected::of_unread(&unread(code, ""), 2_000));
        }
        let taken = noted.take();
        assert_eq!(taken.len(), MOST);
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
