//! The command line of payments.

use billing::payment::Method;
use clap::{Args, Subcommand};
use kernel::Currency;

use super::lists::{Shown, currency};

/// `steelyard payments`: without a command, the list.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PaymentsOrList {
    #[command(subcommand)]
    command: Option<Payments>,
    #[command(flatten)]
    list: ListPayments,
}

impl PaymentsOrList {
    /// The command asked for.
    pub fn command(self) -> Payments {
        self.command.unwrap_or(Payments::List(self.list))
    }
}

#[derive(Debug, Subcommand)]
pub enum Payments {
    /// The last recorded first
    List(ListPayments),
    /// Show one and what it paid
    Show {
        /// Its id (pay_…)
        payment: String,
    },
    /// Write down money that came: it pays the oldest open invoices, or those named; the rest becomes credit
    Record(RecordPayment),
    /// Undo one that did not come after all, such as a bounced cheque: what it paid is due again
    Reverse {
        /// Its id (pay_…)
        payment: String,
    },
}

/// Which payments.
#[derive(Clone, Debug, Args)]
pub struct ListPayments {
    /// Of this customer: its id (cus_…), or ext: and your own
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    #[command(flatten)]
    pub shown: Shown,
}

#[derive(Clone, Debug, Args)]
pub struct RecordPayment {
    /// Who paid: its id (cus_…), or ext: and your own [default: whose the invoice is]
    #[arg(long, required_unless_present = "invoices")]
    pub customer: Option<String>,
    /// How much, in major units: 49.00
    #[arg(long)]
    pub amount: String,
    /// In which currency (EUR, USD, …) [default: the invoice's, or the customer's]
    #[arg(long, value_name = "CODE", value_parser = currency)]
    pub currency: Option<Currency>,
    /// transfer, cheque, wire, cash or other
    #[arg(long, default_value = "transfer", value_parser = method)]
    pub method: Method,
    /// When it came: a date, or an instant [default: now]
    #[arg(long, value_name = "DATE")]
    pub received: Option<String>,
    /// What the bank statement or the cheque says; the same one is refused
    #[arg(long, value_name = "TEXT")]
    pub reference: Option<String>,
    /// What it pays, by number or id; may be repeated [default: the oldest open invoices]
    #[arg(long = "invoice", id = "invoices", value_name = "INVOICE")]
    pub invoices: Vec<String>,
}

fn method(text: &str) -> Result<Method, &'static str> {
    Method::parse(text).ok_or("write transfer, cheque, wire, cash or other")
}
