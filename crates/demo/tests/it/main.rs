//! The demo, small.

use std::collections::BTreeMap;

use demo::{Options, Standing, play};
use store::{Actor, Db, Mode, Scope};
use testkit::TestDb;

const CONTEXTS: &[&store::Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &identity::CONTEXT,
    &billing::CONTEXT,
];

fn options(seed: u64, customers: usize, months: u32) -> Options {
    Options { seed, customers, months, owner: "owner@example.com".to_owned() }
}

fn standings(test: &TestDb, options: &Options) -> Vec<Standing> {
    play(&test.db, options, || {}).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_figures_on_both_databases() {
    let options = options(7, 40, 8);
    let first = standings(&TestDb::sqlite(CONTEXTS), &options);
    testkit::on_both(CONTEXTS, |test| assert_eq!(standings(test, &options), first));
    let other = standings(&TestDb::sqlite(CONTEXTS), &Options { seed: 8, ..options });
    assert_ne!(other, first);
}

/// How often each kind of fact was stated, in all environments.
fn told(db: &Db) -> BTreeMap<String, usize> {
    let environments = db.read(&Scope::installation("demo"), |view| {
        let mut all = Vec::new();
        for merchant in identity::merchant::list(view)? {
            all.extend(identity::environment::of_merchant(view, merchant.id)?);
        }
        Ok(all)
    });
    let mut told = BTreeMap::new();
    for environment in environments.wait().unwrap() {
        let scope = Scope::environment(environment.id, Mode::Sandbox, Actor::CommandLine);
        let stuck = db.read(&scope, |view| jobs::due::stuck(view, 5)).wait().unwrap();
        assert!(stuck.is_empty(), "{}: {stuck:?}", environment.slug);
        for fact in db.read(&scope, |view| store::facts::feed(view, 0, 1_000_000)).wait().unwrap() {
            *told.entry(fact.kind).or_default() += 1;
        }
    }
    told
}

#[test]
fn everything_a_subscription_can_live_through_happens() {
    let test = TestDb::sqlite(CONTEXTS);
    let standings = standings(&test, &options(1, 400, 18));
    assert_eq!(standings.len(), 5);
    let currencies: Vec<&str> = standings.iter().flat_map(|one| one.money.keys().copied()).collect();
    assert!(currencies.contains(&"JPY") && currencies.contains(&"KWD"), "{currencies:?}");
    let told = told(&test.db);
    for kind in [
        "subscription.started",
        "subscription.renewed",
        "subscription.converted",
        "subscription.trial_extended",
        "subscription.trial_ended",
        "subscription.trial_reminder",
        "subscription.changed",
        "subscription.change_scheduled",
        "subscription.canceled",
        "subscription.cancellation_scheduled",
        "subscription.kept_on",
        "subscription.paused",
        "subscription.resumed",
        "subscription.suspended",
        "subscription.reinstated",
        "subscription.method_set",
        "subscription.usage_posted",
        "invoice.finalized",
        "invoice.paid",
        "invoice.reopened",
        "invoice.voided",
        "invoice.uncollectible",
        "credit_note.issued",
        "payment.recorded",
        "payment.reversed",
    ] {
        assert!(told.contains_key(kind), "{kind} never happened: {told:?}");
    }
}

#[test]
fn a_demo_begins_on_an_empty_database() {
    let test = TestDb::sqlite(CONTEXTS);
    standings(&test, &options(1, 10, 1));
    assert_eq!(play(&test.db, &options(1, 10, 1), || {}).unwrap_err().code, "not_empty");
}
