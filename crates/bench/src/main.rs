//! Figures, measured: `cargo xtask bench [NAME…] [--json]`.
//!
//! Each figure is the best of three runs, beside a floor measured in the same run: the same statements
//! sent by the raw driver, with nothing of the product between.
#![allow(clippy::print_stdout, reason = "a command line tool prints")]

mod bill_run;
mod book;
mod bulk;
mod business;
mod busy;
mod crowd;
mod ground;
mod hot;
mod import;
mod memory;
mod metering;
mod million;
mod pages;
mod preview;
mod serve;
mod server;
mod single;
mod sizes;
mod subscribers;

use std::borrow::Cow;

use clap::Parser;
use kernel::Result;
use serde::Serialize;

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure.
#[derive(Parser)]
struct Arguments {
    /// Which figures; none: all. Known: single, bulk, book, bill_run, one_account, preview, pages, import, metering, sizes, crowd, million, hot, consume_beside_bill_run, serve.
    names: Vec<String>,
    /// One JSON object per figure and line.
    #[arg(long)]
    json: bool,
}

/// One measured figure.
#[derive(Clone, Debug, Serialize)]
struct Figure {
    name: Cow<'static, str>,
    engine: &'static str,
    value: f64,
    unit: &'static str,
    /// The raw drivers, in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<f64>,
    /// Value over floor.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

impl Figure {
    fn new(name: impl Into<Cow<'static, str>>, engine: &'static str, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), engine, value, unit, floor: None, ratio: None }
    }

    fn over(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self.ratio = Some(self.value / floor);
        self
    }
}

/// A named group of figures.
type Bench = (&'static str, fn() -> Result<Vec<Figure>>);

const BENCHES: &[Bench] = &[
    ("single", single::run),
    ("bulk", bulk::run),
    ("book", book::run),
    ("bill_run", bill_run::run),
    ("one_account", bill_run::run_one_account),
    ("preview", preview::run),
    ("pages", pages::run),
    ("import", import::run),
    ("metering", metering::run),
    ("sizes", sizes::run),
    ("crowd", crowd::run),
    ("million", million::run),
    ("check", hot::check),
    ("consume", hot::consume),
    ("ingest", hot::ingest),
    ("gateway", hot::gateway),
    ("consume_beside_bill_run", hot::beside::run),
    ("serve", serve::run),
];

fn main() -> std::process::ExitCode {
    if std::env::var_os(hot::floor::HELLO).is_some() {
        return hot::floor::serve_hello()
            .map_or(std::process::ExitCode::FAILURE, |()| std::process::ExitCode::SUCCESS);
    }
    let arguments = Arguments::parse();
    let wanted =
        |name: &str| arguments.names.is_empty() || arguments.names.iter().any(|wanted| wanted == name);
    if let Some(unknown) = arguments.names.iter().find(|name| BENCHES.iter().all(|(known, _)| known != name))
    {
        let known: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        eprintln!("error: there is no figure {unknown:?}; known: {}", known.join(", "));
        return std::process::ExitCode::FAILURE;
    }
    if !arguments.json {
        println!(
            "{:<34} {:<11} {:>12} {:<8} {:>12} {:>6}",
            "figure", "engine", "value", "unit", "floor", "ratio"
        );
    }
    for (name, run) in BENCHES.iter().filter(|(name, _)| wanted(name)) {
        match run() {
            Ok(figures) => figures.iter().for_each(|figure| print(figure, arguments.json)),
            Err(error) => {
                eprintln!("error: {name}: {error}");
                return std::process::ExitCode::FAILURE;
            }
        }
    }
    std::process::ExitCode::SUCCESS
}

fn print(figure: &Figure, json: bool) {
    if json {
        println!("{}", serde_json::json!(figure));
        return;
    }
    let optional = |value: Option<f64>, places: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.places$}"))
    };
    let Figure { name, engine, value, unit, floor, ratio } = figure;
    // Small figures with their decimals.
    let value = if *value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    println!(
        "{name:<34} {engine:<11} {value:>12} {unit:<8} {:>12} {:>6}",
        optional(*floor, 0),
        optional(*ratio, 2)
    );
}
