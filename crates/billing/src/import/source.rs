//! Which file holds what: told by its columns.

use std::collections::HashMap;

use kernel::{Error, Result};

use super::{
    field::Field,
    finding::{Fault, Findings},
    mapping::{AddonFields, ChangeFields, CustomerFields, Mapping, SubscriptionFields},
    reading::Line,
    table::{File, Heading, Row, Table},
};

/// A file and what its rows are.
pub(super) struct Source {
    pub(super) file: File,
    pub(super) heading: Heading,
    pub(super) customers: bool,
    pub(super) subscriptions: bool,
    pub(super) changes: bool,
    pub(super) addons: bool,
}

impl Source {
    pub(super) const fn line<'r>(&'r self, row: &'r Row) -> Line<'r> {
        Line { heading: &self.heading, row }
    }
}

/// Find out what each file holds. Subscriptions are left aside when only customers are wanted.
///
/// Errors: `file_unreadable`, `file_too_long`, `column_missing`.
pub(super) fn recognise(mapping: &Mapping, files: &[File], only_customers: bool) -> Result<Vec<Source>> {
    let parts = parts(mapping, only_customers);
    let mut sources = Vec::with_capacity(files.len());
    for file in files {
        let heading = Table::open(file)?.into_heading();
        let fits = |part: &str| {
            parts.iter().any(|(name, columns)| *name == part && heading.lacks(columns).is_empty())
        };
        let source = Source {
            customers: fits("customer"),
            subscriptions: fits("subscription"),
            changes: fits("change"),
            addons: fits("addon"),
            file: file.clone(),
            heading,
        };
        if !(source.customers || source.subscriptions || source.changes || source.addons) {
            return Err(no_part(&source, &parts));
        }
        sources.push(source);
    }
    let found = |part: &str| {
        sources.iter().any(|source| match part {
            "customer" => source.customers || !only_customers, // they may have been brought in before
            "subscription" => source.subscriptions,
            "change" => source.changes,
            _ => source.addons,
        })
    };
    match parts.iter().find(|(name, _)| !found(name)) {
        Some(part) => Err(nowhere(part, &sources)),
        None => Ok(sources),
    }
}

/// None of the files has the columns of a part: tell of the one that comes closest.
fn nowhere((name, columns): &Part<'_>, sources: &[Source]) -> Error {
    let lacks = |source: &Source| source.heading.lacks(columns).len();
    let closest = sources.iter().min_by_key(|source| lacks(source));
    let closest = closest.map_or_else(String::new, |source| {
        format!(" {} lacks {}.", source.file.name, quoted(&source.heading.lacks(columns)))
    });
    let detail = format!("None of the files has the columns of [{name}].{closest}");
    Error::invalid("column_missing", detail)
}

type Part<'m> = (&'static str, Vec<&'m str>);

/// The parts of a mapping and the columns each needs.
fn parts(mapping: &Mapping, only_customers: bool) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    parts.extend(mapping.customer.as_ref().map(|fields| ("customer", fields.columns())));
    if only_customers {
        return parts;
    }
    let amount = mapping.check.as_ref().map(|check| check.amount.needed()).unwrap_or_default();
    parts.extend(mapping.subscription.as_ref().map(|fields| {
        let columns = fields.columns().into_iter().chain(amount).collect();
        ("subscription", columns)
    }));
    parts.extend(mapping.change.as_ref().map(|fields| ("change", fields.columns())));
    parts.extend(mapping.addon.as_ref().map(|fields| ("addon", fields.columns())));
    parts
}

fn no_part(source: &Source, parts: &[Part<'_>]) -> Error {
    let lacks: Vec<String> = parts
        .iter()
        .map(|(name, columns)| format!("[{name}] needs {}", quoted(&source.heading.lacks(columns))))
        .collect();
    let has: Vec<&str> = source.heading.names.iter().map(String::as_str).take(60).collect();
    let detail = format!(
        "{} lacks columns the mapping names, or has them twice: {}. It has {}.",
        source.file.name,
        lacks.join("; "),
        quoted(&has)
    );
    Error::invalid("column_missing", detail)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

fn columns<'m>(
    fields: impl IntoIterator<Item = &'m Field>,
    more: impl IntoIterator<Item = &'m String>,
) -> Vec<&'m str> {
    let named = fields.into_iter().flat_map(Field::needed).chain(more.into_iter().map(String::as_str));
    let mut columns: Vec<&str> = Vec::new();
    for name in named {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    columns
}

impl CustomerFields {
    fn columns(&self) -> Vec<&str> {
        let Self { id, name, email, address, country, region, tax_id, tax_exempt, .. } = self;
        let Self { zone, currency, metadata, skip, .. } = self;
        let optional = [email, address, country, region, tax_id, tax_exempt, zone, currency];
        let optional = optional.into_iter().flatten();
        columns([id, name].into_iter().chain(optional).chain(metadata.values()), skip.keys())
    }
}

impl SubscriptionFields {
    fn columns(&self) -> Vec<&str> {
        let Self { id, customer, plan, cycle, quantity, currency, start, end, state, since, .. } = self;
        let Self { trial, trial_end, next_period, renews, cancels_at_period_end, has_method, .. } = self;
        let optional = [cycle, quantity, currency, end, state, since, trial, trial_end, next_period, renews];
        let more = [cancels_at_period_end, has_method, &self.legal_entity];
        let optional = optional.into_iter().chain(more).flatten();
        let named = self.counts.values().chain(self.metadata.values());
        columns([id, customer, plan, start].into_iter().chain(optional).chain(named), self.skip.keys())
    }
}

impl ChangeFields {
    fn columns(&self) -> Vec<&str> {
        let Self { subscription, at, event, plan, cycle, quantity, from_plan, from_cycle, .. } = self;
        let optional = [event, plan, cycle, quantity, from_plan, from_cycle, &self.from_quantity];
        columns([subscription, at].into_iter().chain(optional.into_iter().flatten()), self.skip.keys())
    }
}

impl AddonFields {
    fn columns(&self) -> Vec<&str> {
        let Self { subscription, addon, quantity, skip } = self;
        columns([subscription, addon].into_iter().chain(quantity), skip.keys())
    }
}

/// Rows read at a time.
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    pub(super) faults: Vec<(u64, Fault)>,
}

impl Batch {
    /// Report what could not even be split into cells.
    pub(super) fn report(&mut self, at: usize, name: &str, findings: &mut Findings) {
        for (line, fault) in self.faults.drain(..) {
            findings.bad((at, line), name, fault);
        }
    }
}

/// Read a file through, so many rows at a time.
pub(super) fn batches(file: &File, size: usize, mut take: impl FnMut(Batch) -> Result<()>) -> Result<()> {
    let mut table = Table::open(file)?;
    let mut batch = Batch { rows: Vec::with_capacity(size), faults: Vec::new() };
    while let Some((line, row)) = table.next()? {
        match row {
            Ok(row) => batch.rows.push(row),
            Err(fault) => batch.faults.push((line, fault)),
        }
        if batch.rows.len() + batch.faults.len() >= size {
            take(std::mem::replace(
                &mut batch,
                Batch { rows: Vec::with_capacity(size), faults: Vec::new() },
            ))?;
        }
    }
    take(batch)
}

/// The most bytes of rows that are kept for joining.
const MAX_GATHERED: usize = 512 << 20;

/// Rows kept by the subscription they belong to, with the file each is of.
#[derive(Default)]
pub(super) struct Gathered {
    rows: HashMap<Box<str>, Vec<(usize, Row)>>,
    bytes: usize,
}

impl Gathered {
    /// Errors: `file_too_long`.
    pub(super) fn keep(&mut self, id: &str, at: usize, row: Row) -> Result<()> {
        self.bytes += row.size();
        if self.bytes > MAX_GATHERED {
            let detail = format!(
                "The files to be joined have more than {} MiB. Split them by subscription.",
                MAX_GATHERED >> 20
            );
            return Err(Error::invalid("file_too_long", detail));
        }
        match self.rows.get_mut(id) {
            Some(rows) => rows.push((at, row)),
            None => drop(self.rows.insert(id.into(), vec![(at, row)])),
        }
        Ok(())
    }

    pub(super) fn of(&self, id: &str) -> &[(usize, Row)] {
        self.rows.get(id).map_or(&[], Vec::as_slice)
    }

    /// Everything that is kept.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &[(usize, Row)])> {
        self.rows.iter().map(|(id, rows)| (id.as_ref(), rows.as_slice()))
    }
}
