//! What the gateway adds to a call: authenticated, counted durably and passed on, beside the same service asked directly.

use std::fs;

use kernel::Result;

use super::{CUSTOMERS, client::Speaks, floor, get, load, time};
use crate::{
    Figure,
    ground::{percentile, raw},
    server,
};

/// Callers at once.
const CALLERS: usize = 8;

pub async fn run(address: &str, secret: &str, engine: &'static str) -> Result<Vec<Figure>> {
    let (folder, service) = (tempfile::tempdir().map_err(raw)?, floor::hello()?);
    let keys: String = (0..CUSTOMERS).map(|n| format!("key-{n},sub-{n}\n")).collect();
    let file = folder.path().join("keys.csv");
    fs::write(&file, format!("key,subject\n{keys}")).map_err(raw)?;
    let (upstream, steelyard) = (format!("http://{}", service.address), format!("http://{address}"));
    let mut arguments = vec!["gateway", "--listen", "127.0.0.1:0", "--meter", "calls", "--api-key", secret];
    arguments.extend(["--upstream", &upstream, "--steelyard", &steelyard, "--keys"]);
    let gateway = server::Server::running(arguments.into_iter().map(Into::into).chain([file.into()]))?;
    let call = |line: usize, n: usize, request: &mut Vec<u8>| {
        get(request, "/", &format!("key-{}", (line * 131 + n) % CUSTOMERS));
    };
    let direct = load(&service.address, Speaks::Http, CALLERS, time(), call).await?;
    let metered = load(&gateway.address, Speaks::Http, CALLERS, time(), call).await?;
    gateway.stop()?;
    let [half, direct_half] = [&metered, &direct].map(|loaded| percentile(loaded.times.clone(), 50));
    let [slowest, direct_slowest] = [metered.times, direct.times].map(|times| percentile(times, 99));
    Ok(vec![
        Figure::new("calls through the gateway (8 callers)", engine, metered.rate, "op/s").over(direct.rate),
        Figure::new("  it adds, half within", engine, half - direct_half, "ms"),
        Figure::new("  it adds, 99 % within", engine, slowest - direct_slowest, "ms"),
    ])
}
