//! `cargo xtask oracles FILE`: worked cases of other billing engines, against ours.

use std::path::PathBuf;

use crate::{Outcome, cargo, execute};

/// Which cases to check.
#[derive(clap::Args)]
pub struct Arguments {
    /// A file of worked cases.
    file: PathBuf,
    /// Only cases whose topic or id contains this.
    filter: Option<String>,
}

/// Checks the cases. They run in a program of their own, because this one does not know the product.
///
/// # Errors
/// When a case comes out differently, or the file cannot be read.
pub fn run(arguments: &Arguments) -> Outcome {
    let file = std::path::absolute(&arguments.file).map_err(|error| error.to_string())?;
    let mut command = cargo(&["run", "--quiet", "--package", "xtask", "--example", "oracles", "--"]);
    command.arg(file).args(&arguments.filter);
    execute(command)
}
