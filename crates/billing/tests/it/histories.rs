//! Laws of histories: what subscriptions that ran elsewhere come to.

use std::{collections::BTreeMap, sync::Arc};

use billing::subscription::{
    Agreement, BillFrom, Start, State,
    history::{Contents, Ends, History, Standing, What},
    rules::{
        self, Terms,
        history::{Recorded, decide},
    },
};
use catalog::version::Version;
use identity::{Customer, LegalEntity};
use jiff::{SignedDuration, Timestamp};
use kernel::{Currency, Cycle, Id, Zone};
use proptest::prelude::*;
use uuid::Uuid;

use crate::ground::UNISON;

const NOW: &str = "2026-03-31T12:34:56Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn version(edit: &str) -> Version {
    let text = std::fs::read_to_string(UNISON).unwrap();
    let text = text.replacen("anchor = \"anniversary\"", edit, 1);
    let book = catalog::read("unison.toml", &text).unwrap();
    let (digest, book) = (book.digest(), Arc::new(book));
    Version { id: Id::from_uuid(Uuid::nil()), number: 1, digest, created: now(), book }
}

fn customer(zone: &str) -> Customer {
    Customer {
        id: Id::from_uuid(Uuid::nil()),
        person: Id::from_uuid(Uuid::nil()),
        external_id: None,
        country: "US".into(),
        region: None,
        tax_exempt: false,
        currency: Currency::parse("USD").unwrap(),
        zone: Zone::parse(zone).unwrap(),
        metadata: serde_json::json!({}),
        created: now(),
    }
}

fn entity() -> LegalEntity {
    LegalEntity {
        id: Id::from_uuid(Uuid::nil()),
        name: "Unison GmbH".into(),
        country: "DE".into(),
        region: None,
        tax_id: None,
        registrations: Vec::new(),
        currency: Currency::parse("USD").unwrap(),
        zone: Zone::utc(),
        series: "INV".into(),
    }
}

fn contents(plan: &str, cycle: Cycle, users: i64) -> Contents {
    let addons = if plan == "enterprise" { 0 } else { users };
    let addons = BTreeMap::from([("extra_user".to_owned(), addons)]);
    Contents { plan: plan.into(), cycle, quantity: None, addons }
}

fn history(started: Timestamp, first: Contents) -> History {
    History {
        external_id: None,
        started,
        first,
        events: Vec::new(),
        trial_end: None,
        standing: Standing::Running,
        ends: None,
        next_period: None,
        bill_from: BillFrom::NextPeriod,
        zone: None,
        currency: None,
        entity: None,
        agreement: Agreement::default(),
        has_method: false,
        metadata: serde_json::Value::Null,
    }
}

fn told(history: &History, version: &Version, zone: &str) -> kernel::Result<Recorded> {
    let (customer, entity) = (customer(zone), entity());
    let terms = Terms { customer: &customer, entity: &entity, version };
    decide(&terms, history, Id::from_uuid(Uuid::nil()), now())
}

fn moments() -> impl Strategy<Value = Timestamp> {
    // Four years before now, to the second.
    (1_i64..4 * 366 * 86_400).prop_map(|ago| now() - SignedDuration::from_secs(ago))
}

fn what() -> impl Strategy<Value = Contents> {
    let plans = prop::sample::select(vec!["starter", "professional", "enterprise"]);
    let cycles = prop::sample::select(vec![Cycle::MONTH, Cycle::YEAR]);
    (plans, cycles, 0_i64..5).prop_map(|(plan, cycle, users)| contents(plan, cycle, users))
}

fn zones() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["UTC", "America/New_York", "Pacific/Apia", "Europe/Berlin"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// To which nothing happened, it is exactly what one is that was started here in the past.
    #[test]
    fn an_uneventful_history_is_a_start_in_the_past(
        started in moments(),
        first in what(),
        zone in zones(),
        book in prop::sample::select(vec!["anchor = \"anniversary\"", "anchor = \"calendar\""]),
        bill_from in prop::sample::select(vec![BillFrom::NextPeriod, BillFrom::CurrentPeriod, BillFrom::Start]),
    ) {
        let version = version(book);
        let told = told(&History { bill_from, ..history(started, first.clone()) }, &version, zone).unwrap();
        let Contents { plan, cycle, addons, .. } = first;
        let start = Start {
            addons,
            start: Some(started),
            bill_from,
            ..Start::of(Id::from_uuid(Uuid::nil()), plan, cycle)
        };
        let (customer, entity) = (customer(zone), entity());
        let terms = Terms { customer: &customer, entity: &entity, version: &version };
        let begun = rules::start(&terms, &start, Id::from_uuid(Uuid::nil()), now()).unwrap();
        prop_assert_eq!(told.subscription, begun.subscription);
        prop_assert_eq!(told.draft, begun.draft);
        prop_assert_eq!(told.told.len(), 1);
    }

    /// Whatever happened, it is told in order of time, and a running one waits in a period that holds now.
    #[test]
    fn an_eventful_history_is_told_in_order_and_goes_on(
        started in moments(),
        first in what(),
        zone in zones(),
        changes in prop::collection::vec((0.0_f64..1.0, what()), 0..5),
        trial in prop::option::of(1_i64..40),
        ending in prop::option::of(0.0_f64..1.0),
        book in prop::sample::select(vec!["anchor = \"anniversary\"", "anchor = \"calendar\""]),
    ) {
        let version = version(book);
        let whole = now().duration_since(started).as_secs();
        let at = |part: f64| started + SignedDuration::from_secs(1 + (whole as f64 * part) as i64 % whole.max(1));
        let end = ending.map(at).filter(|end| *end <= now());
        let until = end.unwrap_or(now());
        let mut events: Vec<(Timestamp, What)> =
            changes.into_iter().map(|(part, next)| (at(part), What::Changed(next))).collect();
        events.retain(|(at, _)| *at <= until);
        events.sort_by_key(|(at, _)| *at);
        let trial_end = trial.map(|days| started + SignedDuration::from_hours(24 * days));
        let count = events.len();
        let standing = end.map_or(Standing::Running, Standing::Canceled);
        let whole = History { events, trial_end, standing, ..history(started, first) };
        let recorded = told(&whole, &version, zone).unwrap();
        prop_assert!(recorded.told.windows(2).all(|pair| pair[0].at <= pair[1].at));
        prop_assert_eq!(recorded.told[0].kind, "subscription.started");
        let over = trial_end.is_some_and(|end| end <= until);
        let last = usize::from(end.is_some() && trial_end != end);
        prop_assert_eq!(recorded.told.len(), 1 + count + usize::from(over) + last);
        prop_assert!(recorded.draft.is_none());
        let now_is = &recorded.subscription;
        match end {
            Some(end) => {
                prop_assert_eq!(now_is.state, State::Canceled);
                prop_assert_eq!(now_is.ends, Some(end));
                prop_assert!(now_is.period.start.at <= end && end <= now_is.period.end.at);
            }
            None => {
                let expected = if over || trial_end.is_none() { State::Active } else { State::Trialing };
                prop_assert_eq!(now_is.state, expected);
                prop_assert!(now_is.period.contains(now()), "{:?}", now_is.period);
                prop_assert_eq!(now_is.billed_through, now_is.period.end);
            }
        }
    }

    /// An end to come is that of a period, never before what is paid.
    #[test]
    fn an_end_to_come_is_the_end_of_a_period(
        started in moments(),
        first in what(),
        ahead in 1_i64..1_000,
    ) {
        let ends = now() + SignedDuration::from_hours(24 * ahead);
        let ending = History { ends: Some(Ends::At(ends)), ..history(started, first) };
        let subscription = told(&ending, &version("anchor = \"anniversary\""), "UTC").unwrap().subscription;
        let end = subscription.ends.unwrap();
        prop_assert!(end >= subscription.billed_through.at);
        prop_assert!(end >= ends - SignedDuration::from_hours(24) || end == subscription.billed_through.at);
        let index = subscription.schedule.index_at(end).unwrap();
        prop_assert_eq!(subscription.schedule.edge(index).unwrap().at, end);
    }
}

#[test]
fn histories_that_cannot_have_been_are_refused() {
    let version = version("anchor = \"anniversary\"");
    let at = |text: &str| -> Timestamp { format!("{text}T00:00:00Z").parse().unwrap() };
    let plain = || history(at("2025-06-01"), contents("starter", Cycle::MONTH, 0));
    let refused = |history: History| {
        let error = told(&history, &version, "UTC").unwrap_err();
        (error.code, error.detail)
    };
    let (code, detail) = refused(History { started: at("2026-06-01"), ..plain() });
    assert_eq!((code, detail.contains("lies in the future")), ("history_invalid", true));
    let standing = Standing::Canceled(at("2025-06-01"));
    assert_eq!(refused(History { standing, ..plain() }).1, "The end is not after the start.");
    let events = vec![(at("2025-07-01"), What::Resumed)];
    assert_eq!(refused(History { events, ..plain() }).0, "transition_illegal");
    let twice = vec![(at("2025-07-01"), What::Paused), (at("2025-08-01"), What::Paused)];
    assert_eq!(refused(History { events: twice, ..plain() }).0, "transition_illegal");
    let events = vec![(at("2025-05-01"), What::Paused)];
    assert!(refused(History { events, ..plain() }).1.contains("before the start"));
    let weekly = contents("starter", Cycle::WEEK, 0);
    assert_eq!(refused(History { first: weekly, ..plain() }).0, "price_missing");
    let trial_end = Some(at("2025-06-01"));
    assert!(refused(History { trial_end, ..plain() }).1.contains("trial ends before"));
}
