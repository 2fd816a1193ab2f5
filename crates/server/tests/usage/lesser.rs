//! Fees that are a flat amount or a share of what was measured, whichever is less, where their stretch ends within a period.

use billing::{
    credit_note, invoice,
    subscription::{self, Change, Timing},
};
use kernel::Cycle;
use server::CONTEXTS;
use testkit::{TestDb, on_both};

use crate::{
    Ground,
    again::{sums, under},
};

const BOOK: &str = r#"
book = 1
name = "Test"
currency = "USD"

[meters]
spend = { name = "Spend", unit = "USD", aggregation = "sum", decimals = 2 }

[plans.mid]
name = "Mid"
price = { month = "310", or_less = { percent = "10", of = "spend" } }

[plans.high]
name = "High"
price = { month = "620", or_less = { percent = "20", of = "spend" } }
"#;

fn ground(test: &TestDb) -> Ground<'_> {
    Ground::on(test, BOOK, |acme| subscription::Start::of(acme, "mid", Cycle::MONTH))
}

fn spend(ground: &Ground<'_>, id: &str, time: &str, value: &str) {
    ground.count("spend", id, "acme", time, &format!(r#"{{"value":{value}}}"#));
}

/// The cents of all lines for fees in arrears, oldest first.
fn fees(ground: &Ground<'_>) -> Vec<i64> {
    let lines = ground.test.db.read(&ground.scope, |view| {
        let mut found = Vec::new();
        for one in invoice::list(view, None, 100)?.into_iter().rev() {
            let lines = invoice::lines(view, one.id)?.into_iter();
            found.extend(lines.filter(|line| line.kind == invoice::ChargeKind::Arrears));
        }
        Ok(found)
    });
    lines.wait().unwrap().iter().map(|line| line.amount.minor()).collect()
}

/// What was billed, and what it comes to again under the same book.
fn again(ground: &Ground<'_>) -> (i64, i64) {
    sums(&under(ground, BOOK))
}

fn proven(ground: &Ground<'_>) {
    let proof = server::reconcile(&ground.test.db, &ground.scope, 400).unwrap().proof;
    assert_eq!(proof.named, []);
}

#[test]
fn a_stretch_that_is_cut_is_charged_by_what_was_measured_until_then() {
    // Spent until the eleventh, and the cents of the fee: 10 % of it, or 11 of 31 days of 310, the last one included.
    for (spent, fee) in [("400", 4_000), ("1099.90", 10_999), ("1100.10", 11_000), ("9000", 11_000)] {
        on_both(CONTEXTS, |test| {
            let ground = ground(test);
            ground.advance("2026-01-11T00:00:00Z");
            spend(&ground, "1", "2026-01-05T00:00:00Z", spent);
            ground.make(|tx, id| subscription::cancel(tx, id, Timing::Now));
            assert_eq!(fees(&ground), [fee], "{spent}");
            assert_eq!(ground.follow().late, 0, "measured again it is the same");
            ground.advance("2026-02-11T00:00:00Z");
            assert_eq!(fees(&ground), [fee], "and it is billed once");
            assert_eq!(again(&ground), (fee, fee));
            proven(&ground);
        });
    }
}

#[test]
fn a_change_within_a_period_measures_each_part_for_itself() {
    on_both(CONTEXTS, |test| {
        let ground = ground(test);
        ground.advance("2026-01-11T00:00:00Z");
        spend(&ground, "1", "2026-01-05T00:00:00Z", "400");
        ground.make(|tx, id| {
            let change = Change { plan: Some("high".into()), ..Change::default() };
            subscription::change(tx, id, &change, Timing::Now)
        });
        spend(&ground, "2", "2026-01-11T00:00:00Z", "300");
        ground.advance("2026-02-01T00:00:00Z");
        assert_eq!(fees(&ground), [4_000, 6_000], "10 % of 400, then 20 % of 300");
        assert_eq!(again(&ground), (10_000, 10_000));
        proven(&ground);

        // What comes late for the first part is charged by its plan.
        spend(&ground, "3", "2026-01-06T00:00:00Z", "50");
        assert_eq!(ground.follow().late, 1);
        ground.advance("2026-03-01T00:00:00Z");
        assert_eq!(
            fees(&ground),
            [4_000, 6_000, 500, 62_000],
            "and February, of which nothing is known, is flat"
        );
        assert_eq!(again(&ground), (72_500, 72_500));
        proven(&ground);
    });
}

#[test]
fn without_any_event_the_flat_price_of_the_part_stands_until_one_comes() {
    on_both(CONTEXTS, |test| {
        let ground = ground(test);
        ground.advance("2026-01-11T00:00:00Z");
        ground.make(|tx, id| subscription::cancel(tx, id, Timing::Now));
        assert_eq!(fees(&ground), [11_000], "the cancellation day is billed");
        assert_eq!(again(&ground), (11_000, 11_000));

        spend(&ground, "1", "2026-01-05T00:00:00Z", "400");
        assert_eq!(ground.follow().late, 1);
        let id = ground.id;
        let notes = test.db.read(&ground.scope, move |view| credit_note::of_subscription(view, id, None, 10));
        let credited: i64 = notes.wait().unwrap().iter().map(|note| note.totals.total.minor()).sum();
        assert_eq!(credited, 7_000);
        assert_eq!(again(&ground), (4_000, 4_000));
        proven(&ground);
    });
}
