//! From events to invoices, with the program's own jobs.

mod again;
mod critical;
mod each;
#[path = "../house/mod.rs"]
mod house;
mod large;
mod late;
mod lesser;
mod shared;
mod subjects;

use billing::{clock, invoice, subscription, usage};
use jiff::Timestamp;
use jobs::Runner;
use kernel::{
    Cycle, SystemIds,
    ids::{CustomerId, InvoiceId, SubscriptionId},
};
use metering::{
    Metering, Options,
    event::{EventName, NewEvent, Receipt},
};
use server::CONTEXTS;
use store::{Actor, Mode, Scope, Tx, clock as sandbox};
use testkit::{TestDb, on_both};

const BOOK: &str = r#"
book = 1
name = "Test"
currency = "USD"

[meters]
calls = { name = "Calls", unit = "call", dimensions = ["region"] }

[plans.metered]
name = "Metered"
price = { month = "10" }
usage = { calls = "0.50" }

[plans.grouped]
name = "Grouped"
price = { month = "10" }

[plans.grouped.usage.calls]
price = "0.50"
group_by = ["region"]

[trial]
days = 14
"#;

/// A sandbox at the start of 2026 with a customer and a subscription.
struct Ground<'t> {
    test: &'t TestDb,
    scope: Scope,
    id: SubscriptionId,
    metering: Metering,
}

impl<'t> Ground<'t> {
    fn new(test: &'t TestDb, plan: &'static str) -> Self {
        Self::on(test, BOOK, move |acme| subscription::Start::of(acme, plan, Cycle::MONTH))
    }

    /// On another price book, with another start.
    fn on(
        test: &'t TestDb,
        book: &str,
        start_of: impl Fn(CustomerId) -> subscription::Start + Send + Clone + 'static,
    ) -> Self {
        let scope = Scope::environment(kernel::new_id(&SystemIds), Mode::Sandbox, Actor::CommandLine);
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let book = book.to_owned();
        let set_up = move |tx: &mut Tx<'_>| {
            house::set_up(tx, start, &book, |acme| subscription::Start { finalize: true, ..start_of(acme) })
        };
        let id = test.db.write(&scope, set_up).wait().unwrap();
        let metering = server::metering(&test.db, Options::default());
        Self { test, scope, id, metering }
    }

    fn now(&self) -> Timestamp {
        self.test.db.read(&self.scope, sandbox::read).wait().unwrap().unwrap().at
    }

    fn send(&self, id: &str, subject: &str, time: &str, region: &str) {
        self.count("calls", id, subject, time, &format!(r#"{{"region":"{region}"}}"#));
    }

    fn count(&self, meter: &str, id: &str, subject: &str, time: &str, data: &str) {
        let event = NewEvent {
            source: "test".into(),
            id: id.into(),
            meter: meter.into(),
            subject: subject.into(),
            at: Some(time.parse().unwrap()),
            data: Some(serde_json::from_str(data).unwrap()),
        };
        let receipts = self.metering.ingest(&self.scope, vec![event], false, self.now()).wait().unwrap();
        assert_eq!(receipts, [Receipt::Accepted]);
    }

    fn advance(&self, to: &str) {
        let to: Timestamp = to.parse().unwrap();
        self.test.db.write(&self.scope, move |tx| clock::request_advance(tx, to)).wait().unwrap();
        let kinds = server::job_kinds(&Options::default());
        Runner::new(self.test.db.clone(), kinds, Vec::new()).run_until_idle().unwrap();
        assert_eq!(self.now(), to);
    }

    /// The cents of all lines of usage, oldest first.
    fn cents(&self) -> Vec<i64> {
        self.usage_lines().into_iter().map(|(.., cents)| cents).collect()
    }

    /// Do something to the subscription, measured first.
    fn make(&self, work: fn(&mut Tx<'_>, SubscriptionId) -> kernel::Result<subscription::Changed>) {
        usage::catch_up_waiting(&self.test.db, &self.scope, &self.id.to_string()).unwrap();
        let id = self.id;
        self.test.db.write(&self.scope, move |tx| work(tx, id).map(drop)).wait().unwrap();
    }

    fn follow(&self) -> usage::Followed {
        usage::follow(&self.test.db, &self.scope).unwrap()
    }

    /// The usage lines of all invoices, oldest first: invoice, place, group and cents.
    fn usage_lines(&self) -> Vec<(InvoiceId, i64, String, i64)> {
        let lines = self.test.db.read(&self.scope, |view| {
            let mut found = Vec::new();
            for one in invoice::list(view, None, 100)?.into_iter().rev() {
                for line in invoice::lines(view, one.id)? {
                    if line.kind == invoice::ChargeKind::Usage {
                        found.push((one.id, line.ordinal, line.group, line.amount.minor()));
                    }
                }
            }
            Ok(found)
        });
        lines.wait().unwrap()
    }

    fn behind(&self, invoice: InvoiceId, ordinal: i64) -> Vec<String> {
        let db = &self.test.db;
        let behind = db.read(&self.scope, move |view| usage::behind(view, invoice, ordinal)).wait().unwrap();
        let events = db.usage().read(&self.scope, move |view| behind.events(view, None, 100)).wait().unwrap();
        events.0.into_iter().map(|(_, entry)| entry.name.id).collect()
    }
}

#[test]
fn events_are_billed_at_the_cut_and_what_is_late_comes_after() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test, "metered");
        ground.send("1", "acme", "2026-01-01T00:00:00Z", "eu");
        ground.advance("2026-01-31T23:00:00Z");
        ground.send("2", &ground.id.to_string(), "2026-01-31T23:30:00Z", "us");
        ground.send("3", "acme", "2026-02-01T00:00:00Z", "us");
        ground.advance("2026-02-01T00:00:00Z");
        let lines = ground.usage_lines();
        let [(january, place, _, cents)] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(*cents, 100, "two calls in January at 50 cents, the third is February's");
        assert_eq!(ground.behind(*january, *place), ["1", "2"]);

        // What comes late is billed with the next invoice, as a line of its own that names January.
        ground.send("4", "acme", "2026-01-15T12:00:00Z", "eu");
        let followed = ground.follow();
        assert_eq!((followed.late, followed.refused), (1, 0));
        assert_eq!(ground.follow(), usage::Followed::default(), "nothing new");
        ground.advance("2026-03-01T00:00:00Z");
        let cents: Vec<i64> = ground.usage_lines().into_iter().map(|(.., cents)| cents).collect();
        assert_eq!(cents, [100, 50, 50], "January, what came late, and February");
        assert_eq!(ground.behind(*january, *place), ["1", "2"], "as it was when it was billed");

        // A voided event is credited.
        let name = EventName { source: "test".into(), id: "1".into() };
        ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap();
        assert_eq!(ground.follow().late, 1);
        ground.advance("2026-04-01T00:00:00Z");
        let (scope, id) = (&ground.scope, ground.id);
        let notes =
            test.db.read(scope, move |view| billing::credit_note::of_subscription(view, id, None, 10));
        let total: i64 = notes.wait().unwrap().iter().map(|note| note.totals.total.minor()).sum();
        assert_eq!(total, 50);
    });
}

#[test]
fn what_is_posted_by_hand_stands() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test, "metered");
        ground.send("1", "acme", "2026-01-01T00:00:00Z", "eu");
        let figure = usage::Figure::Quantity(kernel::Exact::from(7_i64).into());
        let post = usage::Post {
            key: "calls".into(),
            groups: [(String::new(), figure)].into(),
            start: None,
            watermark: None,
        };
        let id = ground.id;
        test.db.write(&ground.scope, move |tx| usage::post(tx, id, &post).map(drop)).wait().unwrap();
        ground.follow();
        ground.advance("2026-02-01T00:00:00Z");
        let lines = ground.usage_lines();
        assert_eq!(lines[0].3, 350);
    });
}

#[test]
fn each_value_of_a_dimension_has_its_line_and_its_events() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test, "grouped");
        for (id, region) in [("1", "eu"), ("2", "us"), ("3", "eu")] {
            ground.send(id, "acme", "2026-01-01T10:00:00Z", region);
        }
        ground.advance("2026-02-01T00:00:00Z");
        let lines = ground.usage_lines();
        let shown: Vec<_> = lines.iter().map(|(.., group, cents)| (group.as_str(), *cents)).collect();
        assert_eq!(shown, [("eu", 100), ("us", 50)]);
        assert_eq!(ground.behind(lines[0].0, lines[0].1), ["1", "3"]);
        assert_eq!(ground.behind(lines[1].0, lines[1].1), ["2"]);
    });
}

#[test]
fn what_names_only_the_customer_is_billed_once() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test, "metered");
        let first = ground.id;
        let second = test.db.write(&ground.scope, move |tx| {
            let customer = subscription::find(tx, first)?.customer;
            let start = subscription::Start::of(customer, "metered", Cycle::MONTH);
            Ok(subscription::start(tx, &start)?.subscription.id)
        });
        let second = second.wait().unwrap();
        ground.send("1", "acme", "2026-01-01T10:00:00Z", "eu");
        ground.send("2", &second.to_string(), "2026-01-01T10:00:00Z", "eu");
        ground.advance("2026-02-01T00:00:00Z");
        let cents: i64 = ground.usage_lines().into_iter().map(|(.., cents)| cents).sum();
        assert_eq!(cents, 100);
    });
}

#[test]
fn what_comes_in_the_grace_is_billed_with_its_period() {
    for follows in [true, false] {
        on_both(CONTEXTS, |test| {
            let book = BOOK.replace("[meters]", "[billing]\nusage_grace = \"2 days\"\n\n[meters]");
            let ground =
                Ground::on(test, &book, |acme| subscription::Start::of(acme, "metered", Cycle::MONTH));
            ground.send("1", "acme", "2026-01-01T00:00:00Z", "eu");
            ground.advance("2026-02-01T00:00:00Z");
            assert!(ground.cents().is_empty(), "January waits");
            ground.send("2", "acme", "2026-01-31T10:00:00Z", "eu");
            ground.advance("2026-02-02T00:00:00Z");
            ground.send("3", "acme", "2026-02-01T12:00:00Z", "eu");
            if follows {
                assert_eq!(ground.follow().late, 0, "nothing of it is late");
            }
            ground.advance("2026-02-03T00:00:00Z");
            let lines = ground.usage_lines();
            assert_eq!(ground.cents(), [100], "both calls of January");
            assert_eq!(ground.behind(lines[0].0, lines[0].1), ["1", "2"]);

            // What comes after the grace is late.
            ground.send("4", "acme", "2026-01-20T00:00:00Z", "eu");
            assert_eq!(ground.follow().late, 1);
            ground.make(|tx, id| subscription::cancel(tx, id, subscription::Timing::PeriodEnd));
            ground.advance("2026-03-01T00:00:00Z");
            ground.send("5", "acme", "2026-02-28T23:00:00Z", "eu");
            ground.advance("2026-03-03T00:00:00Z");
            assert_eq!(ground.cents(), [100, 50, 100], "late, and February also after the end");
        });
    }
}

#[test]
fn a_change_or_an_end_bills_what_is_measured_until_then() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test, "metered");
        ground.advance("2026-01-10T00:00:00Z");
        ground.send("1", "acme", "2026-01-05T00:00:00Z", "eu");
        ground.make(|tx, id| {
            let change =
                subscription::Change { plan: Some("grouped".into()), ..subscription::Change::default() };
            subscription::change(tx, id, &change, subscription::Timing::Now)
        });
        assert_eq!(ground.cents(), [50], "with the plan it was used on");
        assert_eq!(ground.follow().late, 0, "and measured by that one again");
        ground.advance("2026-01-20T00:00:00Z");
        ground.send("2", "acme", "2026-01-15T00:00:00Z", "us");
        ground.make(|tx, id| subscription::cancel(tx, id, subscription::Timing::Now));
        assert_eq!(ground.cents(), [50, 50]);
        assert_eq!(ground.follow().late, 0, "nothing of it is late");
        assert_eq!(ground.cents(), [50, 50], "and nothing is billed twice");
        // What comes late is billed by the plan of its time, also where that grouped otherwise.
        ground.send("3", "acme", "2026-01-06T00:00:00Z", "us");
        assert_eq!(ground.follow().late, 1);
        assert_eq!(ground.cents(), [50, 50, 50]);
    });
}

#[test]
fn usage_of_a_trial_is_billed_when_it_is_converted() {
    on_both(CONTEXTS, |test| {
        let book = BOOK.replace("[meters]", "[billing]\ntrial_usage = \"billed\"\n\n[meters]");
        let ground = Ground::on(test, &book, |acme| subscription::Start {
            trial: true,
            ..subscription::Start::of(acme, "metered", Cycle::MONTH)
        });
        ground.advance("2026-01-05T00:00:00Z");
        ground.send("1", "acme", "2026-01-02T00:00:00Z", "eu");
        ground.make(subscription::convert);
        assert_eq!(ground.cents(), [50]);
    });
}
