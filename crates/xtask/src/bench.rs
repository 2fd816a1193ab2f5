//! `cargo xtask bench`: the figures of `docs/performance.md`, measured here and now.

use testkit::postgres::{self, Cluster};

use crate::{Outcome, cargo, execute, setup};

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// Which figures; none: all of them.
    names: Vec<String>,
    /// One JSON object per figure and line: name, engine, value, unit, floor, ratio.
    #[arg(long)]
    json: bool,
}

/// Build the program and the measurements in release, and run them beside a PostgreSQL that is as durable
/// as one in production.
///
/// # Errors
/// When something does not build, start or run to its end.
pub fn run(arguments: &Arguments) -> Outcome {
    execute(cargo(&["build", "--quiet", "--release", "--package", "steelyard", "--package", "bench"]))?;
    let cluster = match setup::postgres() {
        Ok(programs) => Some(Cluster::start_durable(&programs).map_err(|error| error.to_string())?),
        Err(reason) => {
            eprintln!("PostgreSQL is not measured: {reason}");
            None
        }
    };
    let mut bench = cargo(&["run", "--quiet", "--release", "--package", "bench", "--"]);
    bench.args(&arguments.names);
    if arguments.json {
        bench.arg("--json");
    }
    bench.env(postgres::VARIABLE, cluster.as_ref().map_or("", Cluster::url));
    execute(bench)
}
