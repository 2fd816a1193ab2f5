//! Billing on both databases.

mod changes;
mod ground;
mod import;
mod invoices;
mod parallel;
mod payments;
mod ravenstack;
mod renewals;
mod starts;
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
