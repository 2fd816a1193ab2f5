//! How usage is metered, and how fast keys may ask.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};

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
    /// Where other processes over the same PostgreSQL database reach this one [default: where it listens]
    #[arg(long, value_name = "URL", env = "STEELYARD_PEER_URL")]
    pub peer_url: Option<String>,
}

impl Default for Metering {
    fn default() -> Self {
        Self { late_days: 90, event_days: 400, limit_memory: 512, peer_url: None }
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

#[derive(Debug, Args)]
pub struct Gateway {
    /// The service to stand in front of
    #[arg(long, value_name = "URL")]
    pub upstream: String,
    /// The key of the meter each call is one of
    #[arg(long, value_name = "KEY")]
    pub meter: String,
    /// Whose key is whose: a CSV file with the columns key, subject and name, read again when it changes
    #[arg(long, value_name = "FILE")]
    pub keys: PathBuf,
    /// Where to listen; port 0 is any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// Where Steelyard is
    #[arg(long, value_name = "URL", env = "STEELYARD_URL", default_value = "http://127.0.0.1:8080")]
    pub steelyard: String,
    /// A key of the environment with the permission usage.write
    #[arg(long, value_name = "KEY", env = "STEELYARD_KEY", hide_env_values = true)]
    pub api_key: String,
    /// The header callers send their key in [default: Authorization: Bearer …]
    #[arg(long, value_name = "NAME")]
    pub key_header: Option<String>,
    /// What becomes of calls while the meter does not answer
    #[arg(long, value_enum, default_value_t = OnFailure::Closed)]
    pub on_failure: OnFailure,
    /// Keep calls that were let through in this file until they are counted, for the next start; else in memory only
    #[arg(long, value_name = "FILE")]
    pub owed: Option<PathBuf>,
    /// Heed the rate limit of the caller's plan too
    #[arg(long)]
    pub rate_limit: bool,
    /// The meter has so many milliseconds to answer
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(10..=30_000))]
    pub patience: u64,
}

/// What becomes of calls that cannot be metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// They are let through, and counted when the meter answers again
    Open,
    /// They are refused with 503
    Closed,
}
