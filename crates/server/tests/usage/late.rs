//! What comes late for a stretch that left no line on an invoice, or was partly billed early.

use billing::{credit_note, invoice, subscription, usage};
use kernel::Cycle;
use metering::event::EventName;
use server::CONTEXTS;
use testkit::on_both;

use crate::{BOOK, Ground};

const FREE: &str = r#"
[plans.free]
name = "Free"
price = { month = "0" }
usage = { calls = { price = "0.50", free = 2 } }

[plans.early]
name = "Early"
price = { month = "10" }
usage = { calls = { package = 2, price = "1" } }
thresholds = { at = ["1"] }

[trial]"#;

fn ground<'t>(test: &'t testkit::TestDb, plan: &'static str) -> Ground<'t> {
    let book = BOOK.replace("[meters]", "[billing]\nzero_invoices = \"skip\"\n\n[meters]");
    Ground::on(test, &book.replace("[trial]", FREE), move |acme| {
        subscription::Start::of(acme, plan, Cycle::MONTH)
    })
}

fn credited(ground: &Ground<'_>) -> i64 {
    let id = ground.id;
    let notes =
        ground.test.db.read(&ground.scope, move |view| credit_note::of_subscription(view, id, None, 10));
    notes.wait().unwrap().iter().map(|note| note.totals.total.minor()).sum()
}

fn void(ground: &Ground<'_>, id: &str) {
    let name = EventName { source: "test".into(), id: id.into() };
    ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap();
}

fn figures(ground: &Ground<'_>) -> usize {
    let id = ground.id;
    ground.test.db.read(&ground.scope, move |view| usage::history(view, id, 9)).wait().unwrap().len()
}

#[test]
fn what_comes_late_for_what_was_free_is_billed_when_it_is_more() {
    on_both(CONTEXTS, |test| {
        let ground = ground(test, "free");
        // Nothing in January, what is free in February: neither has an invoice.
        ground.advance("2026-02-10T00:00:00Z");
        ground.send("1", "acme", "2026-02-02T00:00:00Z", "eu");
        ground.advance("2026-03-02T00:00:00Z");
        assert_eq!(ground.usage_lines(), []);
        for id in ["2", "3", "4"] {
            ground.send(id, "acme", "2026-01-20T00:00:00Z", "eu");
        }
        ground.send("5", "acme", "2026-02-20T00:00:00Z", "eu");
        assert_eq!((ground.follow().late, figures(&ground)), (2, 2));
        ground.advance("2026-04-02T00:00:00Z");
        let lines = ground.usage_lines();
        assert_eq!(lines.iter().map(|line| line.3).filter(|cents| *cents != 0).collect::<Vec<_>>(), [50]);
        assert_eq!(ground.behind(lines[0].0, lines[0].1), ["2", "3", "4"]);
        // What is then taken away again is credited.
        void(&ground, "2");
        ground.follow();
        ground.advance("2026-05-02T00:00:00Z");
        assert_eq!(credited(&ground), 50);
        let proof = server::reconcile(&test.db, &ground.scope, 400).unwrap().proof;
        assert_eq!(proof.named, []);
    });
}

#[test]
fn what_waits_for_the_next_invoice_is_billed_when_a_pause_comes_first() {
    on_both(CONTEXTS, |test| {
        let ground = ground(test, "metered");
        ground.advance("2026-02-02T00:00:00Z");
        ground.send("1", "acme", "2026-01-20T00:00:00Z", "eu");
        assert_eq!((ground.follow().late, ground.cents().iter().sum::<i64>()), (1, 0));
        ground.make(subscription::pause);
        assert_eq!(ground.cents().iter().sum::<i64>(), 50);
        ground.make(subscription::resume);
        ground.advance("2026-04-02T00:00:00Z");
        assert_eq!(ground.cents().iter().sum::<i64>(), 50, "once");
    });
}

#[test]
fn what_was_billed_early_is_measured_again_to_the_end_of_its_period() {
    for (more, cents) in [(0, vec![100]), (1, vec![100, 100])] {
        on_both(CONTEXTS, |test| {
            let ground = ground(test, "early");
            ground.send("1", "acme", "2026-01-01T00:00:00Z", "eu");
            ground.advance("2026-01-02T00:00:00Z");
            ground.follow();
            assert_eq!(ground.cents(), [100], "before the period ends");
            for id in 0..=more {
                ground.send(&format!("more-{id}"), "acme", "2026-01-02T00:00:00Z", "eu");
            }
            ground.advance("2026-02-02T00:00:00Z");
            assert_eq!(ground.cents(), cents, "two calls are one package, three are two");
            void(&ground, "1");
            ground.follow();
            ground.advance("2026-03-02T00:00:00Z");
            assert_eq!(credited(&ground), 100 * i64::from(more));
            ground.send("late", "acme", "2026-01-31T00:00:00Z", "eu");
            ground.send("later", "acme", "2026-01-31T00:00:00Z", "eu");
            ground.follow();
            ground.advance("2026-04-02T00:00:00Z");
            assert_eq!(ground.cents().iter().sum::<i64>() - credited(&ground), 200);
            let proof = server::reconcile(&test.db, &ground.scope, 400).unwrap().proof;
            assert_eq!(proof.named, []);
        });
    }
}

#[test]
fn what_is_billed_early_is_everything_counted_by_then() {
    on_both(CONTEXTS, |test| {
        let ground = ground(test, "early");
        let named = || server::reconcile(&test.db, &ground.scope, 400).unwrap().proof.named;
        ground.advance("2026-01-10T00:00:00Z");
        // One at this very instant, one from a clock that is two seconds fast.
        ground.send("1", "acme", "2026-01-10T00:00:00Z", "eu");
        ground.send("2", "acme", "2026-01-10T00:00:02Z", "eu");
        ground.follow();
        let lines = ground.usage_lines();
        assert_eq!((lines.len(), lines[0].3), (1, 100));
        assert_eq!(ground.behind(lines[0].0, lines[0].1), ["1", "2"]);
        let (invoice, place) = (lines[0].0, lines[0].1);
        let lines = test.db.read(&ground.scope, move |view| invoice::lines(view, invoice)).wait().unwrap();
        let line = lines.iter().find(|line| line.ordinal == place).unwrap();
        let why = "billed early, because usage reached USD 1.00: the period goes on until 2026-02-01";
        assert!(
            line.explanation.sentences().iter().any(|sentence| sentence == why),
            "{:?}",
            line.explanation
        );
        assert_eq!(named(), []);
        // The open period has an early line when something comes late for it and for the one before.
        ground.advance("2026-02-10T00:00:00Z");
        ground.send("3", "acme", "2026-02-10T00:00:00Z", "eu");
        ground.follow();
        ground.send("late", "acme", "2026-01-20T00:00:00Z", "eu");
        ground.send("4", "acme", "2026-02-05T00:00:00Z", "eu");
        ground.follow();
        assert_eq!(named(), []);
        ground.advance("2026-03-02T00:00:00Z");
        assert_eq!(
            ground.cents().iter().sum::<i64>(),
            300,
            "three in January are two packages, two in February one"
        );
        assert_eq!(named(), []);
    });
}
