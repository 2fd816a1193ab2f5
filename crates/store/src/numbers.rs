//! Gapless document numbers: one row per series, advanced in the transaction that issues the document.

use jiff::civil::Date;
use kernel::Result;
use uuid::Uuid;

use crate::{Tx, params, statements};

statements! {
    /// Holds the series until the transaction ends, so that numbers and issue dates rise together.
    environment TAKE = "INSERT INTO number_series (env_id, owner_id, name, next, last_date)
        VALUES ($1, $2, $3, 1 + CAST($4 AS bigint), $5)
        ON CONFLICT (env_id, owner_id, name) DO UPDATE SET
            next = number_series.next + CAST($4 AS bigint),
            last_date = CASE WHEN number_series.last_date > excluded.last_date
                THEN number_series.last_date ELSE excluded.last_date END
        RETURNING next - CAST($4 AS bigint), last_date";
}

/// Which numbers: those of one owner (a legal entity), under one name (`INV`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Whose numbers.
    pub owner: Uuid,
    /// The series' name, also the prefix of what is printed.
    pub name: String,
}

/// Numbers handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The first; the rest follow without a gap.
    pub first: i64,
    /// The issue date to print: the one asked for, or the series' last one when that is later.
    pub date: Date,
}

pub(crate) fn take(tx: &mut Tx<'_>, series: &Series, count: u32, date: Date) -> Result<Taken> {
    tx.one(&TAKE, params![series.owner, series.name, count, date], |row| {
        Ok(Taken { first: row.get(0)?, date: row.get(1)? })
    })
}
