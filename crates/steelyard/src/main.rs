//! The program: `steelyard serve` and the commands beside it.

mod arguments;
mod command;
mod failure;
mod output;
mod place;
mod table;

use std::{panic, process::ExitCode};

use clap::Parser;

use arguments::Arguments;

/// Bill runs and requests make and drop many small values; this allocator does so faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    panic::set_hook(Box::new(|fault| {
        // Threads of the store and of the server go on after a panic; what it was belongs into the log.
        tracing::error!("{fault}");
    }));
    let ended = panic::catch_unwind(move || command::run(arguments));
    match ended.unwrap_or_else(|_| Err(failure::Failure::of_ours())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::note(&failure);
            ExitCode::FAILURE
        }
    }
}
