//! Finding customers, on both databases.

use std::cmp::Ordering;

use identity::{
    CustomerRef, NewCustomer,
    customer::{self, Find, Found, Place, Sort},
};
use kernel::{Currency, ids::CustomerId};
use proptest::prelude::*;
use store::{Mode, Scope, params};
use testkit::{TestDb, on_both};

static CONTEXTS: &[&store::Context] = &[&store::CONTEXT, &jobs::CONTEXT, &identity::CONTEXT];

store::statements! {
    environment WORDS_LEFT = "SELECT count(*) FROM customer_word WHERE env_id = $1 AND customer_id = $2";
    environment UNINDEX = "UPDATE person SET words = NULL, name_key = NULL WHERE env_id = $1";
    environment DROP_WORDS = "DELETE FROM customer_word WHERE env_id = $1";
}

fn new(
    name: &str,
    email: Option<&str>,
    external: Option<&str>,
    country: &str,
    currency: &str,
) -> NewCustomer {
    NewCustomer {
        name: name.to_owned(),
        email: email.map(str::to_owned),
        address: None,
        country: country.to_owned(),
        region: None,
        tax_id: None,
        tax_exempt: false,
        currency: Currency::parse(currency).unwrap(),
        zone: None,
        external_id: external.map(str::to_owned),
        metadata: serde_json::Value::Null,
    }
}

/// Five customers, in the order they are made.
fn five(test: &TestDb, scope: &Scope) -> Vec<CustomerId> {
    let all = vec![
        new("Brandt & Söhne Metallbau GmbH", Some("ann.holt@brandt.example"), Some("A-2e4581"), "DE", "EUR"),
        new("Northfield Castings Ltd", Some("accounts@northfield.example"), None, "GB", "GBP"),
        new("Ateliers Lavoie", None, Some("100%_sure"), "FR", "EUR"),
        new("Sohn Kestrel", Some("accounts@kestrel.example"), None, "DE", "USD"),
        new("Ångström AB", None, None, "SE", "SEK"),
    ];
    let made = test.db.write(scope, move |tx| customer::create_all(tx, all.clone())).wait().unwrap();
    made.into_iter().map(|customer| customer.id).collect()
}

fn names(found: &[Found]) -> Vec<&str> {
    found.iter().map(|found| found.person.shown()).collect()
}

fn search(test: &TestDb, scope: &Scope, find: &Find) -> Vec<Found> {
    let find = find.clone();
    test.db.read(scope, move |view| customer::search(view, &find, None, 100)).wait().unwrap()
}

fn by_words(text: &str) -> Find {
    Find { search: Some(text.to_owned()), ..Find::default() }
}

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(CONTEXTS);
}

#[test]
fn customers_are_found_by_what_their_words_begin_with() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let ids = five(test, &scope);
        for (text, expected) in [
            ("brandt", &["Brandt & Söhne Metallbau GmbH"][..]),
            ("sohn", &["Sohn Kestrel", "Brandt & Söhne Metallbau GmbH"]),
            ("SÖHN metall", &["Brandt & Söhne Metallbau GmbH"]),
            ("holt", &["Brandt & Söhne Metallbau GmbH"]),
            ("accounts@", &["Sohn Kestrel", "Northfield Castings Ltd"]),
            ("kestrel.ex", &["Sohn Kestrel"]),
            ("2e45", &["Brandt & Söhne Metallbau GmbH"]),
            ("100%_s", &["Ateliers Lavoie"]),
            ("lavoie ateliers", &["Ateliers Lavoie"]),
            ("angstrom", &["Ångström AB"]),
            ("metallbau kestrel", &[]),
            ("etallbau", &[]),
            ("x", &[]),
            ("&&", &[]),
        ] {
            assert_eq!(names(&search(test, &scope, &by_words(text))), expected, "{text}");
        }
        assert_eq!(names(&search(test, &scope, &by_words(&ids[2].to_string()))), ["Ateliers Lavoie"]);
        assert_eq!(search(test, &scope, &by_words("  ")).len(), 5, "nothing asked for is everybody");
        let elsewhere = test.environment(Mode::Live);
        assert!(search(test, &elsewhere, &by_words("brandt")).is_empty());
        assert_eq!(test.db.read(&scope, customer::count).wait().unwrap(), 5);
    });
}

#[test]
fn an_erased_customer_is_found_by_nothing_personal() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let id = five(test, &scope)[0];
        test.db.write(&scope, move |tx| customer::erase(tx, id)).wait().unwrap();
        for text in ["brandt", "sohne", "holt", "ann.holt@brandt.example", "gmbh"] {
            let found = search(test, &scope, &by_words(text));
            assert!(found.iter().all(|found| found.customer.id != id), "{text}");
        }
        let left =
            test.db.read(&scope, move |view| view.one(&WORDS_LEFT, params![id], |row| row.get::<i64>(0)));
        assert_eq!(left.wait().unwrap(), 2, "the words of the merchant's own id");
        assert_eq!(search(test, &scope, &by_words("a-2e4581")).len(), 1);
        let sorted = search(test, &scope, &Find { sort: Sort::Name, ..Find::default() });
        assert_eq!(names(&sorted).last(), Some(&"(erased)"));
    });
}

#[test]
fn a_renamed_customer_is_found_by_its_new_name_only() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        let id = five(test, &scope)[0];
        let edit = customer::Edit { name: Some("Zeppelin AG".to_owned()), ..customer::Edit::default() };
        test.db.write(&scope, move |tx| customer::change(tx, id, edit.clone())).wait().unwrap();
        assert_eq!(names(&search(test, &scope, &by_words("zepp"))), ["Zeppelin AG"]);
        assert!(search(test, &scope, &by_words("metallbau")).is_empty());
        assert_eq!(search(test, &scope, &by_words("holt")).len(), 1, "its address stayed");
        let sorted = search(test, &scope, &Find { sort: Sort::Name, ..Find::default() });
        assert_eq!(names(&sorted).last(), Some(&"Zeppelin AG"));
    });
}

#[test]
fn customers_of_before_the_search_are_indexed_afterwards() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        five(test, &scope);
        let old = test.db.write(&scope, |tx| {
            tx.exec(&UNINDEX, &[])?;
            tx.exec(&DROP_WORDS, &[])
        });
        old.wait().unwrap();
        assert!(search(test, &scope, &by_words("brandt")).is_empty());
        for expected in [3, 2, 0] {
            let indexed = test.db.write(&scope, |tx| customer::index_words(tx, 3)).wait().unwrap();
            assert_eq!(indexed, expected);
        }
        assert_eq!(search(test, &scope, &by_words("brandt")).len(), 1);
        assert_eq!(search(test, &scope, &Find { sort: Sort::Name, ..Find::default() }).len(), 5);
    });
}

/// Read a list to its end, so many at a time, through the cursor's text.
fn pages(test: &TestDb, scope: &Scope, find: &Find, at_once: i64) -> Vec<Found> {
    let (mut all, mut after): (Vec<Found>, Option<Place>) = (Vec::new(), None);
    loop {
        let (find, from) = (find.clone(), after.clone());
        let page = test.db.read(scope, move |view| customer::search(view, &find, from.as_ref(), at_once));
        let page = page.wait().unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.place().to_string().parse().unwrap());
        all.extend(page);
    }
}

#[test]
fn every_list_is_its_filter_in_its_order_page_by_page() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Live);
        five(test, &scope);
        let many: Vec<NewCustomer> = (0..40)
            .map(|at| {
                let (country, currency) = [("DE", "EUR"), ("US", "USD"), ("DE", "USD")][at % 3];
                let external = format!("e{at}");
                // Names repeat, in another case.
                new(["Kestrel", "kestrel", "Árbol"][at % 3], None, Some(&external), country, currency)
            })
            .collect();
        test.db.write(&scope, move |tx| customer::create_all(tx, many.clone())).wait().unwrap();
        let everybody = search(test, &scope, &Find::default());
        assert_eq!(everybody.len(), 45);
        for sort in Sort::ALL {
            for text in [None, Some("kes"), Some("accounts@"), Some("kes e1")] {
                for country in [None, Some("DE"), Some("FR")] {
                    for currency in [None, Some("EUR"), Some("JPY")] {
                        let find = Find {
                            search: text.map(str::to_owned),
                            country: country.map(str::to_owned),
                            currency: currency.map(|code| Currency::parse(code).unwrap()),
                            sort,
                        };
                        let mut expected: Vec<Found> =
                            everybody.iter().filter(|found| find.matches(found)).cloned().collect();
                        expected.sort_by(|a, b| find.compare(a, b));
                        assert_eq!(pages(test, &scope, &find, 7), expected, "{find:?}");
                        if let [first, rest @ ..] = &expected[..] {
                            assert!(rest.iter().all(|found| find.comes_after(found, &first.place())));
                            assert!(!find.comes_after(first, &first.place()));
                            assert_eq!(find.compare(first, first), Ordering::Equal);
                        }
                    }
                }
            }
        }
        let external: CustomerRef = "ext:e7".parse().unwrap();
        let id = test.db.read(&scope, move |view| customer::resolve(view, &external)).wait().unwrap();
        let loaded = test.db.read(&scope, move |view| customer::load_found(view, vec![id])).wait().unwrap();
        assert_eq!(loaded[0].customer.external_id.as_deref(), Some("e7"));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_no_cursor_or_reads_back(text in ".{0,120}") {
        if let Ok(place) = text.parse::<Place>() {
            prop_assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        }
    }
}
