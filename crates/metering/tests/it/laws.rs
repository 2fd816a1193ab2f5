//! Whatever is sent, voided, repeated and restarted: a figure is what the events that stand make it.

use std::collections::BTreeMap;

use kernel::Exact;
use metering::{Options, event::EventName, usage::Span};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use testkit::{TestDb, on_both};

use crate::parts::{CONTEXTS, Ground, event, word};

const METERS: [&str; 7] = ["calls", "traffic", "peak", "low", "people", "last", "stored"];
const START: i64 = 1_768_400_000_000_000; // 2026-01-14T14:13:20Z
const QUARTER: i64 = 900_000_000;

#[derive(Clone, Debug)]
enum Step {
    /// Events by id, with quarter of an hour and value.
    Send(Vec<(u8, i64, i64)>),
    Void(u8),
    Correct(u8, i64, i64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let one = (0_u8..12, 0_i64..24, 0_i64..5);
    prop_oneof![
        4 => proptest::collection::vec(one, 1..6).prop_map(Step::Send),
        2 => (0_u8..12).prop_map(Step::Void),
        2 => (0_u8..12, 0_i64..24, 0_i64..5).prop_map(|(id, at, value)| Step::Correct(id, at, value)),
        1 => Just(Step::Restart),
    ]
}

/// The events that were accepted, and the ones of them that stand.
#[derive(Default)]
struct Model {
    stands: BTreeMap<u8, Option<(i64, i64)>>,
}

impl Model {
    fn figure(&self, meter: &str, span: Span) -> Exact {
        let mut all: Vec<(i64, i64)> = self.stands.values().flatten().copied().collect();
        all.sort_unstable();
        let within: Vec<(i64, i64)> = all.iter().copied().filter(|(at, _)| span.contains(*at)).collect();
        let values = || within.iter().map(|(_, value)| *value);
        let scaled = |value: i64| Exact::ratio(value.into(), 1);
        match meter {
            "calls" => scaled(within.len() as i64),
            "traffic" => scaled(values().sum()),
            "peak" => scaled(values().max().unwrap_or(0)),
            "low" => scaled(values().min().unwrap_or(0)),
            "last" => scaled(within.last().map_or(0, |(_, value)| *value)),
            "people" => {
                let mut different: Vec<i64> = values().collect();
                different.sort_unstable();
                different.dedup();
                scaled(different.len() as i64)
            }
            _ => {
                let mut integral = 0_i128;
                for (place, (at, value)) in all.iter().enumerate() {
                    let until = all.get(place + 1).map_or(span.end, |(next, _)| *next);
                    let (from, to) = ((*at).max(span.start), until.clamp(span.start, span.end));
                    integral += i128::from(*value) * i128::from((to - from).max(0));
                }
                Exact::ratio(integral, (span.end - span.start).into())
            }
        }
    }
}

fn at(quarter: i64) -> i64 {
    START + quarter * QUARTER
}

fn new(meter: &str, id: u8, quarter: i64, value: i64) -> metering::event::NewEvent {
    let at = jiff::Timestamp::from_microsecond(at(quarter)).unwrap().to_string();
    event(
        meter,
        &format!("{meter}-{id}"),
        "customer-a",
        Some(&at),
        &format!(r#"{{"gb": {value}, "who": "p{value}"}}"#),
    )
}

fn run(test: &TestDb, steps: &[Step], cut: (i64, i64)) {
    let options = Options { seal_at: 8, memory: 2_000, ..Options::default() };
    let mut ground = Ground::with(test, options.clone());
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Restart => ground.metering = ground.other(&test.db, "local", options.clone()),
            Step::Send(events) => {
                for meter in METERS {
                    let sent =
                        events.iter().map(|(id, quarter, value)| new(meter, *id, *quarter, *value)).collect();
                    let mut known: Vec<u8> = model.stands.keys().copied().collect();
                    for (receipt, (id, ..)) in ground.send(sent).iter().zip(events) {
                        assert_eq!(word(receipt) == "accepted", !known.contains(id), "{receipt:?}");
                        known.push(*id);
                    }
                }
                for (id, quarter, value) in events {
                    model.stands.entry(*id).or_insert(Some((at(*quarter), *value)));
                }
            }
            Step::Void(id) => {
                for meter in METERS {
                    let name = EventName { source: "test".to_owned(), id: format!("{meter}-{id}") };
                    let ended = ground.metering.void(&ground.scope, &name, false, ground.now()).wait();
                    assert_eq!(ended.is_ok(), model.stands.contains_key(id), "{ended:?}");
                }
                model.stands.entry(*id).and_modify(|stands| *stands = None);
            }
            Step::Correct(id, quarter, value) => {
                for meter in METERS {
                    let ended = ground.metering.correct(
                        &ground.scope,
                        new(meter, *id, *quarter, *value),
                        false,
                        ground.now(),
                    );
                    let stands = model.stands.get(id).is_some_and(Option::is_some);
                    assert_eq!(ended.wait().is_ok(), stands);
                }
                let corrected = Some((at(*quarter), *value));
                model.stands.entry(*id).and_modify(|stands| *stands = stands.and(corrected));
            }
        }
    }
    let span = Span { start: at(cut.0), end: at(cut.0 + cut.1) };
    for meter in METERS {
        let figure = ground.figure_of("customer-a", None, meter, span).value;
        assert_eq!(figure, model.figure(meter, span), "{meter} in {span:?}");
    }
}

#[test]
fn a_figure_is_what_the_standing_events_make_it() {
    on_both(CONTEXTS, |test| {
        let cases = if test.db.engine() == store::Engine::Sqlite { 40 } else { 12 };
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let steps = proptest::collection::vec(step(), 1..12);
        let ended = runner.run(&(steps, (0_i64..20, 1_i64..24)), |(steps, cut)| {
            run(test, &steps, cut);
            Ok(())
        });
        ended.unwrap_or_else(|error| panic!("{error}"));
    });
}
