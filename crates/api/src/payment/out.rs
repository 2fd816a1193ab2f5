//! Payments in answers.

use billing::payment::{self, Payment, Settlement};
use jiff::{Timestamp, civil::Date};
use kernel::Result;
use serde::Serialize;
use store::View;
use utoipa::ToSchema;

use crate::shape::AmountOut;

/// Money that came, written down by hand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub(crate) struct PaymentOut {
    #[schema(examples("pay_01jdd7w000e008000000000001"))]
    id: String,
    /// Who paid.
    customer: String,
    /// Who was paid.
    legal_entity: String,
    /// `transfer`, `cheque`, `wire`, `cash` or `other`.
    method: &'static str,
    /// How much.
    amount: AmountOut,
    /// What of it paid no invoice, or one that was voided since, and became the customer's credit.
    credit: AmountOut,
    /// What the bank statement or the cheque says.
    reference: Option<String>,
    /// When it came, in business time.
    received: Timestamp,
    /// The day it came, where the legal entity is.
    received_date: Date,
    /// When it turned out not to have come, in business time.
    reversed: Option<Timestamp>,
}

impl From<Payment> for PaymentOut {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id.to_string(),
            customer: payment.customer.to_string(),
            legal_entity: payment.entity.to_string(),
            method: payment.method.word(),
            amount: payment.amount.into(),
            credit: payment.credit.into(),
            reference: payment.reference,
            received: payment.received,
            received_date: payment.day,
            reversed: payment.reversed,
        }
    }
}

/// What of a payment went to an invoice, or came back. What an invoice was paid is the sum of these.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settlement)]
pub(crate) struct SettlementOut {
    /// The invoice.
    invoice: String,
    /// Why: `settled`; `reversed` with the payment; `credit_returned`, because its credit had paid this invoice;
    /// `released`, because the invoice was voided.
    cause: &'static str,
    /// Below zero when it came back.
    amount: AmountOut,
    /// When, in business time.
    at: Timestamp,
}

impl From<Settlement> for SettlementOut {
    fn from(settlement: Settlement) -> Self {
        Self {
            invoice: settlement.invoice.to_string(),
            cause: settlement.cause.word(),
            amount: settlement.amount.into(),
            at: settlement.at,
        }
    }
}

/// A payment and what it did to invoices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentWithSettlements {
    #[serde(flatten)]
    payment: PaymentOut,
    /// What of it went to invoices, or came back, in order.
    settlements: Vec<SettlementOut>,
}

impl PaymentWithSettlements {
    pub(crate) fn load(view: &mut View<'_>, payment: Payment) -> Result<Self> {
        let settlements = payment::settlements(view, payment.id)?;
        let settlements = settlements.into_iter().map(SettlementOut::from).collect();
        Ok(Self { payment: payment.into(), settlements })
    }
}

/// What a payment did to an invoice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoicePayment)]
pub(crate) struct InvoicePaymentOut {
    /// The payment.
    payment: PaymentOut,
    #[serde(flatten)]
    settlement: SettlementOut,
}

impl From<(Payment, Settlement)> for InvoicePaymentOut {
    fn from((payment, settlement): (Payment, Settlement)) -> Self {
        Self { payment: payment.into(), settlement: settlement.into() }
    }
}
