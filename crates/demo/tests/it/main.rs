//! The demo, small.

use std::collections::{BTreeMap, BTreeSet};

use billing::{
    invoice, payment,
    simulate::{Ask, simulate},
    subscription,
};
use jiff::Timestamp;

use demo::{Options, Standing, play};
use server::CONTEXTS;
use store::{Actor, Db, Mode, Scope, facts};
use testkit::TestDb;

fn options(seed: u64, customers: usize, months: u32) -> Options {
    Options { seed, customers, months, owner: "owner@example.com".to_owned() }
}

fn standings(test: &TestDb, options: &Options) -> Vec<Standing> {
    attempt(test, options).unwrap()
}

fn attempt(test: &TestDb, options: &Options) -> kernel::Result<Vec<Standing>> {
    let metering = server::metering(&test.db, metering::Options::default());
    play(&test.db, &metering, options, || {})
}

#[test]
fn the_same_seed_gives_the_same_figures_on_both_databases() {
    let options = options(7, 40, 8);
    let first = standings(&TestDb::sqlite(CONTEXTS), &options);
    testkit::on_both(CONTEXTS, |test| assert_eq!(standings(test, &options), first));
    let other = standings(&TestDb::sqlite(CONTEXTS), &Options { seed: 8, ..options });
    assert_ne!(other, first);
}

/// The environments of all businesses.
fn environments(db: &Db) -> Vec<Scope> {
    let environments = db.read(&Scope::installation("demo"), |view| {
        let mut all = Vec::new();
        for merchant in identity::merchant::list(view)? {
            all.extend(identity::environment::of_merchant(view, merchant.id)?);
        }
        Ok(all)
    });
    let scope = |id| Scope::environment(id, Mode::Sandbox, Actor::CommandLine);
    let lived =
        environments.wait().unwrap().into_iter().filter(|environment| environment.mode == Mode::Sandbox);
    lived.map(|environment| scope(environment.id)).collect()
}

/// How often each kind of fact was stated, in all environments, and how each trial that was not converted before ended.
fn told(db: &Db) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for scope in environments(db) {
        let stuck = db.read(&scope, |view| jobs::due::stuck(view, 5)).wait().unwrap();
        assert!(stuck.is_empty(), "{stuck:?}");
        for fact in db.read(&scope, |view| facts::feed(view, 0, 1_000_000)).wait().unwrap() {
            if fact.kind == "subscription.trial_ended" {
                let end = format!("trial ended {}, {}", fact.payload["converted"], fact.payload["state"]);
                *told.entry(end).or_default() += 1;
            }
            *told.entry(fact.kind).or_default() += 1;
        }
    }
    told
}

/// Under the price book it was billed by, the past of every business comes to what was billed, customer by customer.
#[test]
fn the_past_rated_again_comes_to_what_was_billed() {
    let test = TestDb::sqlite(CONTEXTS);
    standings(&test, &options(3, 250, 16));
    for scope in environments(&test.db) {
        let (first, to) = test
            .db
            .read(&scope, |view| {
                let listed = catalog::version::list(view, i64::MAX, 10)?;
                let first = listed.last().map(|one| one.id).expect("a price book");
                // What begins later may be billed by the second one.
                let to = listed.iter().rev().nth(1).map_or(Timestamp::MAX, |second| second.created);
                Ok((catalog::version::find(view, first)?, to))
            })
            .wait()
            .unwrap();
        let ask = Ask { book: &first.book, plans: BTreeMap::new(), from: Timestamp::UNIX_EPOCH, to };
        let simulation = simulate(&test.db, &scope, &ask).unwrap();
        let differs: Vec<_> =
            simulation.customers.iter().filter(|one| one.sums.billed != one.sums.would_be).collect();
        assert!(differs.is_empty(), "{differs:?}");
        assert!(simulation.lines > 100 && !simulation.kept.contains_key("price_missing"), "{simulation:?}");
    }
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
        // Paid for; gone on with a free plan; suspended.
        "trial ended true, \"active\"",
        "trial ended false, \"active\"",
        "trial ended false, \"suspended\"",
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
        "subscription.begun",
        "subscription.usage_billed",
        "subscription.charge_added",
        "subscription.cancellation_explained",
        "subscription.saved",
        "subscription.reactivated",
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
fn limits_that_are_reached_are_told_when_they_are() {
    let test = TestDb::sqlite(CONTEXTS);
    standings(&test, &options(1, 100, 3));
    let mut alerts = 0;
    for scope in environments(&test.db) {
        assert_eq!(metering::alert::follow(&test.db, &scope).unwrap(), 0, "told only by who serves the demo");
        let facts = test.db.read(&scope, |view| facts::feed(view, 0, 100_000)).wait().unwrap();
        let mut renewed = None;
        for fact in facts {
            match fact.kind.as_str() {
                "subscription.renewed" => renewed = renewed.max(Some(fact.effective)),
                "alert.limit_reached" => {
                    let since = renewed.map(|renewed| renewed.duration_since(fact.effective).as_hours());
                    assert!(since.is_none_or(|hours| hours <= 48), "told {since:?} hours after it happened");
                    alerts += 1;
                }
                _ => {}
            }
        }
    }
    assert!(alerts > 0, "no limit was reached");
}

#[test]
fn customers_are_of_all_kinds() {
    let test = TestDb::sqlite(CONTEXTS);
    let standings = standings(&test, &options(1, 300, 14));
    let customers: i64 = standings.iter().map(|one| one.customers).sum();
    assert_eq!((standings.len(), customers), (5, 300));
    assert!(
        standings.iter().all(|one| one.events > 0 && one.transactions > 0 && one.facts > 0),
        "{standings:?}"
    );
    assert!(standings.iter().any(|one| one.refused > 0), "no limit was ever reached");

    let (mut zones, mut currencies, mut seen) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for scope in environments(&test.db) {
        let all = test.db.read(&scope, |view| {
            let subscriptions = subscription::list(view, None, 10_000)?;
            let came =
                facts::feed(view, 0, 100_000)?.into_iter().filter(|fact| fact.kind == "customer.created");
            let came: BTreeMap<_, _> = came.map(|fact| (fact.subject.uuid, fact.effective)).collect();
            let payments = payment::list(view, None, None, 10_000)?;
            let invoices = invoice::list(view, None, 10_000)?;
            Ok((subscriptions, came, payments, invoices))
        });
        let (subscriptions, came, payments, invoices) = all.wait().unwrap();
        for one in subscriptions {
            zones.insert(one.schedule.zone.to_string());
            currencies.insert(one.currency);
            let began = one.schedule.zone.date_of(one.started);
            let came = one.schedule.zone.date_of(came[&one.customer.uuid()]);
            let mut see = |what: &'static str, whether: bool| whether.then(|| seen.insert(what));
            see("coupon", !one.discounts.is_empty());
            see("agreed price", !one.agreement.is_empty());
            see("term", one.term.is_some());
            see("began on the last of a month", began.day() == 31);
            see("began before it was written down", began < came);
        }
        for payment in &payments {
            let late = |invoice: &invoice::Invoice| {
                invoice.customer == payment.customer
                    && invoice.issued.is_some_and(|issued| (payment.day - issued).get_days() > 30)
            };
            if invoices.iter().any(late) {
                seen.insert("late payment");
            }
        }
        if invoices.iter().any(|invoice| invoice.state == invoice::State::Finalized) {
            seen.insert("never paid");
        }
    }
    assert!(zones.len() >= 10, "{zones:?}");
    let exponents: BTreeSet<u32> = currencies.iter().map(|currency| u32::from(currency.exponent())).collect();
    assert_eq!(exponents, BTreeSet::from([0, 2, 3]));
    let all = [
        "agreed price",
        "began before it was written down",
        "began on the last of a month",
        "coupon",
        "late payment",
        "never paid",
        "term",
    ];
    assert_eq!(seen, BTreeSet::from(all));
}

#[test]
fn a_demo_begins_on_an_empty_database() {
    let test = TestDb::sqlite(CONTEXTS);
    standings(&test, &options(1, 10, 1));
    assert_eq!(attempt(&test, &options(1, 10, 1)).unwrap_err().code, "not_empty");
}
