//! The wiring: which contexts there are, which jobs run, and one HTTP server over API and pages.

mod app;
mod bootstrap;
mod directory;
mod housekeeping;
mod listen;
mod serve;

pub use bootstrap::{BookFile, Foundation, Setup, bootstrap, is_empty};
pub use listen::bind;
pub use serve::{Config, serve};

use jobs::{JobKind, Schedule};
use kernel::{Error, Result};

/// Every context of the program, each after those it uses.
pub static CONTEXTS: &[&store::Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &identity::CONTEXT,
    &billing::CONTEXT,
    &metering::CONTEXT,
];

/// What runs each kind of job.
pub fn job_kinds() -> Vec<JobKind> {
    let mut kinds = vec![
        billing::clock::advance_job_kind(),
        billing::clock::due_job_kind(),
        billing::bill_run::job_kind(),
        billing::migration::job_kind(),
    ];
    kinds.extend(housekeeping::job_kinds());
    kinds
}

/// Metering over the program's own customers and subscriptions. `holder` is what this process is called among those
/// that share the database.
pub fn metering(db: &store::Db, holder: &str) -> metering::Metering {
    let options = metering::Options { holder: holder.to_owned(), ..metering::Options::default() };
    metering::Metering::new(db, std::sync::Arc::new(directory::Customers::new(db)), options)
}

/// The jobs that come back by themselves.
pub fn schedules() -> Vec<Schedule> {
    housekeeping::SCHEDULES.to_vec()
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
