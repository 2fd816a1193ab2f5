//! The command line of usage, coupons and bill runs.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::{lists::Shown, pair};

#[derive(Debug, Subcommand)]
pub enum Usage {
    /// Say what was measured in all for a stretch; it replaces what was said before
    Post(PostUsage),
    /// Send events: CloudEvents, one on each line or a JSON list; while a server runs, send them to its API
    Send(SendEvents),
    /// List the meters of the price book in force
    Meters,
    /// How much was used, from the events
    Metered(Metered),
    /// Events that were rejected, by reason, the one seen last first
    Rejected(Shown),
    /// What is not billed yet and what it comes to so far, and every figure
    Show {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// How many figures of the past at most
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}

#[derive(Debug, Args)]
pub struct SendEvents {
    /// A file; - for what comes in
    pub file: PathBuf,
    /// Events older than the late window count too, and reopen what is billed
    #[arg(long)]
    pub backfill: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["customer", "subscription"]))]
pub struct Metered {
    /// The key of the meter
    pub meter: String,
    /// Of a customer: its id (cus_…) or ext: and your own
    #[arg(long)]
    pub customer: Option<String>,
    /// Of a subscription: its id (sub_…) or ext: and your own
    #[arg(long)]
    pub subscription: Option<String>,
    /// From this instant or date on [default: a month ago]
    #[arg(long, value_name = "INSTANT")]
    pub from: Option<String>,
    /// Up to and without this instant or date [default: now]
    #[arg(long, value_name = "INSTANT")]
    pub to: Option<String>,
    /// In parts of the customer's zone
    #[arg(long, value_enum, default_value_t = Part::Day)]
    pub by: Part,
}

/// The length of the parts of a history.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Part {
    Hour,
    Day,
    Month,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("figure").required(true).args(["quantity", "amount", "transactions", "incomplete", "groups"]))]
pub struct PostUsage {
    /// Its id (sub_…) or ext: and your own
    pub subscription: String,
    /// The key of the usage price, or of the meter a fee looks at
    pub key: String,
    /// So many units, or a sum of money whose transactions do not matter
    #[arg(long)]
    pub quantity: Option<String>,
    /// A sum of money, in major units
    #[arg(long, requires = "events")]
    pub amount: Option<String>,
    /// Of how many transactions it is the sum
    #[arg(long, requires = "amount")]
    pub events: Option<u64>,
    /// A file with the amount of each transaction on a line
    #[arg(long, value_name = "FILE")]
    pub transactions: Option<PathBuf>,
    /// There is no complete figure
    #[arg(long)]
    pub incomplete: bool,
    /// The quantity of a group, where usage is grouped; may be repeated
    #[arg(long = "group", id = "groups", value_name = "NAME=QUANTITY", value_parser = pair)]
    pub groups: Vec<(String, String)>,
    /// When the stretch began [default: the one that is not billed yet]
    #[arg(long, value_name = "INSTANT")]
    pub period_start: Option<String>,
    /// The last event in the figure
    #[arg(long, value_name = "TEXT")]
    pub watermark: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Coupons {
    /// Those of the price book in force, and how often each was redeemed
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Who redeemed one, the newest first
    Redemptions {
        /// Its key
        coupon: String,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct Bill {
    /// Everything that is due at this instant or date [default: now]; a dry run may look ahead
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<String>,
    /// Only show what would be billed
    #[arg(long)]
    pub dry_run: bool,
    /// How many invoices a dry run lists at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// `steelyard bill-runs`: without a command, the list.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BillRunsOrList {
    #[command(subcommand)]
    command: Option<BillRuns>,
    #[command(flatten)]
    list: ListBillRuns,
}

impl BillRunsOrList {
    /// The command asked for.
    pub fn command(self) -> BillRuns {
        self.command.unwrap_or(BillRuns::List(self.list))
    }
}

#[derive(Debug, Subcommand)]
pub enum BillRuns {
    /// The newest first
    List(ListBillRuns),
}

/// Which bill runs.
#[derive(Debug, Args)]
pub struct ListBillRuns {
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Day {
    /// The day, in the zone of the first legal entity
    #[arg(long, value_name = "DATE")]
    pub at: String,
    /// Nothing is done; there is no other way yet
    #[arg(long, required = true)]
    pub dry_run: bool,
    /// How many events and invoices at most
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}
