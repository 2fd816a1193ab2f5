//! The floor on SQLite: one connection, one prepared statement a row, a commit a batch.

use std::{path::Path, time::Instant};

use kernel::Result;
use rusqlite::{Connection, OpenFlags, Rows, types::Value};
use uuid::Uuid;

use super::floor::{BATCH, Floor, share, written};
use crate::ground::raw;

const TAKE: &str = "DELETE FROM due WHERE env_id = ?1 AND at = ?2 AND rank = ?3 AND subject_id = ?4";

pub fn run(product: &Path, copy: &Path, env: Uuid) -> Result<Floor> {
    let from = Connection::open_with_flags(product, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(raw)?;
    let old = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(raw)?;
    let env = env.into_bytes();
    let last = |table: &str, key: &str| {
        let query = format!("SELECT quote(max({key})) FROM {table} WHERE env_id = ?1");
        let last: String = old.query_row(&query, [env], |row| row.get(0)).map_err(raw)?;
        Ok(Some(last).filter(|last| last != "NULL"))
    };
    let written = written(last)?;
    let one = |connection: &Connection, query: &str| -> Result<u64> {
        let count: i64 = connection.query_row(query, [env], |row| row.get(0)).map_err(raw)?;
        Ok(count as u64)
    };
    let mut totals = Vec::new();
    for write in &written {
        totals.push(one(&from, &format!("SELECT count(*) FROM ({})", write.select.replace('$', "?")))?);
    }
    let invoices = one(&from, "SELECT count(*) FROM invoice WHERE env_id = ?1")?;
    let due = one(&old, "SELECT count(*) FROM due WHERE env_id = ?1")?;
    let batches = invoices.div_ceil(BATCH);

    let mut selects = Vec::new();
    for write in &written {
        selects.push(from.prepare(&write.select.replace('$', "?")).map_err(raw)?);
    }
    let mut sources: Vec<Rows<'_>> = Vec::new();
    for select in &mut selects {
        sources.push(select.query([env]).map_err(raw)?);
    }
    let mut select_due =
        old.prepare("SELECT at, rank, subject_id FROM due WHERE env_id = ?1").map_err(raw)?;
    let mut due_rows = select_due.query([env]).map_err(raw)?;

    let mut to = Connection::open(copy).map_err(raw)?;
    to.pragma_update(None, "journal_mode", "WAL").map_err(raw)?;
    to.pragma_update(None, "synchronous", "FULL").map_err(raw)?;
    to.pragma_update(None, "cache_size", -32_768).map_err(raw)?;
    let mut took = std::time::Duration::ZERO;
    for batch in 0..batches {
        let taken = rows(&mut due_rows, 3, share(due, batch, batches))?;
        let mut made = Vec::new();
        for ((write, source), total) in written.iter().zip(&mut sources).zip(&totals) {
            made.push(rows(source, write.bulk.columns.len(), share(*total, batch, batches))?);
        }
        let started = Instant::now();
        let transaction = to.transaction().map_err(raw)?;
        insert(&transaction, TAKE, env, &taken).map_err(raw)?;
        for (write, rows) in written.iter().zip(&made) {
            insert(&transaction, write.bulk.sqlite(), env, rows).map_err(raw)?;
        }
        transaction.commit().map_err(raw)?;
        took += started.elapsed();
    }
    Ok(Floor { invoices, took })
}

fn rows(source: &mut Rows<'_>, columns: usize, count: u64) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for _ in 0..count {
        let Some(row) = source.next().map_err(raw)? else { break };
        let values = (0..columns).map(|index| row.get(index));
        rows.push(values.collect::<rusqlite::Result<_>>().map_err(raw)?);
    }
    Ok(rows)
}

fn insert(to: &Connection, text: &str, env: [u8; 16], rows: &[Vec<Value>]) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = to.prepare_cached(text)?;
    statement.raw_bind_parameter(1, env)?;
    for row in rows {
        for (index, value) in row.iter().enumerate() {
            statement.raw_bind_parameter(index + 2, value)?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}
