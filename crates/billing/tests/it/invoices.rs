//! Drafts, issuing, numbers, and what a document remembers.

use std::thread;

use billing::{
    invoice::{State, finalize, find, resolve},
    subscription::Start,
};
use identity::customer;
use kernel::AnyId;
use store::{Mode, NewFact, facts, idempotency};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, customer_in, environment, issued, sound, starter},
};

#[test]
fn a_draft_has_no_number_until_it_is_finalized_and_never_changes_after() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T23:30:00Z");
        let customer = customer_in(test, &scope, "UTC");
        let id = ground::start(test, &scope, Start { finalize: false, ..starter(customer.id) })
            .unwrap()
            .invoice
            .unwrap();
        assert_eq!(issued(test, &scope), ["draft  USD 49.00"]);
        let none = test.db.read(&scope, move |view| ledger::of_document(view, id.any())).wait().unwrap();
        assert!(none.is_empty(), "a draft posts nothing");

        let invoice = test.db.write(&scope, move |tx| finalize(tx, id)).wait().unwrap();
        // It is 1 February in Berlin, where the legal entity is.
        assert_eq!(
            (invoice.number.as_deref(), invoice.issued.unwrap().to_string()),
            (Some("INV-000001"), "2026-02-01".into())
        );
        assert_eq!(invoice.party.as_ref().unwrap().name.as_deref(), Some("Acme"));
        for (reference, expected) in [
            ("INV-000001", Ok(id)),
            ("INV-000002", Err("not_found")),
            ("X-1", Err("not_found")),
            ("INV", Err("id_malformed")),
        ] {
            let found = test.db.read(&scope, move |view| resolve(view, reference)).wait();
            assert_eq!(found.map_err(|error| error.code), expected, "{reference}");
        }
        let again = test.db.write(&scope, move |tx| finalize(tx, id)).wait().unwrap_err();
        assert_eq!(again.code, "invoice_not_draft");
        assert_eq!(test.db.read(&scope, move |view| find(view, id)).wait().unwrap(), invoice);

        let entries = test.db.read(&scope, move |view| ledger::of_document(view, id.any())).wait().unwrap();
        let postings: Vec<String> = entries[0]
            .postings
            .iter()
            .map(|posting| format!("{} {}", posting.account, posting.amount.decimal()))
            .collect();
        assert_eq!(postings, [format!("receivable:{} 49.00", customer.id), "deferred_revenue -49.00".into()]);
        sound(test, &scope);
    });
}

#[test]
fn the_same_draft_finalized_by_many_at_once_is_issued_once() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        let other = test.second_process(ALL);
        let ids: Vec<_> = (0..5)
            .map(|_| {
                ground::start(test, &scope, Start { finalize: false, ..starter(customer.id) })
                    .unwrap()
                    .invoice
                    .unwrap()
            })
            .collect();
        let wins: usize = thread::scope(|threads| {
            let threads: Vec<_> = (0..6)
                .map(|worker| {
                    let db = if worker % 2 == 0 { test.db.clone() } else { other.clone() };
                    let (scope, ids) = (scope.clone(), ids.clone());
                    threads.spawn(move || {
                        let finalize_one = |id| db.write(&scope, move |tx| finalize(tx, id)).wait();
                        let ended: Vec<_> = ids.into_iter().map(finalize_one).collect();
                        let refused = |error: &kernel::Error| error.code == "invoice_not_draft";
                        assert!(ended.iter().all(|end| end.as_ref().err().is_none_or(refused)));
                        ended.iter().filter(|end| end.is_ok()).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(wins, 5);
        let mut numbers: Vec<String> =
            issued(test, &scope).iter().map(|text| text[..10].to_owned()).collect();
        numbers.sort();
        assert_eq!(numbers, ["INV-000001", "INV-000002", "INV-000003", "INV-000004", "INV-000005"]);
        sound(test, &scope);
    });
}

#[test]
fn starting_in_parallel_leaves_no_gap_between_numbers_or_facts() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        let other = test.second_process(ALL);
        thread::scope(|threads| {
            for worker in 0..6 {
                let db = if worker % 2 == 0 { test.db.clone() } else { other.clone() };
                let (scope, command) = (scope.clone(), starter(customer.id));
                threads.spawn(move || {
                    for _ in 0..15 {
                        let command = command.clone();
                        db.write(&scope, move |tx| billing::subscription::start(tx, &command))
                            .wait()
                            .unwrap();
                    }
                });
            }
        });
        let mut numbers: Vec<String> =
            issued(test, &scope).iter().map(|text| text[..10].to_owned()).collect();
        numbers.sort();
        assert_eq!(numbers, (1..=90).map(|number| format!("INV-{number:06}")).collect::<Vec<_>>());
        sound(test, &scope);
    });
}

#[test]
fn erasing_a_customer_blanks_the_person_and_nothing_else() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        let invoice = ground::start(test, &scope, starter(customer.id)).unwrap().invoice.unwrap();
        let (id, person) = (customer.id, customer.person);
        let request = idempotency::Request { key: "k".into(), fingerprint: [1; 32] };
        let kept = request.clone();
        test.db
            .write(&scope, move |tx| {
                let fact = NewFact::new("customer.created", id.any(), serde_json::json!({}))?;
                tx.fact(fact.of(id));
                idempotency::record(tx, &kept, &idempotency::Answer { status: 201, body: "Acme".into() })
            })
            .wait()
            .unwrap();
        test.db.write(&scope, move |tx| customer::erase(tx, id)).wait().unwrap();
        let blank = test.db.read(&scope, move |view| customer::person(view, person)).wait().unwrap();
        assert_eq!(
            (blank.name, blank.email, blank.address, blank.erased.is_some()),
            (None, None, None, true)
        );
        let answer = test.db.read(&scope, move |view| idempotency::find(view, &request)).wait().unwrap();
        assert_eq!(answer, None, "no kept answer repeats the name");
        let document = test.db.read(&scope, move |view| find(view, invoice)).wait().unwrap();
        assert_eq!(document.party.unwrap().name.as_deref(), Some("Acme"), "a document keeps its party");
        let twice = test.db.write(&scope, move |tx| customer::erase(tx, id)).wait().unwrap_err();
        assert_eq!(twice.code, "already_erased");
        sound(test, &scope);
    });
}

/// No fact of a whole life of a customer holds anything personal.
#[test]
fn facts_hold_no_personal_data() {
    let test = TestDb::sqlite(ALL);
    let scope = environment(&test, Mode::Sandbox, "2026-01-31T10:00:00Z");
    let customer = customer_in(&test, &scope, "UTC");
    ground::start(&test, &scope, starter(customer.id)).unwrap();
    ground::advance(&test, &scope, "2026-05-01T00:00:00Z").unwrap();
    let all = test.db.read(&scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
    let text: String = all.iter().map(|fact| format!("{fact:?}\n")).collect();
    for personal in ["Acme", "example.com", "Main Street"] {
        assert!(!text.contains(personal), "{personal}");
    }
    assert!(text.contains("subscription.renewed"));
}

#[test]
fn an_invoice_over_nothing_is_settled_by_being_issued() {
    const FREE: &str = r#"
        book = 1
        name = "Free"
        currency = "USD"
        [features]
        basics = "Basics"
        [plans.free]
        name = "Free"
        price = { month = "0" }
        features = ["basics"]
    "#;
    on_both(ALL, |test| {
        let scope = ground::environment_with(test, Mode::Sandbox, "2026-01-31T10:00:00Z", FREE);
        let customer = customer_in(test, &scope, "UTC");
        let id = ground::start(test, &scope, Start { plan: "free".into(), ..starter(customer.id) })
            .unwrap()
            .invoice
            .unwrap();
        let invoice = test.db.read(&scope, move |view| find(view, id)).wait().unwrap();
        assert_eq!((invoice.state, invoice.number.as_deref()), (State::Paid, Some("INV-000001")));
        let document: AnyId = id.any();
        assert!(
            test.db.read(&scope, move |view| ledger::of_document(view, document)).wait().unwrap().is_empty()
        );
        sound(test, &scope);
    });
}
