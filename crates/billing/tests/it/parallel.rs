//! Every operation against itself, from two processes' handles at once: exactly what may happen happens.

use std::{collections::BTreeMap, thread};

use billing::subscription::{
    Change, Start, Timing, cancel, change, convert, extend_trial, pause, reinstate, resume, start, suspend,
};
use identity::{NewCustomer, Permissions, customer, environment, key, merchant, user};
use jobs::Runner;
use kernel::{Currency, Result, Zone, ids::SubscriptionId};
use store::{Mode, Scope, Tx};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{
        self, advance, customer_in, environment as new_environment, environment_with, issued, new_customer,
        sound, starter,
    },
};

/// Run one operation six times at once, half of it through another process's handle; how often each
/// ended well or with which code.
pub fn race<T: Send + 'static>(
    test: &TestDb,
    scope: &Scope,
    operation: impl Fn(&mut Tx<'_>) -> Result<T> + Clone + Send + Sync + 'static,
) -> BTreeMap<&'static str, usize> {
    let other = test.second_process(ALL);
    let ends = thread::scope(|threads| {
        let threads: Vec<_> = (0..6)
            .map(|worker| {
                let db = if worker % 2 == 0 { test.db.clone() } else { other.clone() };
                let (scope, operation) = (scope.clone(), operation.clone());
                threads.spawn(move || {
                    db.write(&scope, operation).wait().map_or_else(|error| error.code, |_| "ok")
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let mut counts = BTreeMap::new();
    ends.into_iter().for_each(|end| *counts.entry(end).or_insert(0) += 1);
    counts
}

pub fn once(code: &'static str) -> BTreeMap<&'static str, usize> {
    BTreeMap::from([("ok", 1), (code, 5)])
}

#[test]
fn what_may_happen_once_happens_once() {
    on_both(ALL, |test| {
        let scope = new_environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
        let new = NewCustomer { external_id: Some("A".into()), ..new_customer("Acme", "UTC") };
        assert_eq!(
            race(test, &scope, move |tx| customer::create(tx, new.clone())),
            once("external_id_taken")
        );

        let erased = customer_in(test, &scope, "UTC").id;
        assert_eq!(race(test, &scope, move |tx| customer::erase(tx, erased)), once("already_erased"));

        let entity = environment::NewLegalEntity {
            name: "Second".into(),
            country: "FR".into(),
            region: None,
            tax_id: None,
            registrations: Vec::new(),
            currency: Currency::parse("EUR").unwrap(),
            zone: Zone::utc(),
            series: "FR".into(),
        };
        assert_eq!(race(test, &scope, move |tx| environment::add_entity(tx, &entity)), once("series_taken"));

        let secret = key::new_secret(Mode::Sandbox).unwrap();
        let made = test
            .db
            .write(&scope, move |tx| key::create(tx, "K", &Permissions::All, &secret))
            .wait()
            .unwrap()
            .id;
        assert_eq!(race(test, &scope, move |tx| key::revoke(tx, made)), once("not_found"));

        let dearer =
            std::fs::read_to_string(ground::UNISON).unwrap().replace("month = \"49\"", "month = \"59\"");
        let apply = move |tx: &mut Tx<'_>| catalog::version::apply(tx, "b.toml", &dearer);
        assert_eq!(race(test, &scope, apply), BTreeMap::from([("ok", 6)]));
        let newest = test.db.read(&scope, catalog::version::in_force).wait().unwrap();
        assert_eq!(newest.number, 2, "the same book makes one version");
        sound(test, &scope);
    });
}

#[test]
fn subscriptions_make_each_transition_once() {
    on_both(ALL, |test| {
        let scope = new_environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
        let customer = customer_in(test, &scope, "UTC").id;
        let command = Start { external_id: Some("S".into()), ..starter(customer) };
        assert_eq!(race(test, &scope, move |tx| start(tx, &command)), once("external_id_taken"));
        let id = test.db.read(&scope, |view| billing::subscription::resolve(view, "ext:S")).wait().unwrap();

        let up = Change { plan: Some("professional".into()), ..Change::default() };
        assert_eq!(race(test, &scope, move |tx| change(tx, id, &up, Timing::Now)), once("nothing_changes"));
        assert_eq!(race(test, &scope, move |tx| pause(tx, id)), once("transition_illegal"));
        assert_eq!(race(test, &scope, move |tx| resume(tx, id)), once("transition_illegal"));
        assert_eq!(race(test, &scope, move |tx| suspend(tx, id)), once("transition_illegal"));
        assert_eq!(race(test, &scope, move |tx| reinstate(tx, id)), once("transition_illegal"));
        assert_eq!(race(test, &scope, move |tx| cancel(tx, id, Timing::Now)), once("transition_illegal"));
        sound(test, &scope);
    });
}

#[test]
fn a_trial_is_converted_once_and_its_extensions_add_up() {
    on_both(ALL, |test| {
        let scope = new_environment(test, Mode::Sandbox, "2026-01-01T10:00:00Z");
        let customer = customer_in(test, &scope, "UTC").id;
        let trying = Start { trial: true, ..starter(customer) };
        let id = ground::start(test, &scope, trying.clone()).unwrap().subscription.id;
        assert_eq!(race(test, &scope, move |tx| start(tx, &trying)), BTreeMap::from([("trial_used", 6)]));
        assert_eq!(race(test, &scope, move |tx| extend_trial(tx, id, 5)), BTreeMap::from([("ok", 6)]));
        let end =
            test.db.read(&scope, move |view| billing::subscription::find(view, id)).wait().unwrap().trial_end;
        assert_eq!(end.unwrap().date.to_string(), "2026-02-14", "14 days and six times five");
        assert_eq!(race(test, &scope, move |tx| convert(tx, id)), once("transition_illegal"));
        assert_eq!(issued(test, &scope).len(), 1);
        sound(test, &scope);
    });
}

/// The customer's credit pays once, however many invoices ask for it at the same moment.
#[test]
fn credit_is_used_once() {
    const BOOK: &str = r#"
        book = 1
        name = "Credit"
        currency = "USD"
        [features]
        basics = "Basics"
        [plans.year]
        name = "Year"
        price = { year = "366" }
        [plans.month]
        name = "Month"
        price = { month = "100" }
    "#;
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2027-03-01T10:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC").id;
        let year = Start { plan: "year".into(), cycle: kernel::Cycle::YEAR, ..starter(customer) };
        let id = ground::start(test, &scope, year).unwrap().subscription.id;
        test.db.write(&scope, move |tx| cancel(tx, id, Timing::Now)).wait().unwrap(); // 365 days unused
        let month = Start { plan: "month".into(), ..starter(customer) };
        assert_eq!(race(test, &scope, move |tx| start(tx, &month)), BTreeMap::from([("ok", 6)]));
        let invoices = test.db.read(&scope, |view| billing::invoice::list(view, None, 6)).wait().unwrap();
        let used: i64 = invoices.iter().map(|invoice| invoice.credit.minor()).sum();
        assert_eq!(used, 36_500);
        sound(test, &scope);
    });
}

#[test]
fn a_clock_is_set_moving_once_and_two_runners_bill_each_period_once() {
    on_both(ALL, |test| {
        let scope = new_environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
        let mut ids: Vec<SubscriptionId> = Vec::new();
        for zone in ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"] {
            let customer = customer_in(test, &scope, zone).id;
            ids.push(ground::start(test, &scope, starter(customer)).unwrap().subscription.id);
        }
        let to = "2026-05-15T00:00:00Z".parse().unwrap();
        let moving = race(test, &scope, move |tx| billing::clock::request_advance(tx, to));
        assert_eq!(moving, once("clock_advancing"));
        let other = test.second_process(ALL);
        thread::scope(|threads| {
            for db in [&test.db, &other, &test.db] {
                threads.spawn(move || {
                    let runner = Runner::new(db.clone(), vec![billing::clock::advance_job_kind()], vec![]);
                    runner.run_until_idle().unwrap();
                });
            }
        });
        let all = issued(test, &scope);
        assert_eq!(all.len(), 4 * 4);
        assert!(all.is_sorted(), "numbers and dates rise together");
        advance(test, &scope, "2026-05-31T12:00:00Z").unwrap();
        sound(test, &scope);
    });
}

/// Installation work likewise: a sign-in link opens one session, a name is taken once, a user is added once.
#[test]
fn a_link_signs_in_once_and_names_are_taken_once() {
    on_both(ALL, |test| {
        let scope = Scope::installation("test");
        assert_eq!(race(test, &scope, |tx| merchant::create(tx, "acme", "Acme")), once("slug_taken"));
        let add = |tx: &mut Tx<'_>| user::find_or_add(tx, "ann@example.com");
        assert_eq!(race(test, &scope, add), BTreeMap::from([("ok", 6)]));
        let ann = test.db.write(&scope, add).wait().unwrap().id;
        let (link, session) = (user::new_secret().unwrap(), user::new_secret().unwrap());
        let kept = link.clone();
        test.db.write(&scope, move |tx| user::add_link(tx, ann, &kept)).wait().unwrap();
        let sign_in = move |tx: &mut Tx<'_>| user::sign_in(tx, &link, &session);
        assert_eq!(race(test, &scope, sign_in), once("link_unknown"));
    });
}
