//! Sealing: writing closed names as a segment, beside the groups that go on.

use std::sync::Arc;

use kernel::Result;
use store::{Db, Scope, Tx, Value, View, params};

use super::rows::deposed;
use crate::{
    once::{Filter, Layers, PAGE, Recent, segment},
    sql,
};

/// Pages written in one transaction: 512 KiB, so that a group never waits long for the writer.
const PAGES_AT_ONCE: usize = 64;

/// The tail of so many chunks goes in one transaction: a few megabytes, when each of them has an event of its own.
const CHUNKS_AT_ONCE: i64 = 65_536;

/// Names to be written as a segment.
pub struct Sealing {
    /// The owner's epoch.
    pub epoch: i64,
    /// The segment's number.
    pub number: i64,
    /// The names.
    pub names: Arc<Recent>,
    /// The last chunk they stand in: rows of the tail up to it are superfluous then.
    pub last_chunk: i64,
    /// What is sealed so far.
    pub sealed: Layers,
}

/// A segment that was written.
pub struct Sealed {
    /// Its number.
    pub number: i64,
    /// Everything that is sealed now, without what retention let go of.
    pub layers: Layers,
}

impl Sealing {
    /// Write the segment. Pages without a segment, of a sealing that was cut short, are cleared first.
    pub fn run(self, db: &Db, scope: &Scope) -> Result<Sealed> {
        let Self { epoch, number, names, last_chunk, sealed } = self;
        let records = names.sorted();
        db.write(scope, move |tx| {
            still_owner(tx, epoch)?;
            tx.exec(&sql::CLEAR_PAGES, params![number]).map(drop)
        })
        .wait()?;
        let pages: Vec<Vec<u8>> = records.chunks(PAGE).map(segment::encode).collect();
        for (batch, pages) in pages.chunks(PAGES_AT_ONCE).enumerate() {
            let (first, pages) = ((batch * PAGES_AT_ONCE) as i64, pages.to_vec());
            db.write(scope, move |tx| {
                still_owner(tx, epoch)?;
                let rows = pages.iter().enumerate().map(|(place, names)| {
                    [Value::Int(number), Value::Int(first + place as i64), Value::Bytes(names.into())]
                });
                tx.bulk_all(&sql::INSERT_PAGES, rows)
            })
            .wait()?;
        }
        let filter = Filter::over(records.iter().map(|(identity, _)| *identity));
        let (bytes, names) = (filter.encode(), records.len() as i64);
        let kept: Vec<i64> = db
            .write(scope, move |tx| {
                if tx.exec(&sql::NEXT_SEGMENT, params![epoch, number + 1])? == 0 {
                    return Err(deposed());
                }
                tx.exec_one(&sql::SEAL, params![number, names, last_chunk, bytes])?;
                tx.all(&sql::SEGMENT_NUMBERS, params![], |row| row.get(0))
            })
            .wait()?;
        cut_tail(db, scope, last_chunk)?;
        // Here and not in the owner's own thread, which others wait for.
        Ok(Sealed { number, layers: sealed.keep(&kept).with(number, filter) })
    }
}

/// Let go of the rows of what is sealed, some at a time.
fn cut_tail(db: &Db, scope: &Scope, last_chunk: i64) -> Result<()> {
    let begins =
        |view: &mut View<'_>| view.opt(&sql::TAIL_BEGINS, params![], |row| row.get::<Option<i64>>(0));
    let Some(mut from) = db.read(scope, begins).wait()?.flatten() else { return Ok(()) };
    while from <= last_chunk {
        let to = last_chunk.min(from + CHUNKS_AT_ONCE);
        db.write(scope, move |tx| tx.exec(&sql::CUT_TAIL, params![to]).map(drop)).wait()?;
        from = to + 1;
    }
    Ok(())
}

fn still_owner(tx: &mut Tx<'_>, epoch: i64) -> Result<()> {
    match tx.opt(&sql::STILL_OWNER, params![epoch], |_| Ok(()))? {
        Some(()) => Ok(()),
        None => Err(deposed()),
    }
}
