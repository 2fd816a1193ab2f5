//! Periods that end, in a sandbox whose clock is moved and in live time.

use billing::subscription::{BillFrom, Start};
use jobs::Runner;
use store::{Mode, clock, facts};
use testkit::on_both;

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment, issued, lines, sound, starter},
};

#[test]
fn month_ends_return_to_their_anchor_and_days_are_local() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T15:00:00Z");
        let customer = customer_in(test, &scope, "America/New_York");
        ground::start(test, &scope, starter(customer.id)).unwrap();
        advance(test, &scope, "2026-06-15T00:00:00Z").unwrap();
        let mut invoices =
            test.db.read(&scope, |view| billing::invoice::list(view, None, 100)).wait().unwrap();
        invoices.reverse();
        let periods: Vec<String> =
            invoices.iter().flat_map(|invoice| lines(test, &scope, invoice.id)).collect();
        assert_eq!(
            periods,
            [
                "Starter 2026-01-31..2026-02-28 ×1 49.00",
                "Starter 2026-02-28..2026-03-31 ×1 49.00",
                "Starter 2026-03-31..2026-04-30 ×1 49.00",
                "Starter 2026-04-30..2026-05-31 ×1 49.00",
                "Starter 2026-05-31..2026-06-30 ×1 49.00",
            ]
        );
        assert_eq!(
            invoices[2].due.to_string(),
            "2026-03-31T04:00:00Z",
            "midnight in New York, in summer time"
        );
        sound(test, &scope);
    });
}

#[test]
fn documents_follow_business_time_whatever_the_number_of_customers() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-10T00:00:00Z");
        for day in [3, 1, 9, 1, 5] {
            let customer = customer_in(test, &scope, "UTC");
            let start = Some(format!("2025-12-{day:02}T00:00:00Z").parse().unwrap());
            let command = Start { start, bill_from: BillFrom::NextPeriod, ..starter(customer.id) };
            ground::start(test, &scope, command).unwrap();
        }
        advance(test, &scope, "2026-04-01T00:00:00Z").unwrap();
        let all = issued(test, &scope);
        assert_eq!(all.len(), 5 * 2 + 2, "two months of five, and 1 April of two");
        assert!(all.is_sorted(), "numbers and dates rise together");
        assert_eq!(all[0], "INV-000001 2026-02-01 USD 49.00");
        assert_eq!(all[11], "INV-000012 2026-04-01 USD 49.00");
        sound(test, &scope);
    });
}

#[test]
fn one_long_advance_is_the_same_as_many_short_ones() {
    on_both(ALL, |test| {
        let results: Vec<Vec<String>> = [
            &["2026-07-01T00:00:00Z"][..],
            &["2026-02-14T07:00:00Z", "2026-02-28T00:00:00Z", "2026-05-30T23:00:00Z", "2026-07-01T00:00:00Z"],
        ]
        .into_iter()
        .map(|steps| {
            let scope = environment(test, Mode::Sandbox, "2026-01-29T10:00:00Z");
            for zone in ["UTC", "Asia/Tokyo", "America/Los_Angeles"] {
                let customer = customer_in(test, &scope, zone);
                ground::start(test, &scope, starter(customer.id)).unwrap();
            }
            steps.iter().for_each(|to| advance(test, &scope, to).unwrap());
            sound(test, &scope);
            issued(test, &scope)
        })
        .collect();
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0].len(), 3 * 6);
    });
}

#[test]
fn while_the_clock_moves_other_writes_wait_and_afterwards_it_stands() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T15:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        let to = "2026-03-15T00:00:00Z".parse().unwrap();
        let request = |to| test.db.write(&scope, move |tx| billing::clock::request_advance(tx, to)).wait();
        request(to).unwrap();
        assert_eq!(ground::start(test, &scope, starter(customer.id)).unwrap_err().code, "clock_advancing");
        assert_eq!(request(to).unwrap_err().code, "clock_advancing");
        Runner::new(test.db.clone(), vec![billing::clock::advance_job_kind()], vec![])
            .run_until_idle()
            .unwrap();
        let standing = test.db.read(&scope, clock::read).wait().unwrap().unwrap();
        assert_eq!((standing.at, standing.target), (to, None));
        ground::start(test, &scope, starter(customer.id)).unwrap();
        assert_eq!(issued(test, &scope), ["INV-000001 2026-03-15 USD 49.00"]);
    });
}

#[test]
fn a_live_environment_renews_by_real_time_and_catches_up_after_downtime() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Live, "2026-01-15T12:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        ground::start(test, &scope, starter(customer.id)).unwrap();
        let runner = Runner::new(test.db.clone(), vec![jobs::due::due_job_kind(billing::DUE)], vec![]);
        runner.run_until_idle().unwrap();
        assert_eq!(issued(test, &scope).len(), 1, "nothing is due yet");
        test.clock.set("2026-04-20T09:00:00Z".parse().unwrap());
        runner.run_until_idle().unwrap();
        assert_eq!(
            issued(test, &scope),
            [
                "INV-000001 2026-01-15 USD 49.00",
                "INV-000002 2026-02-15 USD 49.00",
                "INV-000003 2026-03-15 USD 49.00",
                "INV-000004 2026-04-15 USD 49.00",
            ],
            "missed periods give one invoice each, oldest first, with their own dates"
        );
        let feed = test.db.read(&scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
        let renewal = feed.iter().find(|fact| fact.kind == "subscription.renewed").unwrap();
        assert_eq!(renewal.effective.to_string(), "2026-02-15T00:00:00Z");
        assert_eq!(renewal.recorded.to_string(), "2026-04-20T09:00:00Z");
        sound(test, &scope);
    });
}

#[test]
fn a_subscription_whose_book_changed_keeps_its_price() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T15:00:00Z");
        let old = customer_in(test, &scope, "UTC");
        ground::start(test, &scope, starter(old.id)).unwrap();
        let dearer =
            std::fs::read_to_string(ground::UNISON).unwrap().replace("month = \"49\"", "month = \"59\"");
        let applied = test
            .db
            .write(&scope, move |tx| catalog::version::apply(tx, "book.toml", &dearer))
            .wait()
            .unwrap();
        assert_eq!((applied.version.number, applied.changed), (2, true));
        let new = customer_in(test, &scope, "UTC");
        ground::start(test, &scope, starter(new.id)).unwrap();
        advance(test, &scope, "2026-03-01T00:00:00Z").unwrap();
        let totals: Vec<String> = issued(test, &scope).iter().map(|text| text[22..].to_owned()).collect();
        assert_eq!(totals, ["USD 49.00", "USD 59.00", "USD 49.00", "USD 59.00"]);
        sound(test, &scope);
    });
}

/// A process may die after the clock arrived and before its job was settled: the job is run again then, and
/// must neither fail nor carry a later advance to its end without the work on the way.
#[test]
fn an_advance_that_is_run_again_after_it_arrived_does_nothing() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T15:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        ground::start(test, &scope, starter(customer.id)).unwrap();
        let request = |to: &str| {
            let to = to.parse().unwrap();
            test.db.write(&scope, move |tx| billing::clock::request_advance(tx, to)).wait().unwrap()
        };
        let first = request("2026-02-10T00:00:00Z");
        // It arrives by other hands; its job is still queued when the next advance is requested.
        let due = scope.clone().for_due_work();
        test.db.write(&due, clock::arrive).wait().unwrap();
        let second = request("2026-03-10T00:00:00Z");
        assert_ne!(first, second, "the second advance has a job of its own");
        Runner::new(test.db.clone(), vec![billing::clock::advance_job_kind()], vec![])
            .run_until_idle()
            .unwrap();
        for job in [first, second] {
            let job = test.db.read(&scope, move |view| jobs::find(view, job)).wait().unwrap();
            assert_eq!(job.state, jobs::State::Done);
        }
        assert_eq!(issued(test, &scope).len(), 2, "the work on the way was done");
        let standing = test.db.read(&scope, clock::read).wait().unwrap().unwrap();
        assert_eq!((standing.at.to_string(), standing.target), ("2026-03-10T00:00:00Z".into(), None));
        sound(test, &scope);
    });
}
