//! A payment and what it settles.

use jiff::{Timestamp, civil::Date};
use kernel::{
    Money,
    ids::{CustomerId, InvoiceId, LegalEntityId, PaymentId},
};

/// How money came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From bank to bank.
    Transfer,
    /// A cheque.
    Cheque,
    /// A wire.
    Wire,
    /// Cash.
    Cash,
    /// Another way.
    Other,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 5] = [Self::Transfer, Self::Cheque, Self::Wire, Self::Cash, Self::Other];

    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Cheque => "cheque",
            Self::Wire => "wire",
            Self::Cash => "cash",
            Self::Other => "other",
        }
    }

    /// The inverse of [`Method::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.word() == word)
    }
}

/// When money came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// On this day, as the legal entity counts days.
    On(Date),
    /// At this instant.
    At(Timestamp),
}

/// A payment to write down.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// Who paid.
    pub customer: CustomerId,
    /// Who was paid; none: the issuer of what is settled first, or the first legal entity when nothing is open.
    pub entity: Option<LegalEntityId>,
    /// How much; above zero.
    pub amount: Money,
    /// How.
    pub method: Method,
    /// When; none: now. Not in the future.
    pub received: Option<Received>,
    /// What the bank or the cheque says, up to 100 characters: each is taken once, unless its payment was reversed.
    pub reference: Option<String>,
    /// What it pays, in this order; empty: the customer's open invoices of that currency, the oldest first.
    pub invoices: Vec<InvoiceId>,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Who was paid.
    pub entity: LegalEntityId,
    /// Who paid.
    pub customer: CustomerId,
    /// How.
    pub method: Method,
    /// How much.
    pub amount: Money,
    /// What of it settled nothing, or an invoice that was voided since, and became the customer's credit.
    pub credit: Money,
    /// What the bank or the cheque says.
    pub reference: Option<String>,
    /// When it came, in business time.
    pub received: Timestamp,
    /// The day it came, as the legal entity counts days.
    pub day: Date,
    /// When it turned out not to have come, in business time.
    pub reversed: Option<Timestamp>,
}

/// Why something of a payment moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It settled an invoice.
    Settled,
    /// That was undone with the payment.
    Reversed,
    /// It had become credit, and the credit paid this invoice: that was undone with the payment.
    CreditReturned,
    /// The invoice was voided; what it had been paid is credit now.
    Released,
}

impl Cause {
    const ALL: [Self; 4] = [Self::Settled, Self::Reversed, Self::CreditReturned, Self::Released];

    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Reversed => "reversed",
            Self::CreditReturned => "credit_returned",
            Self::Released => "released",
        }
    }

    /// The inverse of [`Cause::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.word() == word)
    }
}

/// What of a payment went to an invoice, or came back. Rows are only ever added; what an invoice was paid is their sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The payment.
    pub payment: PaymentId,
    /// Its place among those of the payment, from 0.
    pub ordinal: i64,
    /// The invoice.
    pub invoice: InvoiceId,
    /// Why.
    pub cause: Cause,
    /// Below zero when it came back; never zero.
    pub amount: Money,
    /// When, in business time.
    pub at: Timestamp,
}
