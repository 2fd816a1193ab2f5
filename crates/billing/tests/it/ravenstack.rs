//! Real input: the public RavenStack accounts, where they are at hand.

use std::{collections::BTreeMap, fs, path::Path};

use billing::import::{Choice, Mapping, customers};
use store::Mode;
use testkit::on_both;

use crate::{
    ALL,
    ground::{advance, environment, sound},
};

const FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/ravenstack/ravenstack_accounts.csv");
const MAPPING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/import/ravenstack-accounts.toml");

/// 500 accounts, three months: three invoices each, the same on both databases.
#[test]
fn ravenstack_accounts_are_billed_for_three_months() {
    if !Path::new(FILE).exists() {
        eprintln!("skipped: the RavenStack accounts are not at hand");
        return;
    }
    let mapping = Mapping::read(MAPPING, &fs::read_to_string(MAPPING).unwrap()).unwrap();
    let seen = std::cell::RefCell::new(Vec::new());
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2025-01-01T00:00:00Z");
        let file = fs::File::open(FILE).unwrap();
        let report = customers(&test.db, &scope, &mapping, file, Choice::LoadGood, &mut |_, _| {}).unwrap();
        assert_eq!((report.loaded, report.already, report.bad), (500, 0, vec![]));
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
