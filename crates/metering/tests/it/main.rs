//! Metering on both databases.

mod alerts;
mod bill;
mod bounded;
mod changes;
mod clock;
mod crash;
mod double;
mod events;
mod jumps;
mod laws;
mod limits;
mod owners;
mod parts;
mod plans;
mod proof;
mod rejects;
mod told;

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(parts::CONTEXTS);
}
