//! The wiring: which contexts there are, which jobs run, and one HTTP server over API and pages.

mod app;
mod bootstrap;
mod directory;
mod double_entry;
mod forward;
mod gateway;
mod housekeeping;
mod listen;
mod measuring;
mod reconciling;
mod serve;

pub use api::Rates;
pub use bootstrap::{BookFile, Foundation, Setup, bootstrap, is_empty};
pub use gateway::{Gateway, gateway};
pub use listen::bind;
pub use reconciling::{Reconciled, reconcile};
pub use serve::{Config, serve};

use std::sync::Arc;

use jobs::{JobKind, Schedule};
use kernel::{Error, Result};
use metering::{Metering, Options};
use store::Db;

/// Every context of the program, each after those it uses.
pub static CONTEXTS: &[&store::Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &identity::CONTEXT,
    &billing::CONTEXT,
    &metering::CONTEXT,
    &entitlements::CONTEXT,
    &metering::alert::CONTEXT,
];

/// What runs each kind of job. Usage is measured before it is billed.
pub fn job_kinds(usage: &Options) -> Vec<JobKind> {
    let mut kinds = vec![
        billing::clock::advance_job_kind_after(billing::usage::cut),
        billing::clock::due_job_kind_after(billing::usage::cut),
        billing::bill_run::job_kind_after(billing::usage::cut),
        billing::migration::job_kind(),
    ];
    kinds.extend(housekeeping::job_kinds());
    kinds.extend(measuring::job_kinds(usage));
    kinds.extend(reconciling::job_kinds(usage));
    kinds
}

/// Metering over the program's own customers and subscriptions, whose changes it heeds.
pub fn metering(db: &Db, options: Options) -> Metering {
    let metering = Metering::new(db, Arc::new(directory::Customers::new(db)), options);
    let hearing = metering.hearing();
    db.on_facts(Arc::new(move |env, facts| hearing(env, &directory::heard(facts))));
    metering
}

/// The jobs that come back by themselves.
pub fn schedules() -> Vec<Schedule> {
    [housekeeping::SCHEDULES, measuring::SCHEDULES, reconciling::SCHEDULES].concat()
}

/// The API's description (OpenAPI 3.1) as JSON.
pub fn openapi() -> Result<String> {
    api::openapi()
        .to_pretty_json()
        .map_err(|error| Error::internal(format!("the API's description is no JSON: {error}")))
}

/// Where a sign-in link leads: the path and query behind the pages' address. `secret` is the link's.
pub fn sign_in_path(secret: &str) -> String {
    format!("/sign-in?token={secret}")
}
