//! `cargo xtask test`: the tests of all crates, with one private PostgreSQL for the whole run.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use testkit::postgres::{self, Cluster};

use crate::{Outcome, cargo, setup};

/// What to test; everything when nothing is named.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only this crate (may be given several times).
    #[arg(short, long)]
    package: Vec<String>,
    /// Only tests whose name contains one of these; after `--`, options of the test programs.
    filter: Vec<String>,
}

/// Where proptest reads the seed its cases are drawn from.
const SEED: &str = "PROPTEST_RNG_SEED";

/// The PostgreSQL of one run.
enum Server {
    /// Started by us; it goes with this value, or with this process however that ends.
    Ours(Cluster),
    /// Named by the caller.
    Given,
    /// None, for this reason: the tests that need one skip themselves.
    Missing(String),
}

/// Runs the tests, then says how many there were in all crates together.
///
/// # Errors
/// When a test fails or does not compile, or PostgreSQL is installed and does not start.
pub fn run(arguments: &Arguments) -> Outcome {
    let server = server()?;
    if let Server::Missing(reason) = &server {
        println!("PostgreSQL tests are skipped: {reason}");
    }
    let mut tests = start(arguments, &server).map_err(|error| format!("cargo cannot be started: {error}"))?;
    let count = tests.stdout.take().map(|output| relay(BufReader::new(output), io::stdout())).transpose();
    let status = tests.wait().map_err(|error| format!("cargo test cannot be waited for: {error}"))?;
    let Count { passed, failed, skipped } =
        count.map_err(|error| format!("the tests' output broke off: {error}"))?.unwrap_or_default();
    println!();
    if let Server::Missing(reason) = &server {
        println!("PostgreSQL tests were skipped: {reason}");
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if status.success() { Ok(()) } else { Err("tests failed, see above".to_owned()) }
}

fn server() -> Result<Server, String> {
    match std::env::var(postgres::VARIABLE) {
        Ok(url) if url.is_empty() => Ok(Server::Missing(format!("{} is set to nothing", postgres::VARIABLE))),
        Ok(_) => Ok(Server::Given),
        Err(_) => match setup::postgres() {
            Ok(programs) => Ok(Server::Ours(Cluster::start(&programs).map_err(|error| error.to_string())?)),
            Err(reason) => Ok(Server::Missing(reason)),
        },
    }
}

fn start(arguments: &Arguments, server: &Server) -> io::Result<Child> {
    let mut command = cargo(&["test", "--no-fail-fast"]);
    if arguments.package.is_empty() {
        command.arg("--workspace");
    }
    for package in &arguments.package {
        command.args(["--package", package]);
    }
    command.arg("--").args(&arguments.filter);
    if let Some(seed) = seed() {
        println!(
            "Property tests draw their cases from {SEED}={seed}, which is this tree's own; set it for others."
        );
        command.env(SEED, seed.to_string());
    }
    match server {
        Server::Ours(cluster) => _ = command.env(postgres::VARIABLE, cluster.url()),
        Server::Given => {}
        // We have said so; the tests need not say it again, nor look for a server each.
        Server::Missing(_) => _ = command.env(postgres::VARIABLE, ""),
    }
    command.stdout(Stdio::piped()).spawn()
}

/// A seed of what is committed, so that one state of the code passes or fails alike wherever it is tested, and the next one
/// is tried on other cases. None when somebody chose one, or outside a repository.
fn seed() -> Option<u64> {
    if std::env::var_os(SEED).is_some() {
        return None;
    }
    let tree = Command::new("git").args(["rev-parse", "HEAD^{tree}"]).stderr(Stdio::null()).output().ok()?;
    seed_of(&String::from_utf8_lossy(&tree.stdout))
}

/// The first 64 bits of an id.
fn seed_of(tree: &str) -> Option<u64> {
    u64::from_str_radix(tree.get(..16)?, 16).ok()
}

/// How many tests ended how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Passes the output of `cargo test` on as it comes and adds up the closing lines of the test programs.
fn relay(mut output: impl BufRead, mut to: impl Write) -> io::Result<Count> {
    let mut total = Count::default();
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        if let Some(closing) = String::from_utf8_lossy(&line).strip_prefix("test result: ") {
            total.passed += figure(closing, " passed");
            total.failed += figure(closing, " failed");
            total.skipped += figure(closing, " ignored");
        }
        line.clear();
    }
    Ok(total)
}

/// The number before `what` in a closing line such as `ok. 7 passed; 0 failed; 1 ignored; …`.
fn figure(closing: &str, what: &str) -> u64 {
    let before = closing.split(what).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_a_seed_and_nothing_has_none() {
        assert_eq!(seed_of("00000000000000ff4b825dc642cb6eb9a060e54b\n"), Some(255));
        assert_eq!(seed_of(""), None);
    }

    #[test]
    fn closing_lines_are_added_up_and_all_output_passed_on() {
        let output = "running 2 tests\n\
            test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.00s\n\
            test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\nlast";
        let mut passed_on = Vec::new();
        let count = relay(output.as_bytes(), &mut passed_on).unwrap();
        assert_eq!(count, Count { passed: 15, failed: 2, skipped: 1 });
        assert_eq!(passed_on, output.as_bytes());
    }
}
