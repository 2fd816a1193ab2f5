//! Double entry of critical meters: what invoices billed is posted from `usage` to `billed`, and proven line by line.

use std::collections::{BTreeMap, BTreeSet};

use billing::usage::{moved, moved_after};
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

/// Every line that was posted against the line as it is now, and every line of an issued invoice that should have been
/// posted: `billed_differs`.
pub(crate) fn compare(db: &Db, scope: &Scope, proof: &mut Proof) -> Result<()> {
    let usage = db.usage().background();
    let sources = usage.read(scope, double::sources).wait()?;
    if sources.is_empty() {
        return Ok(());
    }
    let mut after: Option<(InvoiceId, i64)> = None;
    loop {
        let posted = usage.read(scope, move |view| double::moved_after(view, after, LINES)).wait()?;
        let Some(last) = posted.last().map(|(invoice, ordinal, ..)| (*invoice, *ordinal)) else { break };
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
        after = Some(last);
    }
    for one in never_posted(db, scope, &sources)? {
        proof.add(Difference {
            code: "billed_differs",
            customer: Some(one.customer),
            meter: one.meter,
            place: format!("line {} of {}", one.ordinal, one.invoice),
            expected: one.measured.to_string(),
            found: "nothing posted".to_owned(),
        });
    }
    Ok(())
}

/// The lines of issued invoices that should have been posted and were not.
fn never_posted(db: &Db, scope: &Scope, sources: &[Source]) -> Result<Vec<Moved>> {
    let keys: Vec<String> = sources.iter().map(|source| source.meter.clone()).collect();
    let (mut missed, mut after) = (Vec::new(), None);
    loop {
        let keys = keys.clone();
        let wanted = move |key: &str| keys.iter().any(|known| known == key);
        let page = db.background().read(scope, move |view| moved_after(view, after, &wanted));
        let (mut lines, last) = page.wait()?;
        lines.retain(|one| one.is_posted(sources));
        missed.extend(not_posted(db, scope, lines)?);
        if last.is_none() {
            break;
        }
        after = last;
    }
    if missed.is_empty() {
        return Ok(missed);
    }
    // What was issued since the facts were followed is on its way.
    follow(db, scope)?;
    not_posted(db, scope, missed)
}

fn not_posted(db: &Db, scope: &Scope, mut lines: Vec<Moved>) -> Result<Vec<Moved>> {
    let invoices: BTreeSet<InvoiceId> = lines.iter().map(|one| one.invoice).collect();
    if invoices.is_empty() {
        return Ok(lines);
    }
    let posted = db
        .usage()
        .background()
        .read(scope, move |view| double::moved_of(view, invoices.iter().copied().collect()));
    let posted = posted.wait()?;
    lines.retain(|one| !posted.contains(&(one.invoice, one.ordinal)));
    Ok(lines)
}
