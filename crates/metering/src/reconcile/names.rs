//! The names of events against the events themselves: each event that is kept has its name, which leads to it, and is
//! found by the filter before it. A name that were lost would let its event count twice.
//!
//! Both sides are added up apart, events as their log is walked through, names as their pages are, in sums of 64 chunks
//! of the log. Only where two sums differ the names are looked at one by one.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Error, Result};
use store::{Db, Scope, View, params};

use super::{Difference, Proof, Reached};
use crate::{
    event::{EventName, Fingerprints},
    log::{self, Address, Chunk, Entry, Kind},
    once::{Filter, Record, segment},
    sql,
};

/// Chunks of the log that are added up together.
const SHELF: i64 = 64;
/// Pages of names read at once: 2 MiB.
const PAGES: i64 = 256;
/// Sums that differ and are looked into.
const MOST_SHELVES: usize = 50;
/// How often names are read again that were moved meanwhile.
const TRIES: usize = 5;

/// What is behind a commit beyond its hold has no name of its own: it cannot be sent.
const BEYOND: &str = " (beyond its hold)";

/// Sums of names by shelves of the log, those of events less those of the index.
pub struct Sums {
    fingerprints: Fingerprints,
    shelves: Vec<u128>,
}

impl Sums {
    /// Of nothing yet, up to a chunk.
    pub fn new(db: &Db, scope: &Scope, last: i64) -> Result<Self> {
        let secret = db.read(scope, |view| view.opt(&sql::OWNER, params![], |row| row.get::<Vec<u8>>(7)));
        let secret = secret.wait()?.unwrap_or_default();
        let shelves = vec![0; usize::try_from(last / SHELF + 1).unwrap_or(0)];
        Ok(Self { fingerprints: Fingerprints::new(&secret), shelves })
    }

    /// What the names of a chunk's events come to.
    pub fn of_chunk(&self, chunk: &Chunk) -> u128 {
        let named = chunk.entries.iter().enumerate().filter(|(_, entry)| is_named(entry));
        named.fold(0, |sum, (place, entry)| sum.wrapping_add(mark(self.record(chunk.n, place, entry))))
    }

    fn record(&self, n: i64, place: usize, entry: &Entry) -> (u128, Address) {
        let EventName { source, id } = &entry.name;
        (self.fingerprints.identity(source, id), Address::new(n, place))
    }

    /// The log has it.
    pub fn add(&mut self, chunk: i64, sum: u128) {
        if let Some(shelf) = usize::try_from(chunk / SHELF).ok().and_then(|shelf| self.shelves.get_mut(shelf))
        {
            *shelf = shelf.wrapping_add(sum);
        }
    }

    /// The index has it.
    fn take(&mut self, (identity, address): (u128, Address)) {
        let sum = mark((identity, address));
        self.add(address.chunk(), 0_u128.wrapping_sub(sum));
    }

    /// Take away what the index has, and name what is left. Only chunks that were reached count: others are a difference
    /// of their own, or older than is kept.
    pub fn prove(mut self, db: &Db, scope: &Scope, reached: &Reached, proof: &mut Proof) -> Result<()> {
        let mut damaged = Vec::new();
        each_name(db, scope, &mut damaged, |(identity, known)| {
            if reached.has(known.address.chunk()) {
                self.take((identity, known.address));
            }
        })?;
        for number in damaged {
            let place = format!("segment {number} of the names");
            proof.add(differs("names_unreachable", place, "a filter over its names", "another one"));
        }
        let wrong = self.shelves.iter().enumerate().filter(|(_, sum)| **sum != 0);
        let wrong: BTreeSet<i64> = wrong.map(|(shelf, _)| shelf as i64).take(MOST_SHELVES).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let mut index: BTreeMap<(i64, usize), u128> = BTreeMap::new();
        each_name(db, scope, &mut Vec::new(), |(identity, known)| {
            let address = known.address;
            if wrong.contains(&(address.chunk() / SHELF)) && reached.has(address.chunk()) {
                index.insert((address.chunk(), address.place()), identity);
            }
        })?;
        for shelf in wrong {
            self.look_into(db, scope, shelf, &mut index, reached, proof)?;
        }
        // What is left leads to nothing.
        for (n, place) in index.into_keys() {
            let place = format!("entry {place} of chunk {n} of the log");
            proof.add(differs("name_astray", place, "the event of a name that is known", "no such event"));
        }
        Ok(())
    }

    /// The events of a shelf, one by one; their names are taken out of the index.
    fn look_into(
        &self,
        db: &Db,
        scope: &Scope,
        shelf: i64,
        index: &mut BTreeMap<(i64, usize), u128>,
        reached: &Reached,
        proof: &mut Proof,
    ) -> Result<()> {
        let chunks = db.read(scope, move |view| log::chunks_after(view, shelf * SHELF - 1, SHELF)).wait()?;
        for chunk in chunks.iter().filter(|chunk| chunk.n / SHELF == shelf && reached.has(chunk.n)) {
            for (place, entry) in chunk.entries.iter().enumerate() {
                let (identity, _) = self.record(chunk.n, place, entry);
                let found = index.remove(&(chunk.n, place));
                if found == Some(identity) || (found.is_none() && !is_named(entry)) {
                    continue;
                }
                let place = format!("entry {place} of chunk {} of the log", chunk.n);
                let found = if found.is_some() { "the name of another event" } else { "none" };
                let code = if found == "none" { "name_missing" } else { "name_astray" };
                proof.add(differs(code, place, "the name of its event", found));
            }
        }
        Ok(())
    }
}

fn is_named(entry: &Entry) -> bool {
    entry.kind == Kind::Event && !entry.name.id.ends_with(BEYOND)
}

/// A name at an address as a number that is added up.
fn mark((identity, address): (u128, Address)) -> u128 {
    identity ^ u128::from(address.0).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn differs(code: &'static str, place: String, expected: &str, found: &str) -> Difference {
    let (expected, found) = (expected.to_owned(), found.to_owned());
    Difference { code, customer: None, meter: String::new(), place, expected, found }
}

/// Every name that is stored, each once. Numbers of segments whose filter is not that of their names are `damaged`.
///
/// The owner may move names from the tail into a segment meanwhile: what is read of the tail must fit to the segments.
fn each_name(db: &Db, scope: &Scope, damaged: &mut Vec<i64>, mut each: impl FnMut(Record)) -> Result<()> {
    let (tail, segments) = settled(db, scope)?;
    tail.iter().for_each(|names| segment::decode(names).for_each(&mut each));
    for number in segments {
        let mut identities = Vec::new();
        let mut after = -1;
        loop {
            let pages = db.read(scope, move |view| pages(view, number, after)).wait()?;
            let Some((last, _)) = pages.last() else { break };
            after = *last;
            for record in pages.iter().flat_map(|(_, names)| segment::decode(names)) {
                identities.push(record.0);
                each(record);
            }
        }
        let stored = db.read(scope, move |view| view.opt(&sql::FILTER, params![number], |row| row.get(0)));
        let stored: Option<Vec<u8>> = stored.wait()?;
        // Retention lets go of a segment that is older than everything that is looked at.
        let Some(stored) = stored else { continue };
        let right = |filter: Filter| filter.is_over(identities.iter().copied());
        if identities.is_sorted() && Filter::decode(&stored).is_ok_and(right) {
            continue;
        }
        damaged.push(number);
    }
    Ok(())
}

/// The tail, and the numbers of the segments that were sealed before it.
fn settled(db: &Db, scope: &Scope) -> Result<(Vec<Vec<u8>>, Vec<i64>)> {
    for _ in 0..TRIES {
        let numbers = |view: &mut View<'_>| view.all(&sql::SEGMENT_NUMBERS, params![], |row| row.get(0));
        let read = db.read(scope, move |view| {
            let before: Vec<i64> = numbers(view)?;
            let tail = view.all(&sql::TAIL, params![], |row| row.get::<Vec<u8>>(0))?;
            Ok((before, tail, numbers(view)?))
        });
        let (before, tail, after) = read.wait()?;
        if before == after {
            return Ok((tail, before));
        }
    }
    Err(Error::unavailable("too_busy", "Names are being sealed all the time. Try again in a moment."))
}

fn pages(view: &mut View<'_>, segment: i64, after: i64) -> Result<Vec<(i64, Vec<u8>)>> {
    view.all(&sql::PAGES_AFTER, params![segment, after, PAGES], |row| Ok((row.get(0)?, row.get(1)?)))
}
