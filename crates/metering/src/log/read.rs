//! Reading the event log.

use std::collections::{HashMap, HashSet};

use kernel::Result;
use store::{Row, View, params};

use super::{Address, Entry, Kind, decode};
use crate::{sql, usage::Sample};

/// A chunk, read.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Its number.
    pub n: i64,
    /// Its series.
    pub series: i64,
    /// Its hour.
    pub hour: i64,
    /// The chunk before it of its series and hour; 0 when there is none.
    pub prev: i64,
    /// Its entries.
    pub entries: Vec<Entry>,
}

impl Chunk {
    fn read(row: &Row<'_>) -> Result<Self> {
        let (hour, accepted) = (row.get(2)?, row.get(4)?);
        let bytes: Vec<u8> = row.get(5)?;
        let entries = decode(&bytes, hour, accepted)?;
        Ok(Self { n: row.get(0)?, series: row.get(1)?, hour, prev: row.get(3)?, entries })
    }

    /// Its entries with their addresses.
    pub fn addressed(self) -> impl DoubleEndedIterator<Item = (Address, Entry)> {
        let n = self.n;
        self.entries.into_iter().enumerate().map(move |(place, entry)| (Address::new(n, place), entry))
    }
}

/// The entry at an address, with its series and hour; none when it is gone.
pub fn entry(view: &mut View<'_>, address: Address) -> Result<Option<(i64, i64, Entry)>> {
    let chunk = view.opt(&sql::CHUNK, params![address.chunk()], Chunk::read)?;
    Ok(chunk.and_then(|Chunk { series, hour, mut entries, .. }| {
        (address.place() < entries.len()).then(|| (series, hour, entries.swap_remove(address.place())))
    }))
}

/// Chunks after number `after`, in the order they were accepted.
pub fn chunks_after(view: &mut View<'_>, after: i64, limit: i64) -> Result<Vec<Chunk>> {
    view.all(&sql::CHUNKS_FROM, params![after, limit], Chunk::read)
}

/// Every entry of an hour of a series up to and with chunk `as_of`, in the order they were accepted. `head` is the
/// hour's last chunk.
pub fn hour_entries(view: &mut View<'_>, head: i64, as_of: i64) -> Result<Vec<(Address, Entry)>> {
    let mut entries = Vec::new();
    view.each(&sql::CHAIN, params![head, i64::MAX], |row| {
        let chunk = Chunk::read(row)?;
        if chunk.n <= as_of {
            entries.extend(chunk.addressed().rev());
        }
        Ok(())
    })?;
    entries.reverse();
    Ok(entries)
}

/// The last entries of an hour of a series in the order they were accepted, whole chunks of them: at least `enough`, when
/// there are so many. What is voided is so by a later entry, which is among them.
pub fn last_entries(view: &mut View<'_>, head: i64, enough: usize) -> Result<Vec<(Address, Entry)>> {
    let (mut next, mut at_once, mut found, mut chunks) = (head, 1_i64, 0, Vec::new());
    while next > 0 && found < enough {
        let read = view.all(&sql::CHAIN, params![next, at_once], Chunk::read)?;
        next = read.last().map_or(0, |chunk| chunk.prev);
        found += read.iter().map(|chunk| chunk.entries.len()).sum::<usize>();
        at_once = (at_once * 8).min(512);
        chunks.extend(read);
    }
    Ok(chunks.into_iter().rev().flat_map(Chunk::addressed).collect())
}

/// Chunks that are in memory at once where every event is looked at.
const AT_ONCE: i64 = 16;

/// Every event of an hour of a series up to and with chunk `as_of` that stands, the last one first. Voids are later
/// entries than what they void.
pub fn each_standing(
    view: &mut View<'_>,
    head: i64,
    as_of: i64,
    mut with: impl FnMut(Address, &Entry),
) -> Result<()> {
    let (mut next, mut voided) = (head, HashSet::new());
    while next > 0 {
        let read = view.all(&sql::CHAIN, params![next, AT_ONCE], Chunk::read)?;
        next = read.last().map_or(0, |chunk| chunk.prev);
        for (address, entry) in
            read.into_iter().filter(|chunk| chunk.n <= as_of).flat_map(|chunk| chunk.addressed().rev())
        {
            match entry.kind {
                Kind::Void(target) => drop(voided.insert(target)),
                Kind::Event | Kind::Replacement(_) if voided.remove(&address) => {}
                Kind::Event | Kind::Replacement(_) => with(address, &entry),
            }
        }
    }
    Ok(())
}

/// The chunks of an hour of a series, the last one first, as far back as they lead to each other. Error: `internal` when
/// one cannot be read.
pub fn hour_chunks(view: &mut View<'_>, head: i64) -> Result<Vec<Chunk>> {
    view.all(&sql::CHAIN, params![head, i64::MAX], Chunk::read)
}

/// Those entries that are events and stand, voids among them heeded.
pub fn standing(entries: Vec<(Address, Entry)>) -> Vec<(Address, Entry)> {
    let voided: HashSet<Address> = entries
        .iter()
        .filter_map(|(_, entry)| match entry.kind {
            Kind::Void(target) => Some(target),
            Kind::Event | Kind::Replacement(_) => None,
        })
        .collect();
    let stands = |(address, entry): &(Address, Entry)| {
        !matches!(entry.kind, Kind::Void(_)) && !voided.contains(address)
    };
    entries.into_iter().filter(stands).collect()
}

/// The samples of entries.
pub fn samples(entries: &[(Address, Entry)]) -> Vec<Sample> {
    entries.iter().map(|(_, entry)| Sample { at: entry.at, value: entry.reading.amount() }).collect()
}

/// How often each different value stands among entries.
pub fn values(entries: &[(Address, Entry)]) -> HashMap<u128, i64> {
    let mut values = HashMap::new();
    for (_, entry) in entries {
        if let crate::event::Reading::Value(value) = entry.reading {
            *values.entry(value).or_default() += 1;
        }
    }
    values
}
