//! The program itself, as a newcomer starts it: ready when, how large.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use kernel::Result;

use crate::{Figure, ground::raw};

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

struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Start the release binary on a free port and read from its output where it listens.
    fn start(data: &std::path::Path) -> Result<Self> {
        let binary = std::env::var_os("STEELYARD_BINARY")
            .map_or_else(|| PathBuf::from("target/release/steelyard"), PathBuf::from);
        let mut child = Command::new(&binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--database"])
            .arg(data)
            .args(["--book", concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/unison.toml")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| raw(format!("{}: {error}", binary.display())))?;
        let output = child.stdout.take().ok_or_else(|| raw("no output"))?;
        for line in BufReader::new(output).lines() {
            let line = line.map_err(raw)?;
            if let Some((_, rest)) = line.split_once("http://") {
                let address = rest.split(['/', ' ']).next().unwrap_or_default().to_owned();
                return Ok(Self { child, address });
            }
        }
        let _ = child.kill();
        Err(raw("the server said no address"))
    }

    fn wait_until_ready(&self) -> Result<()> {
        for _ in 0..2_000 {
            if ureq::get(format!("http://{}/ready", self.address)).call().is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(raw("the server never got ready"))
    }

    fn resident_megabytes(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).map_err(raw)?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().map_err(raw)?;
        Ok(kilobytes / 1_024.0)
    }

    fn stop(mut self) -> Result<()> {
        let stopped =
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().map_err(raw)?;
        self.child.wait().map_err(raw)?;
        if stopped.success() { Ok(()) } else { Err(raw("the server could not be stopped")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
