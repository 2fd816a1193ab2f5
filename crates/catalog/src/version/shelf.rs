//! The versions this process read last, so that a book is made from its JSON once and not for every batch of
//! renewals.
//!
//! A version is only ever taken from here for a row that the transaction itself sees: the caller has read its id and
//! digest, under its own environment, and both must be those of what is kept. So what another environment owns, what
//! was rolled back and what an older backup says otherwise is never given out, whatever is kept.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use kernel::ids::BookVersionId;

use super::Version;

/// Most bytes of JSON that the versions kept have together. In memory a book takes a few times as much.
const MAX_BYTES: usize = 32_000_000;

static SHELF: LazyLock<Mutex<Shelf>> = LazyLock::new(|| Mutex::new(Shelf::of(MAX_BYTES)));

/// The version of a row with this id and digest, when it was read before.
pub(super) fn kept(id: BookVersionId, digest: &str) -> Option<Arc<Version>> {
    SHELF.lock().unwrap_or_else(PoisonError::into_inner).take_down(id, digest)
}

/// Keep what was read of a row.
pub(super) fn keep(version: &Arc<Version>) {
    let bytes = version.book.canonical_json().len();
    SHELF.lock().unwrap_or_else(PoisonError::into_inner).put(version, bytes);
}

/// What is kept: at most so many bytes, those used last.
struct Shelf {
    kept: HashMap<BookVersionId, Kept>,
    bytes: usize,
    most: usize,
    /// Counts uses.
    turn: u64,
}

struct Kept {
    version: Arc<Version>,
    bytes: usize,
    used: u64,
}

impl Shelf {
    fn of(most: usize) -> Self {
        Self { kept: HashMap::new(), bytes: 0, most, turn: 0 }
    }

    fn take_down(&mut self, id: BookVersionId, digest: &str) -> Option<Arc<Version>> {
        self.turn += 1;
        let kept = self.kept.get_mut(&id).filter(|kept| kept.version.digest == digest)?;
        kept.used = self.turn;
        Some(Arc::clone(&kept.version))
    }

    fn put(&mut self, version: &Arc<Version>, bytes: usize) {
        self.remove(version.id);
        if bytes > self.most {
            return;
        }
        while self.bytes + bytes > self.most {
            let Some(oldest) = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(id, _)| *id) else {
                break;
            };
            self.remove(oldest);
        }
        self.turn += 1;
        self.bytes += bytes;
        self.kept.insert(version.id, Kept { version: Arc::clone(version), bytes, used: self.turn });
    }

    fn remove(&mut self, id: BookVersionId) {
        if let Some(gone) = self.kept.remove(&id) {
            self.bytes -= gone.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{SystemIds, new_id};

    use super::*;

    fn version(digest: &str) -> Arc<Version> {
        let text =
            "book = 1\nname = \"B\"\ncurrency = \"USD\"\nplans.a = { name = \"A\", price = { month = 1 } }\n";
        let book = crate::read("book.toml", text).unwrap();
        let created = "2026-01-15T12:00:00Z".parse().unwrap();
        let (id, book) = (new_id(&SystemIds), Arc::new(book));
        Arc::new(Version { id, number: 1, digest: digest.to_owned(), created, book })
    }

    #[test]
    fn only_the_row_itself_is_given_out() {
        let mut shelf = Shelf::of(100);
        let one = version("one");
        shelf.put(&one, 10);
        assert!(shelf.take_down(one.id, "one").is_some_and(|kept| Arc::ptr_eq(&kept, &one)));
        assert!(shelf.take_down(one.id, "another").is_none(), "the same id with another content");
        assert!(shelf.take_down(version("one").id, "one").is_none(), "the same content under another id");
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut shelf = Shelf::of(100);
        let versions: Vec<_> = (0..4).map(|_| version("d")).collect();
        for version in &versions[..3] {
            shelf.put(version, 33);
        }
        assert!(shelf.take_down(versions[0].id, "d").is_some());
        shelf.put(&versions[3], 50);
        let there: Vec<bool> = versions.iter().map(|one| shelf.kept.contains_key(&one.id)).collect();
        assert_eq!((there.as_slice(), shelf.bytes), (&[true, false, false, true][..], 83));
        // Once more, and one that would fill all of it.
        shelf.put(&versions[3], 60);
        shelf.put(&versions[1], 101);
        assert_eq!((shelf.kept.len(), shelf.bytes), (2, 93));
        shelf.put(&versions[2], 100);
        assert_eq!((shelf.kept.len(), shelf.bytes), (1, 100));
    }
}
