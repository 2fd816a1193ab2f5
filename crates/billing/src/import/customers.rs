//! Loading what was read, in batches.

use std::{collections::HashSet, io::Read};

use catalog::version;
use identity::customer;
use kernel::Result;
use store::{Db, Scope};

use super::{
    mapping::Mapping,
    rows::{BadRow, GoodRow, Reader},
};
use crate::subscription;

/// What to do when some rows are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Load the good rows.
    LoadGood,
    /// Load nothing.
    AllOrNothing,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Customers loaded, each with its subscription.
    pub loaded: u64,
    /// Rows whose customer was there before.
    pub already: u64,
    /// Rows that could not be loaded.
    pub bad: Vec<BadRow>,
}

/// Rows loaded in one transaction.
const BATCH: usize = 250;

/// Load customers from a CSV file and start a subscription for each, on the price book in force. Rows
/// whose external id is known are left alone, so a second run loads only what is missing.
///
/// Errors: `no_price_book`, `no_legal_entity`, those of [`Mapping`] and of the file; a row's own faults
/// are in the report.
pub fn customers(
    db: &Db,
    scope: &Scope,
    mapping: &Mapping,
    file: impl Read,
    choice: Choice,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report> {
    let (version, now) = db.read(scope, |view| Ok((version::in_force(view)?, view.now()))).wait()?;
    let (good, bad) = Reader::read(mapping, &version.book, now, file)?;
    let mut report = Report { bad, ..Report::default() };
    if choice == Choice::AllOrNothing && !report.bad.is_empty() {
        return Ok(report);
    }
    let total = good.len() as u64;
    for batch in good.chunks(BATCH) {
        load(db, scope, batch.to_vec(), &mut report)?;
        progress(report.loaded + report.already, total);
    }
    report.bad.sort_by_key(|row| row.line);
    Ok(report)
}

/// Load a batch; when it is refused, row by row, so that one row's fault is that row's.
fn load(db: &Db, scope: &Scope, batch: Vec<GoodRow>, report: &mut Report) -> Result<()> {
    match try_load(db, scope, &batch) {
        Ok((loaded, already)) => {
            report.loaded += loaded;
            report.already += already;
            Ok(())
        }
        Err(error) if error.kind.status() >= 500 => Err(error),
        Err(error) => match <[GoodRow; 1]>::try_from(batch) {
            Ok([row]) => {
                report.bad.push(BadRow {
                    line: row.line,
                    column: None,
                    value: row.external_id,
                    reason: error.detail,
                });
                Ok(())
            }
            Err(batch) => batch.into_iter().try_for_each(|row| load(db, scope, vec![row], report)),
        },
    }
}

fn try_load(db: &Db, scope: &Scope, batch: &[GoodRow]) -> Result<(u64, u64)> {
    let batch = batch.to_vec();
    db.write(scope, move |tx| {
        let ids = batch.iter().map(|row| row.external_id.clone()).collect();
        let known: HashSet<String> = customer::existing_external_ids(tx, ids)?.into_iter().collect();
        let new: Vec<&GoodRow> = batch.iter().filter(|row| !known.contains(&row.external_id)).collect();
        let customers = customer::create_all(tx, new.iter().map(|row| row.customer.clone()).collect())?;
        let starts = customers.into_iter().zip(&new).map(|(customer, row)| {
            let start = subscription::Start { customer: customer.id, ..row.start.clone() };
            (customer, start)
        });
        let started = subscription::start_all(tx, starts.collect())?;
        Ok((started.len() as u64, known.len() as u64))
    })
    .wait()
}
