//! Bill runs as rows, runs that are asked for, and what they are going to do.

use billing::{
    bill_run::{self, What},
    subscription::{self, Change, Start, Timing},
};
use jiff::Timestamp;
use jobs::Runner;
use kernel::Cycle;
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment, issued, sound, starter},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Customers in three zones, one of them with several subscriptions.
fn fill(test: &TestDb, scope: &Scope) {
    for zone in ["UTC", "Asia/Tokyo", "America/Los_Angeles"] {
        let customer = customer_in(test, scope, zone);
        ground::start(test, scope, starter(customer.id)).unwrap();
        if zone == "UTC" {
            let yearly = Start { cycle: Cycle::YEAR, ..starter(customer.id) };
            ground::start(test, scope, yearly).unwrap();
            ground::start(test, scope, starter(customer.id)).unwrap();
        }
    }
}

#[test]
fn what_is_foreseen_comes_about() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T09:00:00Z");
        fill(test, &scope);
        let customer = customer_in(test, &scope, "UTC");
        let trial = Start { trial: true, ..starter(customer.id) };
        ground::start(test, &scope, trial).unwrap();
        let leaving = ground::start(test, &scope, starter(customer.id)).unwrap().subscription.id;
        test.db.write(&scope, move |tx| subscription::cancel(tx, leaving, Timing::PeriodEnd)).wait().unwrap();
        let growing = ground::start(test, &scope, starter(customer.id)).unwrap().subscription.id;
        let change = Change { plan: Some("professional".into()), ..Change::default() };
        test.db
            .write(&scope, move |tx| subscription::change(tx, growing, &change, Timing::PeriodEnd))
            .wait()
            .unwrap();
        let before = issued(test, &scope).len();
        let until = at("2026-05-01T00:00:00Z");
        let foreseen = test
            .db
            .read(&scope, move |view| bill_run::forecast(view, at("2026-01-31T09:00:00Z"), until, 1_000))
            .wait()
            .unwrap();
        let count = |what| foreseen.events.iter().filter(|event| event.what == what).count();
        assert_eq!((count(What::TrialEnd), count(What::Cancellation), count(What::Change)), (1, 1, 1));
        let few = test
            .db
            .read(&scope, move |view| bill_run::forecast(view, at("2026-01-31T09:00:00Z"), until, 2))
            .wait()
            .unwrap();
        assert_eq!(
            (&few.documents[..], few.document_count),
            (&foreseen.documents[..2], foreseen.document_count)
        );
        assert_eq!(few.totals, foreseen.totals);

        advance(test, &scope, "2026-05-01T00:00:00Z").unwrap();
        let done = test.db.read(&scope, |view| billing::invoice::list(view, None, 1_000)).wait().unwrap();
        let mut done: Vec<_> = done.iter().rev().skip(before).collect();
        done.sort_by_key(|invoice| (invoice.due, invoice.customer));
        let foreseen: Vec<_> =
            foreseen.documents.iter().map(|one| (one.at, one.customer, one.totals, one.credit)).collect();
        let done: Vec<_> = done.iter().map(|one| (one.due, one.customer, one.totals, one.credit)).collect();
        assert_eq!(foreseen, done);
        sound(test, &scope);
    });
}

#[test]
fn a_run_counts_what_it_did_and_is_done() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T09:00:00Z");
        fill(test, &scope);
        advance(test, &scope, "2026-03-01T12:00:00Z").unwrap();
        let runs = test.db.read(&scope, |view| bill_run::list(view, None, 10)).wait().unwrap();
        let [run] = &runs[..] else { panic!("{runs:?}") };
        assert_eq!(run.state, bill_run::State::Done);
        assert_eq!(run.subscriptions, 4, "the yearly one is not due");
        assert_eq!(run.invoices, 3, "two of one customer are one invoice");
        assert_eq!(run.totals["USD"].total, 4 * 4_900);
        assert!(run.begun_by.starts_with("job_") && run.finished.is_some());
        let id = run.id;
        let invoices =
            test.db.read(&scope, move |view| bill_run::invoices(view, id, None, 10)).wait().unwrap();
        assert_eq!(invoices.len(), 3);
        sound(test, &scope);
    });
}

#[test]
fn a_run_that_is_asked_for_bills_what_is_due_and_nothing_to_come() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-03-31T09:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        let backdated = Start { start: Some(at("2026-01-15T00:00:00Z")), ..starter(customer.id) };
        ground::start(test, &scope, backdated).unwrap();
        let early = test
            .db
            .write(&scope, |tx| bill_run::request(tx, Some(at("2026-04-01T00:00:00Z"))))
            .wait()
            .unwrap_err();
        assert_eq!(early.code, "run_in_future");
        let run = |when: Option<&str>| {
            let when = when.map(at);
            test.db.write(&scope, move |tx| bill_run::request(tx, when)).wait().unwrap();
            let runner = Runner::new(test.db.clone(), vec![bill_run::job_kind()], vec![]);
            runner.run_until_idle().unwrap();
        };
        run(Some("2026-02-20T00:00:00Z"));
        assert_eq!(issued(test, &scope).len(), 2, "January's and February's");
        run(None);
        run(None);
        assert_eq!(issued(test, &scope).len(), 3, "and March's, once");
        sound(test, &scope);
    });
}
