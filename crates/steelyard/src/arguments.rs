//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use store::Location;

use crate::place::Place;

mod advice;
mod billing;
mod features;
mod lists;
mod metering;
mod payment;
mod simulate;
mod subscription;
pub use advice::Advise;
pub use billing::{
    Bill, BillRuns, BillRunsOrList, Coupons, Day, ListBillRuns, Metered, Part, PostUsage, SendEvents, Usage,
};
pub use features::{Features, Flags, FlagsCommand};
pub use lists::{
    Customers, CustomersCommand, InvoicesOrList, ListCustomers, ListInvoices, ListSubscriptions, Shown,
    SubscriptionsOrList,
};
pub use metering::{Gateway, Metering, OnFailure, Rates, Reconcile};
pub use payment::{ListPayments, Payments, PaymentsOrList, RecordPayment};
pub use simulate::Simulate;
pub use subscription::{
    AddCharge, ChangeSubscription, Charges, OfferRenewal, Prices, Renewals, StartSubscription, Subscriptions,
};

/// The commercial back office of a company in one program.
#[derive(Debug, Parser)]
#[command(name = "steelyard", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    where_: Where,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
struct Where {
    /// The database: a folder (SQLite) or postgres://…
    #[arg(
        long,
        global = true,
        value_name = "FOLDER|URL",
        env = "STEELYARD_DATABASE",
        hide_env_values = true,
        default_value = "./data",
        value_parser = location
    )]
    database: Location,
    /// The merchant, by its name in URLs; needed when there are several
    #[arg(long, global = true, env = "STEELYARD_MERCHANT")]
    merchant: Option<String>,
    /// The environment: live, sandbox, … [default: sandbox]
    #[arg(long = "env", global = true, value_name = "NAME", env = "STEELYARD_ENV")]
    environment: Option<String>,
}

impl Arguments {
    /// Where to work.
    pub fn place(&self) -> Place {
        let Where { database, merchant, environment } = &self.where_;
        Place { location: database.clone(), merchant: merchant.clone(), environment: environment.clone() }
    }
}

/// A folder, or the address of a PostgreSQL database; not the address of anything else, which would make a folder of
/// that name.
fn location(text: &str) -> Result<Location, &'static str> {
    match Location::parse(text) {
        Location::Sqlite(_) if text.contains("://") => {
            Err("write a folder, or postgres://user:password@host:5432/database")
        }
        Location::Sqlite(_) if text.is_empty() => Err("write a folder, or postgres://…"),
        location => Ok(location),
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve pages and API, and run jobs
    Serve(Serve),
    /// Stand in front of any HTTP service and count its calls
    Gateway(Gateway),
    /// Make five businesses that have lived through two years, and serve them
    Demo(Demo),
    /// Check, compare and apply price books
    #[command(subcommand)]
    Book(Book),
    /// Bring customers and subscriptions in from files
    #[command(subcommand)]
    Import(Import),
    /// List customers, and make links to their own pages; without a command, list them
    Customers(Customers),
    /// Start, list and change subscriptions; without a command, list them
    Subscriptions(SubscriptionsOrList),
    /// Show what a customer may use and why, and override it
    Features(Features),
    /// List, show, switch and try flags; without a command, list them
    Flags(Flags),
    /// Post what was used, and see what it comes to
    #[command(subcommand)]
    Usage(Usage),
    /// List coupons and who redeemed them
    #[command(subcommand)]
    Coupons(Coupons),
    /// Bill everything that is due
    Bill(Bill),
    /// List what was billed in one go
    BillRuns(BillRunsOrList),
    /// List everything that would fall due on a day
    Day(Day),
    /// List invoices, show, void and write them off; without a command, list them
    #[command(alias = "invoice")]
    Invoices(InvoicesOrList),
    /// Record payments, show, list and reverse them; without a command, list them
    Payments(PaymentsOrList),
    /// Show how each amount of an invoice or credit note came to be
    Explain {
        /// Its number (INV-000001, INV-CN-000001) or its id (inv_…, crn_…)
        document: String,
    },
    /// Check the ledger and show its balances
    #[command(subcommand)]
    Ledger(Ledger),
    /// Check the log of facts
    #[command(subcommand)]
    Facts(Facts),
    /// Show and advance a sandbox's clock
    #[command(subcommand)]
    Clock(Clock),
    /// Show and run jobs
    #[command(subcommand)]
    Jobs(Jobs),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Key(Key),
    /// Make a link that signs a user in to the pages, once
    SignIn(SignIn),
    /// Say which other plans would serve customers better, and who seems to be one team
    Advice(Advise),
    /// Say what would have been billed under another price book
    Simulate(Simulate),
    /// Compare events, tallies, figures and invoice lines, and name every difference
    Reconcile(Reconcile),
    /// Look for trouble and say what to do about it
    Doctor,
    /// Copy the database into a fresh folder, also while a server runs
    Backup {
        /// The folder to make
        folder: PathBuf,
    },
    /// Bring a backup back into an empty place, and verify it
    Restore {
        /// The folder of the backup
        folder: PathBuf,
    },
    /// Bring the database's schema up to date
    Migrate,
    /// Print the API's description (OpenAPI 3.1)
    Openapi,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; port 0 is any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The price book to begin with on an empty database
    #[arg(long, value_name = "FILE")]
    pub book: Option<PathBuf>,
    /// The e-mail address of the first user [default: owner@example.com]
    #[arg(long, value_name = "E-MAIL", env = "STEELYARD_OWNER")]
    pub owner: Option<String>,
    /// The address people reach the pages under, when it is another; with https:// cookies are sent over HTTPS only
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Print a sign-in link, also when nobody sits at a terminal
    #[arg(long)]
    pub print_link: bool,
    /// Write the log as JSON, a line each
    #[arg(long)]
    pub log_json: bool,
    #[command(flatten)]
    pub metering: Metering,
    #[command(flatten)]
    pub rates: Rates,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Decides everything that happens; the same seed gives the same figures on every database
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Customers of all businesses together
    #[arg(long, value_name = "CUSTOMERS", default_value_t = 2_100, value_parser = clap::value_parser!(u32).range(10..=200_000))]
    pub scale: u32,
    /// How long the businesses have lived
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub months: u32,
    /// Only make them
    #[arg(long)]
    pub no_serve: bool,
    /// Where to listen; port 0 is any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The e-mail address of whoever may look at them [default: owner@example.com]
    #[arg(long, value_name = "E-MAIL", env = "STEELYARD_OWNER")]
    pub owner: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Book {
    /// Name every mistake of a file
    Check {
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a file in force for new subscriptions
    Apply { file: PathBuf },
    /// Move subscriptions to the version in force; what they agreed to before counts no more
    Migrate {
        /// Only those on this plan; may be repeated
        #[arg(long = "plan", value_name = "KEY")]
        plans: Vec<String>,
        /// What becomes of a plan; may be repeated
        #[arg(long = "map", value_name = "PLAN=PLAN", value_parser = pair)]
        plan_map: Vec<(String, String)>,
        /// Now, crediting what is not used, or when the period ends
        #[arg(long, value_enum, default_value_t = At::PeriodEnd)]
        at: At,
        /// Only show who would pay what
        #[arg(long)]
        dry_run: bool,
        /// How many subscriptions a dry run lists at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Say what a file would change
    Diff {
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Import {
    /// Customers, from a CSV file or several
    Customers(ImportFiles),
    /// Customers and subscriptions with their history; which file holds what is told by its columns
    Subscriptions(ImportFiles),
}

#[derive(Debug, Args)]
pub struct ImportFiles {
    /// CSV files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Which column is which
    #[arg(long, value_name = "FILE")]
    pub map: PathBuf,
    /// Check every row, load none
    #[arg(long)]
    pub dry_run: bool,
    /// What to do when rows are bad: load nothing, or the good ones
    #[arg(long, value_enum, default_value_t = OnBad::Stop)]
    pub on_bad: OnBad,
    /// Write the bad rows and what is wrong with them to a CSV file
    #[arg(long, value_name = "FILE")]
    pub bad_rows: Option<PathBuf>,
    /// The report as JSON
    #[arg(long)]
    pub json: bool,
}

/// What to do when some rows are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnBad {
    /// Load nothing
    Stop,
    /// Load the good ones
    Skip,
}

#[derive(Debug, Subcommand)]
pub enum Invoices {
    /// The newest first
    List(ListInvoices),
    /// Show one with its lines, its taxes and why each is as it is
    Show {
        /// Its number (INV-000001) or its id (inv_…)
        invoice: String,
    },
    /// Take one back whole: what it posted is posted back, what was paid is to the customer's credit
    Void {
        /// Its number (INV-000001) or its id (inv_…)
        invoice: String,
        /// Why, as a code: duplicate, mistake, …
        #[arg(long, value_name = "CODE")]
        reason: String,
    },
    /// Give up collecting what is due on one: it becomes bad debt
    Uncollectible {
        /// Its number (INV-000001) or its id (inv_…)
        invoice: String,
        /// Why, as a code: insolvent, unreachable, …
        #[arg(long, value_name = "CODE")]
        reason: String,
    },
}

/// When something takes effect.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum At {
    Now,
    PeriodEnd,
}

#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Recompute the whole ledger
    Check {
        /// Of every environment
        #[arg(long)]
        all: bool,
    },
    /// The sums of every account
    TrialBalance {
        /// Only what counts from this instant or date at the latest
        #[arg(long, value_name = "INSTANT")]
        as_of: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write every posting as CSV, by the time it counts from, with the names of the chart of accounts
    Export {
        /// From this instant or date on
        #[arg(long, value_name = "INSTANT")]
        from: Option<String>,
        /// Until before this instant or date
        #[arg(long, value_name = "INSTANT")]
        until: Option<String>,
        /// The file to write [default: standard output]
        file: Option<PathBuf>,
    },
    /// Show the chart of accounts, or set it from a CSV file with the columns account, code and name
    Chart {
        /// The file; without it, the chart is shown
        file: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Facts {
    /// Recompute the chain of hashes
    Verify {
        /// Of every environment
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Clock {
    /// Where the clock stands
    Show,
    /// Move a sandbox's clock, doing everything that falls due on the way
    Advance {
        /// An instant (2026-04-01T00:00:00Z) or a date (2026-04-01)
        to: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// The newest jobs
    List {
        /// Those of the installation rather than of an environment
        #[arg(long)]
        installation: bool,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Run here whatever waits, until nothing does
    Run,
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a key; it is shown this once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// all, read, or permissions such as "customer.read invoice.write"
        #[arg(long, default_value = "all", value_delimiter = ' ', num_args = 1..)]
        permissions: Vec<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// The keys of an environment
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// End a key at once
    Revoke {
        /// Its id (key_…)
        id: String,
    },
}

/// Two words with `=` between them.
fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write it like key=value")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Debug, Args)]
pub struct SignIn {
    /// Whom to sign in [default: owner@example.com]
    #[arg(value_name = "E-MAIL")]
    pub who: Option<String>,
    /// The same
    #[arg(long, value_name = "E-MAIL", conflicts_with = "who", env = "STEELYARD_OWNER", hide = true)]
    pub email: Option<String>,
    /// Where the pages are served
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
}
