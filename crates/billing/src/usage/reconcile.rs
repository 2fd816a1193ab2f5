//! What was counted against what is billed: the figures of open stretches and the lines of invoices, each counted anew
//! from the log at the place it names. Reads only.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use kernel::{
    Exact, Result,
    ids::{CustomerId, InvoiceId, SubscriptionId},
};
use metering::{
    double::{self, Settled},
    event::Meter,
    reconcile::{Difference, Proof},
};
use rating::Number;
use store::{Db, Row, Scope, View, params, statements};
use uuid::Uuid;

use super::{
    behind::{self, Behind},
    billed::Versions,
    measure::{Known, Stretch, count, log_place},
    model::Posted,
    ops, sql,
};
use crate::{
    invoice::{self, Line, sql::line_columns},
    subscription::rules::arrears,
};

statements! {
    /// Lines that say how much was measured, in the order of invoices.
    environment LINES = concat!("SELECT ", line_columns!(), ", l.invoice_id, i.customer_id, i.due
        FROM invoice_line l JOIN invoice i ON i.env_id = l.env_id AND i.id = l.invoice_id
        WHERE l.env_id = $1 AND (l.invoice_id, l.ordinal) > ($2, $3) AND l.measured IS NOT NULL AND i.state <> 'void'
        ORDER BY l.invoice_id, l.ordinal LIMIT $4");
    /// The same of issued invoices.
    environment ISSUED_LINES = concat!("SELECT ", line_columns!(), ", l.invoice_id, i.customer_id, i.due
        FROM invoice_line l JOIN invoice i ON i.env_id = l.env_id AND i.id = l.invoice_id
        WHERE l.env_id = $1 AND (l.invoice_id, l.ordinal) > ($2, $3) AND l.measured IS NOT NULL
            AND i.state NOT IN ('draft', 'void')
        ORDER BY l.invoice_id, l.ordinal LIMIT $4");
    environment SUBSCRIPTIONS = "SELECT id, customer_id FROM subscription WHERE env_id = $1 AND id > $2 ORDER BY id LIMIT $3";
}

/// Looked at in one read.
const AT_ONCE: i64 = 200;

/// What of billing was compared with the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Figures of stretches that are not billed yet.
    pub figures: u64,
    /// Lines of invoices.
    pub lines: u64,
}

/// Compare figures and lines with the log; differences go into the proof: `figure_differs`, `line_differs` (the log says
/// another quantity), `line_amount_differs` (the line does not add up), `figure_unbilled` (the figure that is kept of a
/// billed stretch is not the one billed).
///
/// Lines whose events may have been let go of, before `kept`, are not counted anew.
pub fn reconcile(db: &Db, scope: &Scope, kept: Timestamp, proof: &mut Proof) -> Result<Compared> {
    let db = db.background();
    let mut done = Compared::default();
    let mut after = Uuid::nil();
    loop {
        let page = db.read(scope, move |view| open_figures(view, after)).wait()?;
        let Some(last) = page.last else { break };
        for (stretch, posted) in page.found {
            done.figures += 1;
            figure(&db, scope, stretch, posted, proof)?;
        }
        after = last;
    }
    let mut after = (InvoiceId::from_uuid(Uuid::nil()), i64::MIN);
    let mut newest = BTreeMap::new();
    loop {
        let page = db.read(scope, move |view| billed(view, after)).wait()?;
        let Some(last) = page.last().map(|one| (one.invoice, one.line.ordinal)) else { break };
        for one in page {
            done.lines += 1;
            line(&db, scope, one, kept, &mut newest, proof)?;
        }
        after = last;
    }
    kept_figures(&db, scope, newest, proof)?;
    Ok(done)
}

struct Page<T> {
    found: Vec<T>,
    last: Option<Uuid>,
}

/// Figures measured for stretches that are not billed yet.
fn open_figures(view: &mut View<'_>, after: Uuid) -> Result<Page<(Stretch, Posted)>> {
    let page = view.all(&SUBSCRIPTIONS, params![after, AT_ONCE], |row| {
        Ok((row.get::<SubscriptionId>(0)?, row.get::<CustomerId>(1)?))
    })?;
    let last = page.last().map(|(id, _)| id.uuid());
    let (ids, customers): (BTreeSet<SubscriptionId>, BTreeSet<CustomerId>) = page.into_iter().unzip();
    let posted = view.all(&sql::OPEN, params![ids.iter().copied().collect::<Vec<_>>()], ops::read)?;
    if posted.is_empty() {
        return Ok(Page { found: Vec::new(), last });
    }
    let known = Known::load(view, customers.into_iter().collect())?;
    let mut found = Vec::new();
    for (one, version, key) in known.keys().filter(|(one, ..)| ids.contains(&one.id)) {
        let period = arrears::open_period(one, version, key);
        let of = |posted: &&Posted| {
            posted.subscription == one.id && posted.key == key && posted.start == period.start.at
        };
        if let Some(posted) = posted.iter().find(of).filter(|posted| place(posted).is_some()) {
            found.push((known.stretch(one, version, key, period), posted.clone()));
        }
    }
    Ok(Page { found, last })
}

fn place(posted: &Posted) -> Option<i64> {
    posted.watermark.as_deref().and_then(log_place)
}

fn figure(db: &Db, scope: &Scope, stretch: Stretch, posted: Posted, proof: &mut Proof) -> Result<()> {
    let Some(place) = place(&posted) else { return Ok(()) };
    let (of, at) = (stretch.clone(), posted.posted);
    let counted = db.usage().read(scope, move |view| count(view, &of, at, place)).wait()?;
    if counted.groups != posted.groups {
        let (customer, subscription) = (stretch.subscription.customer, stretch.subscription.id);
        proof.add(Difference {
            code: "figure_differs",
            customer: Some(customer),
            meter: stretch.key,
            place: format!("{subscription} from {}", posted.start),
            expected: format!("{:?}", counted.groups),
            found: format!("{:?}", posted.groups),
        });
    }
    Ok(())
}

/// A line that says how much was measured.
struct Billed {
    invoice: InvoiceId,
    customer: CustomerId,
    due: Timestamp,
    line: Line,
    behind: Option<Behind>,
}

/// The columns of a line, which those of its invoice follow.
const COLUMNS: usize = 20;

fn billed(view: &mut View<'_>, (invoice, ordinal): LinePlace) -> Result<Vec<Billed>> {
    let page = view.all(&LINES, params![invoice, ordinal, AT_ONCE], read_billed)?;
    with_behind(view, page)
}

/// A line's place among all: its invoice, and where it stands on it.
pub type LinePlace = (InvoiceId, i64);

/// The stretches of lines of issued invoices that were measured from events, each as its line says; of lines after a place,
/// or from the first, in their order; and the place to go on after, none at the end. Lines of other meters than `wanted`
/// are left out.
pub fn measured_after(
    view: &mut View<'_>,
    after: Option<LinePlace>,
    wanted: impl Fn(&str) -> bool,
) -> Result<(Vec<double::Billed>, Option<LinePlace>)> {
    let (invoice, ordinal) = after.unwrap_or((InvoiceId::from_uuid(Uuid::nil()), i64::MIN));
    let page = view.all(&ISSUED_LINES, params![invoice, ordinal, AT_ONCE], read_billed)?;
    let last = page.last().map(|one| (one.invoice, one.line.ordinal));
    Ok((with_behind(view, page)?.into_iter().filter_map(|one| one.settled(&wanted)).collect(), last))
}

impl Billed {
    fn settled(self, wanted: &impl Fn(&str) -> bool) -> Option<double::Billed> {
        let Self { customer, line, behind, .. } = self;
        let (behind, measured) = (behind.filter(|behind| behind.place().is_some())?, line.measured?);
        let Meter { key: meter, kind, .. } = behind.meter().ok().filter(|meter| wanted(&meter.key))?;
        let (key, start) = (behind.key().to_owned(), line.period.start.at);
        let settled = Settled { key, meter, kind, start, measured };
        Some(double::Billed { customer, subscription: line.subscription, settled })
    }
}

fn read_billed(row: &Row<'_>) -> Result<Billed> {
    let (invoice, customer, due) = (row.get(COLUMNS)?, row.get(COLUMNS + 1)?, row.get(COLUMNS + 2)?);
    Ok(Billed { invoice, customer, due, line: invoice::read_line(row, 0)?, behind: None })
}

/// Which events each line was measured from, by the book it names.
fn with_behind(view: &mut View<'_>, mut page: Vec<Billed>) -> Result<Vec<Billed>> {
    let customers: BTreeSet<CustomerId> = page.iter().map(|one| one.customer).collect();
    let known = Known::load(view, customers.into_iter().collect())?;
    let mut versions = Versions::default();
    for one in &mut page {
        let Some((subscription, agreed)) = known.find(one.line.subscription) else { continue };
        let (was, version) = match versions.as_billed(view, subscription, &one.line)? {
            Some((was, version)) => (Arc::new(was), version),
            None => (Arc::clone(subscription), Arc::clone(agreed)),
        };
        one.behind = behind::of_line(&known, was, version, &one.line).ok();
    }
    Ok(page)
}

/// What was billed last for a stretch: whose it is, and for each group at which place of the log it was measured. Where
/// late figures led to a credit, or to nothing, no line says so.
type Newest = BTreeMap<(SubscriptionId, Timestamp, String), (CustomerId, BTreeMap<String, (i64, Number)>)>;

fn line(
    db: &Db,
    scope: &Scope,
    billed: Billed,
    kept: Timestamp,
    newest: &mut Newest,
    proof: &mut Proof,
) -> Result<()> {
    let Billed { invoice, customer, due, line, behind } = billed;
    let whole = line.amount.checked_add(line.discount)?;
    let recomputed = line.explanation.recompute();
    let differs = |code, expected: String, found: String| Difference {
        code,
        customer: Some(customer),
        meter: line.key.clone(),
        place: format!("line {} of {invoice}", line.ordinal),
        expected,
        found,
    };
    if recomputed.as_ref().ok() != Some(&line.amount) && recomputed.as_ref().ok() != Some(&whole) {
        let expected = recomputed.map_or_else(|error| error.detail, |amount| amount.to_string());
        proof.add(differs("line_amount_differs", expected, line.amount.to_string()));
    }
    let (Some(behind), Some(measured)) = (behind, &line.measured) else { return Ok(()) };
    let Some(place) = behind.place() else { return Ok(()) };
    let stretch = (line.subscription, line.period.start.at, behind.key().to_owned());
    let (_, groups) = newest.entry(stretch).or_insert_with(|| (customer, BTreeMap::new()));
    let last = groups.entry(line.group.clone()).or_insert_with(|| (place, measured.clone()));
    if place >= last.0 {
        *last = (place, measured.clone());
    }
    if line.period.start.at < kept {
        return Ok(());
    }
    let total = db.usage().read(scope, move |view| behind.total(view, due)).wait()?;
    let total = if total.is_negative() { Exact::zero() } else { total };
    if total != **measured {
        proof.add(differs("line_differs", total.to_string(), measured.to_string()));
    }
    Ok(())
}

/// The figures that are kept of billed stretches, against what was billed last for them.
fn kept_figures(db: &Db, scope: &Scope, newest: Newest, proof: &mut Proof) -> Result<()> {
    for ((subscription, start, key), (customer, groups)) in newest {
        let posted = db.read(scope, move |view| ops::of_stretch(view, subscription, start)).wait()?;
        let posted = posted.into_iter().find(|posted| posted.key == key);
        // A late figure waits to be billed, one by hand has no place, and an open one goes on after a threshold.
        let Some(posted) = posted.filter(|posted| !posted.late) else { continue };
        let at = place(&posted);
        for (group, (_, measured)) in groups.into_iter().filter(|(_, (place, _))| Some(*place) == at) {
            let total =
                posted.groups.get(&group).map_or_else(|| Some(Exact::zero().into()), |one| one.total());
            if total.as_ref() != Some(&measured) {
                let shown = |number: Option<Number>| number.map_or("none".to_owned(), |one| one.to_string());
                proof.add(Difference {
                    code: "figure_unbilled",
                    customer: Some(customer),
                    meter: key.clone(),
                    place: format!("{subscription} from {start} {group}"),
                    expected: measured.to_string(),
                    found: shown(total),
                });
            }
        }
    }
    Ok(())
}
