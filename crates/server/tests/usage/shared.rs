//! Two subscriptions of one customer that look at the same meter: what names neither is counted once.

use std::collections::BTreeMap;

use billing::{
    simulate::{Ask, simulate},
    subscription::{self, Change, Start, Timing},
    usage::{self, Figure},
};
use jiff::{SignedDuration, Timestamp};
use kernel::{Cycle, Exact, ids::SubscriptionId};
use proptest::{prelude::*, test_runner::TestRunner};
use server::CONTEXTS;
use testkit::on_both;

use crate::{BOOK, Ground};

fn book() -> String {
    BOOK.replace("[trial]", "[plans.plain]\nname = \"Plain\"\nprice = { month = \"10\" }\n\n[trial]")
}

/// A subscription, and when it looks at the meter, as a simple mind has it.
struct One {
    id: SubscriptionId,
    looks: bool,
    runs: bool,
    over: bool,
    times: Vec<(Timestamp, Timestamp)>,
}

impl One {
    fn begun(id: SubscriptionId, at: Timestamp) -> Self {
        Self { id, looks: true, runs: true, over: false, times: vec![(at, Timestamp::MAX)] }
    }

    fn close(&mut self, at: Timestamp) {
        if self.runs && self.looks {
            self.times.last_mut().unwrap().1 = at;
        }
    }

    fn open(&mut self, at: Timestamp) {
        if self.runs && self.looks {
            self.times.push((at, Timestamp::MAX));
        }
    }

    fn looked(&self, at: Timestamp) -> bool {
        self.times.iter().any(|(from, until)| *from <= at && at < *until)
    }

    /// Change its plan, pause or resume it, or cancel it.
    fn deed(&mut self, ground: &Ground<'_>, deed: u8) {
        if self.over {
            return;
        }
        usage::catch_up_waiting(&ground.test.db, &ground.scope, &self.id.to_string()).unwrap();
        let (id, now, runs) = (self.id, ground.now(), self.runs);
        let plan = if self.looks { "plain" } else { "grouped" };
        let done = ground.test.db.write(&ground.scope, move |tx| {
            match deed {
                0 => {
                    let change = Change { plan: Some(plan.into()), ..Change::default() };
                    subscription::change(tx, id, &change, Timing::Now)
                }
                1 if runs => subscription::pause(tx, id),
                1 => subscription::resume(tx, id),
                _ => subscription::cancel(tx, id, Timing::Now),
            }
            .map(drop)
        });
        if done.wait().is_err() {
            return; // a paused one cannot be changed
        }
        match deed {
            0 => {
                self.close(now);
                self.looks = !self.looks;
                self.open(now);
            }
            1 if runs => {
                self.close(now);
                self.runs = false;
            }
            1 => {
                self.runs = true;
                self.open(now);
            }
            _ => {
                // The day it is canceled on is billed.
                let day = 24 * 3_600;
                let midnight = (now.as_second() / day + i64::from(now.as_second() % day != 0)) * day;
                self.close(Timestamp::from_second(midnight).unwrap());
                self.over = true;
            }
        }
    }
}

/// How often a figure of a subscription has the event of a region.
fn counted(ground: &Ground<'_>, id: SubscriptionId, region: &str) -> Exact {
    let figures =
        ground.test.db.read(&ground.scope, move |view| usage::history(view, id, 100)).wait().unwrap();
    let of =
        |groups: &usage::Groups| groups.get(region).and_then(Figure::total).map(|total| (*total).clone());
    figures.iter().filter_map(|figure| of(&figure.groups)).sum()
}

fn second(ground: &Ground<'_>, first: SubscriptionId) -> SubscriptionId {
    let started = ground.test.db.write(&ground.scope, move |tx| {
        let customer = subscription::find(tx, first)?.customer;
        Ok(subscription::start(tx, &Start::of(customer, "grouped", Cycle::MONTH))?.subscription.id)
    });
    started.wait().unwrap()
}

#[test]
fn what_names_only_the_customer_is_the_oldest_ones_that_looked_then() {
    // A deed on day 15 that ends what the older one looks at: before it is its, after it the younger one's.
    for deed in 0..3 {
        on_both(CONTEXTS, |test| {
            let ground = Ground::on(test, &book(), |acme| Start::of(acme, "grouped", Cycle::MONTH));
            let mut older = One::begun(ground.id, ground.now());
            let younger = second(&ground, ground.id);
            ground.advance("2026-01-10T00:00:00Z");
            ground.send("1", "acme", "2026-01-05T00:00:00Z", "before");
            ground.follow();
            ground.advance("2026-01-15T00:00:00Z");
            older.deed(&ground, deed);
            ground.advance("2026-01-20T00:00:00Z");
            ground.send("2", "acme", "2026-01-18T00:00:00Z", "after");
            ground.send("3", "acme", "2026-01-06T00:00:00Z", "before");
            ground.follow();
            ground.advance("2026-02-02T00:00:00Z");
            ground.send("4", "acme", "2026-01-07T00:00:00Z", "before");
            ground.send("5", "acme", "2026-01-19T00:00:00Z", "after");
            ground.follow();
            ground.advance("2026-03-02T00:00:00Z");
            let times = |number: i64| Exact::from(number);
            for (id, region, number) in [
                (older.id, "before", 3),
                (older.id, "after", 0),
                (younger, "before", 0),
                (younger, "after", 2),
            ] {
                assert_eq!(counted(&ground, id, region), times(number), "{deed} {id} {region}");
            }
            assert_eq!(ground.cents().iter().sum::<i64>(), 250, "each billed once");
            let proof = server::reconcile(&test.db, &ground.scope, 90).unwrap().proof;
            assert_eq!(proof.named, []);
        });
    }
}

#[test]
fn whatever_two_subscriptions_live_through_each_event_counts_once() {
    let lives = proptest::collection::vec((1_i64..90, 0_u8..8, 1_i64..400), 4..14);
    on_both(CONTEXTS, |test| {
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 6, failure_persistence: None, ..Default::default() });
        let run = runner.run(&lives, |life| {
            let ground = Ground::on(test, &book(), |acme| Start::of(acme, "grouped", Cycle::MONTH));
            let begun = ground.now();
            let mut all = vec![One::begun(ground.id, begun)];
            let mut sent: Vec<(String, Timestamp)> = Vec::new();
            for (hours, deed, back) in life {
                ground.advance(&(ground.now() + SignedDuration::from_hours(hours)).to_string());
                let now = ground.now();
                match deed {
                    0 | 1 => {
                        let late =
                            if deed == 0 { SignedDuration::ZERO } else { SignedDuration::from_hours(back) };
                        let (id, at) = (sent.len().to_string(), (now - late).max(begun));
                        ground.send(&id, "acme", &at.to_string(), &id);
                        ground.follow();
                        sent.push((id, at));
                    }
                    2..=4 => all[0].deed(&ground, deed - 2),
                    _ if all.len() == 1 => {
                        let id = second(&ground, ground.id);
                        all.push(One::begun(id, now));
                    }
                    _ => all[1].deed(&ground, deed - 5),
                }
            }
            ground.follow();
            ground.advance(&(ground.now() + SignedDuration::from_hours(24 * 32)).to_string());
            ground.follow();
            ground.advance(&(ground.now() + SignedDuration::from_hours(24 * 32)).to_string());
            let mut owned = 0;
            for (region, at) in &sent {
                let owner = all.iter().find(|one| one.looked(*at)).map(|one| one.id);
                owned += i64::from(owner.is_some());
                for one in &all {
                    let expected = Exact::from(i64::from(owner == Some(one.id)));
                    prop_assert_eq!(counted(&ground, one.id, region), expected, "{} at {}", region, at);
                }
            }
            prop_assert_eq!(ground.cents().iter().sum::<i64>(), 50 * owned);
            let proof = server::reconcile(&test.db, &ground.scope, 400).unwrap().proof;
            prop_assert_eq!(proof.named, vec![]);
            let book = catalog::read("same.toml", &book()).unwrap();
            let ask = Ask { book: &book, plans: BTreeMap::new(), from: begun, to: ground.now() };
            for (currency, sums) in simulate(&test.db, &ground.scope, &ask).unwrap().totals {
                prop_assert_eq!(sums.would_be, sums.billed, "{:?}", currency);
            }
            Ok(())
        });
        run.unwrap();
    });
}

#[test]
fn a_plan_that_changes_within_a_trial_takes_over_from_then_on() {
    for billed in [true, false] {
        on_both(CONTEXTS, |test| {
            let knob = if billed { "billed" } else { "free" };
            let book =
                book().replace("[meters]", &format!("[billing]\ntrial_usage = \"{knob}\"\n\n[meters]"));
            let ground = Ground::on(test, &book, |acme| Start {
                trial: true,
                has_method: true,
                ..Start::of(acme, "plain", Cycle::MONTH)
            });
            let mut older = One { looks: false, times: Vec::new(), ..One::begun(ground.id, ground.now()) };
            let younger = second(&ground, ground.id);
            let send = |id: &str, day: u8, region: &str| {
                ground.send(id, "acme", &format!("2026-01-{day:02}T12:00:00Z"), region);
                ground.follow();
            };
            ground.advance("2026-01-05T00:00:00Z");
            send("1", 2, "before");
            older.deed(&ground, 0);
            ground.advance("2026-01-09T00:00:00Z");
            send("2", 6, "tried");
            send("3", 3, "before");
            older.deed(&ground, 0);
            let id = ground.id;
            test.db.write(&ground.scope, move |tx| subscription::extend_trial(tx, id, 7)).wait().unwrap();
            ground.advance("2026-01-14T00:00:00Z");
            send("4", 10, "after");
            send("5", 7, "tried");
            ground.advance("2026-03-02T00:00:00Z");
            send("6", 8, "tried");
            send("7", 4, "before");
            ground.advance("2026-05-02T00:00:00Z");
            let times = |number: i64| Exact::from(number);
            for (region, of_older, of_younger) in [("before", 0, 3), ("tried", 3, 0), ("after", 0, 1)] {
                // What is not billed is not measured again when more of it comes late.
                if billed || of_older == 0 {
                    assert_eq!(counted(&ground, older.id, region), times(of_older), "{region}");
                }
                assert_eq!(counted(&ground, younger, region), times(of_younger), "{region}");
            }
            assert_eq!(ground.cents().iter().sum::<i64>(), if billed { 350 } else { 200 });
            let proof = server::reconcile(&test.db, &ground.scope, 400).unwrap().proof;
            assert_eq!(proof.named, []);
        });
    }
}

#[test]
fn a_line_is_measured_again_by_the_plan_that_billed_it() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::on(test, &book(), |acme| Start::of(acme, "grouped", Cycle::MONTH));
        ground.advance("2026-01-10T00:00:00Z");
        ground.send("1", "acme", "2026-01-02T00:00:00Z", "eu");
        ground.send("2", "acme", "2026-01-03T00:00:00Z", "us");
        // The plan it goes on with has no such price, another of the book has one that does not group.
        One::begun(ground.id, ground.now()).deed(&ground, 0);
        assert_eq!(ground.cents(), [50, 50]);
        let proof = server::reconcile(&test.db, &ground.scope, 90).unwrap().proof;
        assert_eq!(proof.named, []);
    });
}
