//! Writing rejections down, and reading them.

use std::{fmt, str::FromStr};

use kernel::{Error, Result};
use store::{ToValue, Tx, Value, View, params};
use uuid::Uuid;

use super::{MOST, Rejected, Sort, sql};

/// Where a page of rejections ended: when its last one was seen, and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(i64, Uuid);

impl Rejected {
    /// The place behind this one in a list.
    pub const fn cursor(&self) -> Cursor {
        Cursor(self.last, self.id)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1.simple())
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// Error: `cursor_malformed`.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("cursor_malformed", "Take the cursor from the page before, as it is.");
        let (last, id) = text.rsplit_once('-').ok_or_else(wrong)?;
        let (last, id) = (last.parse().map_err(|_| wrong())?, id.parse().map_err(|_| wrong())?);
        Ok(Self(last, id))
    }
}

/// Write down what was noted, and let go of what was seen longest ago when there is too much.
pub(crate) fn keep(tx: &mut Tx<'_>, noted: &[Rejected]) -> Result<()> {
    tx.bulk(&sql::KEEP, noted.iter().map(row))?;
    tx.exec(&sql::CUT, params![MOST - 1]).map(drop)
}

fn row(one: &Rejected) -> [Value<'_>; 14] {
    let Sort { code, pointer, meter, source, subject } = &one.sort;
    [
        one.id.to_value(),
        code.to_value(),
        pointer.to_value(),
        meter.to_value(),
        source.to_value(),
        subject.to_value(),
        one.detail.to_value(),
        one.event.to_value(),
        one.at.to_value(),
        one.content.to_value(),
        one.cut.to_value(),
        Value::Int(i64::try_from(one.events).unwrap_or(i64::MAX)),
        Value::Int(one.first),
        Value::Int(one.last),
    ]
}

/// Sorts of rejected events of the usage database, the one seen last first, so many at most.
pub fn list(view: &mut View<'_>, before: Option<Cursor>, limit: i64) -> Result<Vec<Rejected>> {
    let Cursor(last, id) = before.unwrap_or(Cursor(i64::MAX, Uuid::max()));
    view.all(&sql::LIST, params![last, id, limit], |row| {
        let sort = Sort {
            code: row.get(1)?,
            pointer: row.get(2)?,
            meter: row.get(3)?,
            source: row.get(4)?,
            subject: row.get(5)?,
        };
        Ok(Rejected {
            id: row.get(0)?,
            sort,
            detail: row.get(6)?,
            event: row.get(7)?,
            at: row.get(8)?,
            content: row.get(9)?,
            cut: row.get(10)?,
            events: row.get::<i64>(11)?.unsigned_abs(),
            first: row.get(12)?,
            last: row.get(13)?,
        })
    })
}

/// Let go of what was not seen since an instant in microseconds.
pub(crate) fn drop_before(tx: &mut Tx<'_>, before: i64) -> Result<u64> {
    tx.exec(&sql::DROP_BEFORE, params![before])
}
