//! Double entry of critical meters: what invoices billed is posted from `usage` to `billed`, and proven line by line.

use std::collections::BTreeMap;

use billing::usage::moved;
use jiff::Timestamp;
use kernel::{Exact, Result, ids::InvoiceId};
use metering::{
    double::{self, Moved, Source, Step},
    reconcile::{Difference, Proof},
};
use store::{Db, Scope, facts};

/// Facts read at once.
const FACTS: i64 = 1_000;
/// Posted lines compared at once.
const LINES: i64 = 200;

/// Post the lines of invoices that were issued or voided since this was done last, in the order it happened. Usage is
/// another database file than invoices, so that this follows their facts; done again it posts nothing twice. Costs
/// nothing where no meter is critical.
///
/// Errors: those of the store.
pub(crate) fn follow(db: &Db, scope: &Scope) -> Result<()> {
    let usage = db.usage();
    let sources = usage.read(scope, double::sources).wait()?;
    if sources.is_empty() {
        return Ok(());
    }
    loop {
        let after = usage.read(scope, double::read_to).wait()?;
        let told = db.read(scope, move |view| facts::headlines(view, after, FACTS)).wait()?;
        let Some(last) = told.last().map(|fact| fact.seq) else { return Ok(()) };
        let of = |kind: &str| {
            let said = told.iter().filter(|fact| fact.kind == kind);
            said.map(|fact| InvoiceId::from_uuid(fact.subject.uuid)).collect::<Vec<_>>()
        };
        let mut issued = lines(db, scope, of("invoice.finalized"), &sources)?;
        let mut steps = Vec::new();
        for fact in &told {
            let invoice = InvoiceId::from_uuid(fact.subject.uuid);
            match fact.kind.as_str() {
                "invoice.finalized" => {
                    steps.extend(
                        issued.remove(&invoice).into_iter().flatten().map(Box::new).map(Step::Issued),
                    );
                }
                "invoice.voided" => steps.push(Step::Voided(invoice)),
                _ => {}
            }
        }
        let sources = sources.clone();
        let settle = move |tx: &mut store::Tx<'_>| {
            double::settle(tx, &steps, &sources)?;
            double::mark(tx, last)
        };
        usage.write(scope, settle).wait()?;
    }
}

/// The lines of invoices that say what was measured of critical meters, by invoice.
fn lines(
    db: &Db,
    scope: &Scope,
    invoices: Vec<InvoiceId>,
    sources: &[Source],
) -> Result<BTreeMap<InvoiceId, Vec<Moved>>> {
    if invoices.is_empty() {
        return Ok(BTreeMap::new());
    }
    let keys: Vec<String> = sources.iter().map(|source| source.meter.clone()).collect();
    let wanted = move |key: &str| keys.iter().any(|known| known == key);
    let found = db.read(scope, move |view| moved(view, invoices.clone(), &wanted)).wait()?;
    let mut by_invoice: BTreeMap<InvoiceId, Vec<Moved>> = BTreeMap::new();
    for one in found {
        by_invoice.entry(one.invoice).or_default().push(one);
    }
    Ok(by_invoice)
}

/// Every line that was posted against the line as it is now, and every line of the same invoices that should have been:
/// `billed_differs`.
pub(crate) fn compare(db: &Db, scope: &Scope, proof: &mut Proof) -> Result<()> {
    let usage = db.usage().background();
    let sources = usage.read(scope, double::sources).wait()?;
    let mut after: Option<(InvoiceId, i64)> = None;
    loop {
        let posted = usage.read(scope, move |view| double::moved_after(view, after, LINES)).wait()?;
        let Some(last) = posted.last().map(|(invoice, ordinal, ..)| (*invoice, *ordinal)) else {
            return Ok(());
        };
        let mut invoices: Vec<InvoiceId> = posted.iter().map(|(invoice, ..)| *invoice).collect();
        invoices.dedup();
        let lines = lines(db, scope, invoices, &sources)?.into_values().flatten();
        let mut lines: BTreeMap<(InvoiceId, i64), Moved> =
            lines.map(|one| ((one.invoice, one.ordinal), one)).collect();
        for one in posted {
            let line = lines.remove(&(one.0, one.1));
            let measured: Option<&Exact> = line.as_ref().map(|line| &line.measured);
            double::compare(proof, one, measured);
        }
        let began = |one: &Moved| {
            let source = sources.iter().find(|source| source.meter == one.meter && source.kind == one.kind);
            source.and_then(|source| Timestamp::from_microsecond(source.began).ok())
        };
        // What is of this page, began after its meter became critical, and is left was never posted.
        let missed = lines.into_iter().filter(|(place, one)| {
            after.is_none_or(|after| *place > after)
                && *place <= last
                && began(one).is_some_and(|began| one.start >= began)
        });
        for ((invoice, ordinal), one) in missed {
            proof.add(Difference {
                code: "billed_differs",
                customer: Some(one.customer),
                meter: one.meter,
                place: format!("line {ordinal} of {invoice}"),
                expected: one.measured.to_string(),
                found: "nothing posted".to_owned(),
            });
        }
        after = Some(last);
    }
}
