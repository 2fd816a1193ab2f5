//! A sort of rejected events.

use kernel::Error;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::event::{Checked, NewEvent, wire::Unread};

/// The most bytes of an event's content that are kept.
pub const MOST_TEXT: usize = 2_048;
/// The most bytes of a name that are kept.
const MOST_NAME: usize = 256;

/// The code of the sort that counts those of very many sorts that came at once.
pub const OTHERS: &str = "others";

/// Events that were rejected for the same reason: the same code, place, meter, source and subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Names the sort.
    pub id: Uuid,
    /// What is the same of them.
    pub sort: Sort,
    /// What was said of the last one.
    pub detail: String,
    /// The last one's id at its source; empty when it could not be read.
    pub event: String,
    /// Its time in microseconds; none when it had none.
    pub at: Option<i64>,
    /// Its data, or all of it when it could not be read: the first [`MOST_TEXT`] bytes.
    pub content: String,
    /// Whether the content was longer.
    pub cut: bool,
    /// How many there were.
    pub events: u64,
    /// When the first one came, in microseconds of business time.
    pub first: i64,
    /// When the last one came.
    pub last: i64,
}

/// What is the same of events that were rejected for the same reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// The reason: an error code.
    pub code: String,
    /// The place in the event that is meant, a JSON pointer; empty: all of it.
    pub pointer: String,
    /// The type that was sent, which should be a meter's key; empty when it could not be read.
    pub meter: String,
    /// The source; likewise.
    pub source: String,
    /// The subject; likewise.
    pub subject: String,
}

impl Sort {
    /// Its id: from what is the same, so that every process finds the same row.
    pub fn id(&self) -> Uuid {
        let Self { code, pointer, meter, source, subject } = self;
        let mut hash = Sha256::new();
        for part in [code, pointer, meter, source, subject] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_at(16);
        Uuid::from_u128(first.iter().fold(0, |value, byte| (value << 8) | u128::from(*byte)))
    }
}

impl Rejected {
    /// An event that is not in order.
    pub(crate) fn of_event(error: &Error, event: &NewEvent, now: i64) -> Self {
        let NewEvent { source, id, meter, subject, at, data } = event;
        let names = [meter, source, subject, id].map(String::as_str);
        let data = data.as_deref().map_or("", serde_json::value::RawValue::get);
        Self::new(error, names, at.map(jiff::Timestamp::as_microsecond), data, now)
    }

    /// An event that is in order and cannot be counted.
    pub(crate) fn of_checked(error: &Error, event: &Checked, now: i64) -> Self {
        let names = [&event.meter.key, &event.name.source, &event.subject, &event.name.id];
        Self::new(error, names.map(String::as_str), event.at, &event.data, now)
    }

    /// Something that is no event.
    pub(crate) fn of_unread(unread: &Unread, now: i64) -> Self {
        Self::new(&unread.error, ["", "", "", ""], None, &unread.text, now)
    }

    fn new(
        error: &Error,
        [meter, source, subject, id]: [&str; 4],
        at: Option<i64>,
        text: &str,
        now: i64,
    ) -> Self {
        // A text of PostgreSQL has no such character.
        let kept = |text, most| cut(text, most).replace('\0', " ");
        let name = |text| kept(text, MOST_NAME);
        let pointer = error.fields.first().map_or("", |field| field.pointer.as_str());
        let (code, pointer) = (error.code.to_owned(), name(pointer));
        let sort = Sort { code, pointer, meter: name(meter), source: name(source), subject: name(subject) };
        Self {
            id: sort.id(),
            sort,
            detail: kept(&error.detail, MOST_TEXT),
            event: name(id),
            at,
            content: kept(text, MOST_TEXT),
            cut: text.len() > MOST_TEXT,
            events: 1,
            first: now,
            last: now,
        }
    }

    /// The same event in the sort of all that are too many to be told apart.
    pub(super) fn among_others(self) -> Self {
        let sort = Sort { code: OTHERS.to_owned(), ..Sort::default() };
        let detail = format!(
            "Events were rejected for more than {} reasons at once. This counts those beyond; the last one: {}",
            super::pending::MOST,
            self.detail
        );
        Self { id: sort.id(), sort, detail: cut(&detail, MOST_TEXT).to_owned(), ..self }
    }

    /// Add later ones of the same sort.
    pub(crate) fn add(&mut self, later: Self) {
        let (events, first) = (self.events + later.events, self.first.min(later.first));
        *self = Self { events, first, ..later };
    }
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}
