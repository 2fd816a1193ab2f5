//! An invoice and its lines.

use catalog::TaxRounding;
use identity::customer::Party;
use jiff::{Timestamp, civil::Date};
use kernel::{
    Currency, Money, Period,
    ids::{BillRunId, CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};
use rating::{Explanation, Number};
use tax::Tax;

/// Where an invoice stands (domain rules §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// May still change; has no number.
    Draft,
    /// Issued; never changes again.
    Finalized,
    /// Settled.
    Paid,
    /// Taken back.
    Void,
    /// Given up.
    Uncollectible,
}

impl State {
    const ALL: [Self; 5] = [Self::Draft, Self::Finalized, Self::Paid, Self::Void, Self::Uncollectible];

    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Finalized => "finalized",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
        }
    }

    /// The inverse of [`State::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// What a line charges for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeKind {
    /// A fee for a period, in advance.
    Recurring,
    /// A fee for a period, at its end.
    Arrears,
    /// What was used in a period, at its end.
    Usage,
    /// What a period fell short of the subscription's minimum.
    Minimum,
    /// Something charged once.
    OneOff,
}

impl ChargeKind {
    const ALL: [Self; 5] = [Self::Recurring, Self::Arrears, Self::Usage, Self::Minimum, Self::OneOff];

    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Recurring => "recurring",
            Self::Arrears => "arrears",
            Self::Usage => "usage",
            Self::Minimum => "minimum",
            Self::OneOff => "one_off",
        }
    }

    /// The inverse of [`ChargeKind::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether late figures are rated by it: it bills a stretch that is over.
    pub(crate) const fn is_rated_late(self) -> bool {
        matches!(self, Self::Arrears | Self::Usage | Self::Minimum)
    }

    /// Whether it is earned when it is billed, because its time is over.
    pub const fn is_earned(self) -> bool {
        !matches!(self, Self::Recurring)
    }
}

/// An invoice before it is stored: what a decision says is to be billed.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Who issues it.
    pub entity: LegalEntityId,
    /// Who is to pay it.
    pub customer: CustomerId,
    /// Its currency.
    pub currency: Currency,
    /// When it fell due, in business time.
    pub due: Timestamp,
    /// What it charges; never empty.
    pub lines: Vec<Line>,
    /// The bill run it is made by.
    pub run: Option<BillRunId>,
    /// Over what tax is rounded.
    pub tax_rounding: TaxRounding,
    /// The taxes on the lines; none until [`super::assess`] has worked them out.
    pub taxes: Vec<Tax>,
}

impl Draft {
    /// What it adds up to, with what tax its lines have. Errors: `amount_out_of_range`.
    pub fn totals(&self) -> kernel::Result<Totals> {
        let subtotal = Money::total(self.lines.iter().map(|line| line.amount), self.currency)?;
        let tax = Money::total(self.lines.iter().map(|line| line.tax), self.currency)?;
        Ok(Totals { subtotal, tax, total: subtotal.checked_add(tax)? })
    }
}

/// A line. Its amount was rounded once, when it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its place on the invoice, from 0.
    pub ordinal: i64,
    /// The subscription it belongs to.
    pub subscription: SubscriptionId,
    /// The item of the subscription.
    pub item: i64,
    /// What it charges for.
    pub kind: ChargeKind,
    /// Key of the plan, add-on or usage price it charges, in the price book.
    pub key: String,
    /// The value of the dimensions this line is for, where each is rated on its own; otherwise empty.
    pub group: String,
    /// Tells apart lines for the same thing from the same instant: 0, then 1 for the first change of it …
    pub adjustment: i64,
    /// What it reads, such as "Starter".
    pub description: String,
    /// The time it pays for.
    pub period: Period,
    /// How many units were bought; 1 where that is not asked.
    pub quantity: i64,
    /// What was measured, when the line charges usage.
    pub measured: Option<Number>,
    /// What coupons took off.
    pub discount: Money,
    /// After the discount, before tax.
    pub amount: Money,
    /// Its part of the invoice's tax.
    pub tax: Money,
    /// Which tax rate applies to what it charges: a key such as `standard`.
    pub tax_category: String,
    /// How the amount came to be.
    pub explanation: Explanation,
}

impl Line {
    /// Whether it charges nothing, also before discounts.
    pub const fn is_nothing(&self) -> bool {
        self.amount.is_zero() && self.discount.is_zero()
    }
}

/// What an invoice adds up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Sum of the lines.
    pub subtotal: Money,
    /// Tax on them.
    pub tax: Money,
    /// What is to be paid.
    pub total: Money,
}

/// A stored invoice, without its lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Invoice {
    /// Its id.
    pub id: InvoiceId,
    /// Who issues it.
    pub entity: LegalEntityId,
    /// Who is to pay it.
    pub customer: CustomerId,
    /// Where it stands.
    pub state: State,
    /// Given at finalization: `INV-000001`, without a gap per legal entity.
    pub number: Option<String>,
    /// The legal entity's local date of finalization, never before the last one of the series.
    pub issued: Option<Date>,
    /// When it fell due, in business time.
    pub due: Timestamp,
    /// What it adds up to.
    pub totals: Totals,
    /// How much of it the customer's credit paid when it was finalized.
    pub credit: Money,
    /// What payments have settled of it: below zero when credit that paid it was taken back.
    pub paid: Money,
    /// The party as printed, frozen at finalization.
    pub party: Option<Party>,
    /// Its issuer as printed, frozen at finalization.
    pub seller: Option<Party>,
    /// Over what tax is rounded.
    pub tax_rounding: TaxRounding,
    /// How it was taken back or given up.
    pub end: Option<End>,
    /// How often it was carried over, when it is a draft over so little that it waits for the next invoice (knob
    /// `carry_over`).
    pub carried: Option<i64>,
}

/// How an invoice was taken back or given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// When, in business time.
    pub at: Timestamp,
    /// Why, as a code.
    pub reason: String,
}

impl Invoice {
    /// What credit and payments have paid of it. Errors: `amount_out_of_range`.
    pub fn amount_paid(&self) -> kernel::Result<Money> {
        self.credit.checked_add(self.paid)
    }

    /// What is left to pay after credit and payments: nothing once it is void or given up.
    ///
    /// Errors: `amount_out_of_range`.
    pub fn amount_due(&self) -> kernel::Result<Money> {
        match self.state {
            State::Void | State::Uncollectible => Ok(Money::zero(self.totals.total.currency())),
            State::Draft | State::Finalized | State::Paid => self.outstanding(),
        }
    }

    /// What credit and payments have not paid of it, whatever its state. Errors: `amount_out_of_range`.
    pub(crate) fn outstanding(&self) -> kernel::Result<Money> {
        self.totals.total.checked_sub(self.amount_paid()?)
    }
}
