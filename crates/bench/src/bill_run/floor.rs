//! The floor of a bill run: the very rows it wrote, written once more by the raw driver into a copy of the
//! database as it was before, with the product's own statements and about as many invoices to a transaction.

use std::{collections::BTreeSet, time::Duration};

use kernel::Result;
use store::{Bulk, BulkAction, File, Scope};

use super::{floor_postgres, floor_sqlite};
use crate::ground::{CONTEXTS, Copy, raw};

/// Invoices to a transaction.
pub const BATCH: u64 = 250;

/// What writing the rows took, reading them not counted.
pub struct Floor {
    pub invoices: u64,
    pub took: Duration,
}

pub fn run(copy: &Copy, scope: &Scope) -> Result<Floor> {
    let env = scope.env().ok_or_else(|| raw("no environment"))?.uuid();
    match copy {
        Copy::Sqlite { product, copy } => floor_sqlite::run(product, copy, env),
        Copy::Postgres { product, copy } => floor_postgres::run(product, copy.url(), env),
    }
}

/// A bulk write of the product whose rows are taken from the database it wrote them to.
pub struct Written {
    pub bulk: &'static Bulk,
    /// `SELECT` of the columns in the order of the bulk, `$1` the environment.
    pub select: String,
}

/// Every bulk insert, and the update of the subscriptions. Rows of an insert are those behind the last one
/// of the copy: all keys but those of the due queue are made in the order of time, and what is due next
/// lies behind what was due before.
pub fn written(last_before: impl Fn(&str, &str) -> Result<Option<String>>) -> Result<Vec<Written>> {
    let core = CONTEXTS.iter().filter(|context| matches!(context.file, File::Core));
    let bulks = core.flat_map(|context| context.bulks).flat_map(|list| list.iter().copied());
    let mut seen = BTreeSet::new();
    let mut written = Vec::new();
    for bulk in bulks {
        let insert = matches!(bulk.action, BulkAction::Insert { .. });
        if insert && !seen.insert(bulk.table) || !insert && bulk.name != "OPEN_PERIOD" {
            continue;
        }
        let names: Vec<&str> = bulk.columns.iter().map(|(name, _)| *name).collect();
        let (table, list, key) = (bulk.table, names.join(", "), names[0]);
        let behind = match last_before(table, key)? {
            Some(last) if insert => format!("AND {key} > {last}"),
            _ => String::new(),
        };
        let select = format!("SELECT {list} FROM {table} WHERE env_id = $1 {behind}");
        written.push(Written { bulk, select });
    }
    Ok(written)
}

/// How many of `total` rows the batch number `batch` of `batches` has.
pub const fn share(total: u64, batch: u64, batches: u64) -> u64 {
    total * (batch + 1) / batches - total * batch / batches
}
