//! An import as a whole: check every row, then load the good ones.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use catalog::{Book, version};
use identity::environment;
use kernel::{Error, Result};
use store::{Db, Reason, Scope};

use super::{
    decision::Prices,
    finding::{Fault, Findings, Place, Report},
    mapping::{Mapping, Rows},
    reading::{Known, Reading},
    source::{Gathered, Source, recognise},
    story::Misplaced,
    table::{File, Row},
};
use crate::subscription::history::{Contents, History, What};

/// What to do when some rows are bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBad {
    /// Load nothing.
    #[default]
    Stop,
    /// Load the good rows.
    Skip,
}

/// How to import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What to do when some rows are bad.
    pub on_bad: OnBad,
    /// Check all rows, load none.
    pub dry_run: bool,
    /// Leave subscriptions aside.
    pub only_customers: bool,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many rows were checked.
    Checked(u64),
    /// So many of all good rows were loaded.
    Loaded(u64, u64),
}

/// Bring customers and subscriptions with their history in from files.
///
/// Every row is checked before the first is loaded. What is there already, by its external id, is left alone, so a
/// second run loads only what is missing. Facts are effective when things happened and recorded now; the past is
/// not billed unless the mapping asks for it.
///
/// Errors: `no_price_book`, `no_legal_entity`, `mapping_invalid`, `column_missing`, `file_unreadable`,
/// `file_too_long`; a row's own faults are in the report.
pub fn import(
    db: &Db,
    scope: &Scope,
    mapping: &Mapping,
    files: &[File],
    options: Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report> {
    let ground =
        |view: &mut store::View<'_>| Ok((version::in_force(view)?, environment::entities(view)?, view.now()));
    let (version, entities, now) = db.read(scope, ground).wait()?;
    check_parts(mapping, options)?;
    check_words(mapping, &version.book)?;
    let sources = recognise(mapping, files, options.only_customers)?;
    let because = scope.reason.clone().map_or_else(|| Reason::parse("import"), Ok)?;
    let mut run = Run {
        db,
        scope: scope.clone().because(Some(because)),
        reading: Reading { mapping, version: &version, entities: &entities, now },
        sources,
        who: HashMap::new(),
        phases: Gathered::default(),
        changes: Gathered::default(),
        addons: Gathered::default(),
        findings: Findings::default(),
        already: HashSet::new(),
        prices: RefCell::default(),
        done: 0,
        progress,
    };
    run.check()?;
    run.findings.report.only_checked =
        options.dry_run || (options.on_bad == OnBad::Stop && run.findings.report.bad_rows > 0);
    if !run.findings.report.only_checked {
        run.load()?;
    }
    Ok(run.report())
}

/// The mapping says where to find what is wanted.
fn check_parts(mapping: &Mapping, options: Options) -> Result<()> {
    let wrong = |detail: &str| Err(Error::invalid("mapping_invalid", detail));
    if options.only_customers && mapping.customer.is_none() {
        return wrong("The mapping has no part [customer], which says where customers stand.");
    }
    if !options.only_customers && mapping.subscription.is_none() {
        return wrong(
            "The mapping has no part [subscription]. Bring the customers in alone, or say where subscriptions stand.",
        );
    }
    Ok(())
}

/// Every word of the mapping means something in the price book.
fn check_words(mapping: &Mapping, book: &Book) -> Result<()> {
    let wrong = |detail: String| Err(Error::invalid("mapping_invalid", detail));
    if let Some(meant) = mapping.plans.values().find(|meant| book.plan(meant.plan()).is_none()) {
        let plan = meant.plan();
        return wrong(format!(
            "The mapping names the plan {plan:?}, which the price book does not have. Correct [plans], or apply a price book that has it."
        ));
    }
    if let Some(addon) = mapping.addons.values().find(|addon| book.addon(addon).is_none()) {
        return wrong(format!(
            "The mapping names the add-on {addon:?}, which the price book does not have. Correct the mapping, or apply a price book that has it."
        ));
    }
    let counted = mapping.subscription.iter().flat_map(|fields| fields.counts.keys());
    match counted.into_iter().find(|limit| book.feature(limit).is_none()) {
        None => Ok(()),
        Some(limit) => wrong(format!("The mapping counts {limit:?}, which is no limit of the price book.")),
    }
}

/// What rows tell of a subscription.
pub(super) struct Tale {
    /// The external id of its customer.
    pub(super) customer: String,
    pub(super) history: History,
    pub(super) known: Known,
    /// What to look at, although it is good.
    pub(super) notice: Option<Fault>,
}

/// What is known of a customer that rows name.
pub(super) enum Who {
    /// In the files.
    InFile(Place, Known),
    /// There before.
    There(Known),
    /// In the files, and bad.
    Bad(Place),
    /// Nowhere.
    Missing,
}

pub(super) struct Run<'a> {
    pub(super) db: &'a Db,
    pub(super) scope: Scope,
    pub(super) reading: Reading<'a>,
    pub(super) sources: Vec<Source>,
    pub(super) who: HashMap<Box<str>, Who>,
    pub(super) phases: Gathered,
    pub(super) changes: Gathered,
    pub(super) addons: Gathered,
    pub(super) findings: Findings,
    /// Rows of subscriptions that were there before.
    pub(super) already: HashSet<Place>,
    pub(super) prices: RefCell<Prices>,
    pub(super) done: u64,
    pub(super) progress: &'a mut dyn FnMut(Progress),
}

impl Run<'_> {
    pub(super) fn bad(&mut self, (at, line): Place, fault: Fault) {
        self.findings.bad((at, line), &self.sources[at].file.name, fault);
    }

    fn report(self) -> Report {
        let mut report = self.findings.report;
        let order: HashMap<&str, usize> =
            self.sources.iter().enumerate().map(|(at, source)| (source.file.name.as_str(), at)).collect();
        report.bad.sort_by_key(|bad| (order.get(bad.file.as_str()).copied(), bad.line));
        report
    }

    /// What a subscription's row and those joined to it tell; none when it is part of another row's.
    pub(super) fn tale(&self, at: usize, row: &Row) -> Result<Option<Tale>, Misplaced> {
        let (source, place) = (&self.sources[at], (at, row.line));
        let line = source.line(row);
        let here = |fault| (place, fault);
        let Some(fields) = &self.reading.mapping.subscription else { return Ok(None) };
        let id = line.id(&fields.id).map_err(here)?;
        let customer = line.id(&fields.customer).map_err(here)?;
        let known = match self.who.get(customer.as_str()) {
            Some(Who::InFile(_, known) | Who::There(known)) => known.clone(),
            Some(Who::Bad((file, line_of_it))) => {
                let name = &self.sources[*file].file.name;
                let reason = format!("its customer is bad: line {line_of_it} of {name}");
                return Err(here(line.fault(Some(&fields.customer), &reason)));
            }
            Some(Who::Missing) | None => {
                let reason = "there is no such customer, neither in the files nor from before";
                return Err(here(line.fault(Some(&fields.customer), reason)));
            }
        };
        let mut history = if fields.rows == Rows::Phases {
            let group = self.phases.of(&id);
            if group.first().is_some_and(|(first, row)| (*first, row.line) != place) {
                return Ok(None);
            }
            let rows: Vec<_> = self.placed(group);
            self.reading.phases(fields, &rows, &known)?
        } else {
            self.reading.history(fields, line, &known).map_err(here)?
        };
        for (place, line) in self.placed(self.addons.of(&id)) {
            let addons = &mut latest(&mut history).addons;
            self.reading.addon_row(line, addons).map_err(|fault| (place, fault))?;
        }
        let changes = self.placed(self.changes.of(&id));
        if !changes.is_empty() {
            history = self.reading.with_changes((place, line), history, &changes, &known)?;
        }
        let mut prices = self.prices.borrow_mut();
        let notice = self.reading.compare(line, &mut history, &known, &mut prices).map_err(here)?;
        Ok(Some(Tale { customer, history, known, notice }))
    }

    fn placed<'s>(&'s self, rows: &'s [(usize, Row)]) -> Vec<super::story::Placed<'s>> {
        rows.iter().map(|(at, row)| ((*at, row.line), self.sources[*at].line(row))).collect()
    }
}

/// What a history ends as.
pub(super) fn latest(history: &mut History) -> &mut Contents {
    let changed = history.events.iter_mut().rev().find_map(|(_, what)| match what {
        What::Changed(contents) => Some(contents),
        What::Paused | What::Resumed => None,
    });
    changed.unwrap_or(&mut history.first)
}
