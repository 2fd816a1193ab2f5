//! What is billed of a critical meter is posted, and what was not is named.

use billing::{
    invoice,
    subscription::{self, Change, Start, Timing},
    usage,
};
use jiff::{SignedDuration, Timestamp};
use kernel::Cycle;
use metering::event::{EventName, NewEvent};
use proptest::{prelude::*, test_runner::TestRunner};
use server::CONTEXTS;
use store::{Reason, params, statements};
use testkit::on_both;

use crate::{BOOK, Ground};

statements! {
    environment LOSE = "DELETE FROM meter_settled WHERE env_id = $1";
    environment SPOIL = "UPDATE meter_settled SET lo = lo + 1 WHERE env_id = $1";
}

const PLANS: [&str; 4] = ["metered", "grouped", "packed", "early"];

/// A critical meter under prices of each kind of outcome: each call costs, three cost the same as one, some are billed
/// before their period ends.
fn book() -> String {
    let more = r#"
[plans.packed]
name = "Packed"
price = { month = "10" }
usage = { calls = { package = 3, price = "1", free = 2 } }

[plans.early]
name = "Early"
price = { month = "10" }
usage = { calls = { package = 2, price = "1" } }
thresholds = { at = ["1", "3"], every = "2" }

[trial]"#;
    BOOK.replace(r#"unit = "call","#, r#"unit = "call", critical = true,"#).replace("[trial]", more)
}

impl Ground<'_> {
    fn event(id: &str, at: Timestamp, region: &str) -> NewEvent {
        NewEvent {
            source: "test".into(),
            id: id.into(),
            meter: "calls".into(),
            subject: "acme".into(),
            at: Some(at),
            data: Some(serde_json::from_str(&format!(r#"{{"region":"{region}"}}"#)).unwrap()),
        }
    }

    fn take_out(&self, id: &str) {
        let name = EventName { source: "test".into(), id: id.into() };
        drop(self.metering.void(&self.scope, &name, false, self.now()).wait());
    }

    fn void_newest(&self) {
        let void = |tx: &mut store::Tx<'_>| match invoice::list(tx, None, 1)?.first() {
            Some(newest) => invoice::void(tx, newest.id, &Reason::parse("duplicate")?).map(drop),
            None => Ok(()),
        };
        drop(self.test.db.write(&self.scope, void).wait()); // one that was credited stands
    }

    fn change_to(&self, plan: &'static str) {
        usage::catch_up_waiting(&self.test.db, &self.scope, &self.id.to_string()).unwrap();
        let (id, change) = (self.id, Change { plan: Some(plan.into()), ..Change::default() });
        drop(
            self.test
                .db
                .write(&self.scope, move |tx| subscription::change(tx, id, &change, Timing::Now))
                .wait(),
        );
    }

    fn proof(&self) -> metering::reconcile::Proof {
        server::reconcile(&self.test.db, &self.scope, 400).unwrap().proof
    }
}

/// (hours until then, what is done, how many hours back or to which event or plan)
type Deed = (i64, u8, i64);

fn live(ground: &Ground<'_>, life: Vec<Deed>) {
    let begun = ground.now();
    let mut sent = 0_i64;
    for (hours, deed, number) in life {
        ground.advance(&(ground.now() + SignedDuration::from_hours(hours)).to_string());
        ground.follow();
        let back = |hours: i64| (ground.now() - SignedDuration::from_hours(hours)).max(begun);
        let region = if number % 2 == 0 { "eu" } else { "us" };
        let known = (number % sent.max(1)).to_string();
        match deed {
            0..=3 => {
                let at = back(if deed < 2 { 0 } else { number });
                ground.send(&sent.to_string(), "acme", &at.to_string(), region);
                sent += 1;
            }
            4 | 5 => ground.take_out(&known),
            6 => {
                let event = Ground::event(&known, back(number), region);
                drop(ground.metering.correct(&ground.scope, event, false, ground.now()).wait());
            }
            7 => ground.change_to(PLANS[number as usize % PLANS.len()]),
            _ => ground.void_newest(),
        }
    }
    ground.follow();
}

#[test]
fn whatever_happens_what_is_settled_is_what_was_drawn() {
    let lives = proptest::collection::vec((1_i64..240, 0_u8..9, 0_i64..700), 4..14);
    on_both(CONTEXTS, |test| {
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 5, failure_persistence: None, ..Default::default() });
        let run = runner.run(&(lives.clone(), 0_usize..PLANS.len(), any::<bool>()), |(life, plan, ends)| {
            let ground = Ground::on(test, &book(), move |acme| Start::of(acme, PLANS[plan], Cycle::MONTH));
            live(&ground, life);
            // An invoice at the end of the period, another for what came late; or one at the end, and what is late at once.
            if ends {
                ground.make(|tx, id| subscription::cancel(tx, id, Timing::PeriodEnd));
            }
            for _ in 0..2 {
                ground.advance(&(ground.now() + SignedDuration::from_hours(24 * 32)).to_string());
                ground.take_out("0");
                ground.follow();
            }
            ground.advance(&(ground.now() + SignedDuration::from_hours(24 * 32)).to_string());
            let proof = ground.proof();
            prop_assert_eq!(&proof.named, &[]);
            for balance in &proof.balances {
                prop_assert!(balance.sum().is_zero());
                prop_assert!(balance.usage.is_zero(), "{:?}", balance);
            }
            Ok(())
        });
        run.unwrap();
    });
}

#[test]
fn what_is_less_than_was_billed_is_posted_back_with_its_credit() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::on(test, &book(), |acme| Start::of(acme, "packed", Cycle::MONTH));
        for id in ["1", "2", "3", "4", "5", "6", "7"] {
            ground.send(id, "acme", "2026-01-01T00:00:00Z", "eu");
        }
        ground.advance("2026-02-02T00:00:00Z");
        let billed = || ground.proof().balances[0].billed.to_string();
        assert_eq!((billed(), ground.cents()), ("7".to_owned(), vec![200]));
        // One less is the same two packages: there is no document, and all the same it is settled.
        ground.take_out("1");
        ground.follow();
        assert_eq!(billed(), "7", "until the next invoice");
        ground.advance("2026-03-02T00:00:00Z");
        assert_eq!((billed(), ground.cents()), ("6".to_owned(), vec![200, 0]));
        for id in ["2", "3"] {
            ground.take_out(id);
        }
        ground.follow();
        ground.advance("2026-04-02T00:00:00Z");
        assert_eq!(billed(), "4");
        // Voiding an invoice bills nothing again.
        ground.void_newest();
        assert_eq!(billed(), "4");
        assert_eq!(ground.proof().named, []);
    });
}

#[test]
fn a_stretch_that_was_never_posted_or_posted_wrongly_is_named() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::on(test, &book(), |acme| Start::of(acme, "metered", Cycle::MONTH));
        ground.send("1", "acme", "2026-01-01T00:00:00Z", "eu");
        ground.advance("2026-02-02T00:00:00Z");
        let named = || {
            let named = ground.proof().named.into_iter();
            named.map(|one| (one.code, one.expected, one.found)).collect::<Vec<_>>()
        };
        assert_eq!(named(), []);
        let difference = |found: &str| vec![("billed_differs", "1".to_owned(), found.to_owned())];
        test.db.usage().write(&ground.scope, |tx| tx.exec(&SPOIL, params![])).wait().unwrap();
        assert_eq!(named(), difference("2"));
        // The meter was critical before it was ever used, and of the stretch nothing at all is posted.
        test.db.usage().write(&ground.scope, |tx| tx.exec(&LOSE, params![])).wait().unwrap();
        assert_eq!(named(), difference("nothing posted"));
    });
}
