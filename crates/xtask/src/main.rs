//! The makers' commands: `cargo xtask setup | test | check | licences | bench | oracles | tour`.
#![allow(clippy::print_stdout, reason = "a command line tool prints")]

mod bench;
mod check;
mod licences;
mod oracles;
mod setup;
mod test;
mod tour;

use std::path::Path;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

/// What a command ends with; the error is a sentence for the person at the terminal.
type Outcome = Result<(), String>;

/// Builds, checks and tests Steelyard.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need and this machine lacks.
    Setup,
    /// Run the tests, on SQLite and on a private PostgreSQL.
    Test(test::Arguments),
    /// Check format, lints and licences.
    Check,
    /// Measure in a release build, beside raw floors.
    Bench(bench::Arguments),
    /// Work out the cases of a file and compare.
    Oracles(oracles::Arguments),
    /// Take the pictures of docs/tour.md anew, of the demo as it is now.
    Tour(tour::Arguments),
    /// Check the licence and the origin of every third-party crate.
    Licences,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Setup => setup::run(),
        Task::Test(arguments) => test::run(&arguments),
        Task::Check => check::run(),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Oracles(arguments) => oracles::run(&arguments),
        Task::Tour(arguments) => tour::run(&arguments),
        Task::Licences => licences::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the whole workspace, wherever the command was called from.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The cargo that runs us, in the workspace's folder.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs `command`, its output going to ours.
///
/// # Errors
/// Naming the command, when it cannot be started or fails.
fn execute(mut command: Command) -> Outcome {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    let line = words.join(" ");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed ({status})")),
        Err(error) => Err(format!("`{line}` cannot be started: {error}")),
    }
}
