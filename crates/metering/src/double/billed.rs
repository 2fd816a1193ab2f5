//! From `usage` to `billed`: what lines of issued invoices measured.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kernel::{
    Exact, Result,
    ids::{CustomerId, InvoiceId, SubscriptionId},
};
use store::{Tx, View, params};
use uuid::Uuid;

use super::{Parts, Source, proof::decimals, sql};
use crate::{
    reconcile::{Difference, Proof},
    usage,
};

/// Up to which fact of the core database lines were posted; the name of its reader.
const READER: &str = "double_entry";

/// A line that says how much was measured of a critical meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Of which invoice.
    pub invoice: InvoiceId,
    /// Its place there.
    pub ordinal: i64,
    /// Whose.
    pub customer: CustomerId,
    /// For which subscription.
    pub subscription: SubscriptionId,
    /// The meter's key.
    pub meter: String,
    /// How it measures.
    pub kind: String,
    /// The key its figures are posted under.
    pub key: String,
    /// The values of the dimensions it is grouped by, as they name the line.
    pub part: String,
    /// When the stretch it bills began.
    pub start: Timestamp,
    /// What was measured of the stretch, in the meter's unit.
    pub measured: Exact,
}

impl Moved {
    /// Whether it is posted: its stretch began since its meter is critical.
    pub fn is_posted(&self, sources: &[Source]) -> bool {
        let source = sources.iter().find(|source| source.meter == self.meter && source.kind == self.kind);
        source.is_some_and(|source| self.start.as_microsecond() >= source.began)
    }
}

/// What happened to a line, as it is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was issued.
    Issued(Box<Moved>),
    /// Its invoice was voided.
    Voided(InvoiceId),
}

/// Up to which fact [`settle`] has seen everything; 0 before the first.
pub fn read_to(view: &mut View<'_>) -> Result<i64> {
    usage::read_to(view, READER)
}

/// Everything up to this fact is settled.
pub fn mark(tx: &mut Tx<'_>, fact: i64) -> Result<()> {
    usage::set_read_to(tx, READER, fact)
}

/// Post lines of issued invoices from `usage` to `billed`, and those of voided ones back, in the order it happened. A line
/// says what was measured of a stretch in all; what earlier ones of the same stretch posted is there already. Done again
/// it posts nothing twice. Lines of stretches that began before their meter was critical are not posted.
pub fn settle(tx: &mut Tx<'_>, steps: &[Step], sources: &[Source]) -> Result<()> {
    for step in steps {
        let one = match step {
            Step::Issued(one) => one,
            Step::Voided(invoice) => {
                tx.exec(&sql::UNDO, params![invoice])?;
                continue;
            }
        };
        if !one.is_posted(sources) {
            continue;
        }
        let start = one.start.as_microsecond();
        let stretch = params![one.subscription, one.key, start, one.part];
        let before = tx.one(&sql::MOVED, stretch, |row| Ok(Parts { hi: row.get(0)?, lo: row.get(1)? }))?;
        let parts = Parts::of(scaled(one) - before.quantity());
        let Moved { invoice, ordinal, customer, subscription, meter, kind, key, part, measured, .. } = &**one;
        let measured = measured.to_string();
        let row = params![
            invoice,
            ordinal,
            meter,
            kind,
            customer,
            subscription,
            key,
            start,
            part,
            measured,
            parts.hi,
            parts.lo
        ];
        tx.exec(&sql::MOVE, row)?;
    }
    Ok(())
}

fn scaled(one: &Moved) -> i128 {
    let scale = Exact::ratio(10_i128.pow(decimals(&one.kind)), 1);
    // What was counted or summed up has no more decimals than its meter.
    (&one.measured * &scale).floor().map_or(i128::from(i64::MAX), i128::from)
}

/// A line that was posted: its invoice and place there, the meter, the customer and what was measured.
pub type PostedLine = (InvoiceId, i64, String, CustomerId, String);

/// Lines that were posted, in the order of invoices, after a place or from the first.
pub fn moved_after(
    view: &mut View<'_>,
    after: Option<(InvoiceId, i64)>,
    limit: i64,
) -> Result<Vec<PostedLine>> {
    let (invoice, ordinal) = after.unwrap_or((InvoiceId::from_uuid(Uuid::nil()), i64::MIN));
    view.all(&sql::MOVED_AFTER, params![invoice, ordinal, limit], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    })
}

/// Which lines of invoices were posted.
pub fn moved_of(view: &mut View<'_>, invoices: Vec<InvoiceId>) -> Result<BTreeSet<(InvoiceId, i64)>> {
    let lines = view.all(&sql::MOVED_OF, params![invoices], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(lines.into_iter().collect())
}

/// What was posted for a line against what the line says now; none: there is no such line. Difference: `billed_differs`.
pub fn compare(
    proof: &mut Proof,
    (invoice, ordinal, meter, customer, posted): PostedLine,
    line: Option<&Exact>,
) {
    let found = line.map(ToString::to_string);
    if found.as_deref() != Some(&posted) {
        proof.add(Difference {
            code: "billed_differs",
            customer: Some(customer),
            meter,
            place: format!("line {ordinal} of {invoice}"),
            expected: posted,
            found: found.unwrap_or_else(|| "no such line".to_owned()),
        });
    }
}
