//! One trial for each customer and whoever is the same; trials that begin at sign-up; what is said around them.

use billing::{
    customers,
    subscription::{Start, Started, State, Timing, cancel},
    trial::{self, MayTry},
};
use catalog::Sameness;
use identity::{Customer, NewCustomer, customer};
use kernel::{Error, Result};
use store::{Mode, Scope, Tx, facts};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, environment_with, new_customer, sound, starter},
    parallel::race,
};

fn book(trial: &str) -> String {
    format!(
        r#"
        book = 1
        name = "Tried"
        currency = "USD"
        [trial]
        days = 7
        {trial}
        [features]
        users = {{ name = "Users", kind = "limit", unit = "user" }}
        [plans.free]
        name = "Free"
        price = {{ month = "0" }}
        [plans.paid]
        name = "Paid"
        price = {{ per = "user", year = "310", month = "31" }}
        "#
    )
}

fn house(test: &TestDb, trial: &str) -> Scope {
    environment_with(test, Mode::Sandbox, "2026-01-01T20:00:00Z", &book(trial))
}

fn named(email: Option<&str>, tax_id: Option<&str>) -> NewCustomer {
    let (email, tax_id) = (email.map(str::to_owned), tax_id.map(str::to_owned));
    NewCustomer { email, tax_id, country: "DE".into(), ..new_customer("Acme", "UTC") }
}

fn add(test: &TestDb, scope: &Scope, new: NewCustomer) -> Customer {
    test.db.write(scope, move |tx| customer::create(tx, new.clone())).wait().unwrap()
}

fn trying(customer: &Customer) -> Start {
    Start { plan: "paid".into(), quantity: Some(1), trial: true, ..starter(customer.id) }
}

fn begin(test: &TestDb, scope: &Scope, start: Start) -> Result<Started, Error> {
    ground::start(test, scope, start)
}

fn may_try(test: &TestDb, scope: &Scope, customer: &Customer, fingerprint: Option<&'static str>) -> MayTry {
    let id = customer.id;
    test.db.read(scope, move |view| trial::may_try(view, id, fingerprint)).wait().unwrap()
}

#[test]
fn whoever_is_the_same_has_no_second_trial_unless_staff_allow_it() {
    on_both(ALL, |test| {
        let scope = house(test, "");
        let first = add(test, &scope, named(Some("Ann.Lee@gmail.com"), Some("DE123456789")));
        let fingerprint = || Some("card-4711".to_owned());
        let began = begin(test, &scope, Start { fingerprint: fingerprint(), ..trying(&first) }).unwrap();
        for (new, fingerprint, because, says) in [
            (named(Some("annlee+2@googlemail.com"), None), None, Sameness::Email, "the same e-mail address"),
            (named(None, Some("DE 123 456 789")), None, Sameness::TaxId, "the same tax id"),
            (named(None, None), Some("card-4711"), Sameness::Fingerprint, "the same method of payment"),
        ] {
            let again = add(test, &scope, new);
            let found = may_try(test, &scope, &again, fingerprint);
            assert!(found.offered && !found.allowed(), "{found:?}");
            assert_eq!((found.had[0].because, found.had[0].customer), (because, first.id));
            assert_eq!(found.had[0].subscription, began.subscription.id);
            let start = Start { fingerprint: fingerprint.map(str::to_owned), ..trying(&again) };
            let refused = begin(test, &scope, start.clone()).unwrap_err();
            assert_eq!(refused.code, "trial_used");
            assert!(refused.detail.contains(says), "{}", refused.detail);
            let allowed = begin(test, &scope, Start { trial_again: true, ..start }).unwrap();
            assert_eq!(allowed.subscription.state, State::Trialing, "staff allow it");
        }
        let other = add(test, &scope, named(Some("bob@gmail.com"), Some("DE987654321")));
        assert!(may_try(test, &scope, &other, Some("card-1")).allowed());
        begin(test, &scope, trying(&other)).unwrap();
        // A paid subscription is nobody's second trial.
        begin(test, &scope, Start { trial: false, ..trying(&first) }).unwrap();
        let feed = test.db.read(&scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
        let said = feed.iter().map(|fact| fact.payload.to_string()).collect::<String>();
        assert!(!said.contains("gmail") && !said.contains("4711"), "facts hold nothing of it");
        sound(test, &scope);
    });
}

#[test]
fn a_book_says_what_there_is_one_trial_for() {
    on_both(ALL, |test| {
        let everybody = house(test, "once_per = []");
        let ann = add(test, &everybody, named(Some("ann@meyer.example"), None));
        for _ in 0..3 {
            begin(test, &everybody, trying(&ann)).unwrap();
        }
        let by_domain = house(test, r#"once_per = ["email_domain"]"#);
        let ann = add(test, &by_domain, named(Some("ann@meyer.example"), None));
        begin(test, &by_domain, trying(&ann)).unwrap();
        begin(test, &by_domain, trying(&ann)).unwrap_err();
        let bob = add(test, &by_domain, named(Some("bob@meyer.example"), None));
        let refused = begin(test, &by_domain, trying(&bob)).unwrap_err();
        assert!(refused.detail.contains("the same domain"), "{}", refused.detail);
        let cyd = add(test, &by_domain, named(Some("cyd@meier.example"), None));
        begin(test, &by_domain, trying(&cyd)).unwrap();
    });
}

#[test]
fn of_two_who_are_the_same_and_begin_at_once_one_does() {
    on_both(ALL, |test| {
        let scope = house(test, "");
        let begin = |tx: &mut Tx<'_>| {
            let new = named(Some("ann@meyer.example"), None);
            let ann = customer::create(tx, new)?;
            billing::subscription::start(tx, &trying(&ann)).map(drop)
        };
        let ended = race(test, &scope, begin);
        assert_eq!(ended.get("ok"), Some(&1), "{ended:?}");
        assert_eq!(ended.get("trial_used"), Some(&5), "{ended:?}");
    });
}

#[test]
fn a_trial_begins_at_sign_up_when_the_book_says_so() {
    on_both(ALL, |test| {
        let scope = house(test, "plan = \"paid\"\nat_sign_up = true");
        let sign_up = |email: &str| {
            let new = named(Some(email), None);
            test.db.write(&scope, move |tx| customers::create(tx, new.clone(), None)).wait().unwrap()
        };
        let ann = sign_up("ann@meyer.example");
        let trial = ann.trial.unwrap();
        assert_eq!((trial.state, trial.plan(), trial.plan_quantity()), (State::Trialing, "paid", 1));
        assert_eq!(trial.schedule.cycle, kernel::Cycle::MONTH, "by its shortest cycle");
        assert_eq!(trial.customer, ann.customer.id);
        let again = sign_up("Ann+again@meyer.example");
        assert!(again.trial.is_none());
        assert_eq!(again.refused.unwrap().code, "trial_used", "the customer is there all the same");
        let feed = test.db.read(&scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
        let refused = feed.iter().find(|fact| fact.kind == "customer.trial_refused").unwrap();
        assert_eq!(refused.payload["code"], "trial_used");

        let without = house(test, "");
        let new = named(Some("ann@meyer.example"), None);
        let created =
            test.db.write(&without, move |tx| customers::create(tx, new.clone(), None)).wait().unwrap();
        assert!(created.trial.is_none() && created.refused.is_none());
        sound(test, &scope);
    });
}

#[test]
fn what_is_said_before_and_after_a_trial() {
    on_both(ALL, |test| {
        let scope =
            house(test, "reminders = [3, 1]\nfollow_ups = [5, 2]\nat_end = { without = \"downgrade:free\" }");
        let said = |from: usize| {
            let feed = test.db.read(&scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
            let of_trials = feed.into_iter().filter(|fact| fact.kind.contains("trial_")).skip(from);
            of_trials
                .map(|fact| {
                    let day = fact.effective.to_string()[..10].to_owned();
                    format!(
                        "{day} {} {}",
                        fact.kind.trim_start_matches("subscription."),
                        fact.payload["days"]
                    )
                })
                .collect::<Vec<_>>()
        };
        let ann = add(test, &scope, named(None, None));
        let id = begin(test, &scope, trying(&ann)).unwrap().subscription.id;
        advance(test, &scope, "2026-02-01T00:00:00Z").unwrap();
        assert_eq!(
            said(0),
            [
                "2026-01-05 trial_reminder 3",
                "2026-01-07 trial_reminder 1",
                "2026-01-08 trial_ended null",
                "2026-01-10 trial_follow_up 2",
                "2026-01-13 trial_follow_up 5",
            ]
        );
        test.db.write(&scope, move |tx| cancel(tx, id, Timing::Now)).wait().unwrap();
        sound(test, &scope);
    });
}
