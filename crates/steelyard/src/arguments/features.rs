//! What customers may use, and flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `steelyard features CUSTOMER [KEY]`
#[derive(Debug, Args)]
pub struct Features {
    /// The customer: its id (cus_…), or ext: and your own
    pub customer: String,
    /// Only this feature or meter
    pub key: Option<String>,
    /// Override it: yes, no, a number, unlimited, or text
    #[arg(long, value_name = "VALUE", requires = "key")]
    pub set: Option<String>,
    /// The override ends at this instant or day (UTC)
    #[arg(long, value_name = "INSTANT", requires = "set")]
    pub until: Option<String>,
    /// Why, for staff; in no fact
    #[arg(long, value_name = "TEXT", requires = "set")]
    pub reason: Option<String>,
    /// Remove its override
    #[arg(long, requires = "key", conflicts_with = "set")]
    pub remove: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `steelyard flags`: without a command, the list.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Option<FlagsCommand>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum FlagsCommand {
    /// Print a flag as JSON, in the form `apply` takes
    Show {
        /// Its key
        key: String,
    },
    /// Make or change a flag from a file of JSON
    Apply {
        /// The file, or - for standard input
        file: PathBuf,
    },
    /// Switch a flag on: its rules are heeded
    On {
        /// Its key
        key: String,
    },
    /// Switch a flag off: everybody gets its off variant
    Off {
        /// Its key
        key: String,
    },
    /// See what a flag or feature serves to somebody
    Try {
        /// Its key
        key: String,
        /// The targeting key: a customer (cus_… or ext:…) or anything else
        #[arg(long, value_name = "KEY")]
        who: Option<String>,
        /// An attribute of the context
        #[arg(long = "attribute", value_name = "NAME=VALUE")]
        attributes: Vec<String>,
    },
}
