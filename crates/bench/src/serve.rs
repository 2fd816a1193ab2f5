//! The program itself, as a newcomer starts it: ready when, how large.

use std::time::{Duration, Instant};

use kernel::Result;

use crate::{Figure, ground::raw, server::Server};

pub fn run() -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir().map_err(raw)?;
    let data = folder.path().join("data");
    Server::start(&data)?.stop()?; // makes the database
    let mut ready = Duration::MAX;
    let mut resident = 0.0;
    for _ in 0..3 {
        let started = Instant::now();
        let server = Server::start(&data)?;
        server.wait_until_ready()?;
        ready = ready.min(started.elapsed());
        std::thread::sleep(Duration::from_secs(1));
        resident = server.resident_megabytes()?;
        server.stop()?;
    }
    Ok(vec![
        Figure::new("serve ready, existing database", "SQLite", ready.as_secs_f64() * 1_000.0, "ms"),
        Figure::new("serve idle memory", "SQLite", resident, "MB"),
    ])
}
