//! Checking every row, before the first is loaded.

use std::collections::{HashMap, HashSet};

use identity::{Customer, customer};
use kernel::Result;

use super::{
    finding::{Fault, Place},
    mapping::{Rows, SubscriptionFields},
    parts::Kind,
    reading::{Known, Line},
    run::{Progress, Run, Tale, Who},
    source::{Batch, batches},
    sql,
    story::Misplaced,
    table::Row,
};
use crate::subscription::State;

/// Rows checked with one look at the database.
const BATCH: usize = 1_000;

impl Run<'_> {
    /// Check every row of every file.
    pub(super) fn check(&mut self) -> Result<()> {
        for at in 0..self.sources.len() {
            if self.sources[at].holds(Kind::Customer) {
                let file = self.sources[at].file.clone();
                batches(&file, BATCH, |batch| self.check_customers(at, batch))?;
            }
        }
        for at in 0..self.sources.len() {
            for joined in [Joined::Changes, Joined::Addons, Joined::Phases] {
                if self.joins(at, joined) {
                    let file = self.sources[at].file.clone();
                    batches(&file, BATCH, |batch| self.gather(at, batch, joined))?;
                }
            }
        }
        let mut ids = HashMap::new();
        for at in 0..self.sources.len() {
            if self.sources[at].holds(Kind::Subscription) {
                let file = self.sources[at].file.clone();
                batches(&file, BATCH, |batch| self.check_subscriptions(at, batch, &mut ids))?;
            }
        }
        self.check_joined(&ids);
        Ok(())
    }

    fn checked(&mut self, rows: usize) {
        self.done += rows as u64;
        (self.progress)(Progress::Checked(self.done));
    }

    fn check_customers(&mut self, at: usize, mut batch: Batch) -> Result<()> {
        self.checked(batch.rows.len() + batch.faults.len());
        batch.report(at, &self.sources[at].file.name, &mut self.findings);
        let Some(fields) = &self.reading.mapping.customer else { return Ok(()) };
        // Where each row is a subscription as well, a customer is told of by each of its rows.
        let repeats = self.sources[at].holds(Kind::Subscription);
        let mut new = Vec::new();
        for row in &batch.rows {
            let (place, line) = ((at, row.line), self.sources[at].line(row));
            if line.skipped(&fields.skip) {
                self.findings.report.skipped += u64::from(!repeats);
                continue;
            }
            let id = match line.id(&fields.id) {
                Ok(id) => id,
                Err(fault) => {
                    self.findings.bad(place, &self.sources[at].file.name, fault);
                    continue;
                }
            };
            if let Some(Who::InFile(first, _) | Who::Bad(first)) = self.who.get(id.as_str()) {
                if !(repeats && first.0 == at) {
                    let reason =
                        format!("line {} of {} has the same id", first.1, self.sources[first.0].file.name);
                    let fault = line.fault(Some(&fields.id), &reason);
                    self.findings.bad(place, &self.sources[at].file.name, fault);
                }
                continue;
            }
            let who = match self.reading.customer(fields, line) {
                Ok(customer) => {
                    let zone = customer.zone.unwrap_or_else(kernel::Zone::utc);
                    new.push(id.clone());
                    Who::InFile(place, Known { zone, currency: customer.currency })
                }
                Err(fault) => {
                    self.findings.bad(place, &self.sources[at].file.name, fault);
                    Who::Bad(place)
                }
            };
            self.who.insert(id.into(), who);
        }
        let count = new.len() as u64;
        let there =
            self.db.read(&self.scope, move |view| customer::of_external_ids(view, new.clone())).wait()?;
        let customers = &mut self.findings.report.customers;
        customers.already += there.len() as u64;
        customers.loaded += count - there.len() as u64;
        for Customer { external_id, zone, currency, .. } in there {
            // What is there stays as it is, whatever the file says of it now.
            let who = external_id.and_then(|id| self.who.get_mut(id.as_str()));
            if let Some(Who::InFile(_, known)) = who {
                *known = Known { zone, currency };
            }
        }
        Ok(())
    }

    /// Whether a file's rows are kept to be joined so.
    fn joins(&self, at: usize, joined: Joined) -> bool {
        let source = &self.sources[at];
        let phases = |fields: &SubscriptionFields| fields.rows == Rows::Phases;
        match joined {
            Joined::Changes => source.holds(Kind::Change),
            Joined::Addons => source.holds(Kind::Addon),
            Joined::Phases => {
                source.holds(Kind::Subscription)
                    && self.reading.mapping.subscription.as_ref().is_some_and(phases)
            }
        }
    }

    fn gather(&mut self, at: usize, mut batch: Batch, joined: Joined) -> Result<()> {
        if joined != Joined::Phases {
            self.checked(batch.rows.len() + batch.faults.len());
            batch.report(at, &self.sources[at].file.name, &mut self.findings);
        }
        let mapping = self.reading.mapping;
        for row in batch.rows {
            let line = self.sources[at].line(&row);
            let told = match joined {
                Joined::Changes => mapping.change.as_ref().map(|one| (&one.subscription, &one.skip)),
                Joined::Addons => mapping.addon.as_ref().map(|one| (&one.subscription, &one.skip)),
                Joined::Phases => mapping.subscription.as_ref().map(|one| (&one.id, &one.skip)),
            };
            let Some((field, skip)) = told else { continue };
            if line.skipped(skip) {
                self.findings.report.skipped += u64::from(joined != Joined::Phases);
                continue;
            }
            let rows = match joined {
                Joined::Changes => &mut self.changes,
                Joined::Addons => &mut self.addons,
                Joined::Phases => &mut self.phases,
            };
            match line.id(field) {
                Ok(id) => rows.keep(&id, at, row)?,
                Err(_) if joined == Joined::Phases => {} // said when the row itself is checked
                Err(fault) => self.bad((at, row.line), fault),
            }
        }
        Ok(())
    }

    /// Changes and add-ons belong to a subscription of the files.
    fn check_joined(&mut self, ids: &HashMap<Box<str>, Place>) {
        let homeless = |id: &str| !ids.contains_key(id);
        let mut faults = Vec::new();
        for rows in [&self.changes, &self.addons] {
            for (id, rows) in rows.all().filter(|(id, _)| homeless(id)) {
                let fault = || Fault::new(None, id, "there is no such subscription in the files");
                faults.extend(rows.iter().map(|(at, row)| ((*at, row.line), fault())));
            }
        }
        for (place, fault) in faults {
            self.bad(place, fault);
        }
    }

    fn check_subscriptions(
        &mut self,
        at: usize,
        mut batch: Batch,
        ids: &mut HashMap<Box<str>, Place>,
    ) -> Result<()> {
        self.checked(batch.rows.len() + batch.faults.len());
        batch.report(at, &self.sources[at].file.name, &mut self.findings);
        let Some(fields) = &self.reading.mapping.subscription else { return Ok(()) };
        self.look_up(at, &batch.rows, fields)?;
        let asked = |row| self.sources[at].line(row).id(&fields.id).ok();
        let there = self.there(batch.rows.iter().filter_map(asked).collect())?;
        for row in &batch.rows {
            match self.check_subscription(at, row, fields, &there, ids) {
                Ok(Some(state)) => {
                    self.findings.report.subscriptions.loaded += 1;
                    *self.findings.report.states.entry(state.word()).or_default() += 1;
                }
                Ok(None) => {}
                Err((place, fault)) => self.bad(place, fault),
            }
        }
        Ok(())
    }

    /// Find the customers of rows that are in none of the files.
    fn look_up(&mut self, at: usize, rows: &[Row], fields: &SubscriptionFields) -> Result<()> {
        let asked: HashSet<String> = rows
            .iter()
            .filter_map(|row| self.sources[at].line(row).cell(&fields.customer))
            .map(|cell| cell.text.into_owned())
            .filter(|id| !self.who.contains_key(id.as_str()))
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = asked.iter().cloned().collect();
        let found =
            self.db.read(&self.scope, move |view| customer::of_external_ids(view, list.clone())).wait()?;
        self.who.extend(asked.into_iter().map(|id| (id.into(), Who::Missing)));
        for Customer { external_id, zone, currency, .. } in found {
            if let Some(id) = external_id {
                self.who.insert(id.into(), Who::There(Known { zone, currency }));
            }
        }
        Ok(())
    }

    /// Which subscriptions there are already.
    fn there(&self, ids: Vec<String>) -> Result<HashSet<String>> {
        let read = move |view: &mut store::View<'_>| {
            view.all(&sql::SUBSCRIPTIONS_THERE, store::params![ids], |row| row.get(0))
        };
        Ok(self.db.read(&self.scope, read).wait()?.into_iter().collect())
    }

    /// The state of a subscription that is to be loaded; nothing when the row is left out, a part of another or of
    /// one that is there already.
    fn check_subscription(
        &mut self,
        at: usize,
        row: &Row,
        fields: &SubscriptionFields,
        there: &HashSet<String>,
        ids: &mut HashMap<Box<str>, Place>,
    ) -> Result<Option<State>, Misplaced> {
        let place = (at, row.line);
        let line = self.sources[at].line(row);
        let here = |fault| (place, fault);
        let id = line.id(&fields.id);
        if line.skipped(&fields.skip) {
            if let Ok(id) = id {
                ids.entry(id.into()).or_insert(place);
            }
            self.findings.report.skipped += 1;
            return Ok(None);
        }
        let id = id.map_err(here)?;
        if let Some((file, first)) = ids.get(id.as_str())
            && fields.rows == Rows::Subscriptions
        {
            let reason = format!("line {first} of {} has the same id", self.sources[*file].file.name);
            return Err(here(line.fault(Some(&fields.id), &reason)));
        }
        if there.contains(&id) {
            // Its rows may be out of date by now: what is there is left alone.
            self.already.insert(place);
            self.findings.report.subscriptions.already += u64::from(!ids.contains_key(id.as_str()));
            ids.entry(id.into()).or_insert(place);
            return Ok(None);
        }
        ids.entry(id.into()).or_insert(place);
        let Some(Tale { history, known, notice, .. }) = self.tale(at, row)? else { return Ok(None) };
        let recorded = self
            .reading
            .decide(&history, &known)
            .map_err(|error| here(fault_of(fields, self.sources[at].line(row), &error)))?;
        if let Some(notice) = notice {
            self.findings.notice(row.line, &self.sources[at].file.name, notice);
        }
        Ok(Some(recorded.subscription.state))
    }
}

/// What rows are kept for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joined {
    Changes,
    Addons,
    Phases,
}

/// A fault of a decision, told by the column it is about.
fn fault_of(fields: &SubscriptionFields, line: Line<'_>, error: &kernel::Error) -> Fault {
    let field = match error.fields.first().map(|field| field.pointer.as_str()) {
        Some("/plan") => Some(&fields.plan),
        Some("/cycle") => fields.cycle.as_ref().or(Some(&fields.plan)),
        Some("/quantity") => fields.quantity.as_ref(),
        Some("/next_period") => fields.next_period.as_ref(),
        Some("/events") => fields.since.as_ref(),
        _ => None,
    };
    match field.and_then(|field| line.cell(field)) {
        Some(cell) => Fault::of(cell.column, &cell.text, error),
        None => Fault::of(None, "", error),
    }
}
