//! Real input: the public RavenStack data set, where it is at hand.

use std::{cell::RefCell, collections::BTreeMap, fs, path::PathBuf};

use billing::import::{Count, File, Mapping, Options, Report, import};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{advance, environment, environment_with, sound},
    import::{SKIP, stories},
};

fn data(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/ravenstack")).join(name)
}

fn example(name: &str) -> String {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/import"));
    fs::read_to_string(folder.join(name)).unwrap()
}

fn load(test: &TestDb, scope: &Scope, mapping: &str, names: &[&str]) -> Report {
    let mapping = Mapping::read(mapping, &example(mapping)).unwrap();
    let files: Vec<File> = names.iter().map(|name| File::at(data(name))).collect();
    import(&test.db, scope, &mapping, &files, Options { ..SKIP }, &mut |_| {}).unwrap()
}

fn at_hand() -> bool {
    let there = data("ravenstack_subscriptions.csv").exists();
    if !there {
        eprintln!("skipped: the RavenStack data set is not at hand");
    }
    there
}

/// 500 accounts, three months: three invoices each, the same on both databases.
#[test]
fn ravenstack_accounts_are_billed_for_three_months() {
    if !at_hand() {
        return;
    }
    let seen = RefCell::new(Vec::new());
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2025-01-01T00:00:00Z");
        let report = load(test, &scope, "ravenstack-accounts.toml", &["ravenstack_accounts.csv"]);
        let all = Count { loaded: 500, already: 0 };
        assert_eq!((report.customers, report.subscriptions, report.bad), (all, all, vec![]));
        advance(test, &scope, "2025-04-01T00:00:00Z").unwrap();
        sound(test, &scope);
        let invoices =
            test.db.read(&scope, |view| billing::invoice::list(view, None, 10_000)).wait().unwrap();
        let mut of_customer: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for invoice in invoices.iter().rev() {
            assert_eq!(invoice.state, billing::invoice::State::Finalized);
            let text = format!("{} {}", invoice.number.as_deref().unwrap(), invoice.totals.total);
            of_customer.entry(invoice.customer).or_default().push(text);
        }
        assert_eq!(of_customer.len(), 500);
        // An account of 1 January in an eastern zone has its fourth month begin before 1 April in UTC.
        assert!(of_customer.values().all(|invoices| (3..=4).contains(&invoices.len())));
        seen.borrow_mut().push(of_customer.into_values().collect::<Vec<_>>());
    });
    assert!(
        seen.borrow().windows(2).all(|pair| pair[0] == pair[1]),
        "both databases issue the same invoices"
    );
}

/// 5,000 subscriptions with their history: 13 end before they begin; each of the others that was ever paid cost what
/// the file says; nothing of the past is billed; a second run changes nothing.
#[test]
fn ravenstack_subscriptions_come_with_their_history() {
    if !at_hand() {
        return;
    }
    let files = ["ravenstack_accounts.csv", "ravenstack_subscriptions.csv"];
    let seen = RefCell::new(Vec::new());
    on_both(ALL, |test| {
        let book = example("ravenstack-book.toml");
        let scope = environment_with(test, Mode::Sandbox, "2025-01-01T00:00:00Z", &book);
        let report = load(test, &scope, "ravenstack.toml", &files);
        assert_eq!(report.customers, Count { loaded: 500, already: 0 });
        assert_eq!(report.subscriptions, Count { loaded: 4_987, already: 0 });
        assert_eq!((report.bad_rows, report.noticed_rows, report.skipped), (13, 0, 0));
        assert!(report.bad.iter().all(|bad| {
            (bad.column.as_deref(), bad.reason.as_str())
                == (Some("end_date"), "the end is not after the start")
        }));
        // 408 − 13 paid ones and 78 trials ended; of the 700 trials without an end those of the last 14 days run.
        let trialing = report.states["trialing"];
        assert_eq!(report.states["active"], 3_814);
        assert_eq!(report.states["canceled"] + trialing, 395 + 778);
        assert!((1..100).contains(&trialing), "{trialing}");
        let stories = stories(test, &scope);
        let told = |word: &str| -> usize {
            stories.values().flatten().filter(|told| told.starts_with(&format!("{word} at "))).count()
        };
        assert_eq!((told("started"), told("canceled")), (4_987, 395));
        assert_eq!(told("trial_ended") as u64 + trialing, 778);
        assert_eq!(stories["S-8cec59"][0], "started at 2023-12-23T00:00:00Z active");
        let invoices = |test: &TestDb| {
            test.db.read(&scope, |view| billing::invoice::list(view, None, 100_000)).wait().unwrap().len()
        };
        assert_eq!(invoices(test), 0, "nothing of the past is billed");
        let again = load(test, &scope, "ravenstack.toml", &files);
        assert_eq!(again.subscriptions, Count { loaded: 0, already: 4_987 });
        assert_eq!(again.customers, Count { loaded: 0, already: 500 });
        advance(test, &scope, "2025-01-08T00:00:00Z").unwrap();
        sound(test, &scope);
        seen.borrow_mut().push((invoices(test), report.states, stories));
    });
    assert!(seen.borrow().windows(2).all(|pair| pair[0] == pair[1]), "both databases hold the same");
    assert!(seen.borrow().iter().all(|(invoices, ..)| *invoices > 100));
}
