//! Double entry of critical meters: what was measured of a stretch when it was billed is posted from `usage` to `billed`,
//! and proven stretch by stretch.

use std::collections::{BTreeMap, BTreeSet};

use billing::usage::{kept, measured_after, settled_by};
use kernel::{
    Exact, Result,
    ids::{CustomerId, SubscriptionId},
};
use metering::{
    double::{self, Billed, Place, Source},
    reconcile::Proof,
};
use store::{Db, Scope, facts};

/// Facts read at once.
const FACTS: i64 = 1_000;
/// Posted stretches compared at once.
const STRETCHES: i64 = 200;

/// Post what was settled since this was done last, in the order it happened. Usage is another database file than what it
/// is billed by, so that this follows facts; done again it posts nothing twice. Costs nothing where no meter is critical.
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
        let told = db.read(scope, move |view| facts::feed(view, after, FACTS)).wait()?;
        let Some(last) = told.last().map(|fact| fact.seq) else { return Ok(()) };
        let mut settled = Vec::new();
        for fact in &told {
            settled.extend(settled_by(fact)?);
        }
        let sources = sources.clone();
        let settle = move |tx: &mut store::Tx<'_>| {
            double::settle(tx, &settled, &sources)?;
            double::mark(tx, last)
        };
        usage.write(scope, settle).wait()?;
    }
}

/// Every stretch that is posted against the figure that is kept of it, and every line of an issued invoice whose stretch
/// should be posted: `billed_differs`.
pub(crate) fn compare(db: &Db, scope: &Scope, proof: &mut Proof) -> Result<()> {
    let usage = db.usage().background();
    let sources = usage.read(scope, double::sources).wait()?;
    if sources.is_empty() {
        return Ok(());
    }
    let mut differing = all_differing(db, scope)?;
    let mut missed = never_posted(db, scope, &sources)?;
    if !(differing.is_empty() && missed.is_empty()) {
        // What was settled since the facts were followed is on its way.
        follow(db, scope)?;
        differing = all_differing(db, scope)?;
        missed = not_posted(db, scope, missed)?;
    }
    for (one, expected) in differing {
        double::differs(proof, &one, expected.to_string(), one.settled.measured.to_string());
    }
    for one in missed {
        double::differs(proof, &one, one.settled.measured.to_string(), "nothing posted".to_owned());
    }
    Ok(())
}

/// The stretches that are not posted as the figure that is kept of them says, with what it says.
fn all_differing(db: &Db, scope: &Scope) -> Result<Vec<(Billed, Exact)>> {
    let (usage, mut all, mut after) = (db.usage().background(), Vec::new(), None);
    loop {
        let page =
            usage.read(scope, move |view| double::posted_after(view, after.clone(), STRETCHES)).wait()?;
        let Some(last) = page.last().map(Billed::place) else { return Ok(all) };
        all.extend(differing(db, scope, page)?);
        after = Some(last);
    }
}

/// The same of some of them.
fn differing(db: &Db, scope: &Scope, posted: Vec<Billed>) -> Result<Vec<(Billed, Exact)>> {
    let places: Vec<Place> = posted.iter().map(Billed::place).collect();
    let whose: BTreeSet<CustomerId> = posted.iter().map(|one| one.customer).collect();
    let whose: Vec<CustomerId> = whose.into_iter().collect();
    let kept = db.background().read(scope, move |view| kept(view, whose.clone(), &places)).wait()?;
    let mut kept: BTreeMap<Place, Exact> = kept.into_iter().collect();
    let against = posted.into_iter().filter_map(|one| {
        let expected = kept.remove(&one.place())?;
        (expected != *one.settled.measured).then_some((one, expected))
    });
    Ok(against.collect())
}

/// The lines of issued invoices whose stretch should have been posted and was not.
fn never_posted(db: &Db, scope: &Scope, sources: &[Source]) -> Result<Vec<Billed>> {
    let keys: Vec<String> = sources.iter().map(|source| source.meter.clone()).collect();
    let (mut missed, mut after) = (Vec::new(), None);
    loop {
        let keys = keys.clone();
        let wanted = move |key: &str| keys.iter().any(|known| known == key);
        let page = db.background().read(scope, move |view| measured_after(view, after, &wanted));
        let (mut stretches, last) = page.wait()?;
        stretches.retain(|one| one.is_posted(sources));
        missed.extend(not_posted(db, scope, stretches)?);
        if last.is_none() {
            break;
        }
        after = last;
    }
    // Several lines may bill one stretch: the last one says what it came to.
    let last: BTreeMap<Place, Billed> = missed.into_iter().map(|one| (one.place(), one)).collect();
    Ok(last.into_values().collect())
}

fn not_posted(db: &Db, scope: &Scope, mut stretches: Vec<Billed>) -> Result<Vec<Billed>> {
    let whose: BTreeSet<SubscriptionId> = stretches.iter().map(|one| one.subscription).collect();
    if whose.is_empty() {
        return Ok(stretches);
    }
    let posted = db
        .usage()
        .background()
        .read(scope, move |view| double::posted_of(view, whose.iter().copied().collect()));
    let posted = posted.wait()?;
    stretches.retain(|one| !posted.contains(&one.place()));
    Ok(stretches)
}
