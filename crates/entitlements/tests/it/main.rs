//! Entitlements and flags on both databases.

mod desk;
mod flags;
mod ground;
mod overrides;

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(ground::CONTEXTS);
}
