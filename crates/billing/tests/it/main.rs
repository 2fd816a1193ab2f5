//! Billing on both databases.

mod ahead;
mod bill_runs;
mod cancellations;
mod carried;
mod changes;
mod charges;
mod coupons;
mod credits;
mod ends;
mod ground;
mod histories;
mod import;
mod invoices;
mod lives;
mod mappings;
mod migrations;
mod offers;
mod parallel;
mod payments;
mod plans;
mod ravenstack;
mod renewals;
mod search;
mod starts;
mod taxes;
mod trials;
mod tried;
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
