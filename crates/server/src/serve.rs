//! One process at work: HTTP in front, jobs behind, until it is asked to stop.

use std::net::TcpListener;

use jobs::Runner;
use kernel::{Error, Result};
use store::Db;

use crate::{app::Front, forward::Forwarder, job_kinds, listen, measuring::Follower, schedules};

/// What to serve, and where.
pub struct Config {
    /// The database, opened and set up.
    pub db: Db,
    /// From [`bind`](crate::bind).
    pub listener: TcpListener,
    /// Send the session's cookie over HTTPS only: wherever the pages are reached by HTTPS.
    pub secure_cookies: bool,
    /// How usage is metered; `holder` is what this process is called among those over the database.
    pub usage: metering::Options,
    /// How fast API keys may ask.
    pub rates: api::Rates,
}

/// Serve pages and API and run jobs until `shutdown`. Then no connection is accepted any more, requests
/// under way finish, long jobs end at their next step and go on with the next start.
///
/// Errors: `internal` when the listener does not fit the runtime.
pub async fn serve(config: Config, shutdown: impl Future<Output = ()>) -> Result<()> {
    let Config { db, listener, secure_cookies, usage, rates } = config;
    let listener = tokio::net::TcpListener::from_std(listener)
        .map_err(|error| Error::internal(format!("the listener cannot be used: {error}")))?;
    let metering = crate::metering(&db, usage.clone());
    let follower = Follower::start(&db, &metering)?;
    let running = Runner::new(db.clone(), job_kinds(&usage), schedules()).start();
    // Alone over its database, a process has nobody to pass anything on to.
    let keys = api::Keys::new(&db);
    let forwarder =
        usage.address.as_ref().map(|_| Forwarder::new(keys.clone(), metering.clone(), &usage.holder));
    let front = Front::new(&db, &running.bell(), metering.clone(), (keys, rates), forwarder, secure_cookies);
    listen::run(listener, front, shutdown).await;
    tracing::info!("finishing jobs");
    let stop = move || {
        follower.stop(&metering);
        running.stop()
    };
    let stopped = tokio::task::spawn_blocking(stop).await;
    stopped.map_err(|error| Error::internal(format!("the job runner did not stop well: {error}")))
}
