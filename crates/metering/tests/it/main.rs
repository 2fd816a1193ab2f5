//! Metering on both databases.

mod alerts;
mod bill;
mod bounded;
mod changes;
mod crash;
mod events;
mod laws;
mod limits;
mod owners;
mod parts;
mod plans;
mod proof;

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(parts::CONTEXTS);
}
