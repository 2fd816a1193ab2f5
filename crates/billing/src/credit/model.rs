//! What credit pays.

use kernel::{
    Money,
    ids::{InvoiceId, LegalEntityId},
};

/// What credit pays of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The invoice.
    pub invoice: InvoiceId,
    /// Its number.
    pub number: Option<String>,
    /// How much of it credit pays now; above zero.
    pub amount: Money,
    /// What is left to pay of it.
    pub due: Money,
}

/// Credit with one legal entity in one currency; it pays only invoices of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who owes it.
    pub entity: LegalEntityId,
    /// How much is left; zero or above.
    pub left: Money,
}

/// What letting credit pay open invoices does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The invoices it pays something of, in the order they are paid; empty when there is no credit or nothing to pay.
    pub used: Vec<Used>,
    /// What is left of the credit.
    pub left: Vec<Held>,
}
