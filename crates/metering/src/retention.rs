//! Letting go of what is older than it has to be kept. Tallies stay: figures of whole hours can be read for ever,
//! the events behind them no longer.

use jiff::Timestamp;
use kernel::Result;
use store::{Db, Scope, View, params};
use uuid::Uuid;

use crate::{Options, reject, sql};

/// Chunks, or seconds of acceptance, looked at in one transaction; those of a customer come whole.
const AT_ONCE: i64 = 5_000;
const DAY: i64 = 24 * 3_600_000_000;

/// What a sweep dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Chunks of events.
    pub chunks: u64,
    /// Sealed segments of names.
    pub segments: u64,
}

/// Drop events that happened before `now` less the retention, then names that can not come again.
///
/// A name goes when every event of its segment is so old that a repeat would be refused for its time: an event's
/// time lies at most a day after its acceptance. A rolling limit longer than the retention counts what is kept.
/// Runs beside the owner, in small transactions that yield to it.
pub fn sweep(db: &Db, scope: &Scope, options: &Options, now: Timestamp) -> Result<Swept> {
    let db = db.usage().background();
    let kept = now.as_microsecond() - i64::from(options.kept_days) * DAY;
    let last = db.read(scope, crate::usage::watermark).wait()?;
    let first =
        db.read(scope, |view| view.opt(&sql::FIRST_CHUNK, params![], |row| row.get::<i64>(0))).wait()?;
    let mut swept = Swept::default();
    let mut after = first.map_or(last, |first| first - 1);
    while after < last {
        let (to, before) = ((after + AT_ONCE).min(last), kept - crate::usage::window::HOUR);
        let dropped =
            db.write(scope, move |tx| tx.exec(&sql::DROP_CHUNKS, params![after, to, before])).wait()?;
        swept.chunks += dropped;
        // Behind the first chunks that are all kept there are only single late ones: they go another day.
        after = if dropped == 0 { last } else { to };
    }
    for number in db.read(scope, move |view| old_segments(view, kept - DAY)).wait()? {
        db.write(scope, move |tx| {
            tx.exec(&sql::DROP_PAGES, params![number])?;
            tx.exec(&sql::DROP_SEGMENT, params![number])
        })
        .wait()?;
        swept.segments += 1;
    }
    drop_seconds(&db, scope, kept.div_euclid(1_000_000))?;
    let rejected = now.as_microsecond() - reject::DAYS * DAY;
    db.write(scope, move |tx| {
        tx.exec(&sql::DROP_CROSSINGS, params![kept])?;
        tx.exec(&sql::DROP_HOLDS, params![kept])?;
        reject::drop_before(tx, rejected)
    })
    .wait()?;
    Ok(swept)
}

/// Drop seconds of acceptance, some customers at a time.
fn drop_seconds(db: &Db, scope: &Scope, before: i64) -> Result<()> {
    let mut after = Uuid::nil();
    loop {
        let find =
            move |view: &mut View<'_>| view.opt(&sql::FAR_SECOND, params![after, AT_ONCE], |row| row.get(0));
        let found: Option<Uuid> = db.read(scope, find).wait()?;
        let to = found.unwrap_or(Uuid::max());
        db.write(scope, move |tx| tx.exec(&sql::DROP_SECONDS, params![after, to, before])).wait()?;
        if found.is_none() {
            return Ok(());
        }
        after = to;
    }
}

/// The segments whose last name was accepted before `before`. Where its chunk is gone, its event was too old anyway,
/// and the chunk before it decides.
fn old_segments(view: &mut View<'_>, before: i64) -> Result<Vec<i64>> {
    let segments = view.all(&sql::SEGMENTS, params![], |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)))?;
    let mut old = Vec::new();
    for (number, last_chunk) in segments {
        let accepted = view.opt(&sql::ACCEPTED, params![last_chunk], |row| row.get::<i64>(0))?;
        if accepted.is_none_or(|accepted| accepted < before) {
            old.push(number);
        }
    }
    Ok(old)
}
