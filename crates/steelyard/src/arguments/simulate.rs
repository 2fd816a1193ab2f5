//! `steelyard simulate`

use std::path::PathBuf;

use clap::Args;

use super::pair;

#[derive(Debug, Args)]
pub struct Simulate {
    /// The other price book
    #[arg(long, value_name = "FILE")]
    pub book: PathBuf,
    /// Periods that began at this instant or date, or later
    #[arg(long, value_name = "INSTANT")]
    pub from: String,
    /// And before this one [default: now]
    #[arg(long, value_name = "INSTANT")]
    pub to: Option<String>,
    /// What becomes of a plan the book does not have; may be repeated
    #[arg(long = "map", value_name = "PLAN=PLAN", value_parser = pair)]
    pub plan_map: Vec<(String, String)>,
    /// How many customers to list at most, those whose bill changes most first
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// As JSON, with every customer
    #[arg(long)]
    pub json: bool,
}
