//! Limits over real customers and subscriptions.

mod house;

use billing::subscription::{self, Start};
use kernel::{Cycle, SystemIds, ids::SubscriptionId};
use metering::{event::NewEvent, limit::Reason};
use server::CONTEXTS;
use store::{Actor, Mode, Scope};
use testkit::{TestDb, on_both};

/// An environment with the book of Apex, a customer and a subscription to a plan.
fn set_up(test: &TestDb, plan: &'static str) -> (Scope, SubscriptionId) {
    let scope = Scope::environment(kernel::new_id(&SystemIds), Mode::Live, Actor::CommandLine);
    let at = test.db.real_now();
    let set_up = move |tx: &mut store::Tx<'_>| {
        house::set_up(tx, at, include_str!("../../../books/apex.toml"), |acme| Start {
            external_id: Some("acme-main".into()),
            has_method: true,
            ..Start::of(acme, plan, Cycle::MONTH)
        })
    };
    let id = test.db.write(&scope, set_up).wait().unwrap();
    (scope, id)
}

fn run(id: &str, subject: &str) -> NewEvent {
    NewEvent {
        source: "test".to_owned(),
        id: id.to_owned(),
        meter: "agent_runs".to_owned(),
        subject: subject.to_owned(),
        at: None,
        data: Some(serde_json::from_str(r#"{"user": "ann"}"#).unwrap()),
    }
}

#[test]
fn a_subscription_sets_the_limits_of_its_customer() {
    on_both(CONTEXTS, |test| {
        let (scope, id) = set_up(test, "free");
        let metering = server::metering(&test.db, metering::Options::default());
        let consume = |event| metering.consume(&scope, event, test.db.real_now()).wait().unwrap();
        // Whatever it is called: the customer by its own id, the subscription by either.
        for (n, subject) in ["acme", "ext:acme", "acme-main"].into_iter().enumerate() {
            assert!(consume(run(&n.to_string(), subject)).allowed, "{subject}");
        }
        let refused = consume(run("4", &id.to_string()));
        assert_eq!((refused.reason, refused.limit), (Reason::LimitReached, Some(3)));
        assert_eq!(refused.upgrade.as_deref(), Some("early"));
        let nobody = metering.consume(&scope, run("4", "nobody"), test.db.real_now()).wait().unwrap_err();
        assert_eq!(nobody.code, "subject_unknown");

        let away = move |tx: &mut store::Tx<'_>| subscription::suspend(tx, id).map(drop);
        test.db.write(&scope, away).wait().unwrap();
        metering.forget(&scope, None).wait().unwrap();
        assert_eq!(consume(run("4", "acme")).reason, Reason::NoAccess);
        let back = move |tx: &mut store::Tx<'_>| subscription::reinstate(tx, id).map(drop);
        test.db.write(&scope, back).wait().unwrap();
        metering.forget(&scope, None).wait().unwrap();
        assert_eq!(consume(run("4", "acme")).reason, Reason::LimitReached);
    });
}
