//! The command line of subscriptions.

use clap::{ArgAction, Args, Subcommand};
use kernel::Cycle;

use super::{At, ListSubscriptions, pair};

#[derive(Debug, Subcommand)]
pub enum Subscriptions {
    /// The newest first
    List(ListSubscriptions),
    /// Start one
    Start(StartSubscription),
    /// Show one: what it has, what was agreed, and what waits
    Show {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Change plan, cycle, quantity, add-ons or prices; what is not named stays
    Change(ChangeSubscription),
    /// Cancel one
    Cancel {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// Now, crediting what is not used, or when the period ends
        #[arg(long, value_enum, default_value_t = At::PeriodEnd)]
        at: At,
        /// Why, by the key of a reason of the price book
        #[arg(long, value_name = "KEY")]
        reason: Option<String>,
        /// What else the customer says
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
        /// Only show what it would do, and what is offered to stay
        #[arg(long)]
        dry_run: bool,
    },
    /// Stay for what is offered instead of canceling
    AcceptSaveOffer {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// The reason to cancel that it is offered for
        #[arg(long, value_name = "KEY")]
        reason: String,
    },
    /// Bring back one that is over: another like it begins now, with the win-back coupon of the price book
    Reactivate {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// A method of payment is on file
        #[arg(long)]
        has_method: bool,
        /// Only show what it would do
        #[arg(long)]
        dry_run: bool,
    },
    /// Offer terms for the time after the contract's term, and answer such offers
    #[command(subcommand)]
    Renewals(Renewals),
    /// How many canceled for which reason
    Reasons {
        /// From this day or instant on
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// Before this day or instant
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take back a cancellation or change that waits for the end of the period
    KeepOn {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Pause one: what is not used is credited, nothing falls due
    Pause {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Resume a paused one: the rest of the period is charged
    Resume {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// End a trial now and begin the paid subscription
    Convert {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Let a trial last longer
    ExtendTrial {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// Days to add to its end, 1 to 90
        #[arg(long)]
        days: u16,
    },
    /// Switch access off: nothing falls due until it is reinstated
    Suspend {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Switch access on again, charging the rest of the period when what was paid for is over
    Reinstate {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Say whether a method of payment is on file, which decides what the end of a trial does
    PaymentMethod {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// Whether there is one
        #[arg(long, action = ArgAction::Set)]
        on_file: bool,
    },
    /// Redeem a coupon, from the next invoice on
    Redeem {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// The coupon's key, or the code a customer types
        coupon: String,
    },
    /// Take a coupon off, or `comp` when it is given away, from the next invoice on
    TakeAway {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// The coupon's key
        coupon: String,
    },
    /// Charge something once, or take that back
    #[command(subcommand)]
    Charges(Charges),
    /// Give one away: its invoices from the next one on cost nothing
    Comp {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// The first day on which it costs something again
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Renewals {
    /// What was offered for one, the last first
    List {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Offer terms for the time after the term, or after the period where there is none
    Offer(OfferRenewal),
    /// Accept the offer that waits
    Accept {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Decline the offer that waits
    Decline {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Take back the offer that waits
    Withdraw {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
}

#[derive(Debug, Args)]
pub struct OfferRenewal {
    /// Its id (sub_…) or ext: and your own
    pub subscription: String,
    /// Another plan, by its key in the price book
    #[arg(long, value_name = "KEY")]
    pub plan: Option<String>,
    /// Another cycle: month, year, "2 weeks", …
    #[arg(long)]
    pub cycle: Option<Cycle>,
    /// Units of the plan, when it is priced per unit
    #[arg(long)]
    pub quantity: Option<i64>,
    /// An add-on with its new quantity, 0 to end it; may be repeated
    #[arg(long = "addon", value_name = "KEY=QUANTITY", value_parser = addon)]
    pub addons: Vec<(String, i64)>,
    #[command(flatten)]
    pub prices: Prices,
    /// Every price that is not agreed becomes that of the price book in force
    #[arg(long)]
    pub reprice: bool,
    /// The least a period comes to
    #[arg(long, value_name = "AMOUNT")]
    pub minimum: Option<String>,
    /// The length of the next term
    #[arg(long, value_name = "MONTHS")]
    pub term: Option<u32>,
    /// Another term follows that; otherwise the subscription expires
    #[arg(long, requires = "term")]
    pub renews: bool,
    /// A coupon, by its key or code
    #[arg(long)]
    pub coupon: Option<String>,
    /// The last day on which it can be accepted
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    /// Only show what accepting it would come to
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum Charges {
    /// What is or was charged once beside one, the newest first
    List {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
    },
    /// Charge something once: an add-on of the price book that is charged once, or what was agreed
    Add(AddCharge),
    /// Take back a charge that is on no invoice yet
    Remove {
        /// Its id (sub_…) or ext: and your own
        subscription: String,
        /// The number of the charge
        charge: i64,
    },
}

#[derive(Debug, Args)]
pub struct AddCharge {
    /// Its id (sub_…) or ext: and your own
    pub subscription: String,
    /// The add-on, by its key in the price book [default: something agreed]
    #[arg(long, value_name = "KEY", required_unless_present_all = ["description", "amount"])]
    pub addon: Option<String>,
    /// What it reads on the invoice [default: the add-on's name]
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// What was agreed for one of it [default: the price book's price]
    #[arg(long)]
    pub amount: Option<String>,
    /// How many
    #[arg(long, default_value_t = 1)]
    pub quantity: i64,
    /// On an invoice of its own now, not on the next one
    #[arg(long)]
    pub now: bool,
    /// Only show what it would do
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct StartSubscription {
    /// Who subscribes: its id (cus_…) or ext: and your own
    pub customer: String,
    /// The plan, by its key in the price book
    pub plan: String,
    /// How often it is billed: month, year, "2 weeks", …
    #[arg(long, default_value = "month")]
    pub cycle: Cycle,
    /// Units of the plan, when it is priced per unit
    #[arg(long)]
    pub quantity: Option<i64>,
    /// An add-on with its quantity; may be repeated
    #[arg(long = "addon", value_name = "KEY=QUANTITY", value_parser = addon)]
    pub addons: Vec<(String, i64)>,
    /// Its start, an instant or a date, in the past or ahead [default: now]
    #[arg(long, value_name = "INSTANT")]
    pub start: Option<String>,
    /// Your own id for it
    #[arg(long, value_name = "ID")]
    pub external_id: Option<String>,
    /// Begin with the price book's trial
    #[arg(long)]
    pub trial: bool,
    /// Although there was a trial before
    #[arg(long, requires = "trial")]
    pub again: bool,
    /// What a gateway says tells the method of payment from others; kept as a hash, with a trial
    #[arg(long, value_name = "TEXT")]
    pub fingerprint: Option<String>,
    /// A method of payment is on file
    #[arg(long)]
    pub has_method: bool,
    /// A coupon, by its key or the code a customer types; may be repeated
    #[arg(long = "coupon", value_name = "COUPON")]
    pub coupons: Vec<String>,
    /// An add-on that is charged once, with the first invoice; may be repeated
    #[arg(long = "charge", value_name = "KEY=QUANTITY", value_parser = addon)]
    pub charges: Vec<(String, i64)>,
    #[command(flatten)]
    pub prices: Prices,
    /// The least a period comes to, as agreed
    #[arg(long, value_name = "AMOUNT")]
    pub minimum: Option<String>,
    /// The length of the contract's term
    #[arg(long, value_name = "MONTHS")]
    pub term: Option<u32>,
    /// Another term follows; otherwise the subscription expires
    #[arg(long, requires = "term")]
    pub renews: bool,
    /// Only show what it would do
    #[arg(long)]
    pub dry_run: bool,
}

/// Prices agreed with the customer.
#[derive(Debug, Args)]
pub struct Prices {
    /// An amount agreed for a plan, add-on or usage price; may be repeated
    #[arg(long = "price", value_name = "KEY=AMOUNT", value_parser = pair)]
    pub amounts: Vec<(String, String)>,
    /// A percentage agreed for one; may be repeated
    #[arg(long = "percent", value_name = "KEY=PERCENT", value_parser = pair)]
    pub percents: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct ChangeSubscription {
    /// Its id (sub_…) or ext: and your own
    pub subscription: String,
    /// Another plan, by its key in the price book
    #[arg(long, value_name = "KEY")]
    pub plan: Option<String>,
    /// Another cycle: month, year, "2 weeks", …
    #[arg(long)]
    pub cycle: Option<Cycle>,
    /// Units of the plan, when it is priced per unit
    #[arg(long)]
    pub quantity: Option<i64>,
    /// An add-on with its new quantity, 0 to end it; may be repeated
    #[arg(long = "addon", value_name = "KEY=QUANTITY", value_parser = addon)]
    pub addons: Vec<(String, i64)>,
    #[command(flatten)]
    pub prices: Prices,
    /// Every price that is not agreed becomes that of the price book in force
    #[arg(long)]
    pub reprice: bool,
    /// The least a period comes to from then on, as agreed
    #[arg(long, value_name = "AMOUNT")]
    pub minimum: Option<String>,
    /// A contract's term that begins with the change
    #[arg(long, value_name = "MONTHS")]
    pub term: Option<u32>,
    /// Another term follows; otherwise the subscription expires
    #[arg(long, requires = "term")]
    pub renews: bool,
    /// Now, crediting what is not used, or when the period ends
    #[arg(long, value_enum, default_value_t = At::Now)]
    pub at: At,
    /// Only show what it would do
    #[arg(long)]
    pub dry_run: bool,
}

fn addon(text: &str) -> Result<(String, i64), &'static str> {
    const HOW: &str = "write it like extra_user=2";
    let (key, quantity) = text.split_once('=').ok_or(HOW)?;
    Ok((key.to_owned(), quantity.parse().map_err(|_| HOW)?))
}
