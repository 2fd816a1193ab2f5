//! Loading the good rows, in batches.

use std::collections::{HashMap, HashSet};

use identity::{Customer, NewCustomer, customer};
use kernel::{Error, Result};
use store::{Db, Scope, Tx};

use super::{
    finding::{Count, Fault, Place},
    parts::Kind,
    run::{Progress, Run, Tale, Who},
    source::{Batch, batches},
    sql,
};
use crate::subscription::{self, history::History};

/// Rows loaded in one transaction: few enough to let others write in between.
const BATCH: usize = 250;

/// A good row: what it is to become and where it stands.
#[derive(Clone)]
struct Good<T> {
    place: Place,
    id: String,
    what: T,
}

impl Run<'_> {
    /// Load what was found good, customers first.
    pub(super) fn load(&mut self) -> Result<()> {
        let Count { loaded: subscriptions, already } = self.findings.report.subscriptions;
        let Count { loaded, already: known } = self.findings.report.customers;
        let total = loaded + known + subscriptions;
        self.findings.report.subscriptions = Count { loaded: 0, already };
        self.findings.report.customers = Count::default();
        self.done = 0;
        for at in 0..self.sources.len() {
            if self.sources[at].holds(Kind::Customer) {
                let file = self.sources[at].file.clone();
                batches(&file, BATCH, |batch| self.load_customers(at, &batch, total))?;
            }
        }
        for at in 0..self.sources.len() {
            if self.sources[at].holds(Kind::Subscription) {
                let file = self.sources[at].file.clone();
                batches(&file, BATCH, |batch| self.load_subscriptions(at, &batch, total))?;
            }
        }
        Ok(())
    }

    fn loaded(&mut self, rows: u64, total: u64) {
        self.done += rows;
        (self.progress)(Progress::Loaded(self.done, total));
    }

    fn load_customers(&mut self, at: usize, batch: &Batch, total: u64) -> Result<()> {
        let Some(fields) = &self.reading.mapping.customer else { return Ok(()) };
        let mut good: Vec<Good<NewCustomer>> = Vec::new();
        for row in &batch.rows {
            let (place, line) = ((at, row.line), self.sources[at].line(row));
            // The row that was taken for the customer is the one to load.
            let Ok(id) = line.id(&fields.id) else { continue };
            let here = matches!(self.who.get(id.as_str()), Some(Who::InFile(first, _)) if *first == place);
            if here && let Ok(what) = self.reading.customer(fields, line) {
                good.push(Good { place, id, what });
            }
        }
        let rows = good.len() as u64;
        let count = save(self.db, &self.scope, good, &create, &mut |place, fault| {
            self.findings.bad(place, &self.sources[place.0].file.name, fault);
        })?;
        add(&mut self.findings.report.customers, count);
        self.loaded(rows, total);
        Ok(())
    }

    fn load_subscriptions(&mut self, at: usize, batch: &Batch, total: u64) -> Result<()> {
        let Some(fields) = &self.reading.mapping.subscription else { return Ok(()) };
        let mut good: Vec<Good<(String, History)>> = Vec::new();
        for row in &batch.rows {
            let (place, line) = ((at, row.line), self.sources[at].line(row));
            if self.findings.is_bad(place) || self.already.contains(&place) || line.skipped(&fields.skip) {
                continue;
            }
            let Ok(id) = line.id(&fields.id) else { continue };
            match self.tale(at, row) {
                Ok(Some(Tale { customer, history, .. })) => {
                    good.push(Good { place, id, what: (customer, history) });
                }
                Ok(None) => {}
                Err((place, fault)) => self.bad(place, fault),
            }
        }
        let rows = good.len() as u64;
        let count = save(self.db, &self.scope, good, &record, &mut |place, fault| {
            self.findings.bad(place, &self.sources[place.0].file.name, fault);
        })?;
        add(&mut self.findings.report.subscriptions, count);
        self.loaded(rows, total);
        Ok(())
    }
}

const fn add(sum: &mut Count, more: Count) {
    sum.loaded += more.loaded;
    sum.already += more.already;
}

type Write<T> = dyn Fn(&mut Tx<'_>, Vec<Good<T>>) -> Result<Count> + Send + Sync;

/// Whether an error is about a row and not about the moment or the machine.
fn is_of_a_row(error: &Error) -> bool {
    error.kind.status() < 500 && error.code != "clock_advancing"
}

/// Write a batch; when it is refused, row by row, so that one row's fault is that row's.
fn save<T: Clone + Send + 'static>(
    db: &Db,
    scope: &Scope,
    batch: Vec<Good<T>>,
    write: &'static Write<T>,
    bad: &mut dyn FnMut(Place, Fault),
) -> Result<Count> {
    if batch.is_empty() {
        return Ok(Count::default());
    }
    let rows = batch.clone();
    match db.write(scope, move |tx| write(tx, rows.clone())).wait() {
        Err(error) if is_of_a_row(&error) && batch.len() > 1 => {
            let mut count = Count::default();
            for row in batch {
                add(&mut count, save(db, scope, vec![row], write, bad)?);
            }
            Ok(count)
        }
        Err(error) if is_of_a_row(&error) => {
            for row in batch {
                bad(row.place, Fault::of(None, &row.id, &error));
            }
            Ok(Count::default())
        }
        done => done,
    }
}

fn create(tx: &mut Tx<'_>, rows: Vec<Good<NewCustomer>>) -> Result<Count> {
    let asked = rows.iter().map(|row| row.id.clone()).collect();
    let there: HashSet<String> = customer::existing_external_ids(tx, asked)?.into_iter().collect();
    let new = rows.into_iter().filter(|row| !there.contains(&row.id)).map(|row| row.what).collect();
    let made = customer::create_all(tx, new)?;
    Ok(Count { loaded: made.len() as u64, already: there.len() as u64 })
}

fn record(tx: &mut Tx<'_>, rows: Vec<Good<(String, History)>>) -> Result<Count> {
    let asked: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let there: HashSet<String> =
        tx.all(&sql::SUBSCRIPTIONS_THERE, store::params![asked], |row| row.get(0))?.into_iter().collect();
    let new: Vec<(String, History)> =
        rows.into_iter().filter(|row| !there.contains(&row.id)).map(|row| row.what).collect();
    let customers = locked(tx, new.iter().map(|(customer, _)| customer.clone()).collect())?;
    let histories = new.into_iter().map(|(customer, history)| {
        let customer = customers.get(&customer).ok_or_else(|| Error::not_found("customer"))?;
        Ok((customer.clone(), history))
    });
    let recorded = subscription::record_all(tx, histories.collect::<Result<_>>()?)?;
    Ok(Count { loaded: recorded.len() as u64, already: there.len() as u64 })
}

/// Customers by their external ids, locked before they are read.
fn locked(tx: &mut Tx<'_>, external: HashSet<String>) -> Result<HashMap<String, Customer>> {
    let found = customer::of_external_ids(tx, external.into_iter().collect())?;
    let ids: Vec<_> = found.iter().map(|customer| customer.id).collect();
    customer::lock_all(tx, &ids)?;
    let locked = customer::load(tx, ids)?;
    Ok(locked.into_iter().filter_map(|one| Some((one.external_id.clone()?, one))).collect())
}
