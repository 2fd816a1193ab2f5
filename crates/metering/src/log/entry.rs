//! One entry of the event log: an event, or the word that one does not count.

use kernel::{Error, Result};

use super::codec::{Reader, write_bytes, write_signed, write_unsigned};
use crate::event::{EventName, Reading};

/// Where an entry stands: its chunk, and its place there. Later entries have greater addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub u64);

/// The most entries of a chunk.
pub const CHUNK_ENTRIES: usize = 4_096;

impl Address {
    /// Of the entry at a place in a chunk.
    pub const fn new(chunk: i64, place: usize) -> Self {
        Self(((chunk as u64) << 16) | place as u64)
    }

    /// Its chunk.
    pub const fn chunk(self) -> i64 {
        (self.0 >> 16) as i64
    }

    /// Its place in the chunk.
    pub const fn place(self) -> usize {
        (self.0 & 0xffff) as usize
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event.
    Event,
    /// An event in the place of one that is voided.
    Replacement(Address),
    /// The event there does not count.
    Void(Address),
}

/// One entry. A void carries time and reading of what it voids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The event's name.
    pub name: EventName,
    /// When it happened, in microseconds.
    pub at: i64,
    /// When it was accepted, on the owner's clock, in microseconds.
    pub accepted: i64,
    /// What it brings to the meter.
    pub reading: Reading,
    /// Consumed beyond a limit, by the commit of a hold.
    pub over_limit: bool,
    /// The JSON object as it was sent.
    pub data: String,
    /// The answer that was given when it was consumed, as stored by [`crate::limit`].
    pub answer: Option<Vec<u8>>,
}

const KIND: u8 = 0b11;
const DISTINCT: u8 = 1 << 2;
const ANSWERED: u8 = 1 << 3;
const OVER_LIMIT: u8 = 1 << 4;

/// The entries of a chunk as bytes. `hour` is the chunk's, `accepted` a time near theirs.
pub fn encode(entries: &[Entry], hour: i64, accepted: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.iter().map(|entry| entry.data.len() + 64).sum());
    let mut source = "";
    for entry in entries {
        let mut flags = match entry.kind {
            Kind::Event => 0,
            Kind::Replacement(_) => 1,
            Kind::Void(_) => 2,
        };
        flags |= if matches!(entry.reading, Reading::Value(_)) { DISTINCT } else { 0 };
        flags |= if entry.answer.is_some() { ANSWERED } else { 0 };
        flags |= if entry.over_limit { OVER_LIMIT } else { 0 };
        out.push(flags);
        if let Kind::Replacement(target) | Kind::Void(target) = entry.kind {
            write_unsigned(&mut out, target.0);
        }
        // A source is never empty: nothing stands for the one before.
        let same = entry.name.source == source;
        write_bytes(&mut out, if same { b"" } else { entry.name.source.as_bytes() });
        source = &entry.name.source;
        write_bytes(&mut out, entry.name.id.as_bytes());
        write_signed(&mut out, entry.at - hour);
        write_signed(&mut out, entry.accepted - accepted);
        match entry.reading {
            Reading::Amount(amount) => write_signed(&mut out, amount),
            Reading::Value(value) => out.extend_from_slice(&value.to_be_bytes()),
        }
        write_bytes(&mut out, entry.data.as_bytes());
        if let Some(answer) = &entry.answer {
            write_bytes(&mut out, answer);
        }
    }
    out
}

/// The inverse of [`encode`]. Error: `internal` when the bytes are damaged.
pub fn decode(bytes: &[u8], hour: i64, accepted: i64) -> Result<Vec<Entry>> {
    let mut from = Reader::new(bytes);
    let mut entries: Vec<Entry> = Vec::new();
    while !from.is_at_end() {
        let flags = from.byte()?;
        let kind = match flags & KIND {
            0 => Kind::Event,
            1 => Kind::Replacement(Address(from.unsigned()?)),
            2 => Kind::Void(Address(from.unsigned()?)),
            _ => return Err(Error::internal("an entry of the event log is of an unknown kind")),
        };
        let source = match (from.text()?, entries.last()) {
            ("", Some(before)) => before.name.source.clone(),
            (source, _) => source.to_owned(),
        };
        let name = EventName { source, id: from.text()?.to_owned() };
        let (at, accepted) = (hour + from.signed()?, accepted + from.signed()?);
        let reading = match flags & DISTINCT {
            0 => Reading::Amount(from.signed()?),
            _ => Reading::Value(u128::from_be_bytes(from.array()?)),
        };
        let data = from.text()?.to_owned();
        let answer = if flags & ANSWERED == 0 { None } else { Some(from.bytes()?.to_vec()) };
        let over_limit = flags & OVER_LIMIT != 0;
        entries.push(Entry { kind, name, at, accepted, reading, over_limit, data, answer });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let kind = prop_oneof![
            Just(Kind::Event),
            any::<u64>().prop_map(|at| Kind::Replacement(Address(at))),
            any::<u64>().prop_map(|at| Kind::Void(Address(at))),
        ];
        let reading =
            prop_oneof![any::<i64>().prop_map(Reading::Amount), any::<u128>().prop_map(Reading::Value)];
        let times = (-1_i64 << 50..1 << 50, -1_i64 << 50..1 << 50);
        let entry =
            (kind, "[ab]", ".{1,4}", times, reading, any::<bool>(), ".{0,9}", any::<Option<Vec<u8>>>());
        let entry =
            entry.prop_map(|(kind, source, id, (at, accepted), reading, over_limit, data, answer)| {
                let name = EventName { source, id };
                Entry { kind, name, at, accepted, reading, over_limit, data, answer }
            });
        proptest::collection::vec(entry, 0..6)
    }

    proptest! {
        #[test]
        fn a_chunk_reads_back(entries in entries(), hour in 0_i64..1 << 50, accepted in 0_i64..1 << 50) {
            prop_assert_eq!(decode(&encode(&entries, hour, accepted), hour, accepted).unwrap(), entries);
        }

        #[test]
        fn damage_is_an_error_and_no_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes, 0, 0);
        }
    }

    #[test]
    fn addresses_are_in_the_order_of_the_log() {
        let address = Address::new(7, 4_095);
        assert_eq!((address.chunk(), address.place()), (7, 4_095));
        assert!(Address::new(8, 0) > address);
    }
}
