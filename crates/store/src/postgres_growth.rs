//! Telling PostgreSQL's planner about tables that grow in bulk.
//!
//! The server looks by itself, but only once a minute. What grew from nothing to a hundred thousand rows in
//! between it plans for as if it were empty: it reads all there is where an index leads to the row, and
//! sessions keep such plans. So a process that writes many rows has their table looked at when it has grown
//! to several times what it was, by a small sample that takes a few milliseconds.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio_postgres::{Client, Error};

/// A table is looked at after so many rows, and again whenever it has grown by [`TIMES`].
const FIRST: u64 = 1_000;
const TIMES: u64 = 4;

/// Rows this process wrote in bulk, by table.
#[derive(Debug, Default)]
pub(crate) struct Growth(Mutex<HashMap<&'static str, Grown>>);

#[derive(Clone, Copy, Debug)]
struct Grown {
    rows: u64,
    /// It is looked at again when it has so many.
    next: u64,
}

impl Growth {
    /// Count rows that were committed. The tables that are to be looked at, with their rows.
    fn count(&self, written: HashMap<&'static str, u64>) -> Vec<(&'static str, u64)> {
        // Sums stay right whatever panicked beside them.
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut grown = Vec::new();
        for (table, rows) in written {
            let known = tables.entry(table).or_insert(Grown { rows: 0, next: FIRST });
            known.rows += rows;
            if known.rows >= known.next {
                known.next = known.rows * TIMES;
                grown.push((table, known.rows));
            }
        }
        grown
    }

    /// Count rows that were committed, and have the server look at tables that grew much.
    pub(crate) async fn tell(
        &self,
        client: &Client,
        written: HashMap<&'static str, u64>,
    ) -> Result<(), Error> {
        for (table, rows) in self.count(written) {
            // The server may have looked since, or another process had it look.
            let smaller =
                "SELECT 1 FROM pg_class WHERE oid = to_regclass($1::text) AND reltuples < $2::float4";
            if client.query_opt(smaller, &[&table, &(rows as f32)]).await?.is_some() {
                let text = format!(
                    "BEGIN; SET LOCAL default_statistics_target = 10; ANALYZE (SKIP_LOCKED) {table}; COMMIT"
                );
                client.batch_execute(&text).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_looked_at_each_time_it_has_grown_several_times() {
        let growth = Growth::default();
        let mut looks = Vec::new();
        for _ in 0..1_000 {
            looks.extend(growth.count(HashMap::from([("line", 100), ("invoice", 1)])));
        }
        assert_eq!(
            looks,
            [("line", 1_000), ("line", 4_000), ("line", 16_000), ("line", 64_000), ("invoice", 1_000)]
        );
    }
}
