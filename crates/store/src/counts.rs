//! How many rows of a kind there are, by what they have in common: kept with every write, so that nobody counts a
//! hundred thousand of them to say so.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

use kernel::Result;

use crate::{Migration, Step, Tx, Value, View, bulks, params, statements, view::Conn};

statements! {
    environment OF = "SELECT part, CAST(sum(number) AS bigint) FROM row_count WHERE env_id = $1 AND kind = $2
        GROUP BY part HAVING sum(number) <> 0 ORDER BY part";
    environment FORGET = "DELETE FROM row_count WHERE env_id = $1 AND kind = $2";
}

bulks! {
    ADD = insert "row_count" { kind: text, part: text, slot: int, number: int }
        "ON CONFLICT (env_id, kind, part, slot) DO UPDATE SET number = row_count.number + excluded.number";
}

pub(crate) const MIGRATION: Migration = Migration {
    number: 2,
    name: "rows are counted as they are written",
    step: Step::Expand,
    sql: "
        CREATE TABLE row_count (
            env_id UUID NOT NULL,
            kind TEXT NOT NULL,
            part TEXT NOT NULL,
            slot INTEGER NOT NULL,
            number INTEGER NOT NULL,
            PRIMARY KEY (env_id, kind, part, slot)
        ) STRICT, WITHOUT ROWID;
    ",
    extra: crate::Extra::NONE,
};

/// Into so many rows a count is spread where several write at once, so that they seldom wait for each other.
const SLOTS: i64 = 16;
static TURN: AtomicI64 = AtomicI64::new(0);

/// What a transaction adds to each part of a kind.
pub(crate) type Added = BTreeMap<(&'static str, String), i64>;

/// Store what was added, in the order of the parts: no two transactions wait for each other.
pub(crate) fn add(tx: &mut Tx<'_>) -> Result<()> {
    let added = std::mem::take(&mut tx.counted);
    if added.values().all(|by| *by == 0) {
        return Ok(());
    }
    let slot = match &tx.conn {
        Conn::Sqlite(_) => 0,
        Conn::Postgres(_) => TURN.fetch_add(1, Ordering::Relaxed) % SLOTS,
    };
    let some = added.into_iter().filter(|(_, by)| *by != 0);
    let row = some
        .map(|((kind, part), by)| [Value::from(kind), Value::from(part), Value::Int(slot), Value::Int(by)]);
    tx.bulk(&ADD, row).map(drop)
}

/// How many rows of a kind there are, by part; parts without any are left out.
pub fn of(view: &mut View<'_>, kind: &str) -> Result<Vec<(String, i64)>> {
    view.all(&OF, params![kind], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Put what was counted anew in place of what was kept.
pub fn set(
    tx: &mut Tx<'_>,
    kind: &'static str,
    parts: impl IntoIterator<Item = (String, i64)>,
) -> Result<()> {
    tx.exec(&FORGET, params![kind])?;
    parts.into_iter().for_each(|(part, number)| tx.counted(kind, part, number));
    Ok(())
}
