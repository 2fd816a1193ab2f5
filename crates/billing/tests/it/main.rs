//! Billing on both databases.

mod ahead;
mod bill_runs;
mod changes;
mod charges;
mod coupons;
mod ends;
mod ground;
mod histories;
mod import;
mod invoices;
mod lives;
mod mappings;
mod migrations;
mod parallel;
mod payments;
mod ravenstack;
mod renewals;
mod search;
mod starts;
mod taxes;
mod trials;
mod usage;

static ALL: &[&store::Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &identity::CONTEXT,
    &billing::CONTEXT,
];

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(ALL);
}
