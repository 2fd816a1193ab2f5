//! How usage is metered, and how fast keys may ask.

use clap::Args;

/// How usage is metered.
#[derive(Debug, Args)]
pub struct Metering {
    /// Events older than so many days are refused, unless they are sent as backfill
    #[arg(long, value_name = "DAYS", env = "STEELYARD_LATE_DAYS", default_value_t = Self::default().late_days,
        value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub late_days: u16,
    /// Events are kept for so many days; figures are kept for ever
    #[arg(long, value_name = "DAYS", env = "STEELYARD_EVENT_DAYS", default_value_t = Self::default().event_days,
        value_parser = clap::value_parser!(u16).range(31..=3650))]
    pub event_days: u16,
    /// Memory for limits of one environment, in MiB
    #[arg(long, value_name = "MIB", env = "STEELYARD_LIMIT_MEMORY", default_value_t = Self::default().limit_memory,
        value_parser = clap::value_parser!(u32).range(8..=65_536))]
    pub limit_memory: u32,
}

impl Default for Metering {
    fn default() -> Self {
        Self { late_days: 90, event_days: 400, limit_memory: 512 }
    }
}

/// How fast API keys may ask this process.
#[derive(Debug, Args)]
pub struct Rates {
    /// Requests a second each API key may make, twice as many at once; 0: no limit
    #[arg(long, value_name = "REQUESTS", env = "STEELYARD_API_RATE", default_value_t = Self::default().api_rate,
        value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub api_rate: u32,
    /// The same for events, check, consume, reserve and their like; 0: no limit
    #[arg(long, value_name = "REQUESTS", env = "STEELYARD_METERING_RATE", default_value_t = Self::default().metering_rate,
        value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub metering_rate: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { api_rate: 1_000, metering_rate: 0 }
    }
}

#[derive(Debug, Args)]
pub struct Reconcile {
    /// Of every environment
    #[arg(long)]
    pub all: bool,
    /// Events are kept for so many days: what is older cannot be counted anew
    #[arg(long, value_name = "DAYS", env = "STEELYARD_EVENT_DAYS", default_value_t = Metering::default().event_days,
        value_parser = clap::value_parser!(u16).range(31..=3650))]
    pub event_days: u16,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
