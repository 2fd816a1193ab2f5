//! Versions of a price book on both databases.

use std::sync::Arc;

use catalog::version::{self, Version};
use kernel::{Error, Result, SystemIds, ids::BookVersionId, new_id};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

static CONTEXTS: &[&store::Context] = &[&store::CONTEXT, &catalog::CONTEXT];

fn book(price: u32) -> String {
    format!(
        "book = 1\nname = \"B\"\ncurrency = \"USD\"\nplans.a = {{ name = \"A\", price = {{ month = {price} }} }}\n"
    )
}

fn apply(test: &TestDb, scope: &Scope, price: u32) -> BookVersionId {
    let text = book(price);
    let applied = test.db.write(scope, move |tx| version::apply(tx, "book.toml", &text)).wait().unwrap();
    assert!(applied.changed);
    applied.version.id
}

fn find(test: &TestDb, scope: &Scope, id: BookVersionId) -> Result<Arc<Version>> {
    test.db.read(scope, move |view| version::find(view, id)).wait()
}

fn in_force(test: &TestDb, scope: &Scope) -> Result<Arc<Version>> {
    test.db.read(scope, version::in_force).wait()
}

fn monthly(version: &Version) -> String {
    version.book.plans[0].prices[0].to_string()
}

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(CONTEXTS);
}

#[test]
fn a_version_is_read_once_and_shared() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Sandbox);
        assert_eq!(in_force(test, &scope).unwrap_err().code, "no_price_book");
        let (first, second) = (apply(test, &scope, 1), apply(test, &scope, 2));
        let found = find(test, &scope, first).unwrap();
        assert_eq!((found.id, found.number, monthly(&found).as_str()), (first, 1, "USD 1"));
        assert_eq!(found.digest, found.book.digest());
        assert!(Arc::ptr_eq(&found, &find(test, &scope, first).unwrap()));
        let newest = in_force(test, &scope).unwrap();
        assert_eq!((newest.id, newest.number), (second, 2));
        let both = test
            .db
            .read(&scope, move |view| version::many(view, vec![second, first, new_id(&SystemIds), second]))
            .wait()
            .unwrap();
        assert_eq!(both.len(), 2, "each once, and none for an id that is no version's");
        for version in &both {
            assert!(Arc::ptr_eq(version, if version.id == first { &found } else { &newest }));
        }
        // Applying what is in force says so, without a new version.
        let again = test.db.write(&scope, |tx| version::apply(tx, "book.toml", &book(2))).wait().unwrap();
        assert!(!again.changed && again.version.id == second);
        // What was in force before can come back: a version of its own.
        assert_ne!(apply(test, &scope, 1), first);
        assert_eq!(in_force(test, &scope).unwrap().number, 3);
    });
}

/// What a transaction saw of its own must not outlive it when it is rolled back.
#[test]
fn a_version_that_was_rolled_back_is_nowhere() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Sandbox);
        let seen = Arc::new(std::sync::Mutex::new(None));
        let told = Arc::clone(&seen);
        let failed = test.db.write(&scope, move |tx| -> Result<()> {
            let id = version::apply(tx, "book.toml", &book(7))?.version.id;
            // Read as everything reads it, so that whatever keeps versions has kept this one.
            let found = version::find(tx, id)?;
            let newest = version::in_force(tx)?;
            assert_eq!((newest.id, monthly(&found).as_str()), (id, "USD 7"));
            *told.lock().unwrap() = Some(id);
            Err(Error::conflict("rolled_back", "Nothing of this happened."))
        });
        assert_eq!(failed.wait().unwrap_err().code, "rolled_back");
        let id = seen.lock().unwrap().unwrap();
        assert_eq!(find(test, &scope, id).unwrap_err().code, "not_found");
        assert_eq!(in_force(test, &scope).unwrap_err().code, "no_price_book");
        let none = test.db.read(&scope, move |view| version::many(view, vec![id])).wait().unwrap();
        assert!(none.is_empty());
        // The next one takes its number, with what it says itself.
        let next = apply(test, &scope, 8);
        let newest = in_force(test, &scope).unwrap();
        assert_eq!((newest.id, newest.number, monthly(&newest).as_str()), (next, 1, "USD 8"));
    });
}

#[test]
fn a_version_of_another_environment_is_not_found() {
    on_both(CONTEXTS, |test| {
        let (mine, theirs) = (test.environment(Mode::Sandbox), test.environment(Mode::Live));
        let id = apply(test, &mine, 5);
        find(test, &mine, id).unwrap();
        assert_eq!(find(test, &theirs, id).unwrap_err().code, "not_found");
        let none = test.db.read(&theirs, move |view| version::many(view, vec![id])).wait().unwrap();
        assert!(none.is_empty());
        // The same book there is a version of its own.
        let same = apply(test, &theirs, 5);
        assert_eq!(find(test, &mine, same).unwrap_err().code, "not_found");
        assert_eq!(in_force(test, &theirs).unwrap().id, same);
        assert_eq!(in_force(test, &mine).unwrap().id, id);
    });
}

/// Another process sees what this one applied, at once.
#[test]
fn what_another_process_applies_is_in_force_here() {
    on_both(CONTEXTS, |test| {
        let scope = test.environment(Mode::Sandbox);
        apply(test, &scope, 1);
        in_force(test, &scope).unwrap();
        let other = test.second_process(CONTEXTS);
        other.write(&scope, |tx| version::apply(tx, "book.toml", &book(2))).wait().unwrap();
        assert_eq!(monthly(&in_force(test, &scope).unwrap()), "USD 2");
    });
}
