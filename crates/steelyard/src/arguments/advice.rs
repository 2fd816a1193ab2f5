//! `steelyard advice`

use clap::Args;

#[derive(Debug, Args)]
pub struct Advise {
    /// Only for this customer, with what to tell it now: its id, or ext: and your own
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    /// How many plans and how many teams to list at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
