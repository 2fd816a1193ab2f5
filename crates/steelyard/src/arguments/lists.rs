//! What lists are narrowed to.

use billing::{customers::Having, invoice, subscription};
use clap::{Args, Subcommand};
use identity::{customer::Sort, link};
use jiff::{Timestamp, civil::Date};
use kernel::{Currency, time};

use super::{Invoices, Subscriptions};

/// `steelyard customers`, with or without `list` behind it.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Customers {
    #[command(subcommand)]
    command: Option<CustomersCommand>,
    #[command(flatten)]
    list: ListCustomers,
}

#[derive(Debug, Subcommand)]
pub enum CustomersCommand {
    /// The same
    List(ListCustomers),
    /// Let a customer's credit pay open invoices, the oldest first
    ApplyCredit {
        /// Its id (cus_…), or ext: and your own
        customer: String,
        /// An invoice, by its number or id, to pay before others; may be repeated
        #[arg(long = "invoice", value_name = "INVOICE")]
        invoices: Vec<String>,
        /// Only show what it would do
        #[arg(long)]
        dry_run: bool,
    },
    /// Make a link that opens a customer's own page; it is shown this once
    Link {
        /// Its id (cus_…), or ext: and your own
        customer: String,
        /// How many days it works
        #[arg(long, default_value_t = link::USUAL_DAYS)]
        days: u16,
        /// Where the pages are served
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
        url: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// The links of a customer, newest first
    Links {
        /// Its id (cus_…), or ext: and your own
        customer: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// End a link at once
    RevokeLink {
        /// Its id (lnk_…)
        link: String,
    },
}

impl ListCustomers {
    /// Whether any customer would do.
    pub const fn is_all(&self) -> bool {
        let Self { search, country, currency, subscription, .. } = self;
        search.is_none() && country.is_none() && currency.is_none() && subscription.is_none()
    }
}

impl ListSubscriptions {
    /// Whether any subscription would do.
    pub const fn is_all(&self) -> bool {
        let Self { state, plan, customer, currency, due_from, due_to, .. } = self;
        state.is_none()
            && plan.is_none()
            && customer.is_none()
            && currency.is_none()
            && due_from.is_none()
            && due_to.is_none()
    }
}

impl ListInvoices {
    /// Whether any invoice would do.
    pub const fn is_all(&self) -> bool {
        let Self { state, customer, currency, issued_from, issued_to, .. } = self;
        state.is_none()
            && customer.is_none()
            && currency.is_none()
            && issued_from.is_none()
            && issued_to.is_none()
    }
}

impl Customers {
    /// The command asked for.
    pub fn command(self) -> CustomersCommand {
        self.command.unwrap_or(CustomersCommand::List(self.list))
    }
}

/// `steelyard subscriptions`: without a command, the list.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SubscriptionsOrList {
    #[command(subcommand)]
    command: Option<Subscriptions>,
    #[command(flatten)]
    list: ListSubscriptions,
}

impl SubscriptionsOrList {
    /// The command asked for.
    pub fn command(self) -> Subscriptions {
        self.command.unwrap_or(Subscriptions::List(self.list))
    }
}

/// `steelyard invoices`: without a command, the list.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct InvoicesOrList {
    #[command(subcommand)]
    command: Option<Invoices>,
    #[command(flatten)]
    list: ListInvoices,
}

impl InvoicesOrList {
    /// The command asked for.
    pub fn command(self) -> Invoices {
        self.command.unwrap_or(Invoices::List(self.list))
    }
}

/// How much of a list, and how.
#[derive(Clone, Copy, Debug, Args)]
pub struct Shown {
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Which customers.
#[derive(Clone, Debug, Args)]
pub struct ListCustomers {
    /// Beginnings of words of name, e-mail address or your own id
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// In this country (DE, US, …)
    #[arg(long, value_name = "CODE", value_parser = country)]
    pub country: Option<String>,
    /// Billed in this currency (EUR, USD, …)
    #[arg(long, value_name = "CODE", value_parser = currency)]
    pub currency: Option<Currency>,
    /// With a subscription in this state (active, trialing, …), or with none that goes on
    #[arg(long, value_name = "STATE|none", value_parser = having)]
    pub subscription: Option<Having>,
    /// newest, oldest or name
    #[arg(long, default_value = "newest", value_parser = sort)]
    pub sort: Sort,
    #[command(flatten)]
    pub shown: Shown,
}

/// Which subscriptions.
#[derive(Clone, Debug, Args)]
pub struct ListSubscriptions {
    /// In this state: active, trialing, paused, …
    #[arg(long, value_parser = subscription_state)]
    pub state: Option<subscription::State>,
    /// On this plan, by its key in the price book
    #[arg(long, value_name = "KEY")]
    pub plan: Option<String>,
    /// Of this customer: its id (cus_…), or ext: and your own
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    /// Billed in this currency (EUR, USD, …)
    #[arg(long, value_name = "CODE", value_parser = currency)]
    pub currency: Option<Currency>,
    /// Due at this instant or day (UTC) or later, the soonest first
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub due_from: Option<Timestamp>,
    /// Due before this instant or day (UTC)
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub due_to: Option<Timestamp>,
    #[command(flatten)]
    pub shown: Shown,
}

/// Which invoices.
#[derive(Clone, Debug, Args)]
pub struct ListInvoices {
    /// In this state: draft, finalized, paid, void or uncollectible
    #[arg(long, value_parser = invoice_state)]
    pub state: Option<invoice::State>,
    /// To this customer: its id (cus_…), or ext: and your own
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    /// In this currency (EUR, USD, …)
    #[arg(long, value_name = "CODE", value_parser = currency)]
    pub currency: Option<Currency>,
    /// Issued on this day or later, the latest day first
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub issued_from: Option<Date>,
    /// Issued before this day
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub issued_to: Option<Date>,
    #[command(flatten)]
    pub shown: Shown,
}

pub(super) fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).map_err(|error| error.detail)
}

fn country(text: &str) -> Result<String, &'static str> {
    let code = text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_alphabetic());
    if code {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("write the two letters of ISO 3166-1, such as DE or US")
    }
}

fn date(text: &str) -> Result<Date, String> {
    time::date(text).map_err(|error| error.detail)
}

/// An instant, or the first of a day in UTC.
fn instant(text: &str) -> Result<Timestamp, String> {
    let read = match text.len() {
        10 => time::instant(&format!("{text}T00:00:00Z")),
        _ => time::instant(text),
    };
    read.map_err(|error| error.detail)
}

fn sort(text: &str) -> Result<Sort, &'static str> {
    Sort::parse(text).ok_or("write newest, oldest or name")
}

fn having(text: &str) -> Result<Having, &'static str> {
    if text == "none" { Ok(Having::Nothing) } else { subscription_state(text).map(Having::Subscription) }
}

fn subscription_state(text: &str) -> Result<subscription::State, &'static str> {
    let states =
        "write incomplete, scheduled, trialing, active, past_due, paused, suspended, canceled or expired";
    subscription::State::parse(text).ok_or(states)
}

fn invoice_state(text: &str) -> Result<invoice::State, &'static str> {
    invoice::State::parse(text).ok_or("write draft, finalized, paid, void or uncollectible")
}
