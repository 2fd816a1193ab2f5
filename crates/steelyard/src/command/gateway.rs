//! `steelyard gateway`

use std::time::Duration;

use kernel::Error;

use super::serve::{log, stop_signal};
use crate::{
    arguments::{Gateway, OnFailure},
    failure::Outcome,
    output,
};

/// Threads that speak HTTP.
const THREADS: usize = 2;

/// Stand in front of a service until told to stop.
pub fn run(asked: Gateway) -> Outcome {
    log(false);
    let listener = server::bind(asked.listen)?;
    let address =
        listener.local_addr().map_err(|error| Error::internal(format!("no local address: {error}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("no threads for HTTP: {error}")))?;
    output::say(format!("Steelyard gateway at http://{address} in front of {}", asked.upstream));
    output::say("Stop with Ctrl-C.");
    let gateway = server::Gateway {
        listener,
        upstream: asked.upstream,
        steelyard: asked.steelyard,
        secret: asked.api_key,
        meter: asked.meter,
        keys: asked.keys,
        key_header: asked.key_header,
        open: asked.on_failure == OnFailure::Open,
        owed: asked.owed,
        rate_limit: asked.rate_limit,
        patience: Duration::from_millis(asked.patience),
    };
    Ok(runtime.block_on(async { server::gateway(gateway, stop_signal()).await })?)
}
