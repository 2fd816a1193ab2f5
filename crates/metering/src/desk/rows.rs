//! What one group of asks writes, in one transaction.

use jiff::Timestamp;
use kernel::{Error, Result, ids::CustomerId};
use store::{ToValue, Tx, Value, params};
use uuid::Uuid;

use crate::{
    double::{self, Parts, Posting},
    limit::Crossing,
    log::{self, Entry},
    sql,
};

/// Everything a group writes.
#[derive(Debug, Default)]
pub struct Rows {
    /// New series.
    pub series: Vec<SeriesRow>,
    /// New chunks, in the order of their numbers.
    pub chunks: Vec<ChunkRow>,
    /// Tallies as they are now: hour, series, head, bytes.
    pub tallies: Vec<(i64, i64, i64, Vec<u8>)>,
    /// By how much different values became more frequent: hour, series, value.
    pub values: Vec<(i64, i64, u128, i64)>,
    /// The names that were accepted.
    pub names: Vec<crate::once::Record>,
    /// Amounts of acceptance seconds as they are now: customer, meter, who, second.
    pub seconds: Vec<(CustomerId, String, String, i64, i64)>,
    /// New holds.
    pub holds: Vec<HoldRow>,
    /// Holds that ended: state and answer.
    pub closed: Vec<(Uuid, &'static str, Vec<u8>)>,
    /// What is posted to the usage of critical meters: hour and series.
    pub posted: Vec<(i64, i64, Posting)>,
    /// What is drawn from their sources.
    pub drawn: Vec<DrawnRow>,
    /// Percentages of limits that were reached.
    pub crossings: Vec<CrossingRow>,
    /// An event that was voided or replaced.
    pub change: Option<ChangeRow>,
}

/// A new series.
#[derive(Debug)]
pub struct SeriesRow {
    pub customer: CustomerId,
    pub meter: String,
    pub kind: String,
    pub subscription: Uuid,
    pub dimensions: String,
    pub id: i64,
    pub shift: u8,
}

/// A new chunk.
#[derive(Debug)]
pub struct ChunkRow {
    pub n: i64,
    pub series: i64,
    pub hour: i64,
    pub prev: i64,
    pub accepted: i64,
    pub entries: Vec<Entry>,
}

/// A new hold.
#[derive(Debug)]
pub struct HoldRow {
    pub id: Uuid,
    pub identity: u128,
    pub customer: CustomerId,
    pub meter: String,
    pub who: String,
    pub amount: i64,
    pub reserved: i64,
    pub expires: i64,
    pub event: serde_json::Value,
    pub answer: Vec<u8>,
}

/// A percentage of a limit that was reached.
#[derive(Debug)]
pub struct CrossingRow {
    pub customer: CustomerId,
    pub subscription: Uuid,
    pub meter: String,
    pub who: String,
    pub crossing: Crossing,
    pub amount: i64,
    pub decimals: u8,
    pub upgrade: Option<String>,
    pub at: i64,
}

/// What a group draws from the source of a critical meter.
#[derive(Debug)]
pub struct DrawnRow {
    pub meter: String,
    pub kind: String,
    /// The first chunk of the group.
    pub since: i64,
    /// When it is drawn from for the first time: the first id of series that are new in the group.
    pub first: Option<i64>,
    /// So much, negative.
    pub drawn: Posting,
}

/// What happened to an accepted event.
#[derive(Debug)]
pub struct ChangeRow {
    pub original: i64,
    pub number: i64,
    pub replacement: Option<i64>,
    pub actor: String,
    pub reason: Option<String>,
}

/// The lease a group is committed under, and the counters it leaves.
#[derive(Clone, Copy, Debug)]
pub struct Stand {
    pub epoch: i64,
    pub until: Timestamp,
    pub next_chunk: i64,
    pub next_series: i64,
    pub accepted: i64,
}

impl Rows {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.holds.is_empty() && self.closed.is_empty()
    }

    /// Write everything. Error: `owner_deposed` when somebody else owns the environment's metering by now.
    pub fn save(&self, tx: &mut Tx<'_>, stand: Stand) -> Result<()> {
        let Stand { epoch, until, next_chunk, next_series, accepted } = stand;
        tx.exec_later(&sql::KEEP, params![epoch, until, next_chunk, next_series, accepted], deposed)?;
        if !self.series.is_empty() {
            tx.bulk_later(&sql::INSERT_SERIES, self.series.iter().map(series_row))?;
        }
        if let Some(first) = self.chunks.first() {
            tx.bulk_later(&sql::INSERT_CHUNKS, self.chunks.iter().map(chunk_row))?;
            tx.bulk_later(
                &sql::SAVE_TALLIES,
                self.tallies.iter().map(|(hour, series, head, tally)| {
                    [Value::Int(*hour), Value::Int(*series), Value::Int(*head), tally.to_value()]
                }),
            )?;
            if !self.names.is_empty() {
                let names = crate::once::segment::encode(&self.names);
                tx.bulk_later(&sql::INSERT_TAIL, [[Value::Int(first.n), Value::Bytes(names.into())]])?;
            }
        }
        if !self.values.is_empty() {
            tx.bulk_later(
                &sql::COUNT_VALUES,
                self.values.iter().map(|(hour, series, value, events)| {
                    let value = Value::Bytes(value.to_be_bytes().to_vec().into());
                    [Value::Int(*hour), Value::Int(*series), value, Value::Int(*events)]
                }),
            )?;
        }
        if !self.seconds.is_empty() {
            tx.bulk_later(
                &sql::SAVE_SECONDS,
                self.seconds.iter().map(|(customer, meter, who, second, amount)| {
                    let (second, amount) = (Value::Int(*second), Value::Int(*amount));
                    [customer.to_value(), meter.to_value(), who.to_value(), second, amount]
                }),
            )?;
        }
        self.save_postings(tx, accepted)?;
        if !self.crossings.is_empty() {
            tx.bulk_later(&sql::INSERT_CROSSINGS, self.crossings.iter().map(crossing_row))?;
        }
        self.save_holds(tx)?;
        match &self.change {
            Some(ChangeRow { original, number, replacement, actor, reason }) => {
                let recorded = tx.recorded();
                tx.exec_one(&sql::CHANGE, params![original, number, replacement, actor, reason, recorded])
            }
            None => Ok(()),
        }
    }

    /// Both legs of what critical meters accepted.
    fn save_postings(&self, tx: &mut Tx<'_>, accepted: i64) -> Result<()> {
        if self.posted.is_empty() {
            return Ok(());
        }
        let posting = |posting: &Posting| {
            let Parts { hi, lo } = Parts::of(posting.quantity);
            [hi, lo, posting.events].map(Value::Int)
        };
        tx.bulk_later(
            &double::sql::POST,
            self.posted.iter().map(|(hour, series, posted)| {
                let [hi, lo, events] = posting(posted);
                [Value::Int(*hour), Value::Int(*series), hi, lo, events]
            }),
        )?;
        let mut rows = Vec::with_capacity(self.drawn.len());
        for DrawnRow { meter, kind, since, first, drawn } in &self.drawn {
            let used = first.map(|first| tx.opt(&double::sql::USED, params![meter, kind, first], |_| Ok(())));
            // All of a meter that nobody used before is in its accounts, whenever what is billed began.
            let began = if matches!(used.transpose()?, Some(None)) { i64::MIN } else { accepted };
            let ([hi, lo, events], [since, began]) = (posting(drawn), [*since, began].map(Value::Int));
            rows.push([meter.to_value(), kind.to_value(), since, began, hi, lo, events]);
        }
        tx.bulk_later(&double::sql::DRAW, rows)
    }

    fn save_holds(&self, tx: &mut Tx<'_>) -> Result<()> {
        if !self.holds.is_empty() {
            tx.bulk_later(&sql::INSERT_HOLDS, self.holds.iter().map(hold_row))?;
        }
        if self.closed.is_empty() {
            return Ok(());
        }
        tx.bulk_all(
            &sql::CLOSE_HOLDS,
            self.closed
                .iter()
                .map(|(id, state, answer)| [id.to_value(), state.to_value(), answer.to_value()]),
        )
    }
}

fn series_row(row: &SeriesRow) -> [Value<'_>; 7] {
    [
        row.customer.to_value(),
        row.meter.to_value(),
        row.kind.to_value(),
        row.subscription.to_value(),
        row.dimensions.to_value(),
        Value::Int(row.id),
        row.shift.to_value(),
    ]
}

fn chunk_row(row: &ChunkRow) -> [Value<'_>; 6] {
    let ChunkRow { n, series, hour, prev, accepted, entries } = row;
    let bytes = log::encode(entries, *hour, *accepted);
    let [n, series, hour, prev, accepted] = [n, series, hour, prev, accepted].map(|int| Value::Int(*int));
    [n, series, hour, prev, accepted, Value::Bytes(bytes.into())]
}

fn hold_row(row: &HoldRow) -> [Value<'_>; 11] {
    [
        row.id.to_value(),
        Value::Bytes(row.identity.to_be_bytes().to_vec().into()),
        "open".to_value(),
        row.customer.to_value(),
        row.meter.to_value(),
        row.who.to_value(),
        Value::Int(row.amount),
        Value::Int(row.reserved),
        Value::Int(row.expires),
        Value::json(&row.event),
        row.answer.to_value(),
    ]
}

fn crossing_row(row: &CrossingRow) -> [Value<'_>; 12] {
    let Crossing { level, since, until, used } = row.crossing;
    [
        row.customer.to_value(),
        row.meter.to_value(),
        row.who.to_value(),
        Value::Int(since),
        Value::Int(level.into()),
        Value::Int(until),
        row.subscription.to_value(),
        Value::Int(row.amount),
        Value::Int(used),
        row.decimals.to_value(),
        row.upgrade.to_value(),
        Value::Int(row.at),
    ]
}

pub(crate) fn deposed() -> Error {
    Error::unavailable(
        "owner_deposed",
        "Another process has taken over the metering of this environment. Send it again: what was counted is not counted twice.",
    )
}
