//! What the figures of the hot path are held against: an axum that says hello, and a Redis that counts.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpListener as Port,
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{Router, routing::get};
use kernel::Result;

use crate::ground::raw;

/// With this set the program is the floor itself: it serves hello until it is ended.
pub const HELLO: &str = "STEELYARD_BENCH_HELLO";

/// Say hello on a free port, on as many threads as the product has.
pub fn serve_hello() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(raw)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(raw)?;
        writeln!(io::stdout(), "{}", listener.local_addr().map_err(raw)?).map_err(raw)?;
        let hello = Router::new().route("/", get(|| async { "Hello, world!" }));
        axum::serve(listener, hello).await.map_err(raw)
    })
}

/// Another program beside the measurement, ended with it.
pub struct Beside {
    child: Child,
    pub address: String,
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The hello of [`serve_hello`], as a process of its own.
pub fn hello() -> Result<Beside> {
    let mut child = Command::new(std::env::current_exe().map_err(raw)?)
        .env(HELLO, "1")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(raw)?;
    let output = child.stdout.take().ok_or_else(|| raw("no output"))?;
    let mut address = String::new();
    BufReader::new(output).read_line(&mut address).map_err(raw)?;
    Ok(Beside { child, address: address.trim().to_owned() })
}

/// A Redis that syncs its log with each answer; none where it is not installed.
pub fn redis(folder: &std::path::Path) -> Result<Option<Beside>> {
    let port = Port::bind("127.0.0.1:0").and_then(|port| port.local_addr()).map_err(raw)?.port();
    let started = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", "always", "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = started else { return Ok(None) };
    let redis = Beside { child, address: format!("127.0.0.1:{port}") };
    for _ in 0..200 {
        if std::net::TcpStream::connect(&redis.address).is_ok() {
            return Ok(Some(redis));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(raw("Redis never listened"))
}

/// Check and count in one script, as products do that keep their limits in Redis.
const SCRIPT: &str = "local used = tonumber(redis.call('GET', KEYS[1]) or '0') \
    if used + 1 > tonumber(ARGV[1]) then return -1 end return redis.call('INCR', KEYS[1])";

/// The command that runs it for a customer.
pub fn count(request: &mut Vec<u8>, customer: &str) {
    request.extend_from_slice(b"*5\r\n");
    for part in ["EVAL", SCRIPT, "1", customer, "1000000000"] {
        request.extend_from_slice(format!("${}\r\n{part}\r\n", part.len()).as_bytes());
    }
}
