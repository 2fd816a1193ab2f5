//! The log against what was counted from it: every event is behind a tally, every tally is what its events make it,
//! every event has its name, and what is posted of critical meters is what the log says. Reads only; beside the owner,
//! in small steps.

mod names;

use std::{collections::BTreeMap, sync::Arc};

use catalog::Aggregation;
use jiff::Timestamp;
use kernel::{Kind, Result, ids::CustomerId};
use store::{Db, Scope, View, params};

use crate::{
    double::{self, Balance, Sources},
    event, log, sql,
    usage::{Tally, Touched},
};

use names::Sums;

/// The kind of the job that does it, in one environment.
pub const JOB: &str = "usage.reconcile";
/// Tallies looked at in one read.
const AT_ONCE: i64 = 500;
/// Differences that are named; the rest is only counted.
pub const MOST: usize = 1_000;

/// Something that is stored twice and not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What sort: `tally_differs`, `values_differ`, `event_missing`, `event_unreached`, `log_damaged`, `name_missing`,
    /// `name_astray`, `names_unreachable`, and of critical meters `posting_differs`, `double_entry_differs`,
    /// `billed_differs` here; billing adds its own.
    pub code: &'static str,
    /// Whose, where that is known.
    pub customer: Option<CustomerId>,
    /// The meter, where that is known.
    pub meter: String,
    /// Where: an hour of a series, a chunk of the log, a line of an invoice.
    pub place: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// What was compared, and what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Hours of series whose tally was counted anew.
    pub tallies: u64,
    /// Events that stand behind them.
    pub events: u64,
    /// Chunks of the log.
    pub chunks: u64,
    /// The accounts of critical meters.
    pub balances: Vec<Balance>,
    /// All differences; [`Proof::named`] are the first of them.
    pub differences: u64,
    /// The first differences.
    pub named: Vec<Difference>,
}

impl Proof {
    /// A difference.
    pub fn add(&mut self, difference: Difference) {
        self.differences += 1;
        if self.named.len() < MOST {
            self.named.push(difference);
        }
    }
}

/// Count every tally anew from the log and look for events that no tally reaches. `kept` is the instant before which
/// events may have been let go of: what is older is not looked at.
pub fn prove(db: &Db, scope: &Scope, kept: Timestamp) -> Result<Proof> {
    let db = db.usage().background();
    let kept = kept.as_microsecond();
    let last = db.read(scope, crate::usage::watermark).wait()?;
    let (mut proof, mut reached) = (Proof::default(), Reached::new(last));
    let mut sums = Sums::new(&db, scope, last)?;
    let posted: Arc<Sources> = Arc::new(db.read(scope, since).wait()?);
    let mut after = (kept, i64::MIN);
    loop {
        let page = db.read(scope, move |view| page(view, after)).wait()?;
        let Some(end) = page.last().map(|one| (one.hour, one.series)) else { break };
        for one in page {
            let stored = one.clone();
            let since = Arc::clone(&posted);
            let mut seen = db.read(scope, move |view| look(view, &stored, &since)).wait()?;
            if !seen.differences.is_empty() {
                // On PostgreSQL two statements may see a group that was committed between them: look again.
                let since = Arc::clone(&posted);
                seen = db.read(scope, move |view| look_again(view, &one, &since)).wait()?;
            }
            proof.tallies += 1;
            proof.events += seen.events;
            proof.chunks += seen.chunks.len() as u64;
            for chunk in seen.chunks.into_iter().filter(|chunk| chunk.n <= last) {
                reached.add(chunk.n);
                sums.add(chunk.n, sums.of_chunk(&chunk));
            }
            seen.differences.into_iter().for_each(|difference| proof.add(difference));
        }
        after = end;
    }
    unreached(&db, scope, &reached, kept, &mut proof)?;
    sums.prove(&db, scope, &reached, &mut proof)?;
    proof.balances = double::prove(&db, scope, &mut proof)?;
    Ok(proof)
}

/// A tally as stored.
#[derive(Clone)]
struct Stored {
    hour: i64,
    series: i64,
    head: i64,
    tally: Vec<u8>,
}

/// What is behind a tally.
#[derive(Default)]
struct Seen {
    events: u64,
    chunks: Vec<log::Chunk>,
    differences: Vec<Difference>,
}

fn page(view: &mut View<'_>, (hour, series): (i64, i64)) -> Result<Vec<Stored>> {
    view.all(&sql::TALLIES_AFTER, params![hour, series, AT_ONCE], |row| {
        Ok(Stored { hour: row.get(0)?, series: row.get(1)?, head: row.get(2)?, tally: row.get(3)? })
    })
}

/// The same with the tally as it is by now.
fn look_again(view: &mut View<'_>, stored: &Stored, posted: &Sources) -> Result<Seen> {
    let now = view.opt(&sql::TALLIES_AT, params![stored.hour, vec![stored.series]], |row| {
        Ok((row.get::<i64>(1)?, row.get::<Vec<u8>>(2)?))
    })?;
    let (head, tally) = now.unwrap_or((stored.head, stored.tally.clone()));
    look(view, &Stored { head, tally, ..stored.clone() }, posted)
}

/// Since which chunk meters are kept in double entry.
fn since(view: &mut View<'_>) -> Result<Sources> {
    let sources = double::sources(view)?;
    Ok(sources.into_iter().map(|one| ((one.meter, one.kind), one.since)).collect())
}

/// Whose a series is.
struct Whose {
    customer: CustomerId,
    meter: String,
    kind: String,
    aggregation: Option<Aggregation>,
}

fn look(view: &mut View<'_>, stored: &Stored, posted: &Sources) -> Result<Seen> {
    let whose = view.opt(&sql::SERIES, params![stored.series], |row| {
        let kind: String = row.get(2)?;
        let aggregation = aggregation(&kind);
        Ok(Whose { customer: row.get(0)?, meter: row.get(1)?, kind, aggregation })
    })?;
    let since = whose.as_ref().and_then(|whose| posted.get(&(whose.meter.clone(), whose.kind.clone())));
    // With what is posted the tally is read again, in one statement: both grow with each commit.
    let entered = since.map(|_| double::posted_at(view, stored.hour, stored.series)).transpose()?.flatten();
    let current = entered.as_ref().map(|entered| Stored {
        head: entered.head,
        tally: entered.tally.clone(),
        ..stored.clone()
    });
    let stored = current.as_ref().unwrap_or(stored);
    let mut seen = Seen::default();
    let differs = |code, expected: String, found: String| Difference {
        code,
        customer: whose.as_ref().map(|whose| whose.customer),
        meter: whose.as_ref().map(|whose| whose.meter.clone()).unwrap_or_default(),
        place: format!("series {} in the hour from {}", stored.series, at(stored.hour)),
        expected,
        found,
    };
    let chain = match log::hour_chunks(view, stored.head) {
        Ok(chain) => chain,
        Err(error) if error.kind == Kind::Internal => {
            seen.differences.push(differs("log_damaged", "events that can be read".into(), error.detail));
            return Ok(seen);
        }
        Err(error) => return Err(error),
    };
    let first = chain.last().map_or(stored.head, |chunk| chunk.prev);
    seen.chunks = chain;
    if first != 0 {
        let (expected, found) = (format!("chunk {first} of the log"), "no such chunk".to_owned());
        seen.differences.push(differs("event_missing", expected, found));
        return Ok(seen);
    }
    let entries = seen.chunks.iter().rev().cloned().flat_map(log::Chunk::addressed).collect();
    let entries = log::standing(entries);
    seen.events = entries.len() as u64;
    let Some(aggregation) = whose.as_ref().and_then(|whose| whose.aggregation) else {
        let expected = "a series of a meter that is known".to_owned();
        seen.differences.push(differs("tally_differs", expected, "none".to_owned()));
        return Ok(seen);
    };
    let counted = Tally::of(aggregation, log::samples(&entries));
    match Tally::decode(aggregation, &stored.tally) {
        Ok(tally) if tally == counted => {}
        Ok(tally) => {
            seen.differences.push(differs("tally_differs", shown(&counted), shown(&tally)));
        }
        Err(error) => seen.differences.push(differs("tally_differs", shown(&counted), error.detail)),
    }
    if let (Some(since), Some(entered)) = (since, &entered) {
        let (expected, found) = (double::of_chain(aggregation, &seen.chunks, *since), entered.posting);
        if expected != found {
            seen.differences.push(differs("posting_differs", expected.to_string(), found.to_string()));
        }
    }
    if aggregation == Aggregation::Unique {
        let values = log::values(&entries);
        let found = values_at(view, stored)?;
        let counted: BTreeMap<u128, i64> = values.into_iter().filter(|(_, events)| *events > 0).collect();
        if counted != found {
            let (expected, found) = (different(&counted), different(&found));
            seen.differences.push(differs("values_differ", expected, found));
        }
    }
    Ok(seen)
}

fn values_at(view: &mut View<'_>, stored: &Stored) -> Result<BTreeMap<u128, i64>> {
    let mut values = BTreeMap::new();
    view.each(&sql::VALUES_OF, params![stored.hour, stored.series], |row| {
        let (bytes, events): (Vec<u8>, i64) = (row.get(0)?, row.get(1)?);
        let value = <[u8; 16]>::try_from(bytes).map(u128::from_be_bytes).unwrap_or_default();
        values.insert(value, events);
        Ok(())
    })?;
    Ok(values)
}

fn different(values: &BTreeMap<u128, i64>) -> String {
    format!("{} different values of {} events", values.len(), values.values().sum::<i64>())
}

fn shown(tally: &Tally) -> String {
    format!("{} events, {:?}", tally.events, tally.state)
}

fn aggregation(kind: &str) -> Option<Aggregation> {
    let word = kind.split_once('/').map_or(kind, |(word, _)| word);
    let all = [
        Aggregation::Count,
        Aggregation::Sum,
        Aggregation::Max,
        Aggregation::Min,
        Aggregation::Unique,
        Aggregation::Latest,
        Aggregation::TimeWeighted,
    ];
    all.into_iter().find(|one| event::word(*one) == word)
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The chunks that some tally leads to, one bit each.
struct Reached {
    bits: Vec<u64>,
    last: i64,
}

impl Reached {
    fn new(last: i64) -> Self {
        Self { bits: vec![0; usize::try_from(last / 64 + 1).unwrap_or(0)], last }
    }

    fn add(&mut self, n: i64) {
        let place = usize::try_from(n / 64).ok().and_then(|place| self.bits.get_mut(place));
        if let Some(bits) = place {
            *bits |= 1 << (n % 64);
        }
    }

    fn has(&self, n: i64) -> bool {
        let bits = usize::try_from(n / 64).ok().and_then(|place| self.bits.get(place));
        bits.is_some_and(|bits| bits & (1 << (n % 64)) != 0)
    }
}

/// Chunks that no tally leads to. What came after the proof began is not among them.
fn unreached(db: &Db, scope: &Scope, reached: &Reached, kept: i64, proof: &mut Proof) -> Result<()> {
    let mut after = 0;
    loop {
        let chunks = move |view: &mut View<'_>| {
            view.all(&sql::CHUNKS_OF_WHOM, params![after, AT_ONCE * 10], Touched::read)
        };
        let chunks = db.read(scope, chunks).wait()?;
        let Some(end) = chunks.last().map(|one| one.chunk) else { return Ok(()) };
        let lost =
            |one: &Touched| one.chunk <= reached.last && one.hour.start > kept && !reached.has(one.chunk);
        for one in chunks.into_iter().filter(lost) {
            proof.add(Difference {
                code: "event_unreached",
                customer: Some(one.customer),
                meter: one.meter,
                place: format!("chunk {} of the log, in the hour from {}", one.chunk, at(one.hour.start)),
                expected: "a tally that leads to it".to_owned(),
                found: "none".to_owned(),
            });
        }
        if end >= reached.last {
            return Ok(());
        }
        after = end;
    }
}
