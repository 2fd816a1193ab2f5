//! The floor on PostgreSQL: one connection under the product's role and policies, a statement with arrays
//! for each table, a commit a batch.

use std::time::{Duration, Instant};

use jiff::{Timestamp, civil::Date};
use kernel::Result;
use postgres::{
    Client, NoTls, Row, Transaction,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};
use store::ColumnType;
use uuid::Uuid;

use super::floor::{BATCH, Floor, share, written};
use crate::ground::raw;

const TAKE: &str = "DELETE FROM due WHERE env_id = $1 AND at = $2 AND rank = $3 AND subject_id = ANY($4)";

pub fn run(product: &str, copy: &str, env: Uuid) -> Result<Floor> {
    let connect = |url: &str| Client::connect(url, NoTls).map_err(raw);
    let (mut from, mut old, mut to) = (connect(product)?, connect(copy)?, connect(copy)?);
    let last = |table: &str, key: &str| {
        // There is no max() of a uuid here.
        let query = format!(
            "SELECT quote_literal({key}::text) FROM {table} WHERE env_id = $1 ORDER BY {key} DESC LIMIT 1"
        );
        let row = connect(copy)?.query_opt(&query, &[&env]).map_err(raw)?;
        Ok(row.map(|row| row.get(0)))
    };
    let written = written(last)?;
    let mut totals = Vec::new();
    for write in &written {
        totals.push(count(&mut from, &format!("SELECT count(*) FROM ({}) AS new", write.select), env)?);
    }
    let invoices = count(&mut from, "SELECT count(*) FROM invoice WHERE env_id = $1", env)?;
    let due = count(&mut old, "SELECT count(*) FROM due WHERE env_id = $1", env)?;
    let batches = invoices.div_ceil(BATCH);

    let (mut reads, mut reads_due) = (from.transaction().map_err(raw)?, old.transaction().map_err(raw)?);
    let mut sources = Vec::new();
    for write in &written {
        sources.push(reads.bind(&write.select, &[&env]).map_err(raw)?);
    }
    let due_source = reads_due
        .bind("SELECT at, rank, subject_id FROM due WHERE env_id = $1 ORDER BY at, rank, subject_id", &[&env])
        .map_err(raw)?;

    let mut statements = Vec::new();
    for write in &written {
        statements.push(to.prepare(write.bulk.postgres()).map_err(raw)?);
    }
    let take = to.prepare(TAKE).map_err(raw)?;
    let mut took = Duration::ZERO;
    for batch in 0..batches {
        let taken = portion(&mut reads_due, &due_source, share(due, batch, batches))?;
        let mut made = Vec::new();
        for ((write, source), total) in written.iter().zip(&sources).zip(&totals) {
            let rows = portion(&mut reads, source, share(*total, batch, batches))?;
            let columns = write.bulk.columns.iter().enumerate();
            let columns: Vec<Column> = columns.map(|(at, (_, kind))| Column::of(&rows, at, *kind)).collect();
            made.push((rows.len(), columns));
        }
        let started = Instant::now();
        let mut transaction = to.transaction().map_err(raw)?;
        let setup =
            format!("SET LOCAL ROLE steelyard_app; SELECT set_config('steelyard.env', '{env}', true)");
        transaction.batch_execute(&setup).map_err(raw)?;
        if let Some(first) = taken.first() {
            let (at, rank): (Timestamp, i64) = (first.get(0), first.get(1));
            let subjects: Vec<Uuid> = taken.iter().map(|row| row.get(2)).collect();
            transaction.execute(&take, &[&env, &at, &rank, &subjects]).map_err(raw)?;
        }
        for (statement, (count, columns)) in statements.iter().zip(&made) {
            insert(&mut transaction, statement, env, *count, columns)?;
        }
        transaction.commit().map_err(raw)?;
        took += started.elapsed();
    }
    Ok(Floor { invoices, took })
}

fn count(client: &mut Client, query: &str, env: Uuid) -> Result<u64> {
    let count: i64 = client.query_one(query, &[&env]).map_err(raw)?.get(0);
    Ok(count as u64)
}

fn portion(reads: &mut Transaction<'_>, source: &postgres::Portal, count: u64) -> Result<Vec<Row>> {
    // Nothing asked for would mean everything.
    if count == 0 { Ok(Vec::new()) } else { reads.query_portal(source, count as i32).map_err(raw) }
}

fn insert(
    transaction: &mut Transaction<'_>,
    statement: &postgres::Statement,
    env: Uuid,
    count: usize,
    columns: &[Column],
) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let mut arguments: Vec<&(dyn ToSql + Sync)> = vec![&env];
    arguments.extend(columns.iter().map(Column::argument));
    transaction.execute(statement, &arguments).map(drop).map_err(raw)
}

/// A column of the rows, as an array.
enum Column {
    Uuid(Vec<Option<Uuid>>),
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bool(Vec<Option<bool>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Instant(Vec<Option<Timestamp>>),
    Date(Vec<Option<Date>>),
    Json(Vec<Option<AsItIs>>),
}

impl Column {
    fn of(rows: &[Row], at: usize, kind: ColumnType) -> Self {
        fn all<'r, T: FromSql<'r>>(rows: &'r [Row], at: usize) -> Vec<Option<T>> {
            rows.iter().map(|row| row.get(at)).collect()
        }
        match kind {
            ColumnType::uuid => Self::Uuid(all(rows, at)),
            ColumnType::int => Self::Int(all(rows, at)),
            ColumnType::text => Self::Text(all(rows, at)),
            ColumnType::bool => Self::Bool(all(rows, at)),
            ColumnType::bytes => Self::Bytes(all(rows, at)),
            ColumnType::instant => Self::Instant(all(rows, at)),
            ColumnType::date => Self::Date(all(rows, at)),
            ColumnType::json => Self::Json(all(rows, at)),
        }
    }

    fn argument(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Uuid(values) => values,
            Self::Int(values) => values,
            Self::Text(values) => values,
            Self::Bool(values) => values,
            Self::Bytes(values) => values,
            Self::Instant(values) => values,
            Self::Date(values) => values,
            Self::Json(values) => values,
        }
    }
}

/// A value in the form it travels in.
#[derive(Debug)]
struct AsItIs(Vec<u8>);

impl FromSql<'_> for AsItIs {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for AsItIs {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}
