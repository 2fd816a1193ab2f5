//! Which file holds what: told by its columns.

use std::collections::HashMap;

use kernel::{Error, Result};

use super::{
    finding::{Fault, Findings},
    mapping::Mapping,
    parts::{Kind, Part, parts},
    reading::Line,
    table::{File, Heading, Row, Table},
};

/// A file and what its rows are.
pub(super) struct Source {
    pub(super) file: File,
    pub(super) heading: Heading,
    holds: Vec<Kind>,
}

impl Source {
    pub(super) const fn line<'r>(&'r self, row: &'r Row) -> Line<'r> {
        Line { heading: &self.heading, row }
    }

    pub(super) fn holds(&self, kind: Kind) -> bool {
        self.holds.contains(&kind)
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
        let held = parts.iter().filter(|part| heading.lacks(&part.columns()).is_empty());
        let source = Source { holds: held.map(|part| part.kind).collect(), file: file.clone(), heading };
        if source.holds.is_empty() {
            return Err(no_part(&source, &parts));
        }
        sources.push(source);
    }
    // Customers may have been brought in before.
    let wanted = |part: &&Part<'_>| part.kind != Kind::Customer || only_customers;
    let homeless = |part: &&Part<'_>| !sources.iter().any(|source| source.holds(part.kind));
    match parts.iter().filter(wanted).find(homeless) {
        Some(part) => Err(nowhere(part, &sources)),
        None => Ok(sources),
    }
}

/// None of the files has the columns of a part: tell of the one that comes closest.
fn nowhere(part: &Part<'_>, sources: &[Source]) -> Error {
    let columns = part.columns();
    let lacks = |source: &Source| source.heading.lacks(&columns).len();
    let closest = sources.iter().min_by_key(|source| lacks(source));
    let closest = closest.map_or_else(String::new, |source| {
        format!(" {} lacks {}.", source.file.name, quoted(&source.heading.lacks(&columns)))
    });
    let word = part.kind.word();
    let or = match part.kind {
        Kind::Change | Kind::Addon => format!(", or take [{word}] out of the mapping"),
        _ => String::new(),
    };
    let detail =
        format!("None of the files has the columns of [{word}].{closest} Give the file that has them{or}.");
    Error::invalid("column_missing", detail)
}

fn no_part(source: &Source, parts: &[Part<'_>]) -> Error {
    let lacks: Vec<String> = parts
        .iter()
        .map(|part| {
            let lacks = source.heading.lacks(&part.columns());
            format!("[{}] needs {}", part.kind.word(), quoted(&lacks))
        })
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
