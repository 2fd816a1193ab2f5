//! Payments written down by hand.

use axum::{Json, extract::State, http::StatusCode};
use billing::{
    invoice,
    payment::{self, Method, NewPayment, Received},
};
use entitlements::switch::{self, Switch};
use identity::{
    customer::{self, CustomerRef},
    permission::may,
};
use kernel::{
    Currency, Error, Money, Result,
    ids::{CustomerId, InvoiceId, LegalEntityId, PaymentId},
    time,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    ledger::EntryOut,
    page::{Page, PageQuery},
    parameters::{Path, Query, parse, parse_some},
};

mod out;
use out::{InvoicePaymentOut, PaymentOut, PaymentWithSettlements};

/// Which payments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentQuery {
    /// How many, 1 to 100; 20 when left out.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next` of the page before; the first page when left out.
    after: Option<String>,
    /// Only those of this customer: its id, or `ext:` and your own.
    customer: Option<String>,
}

/// A payment to write down.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordPayment {
    /// Who paid: its id, or `ext:` and your own.
    #[schema(examples("ext:meyer"))]
    customer: String,
    /// How much, as decimal text in major units.
    #[schema(examples("49.00"))]
    amount: String,
    /// ISO 4217.
    #[schema(examples("EUR"))]
    currency: String,
    /// `transfer`, `cheque`, `wire`, `cash` or `other`.
    #[schema(examples("transfer"))]
    method: String,
    /// When it came: a date where the legal entity is, or an instant of RFC 3339. Now, when left out; never in the
    /// future.
    #[schema(examples("2026-03-02"))]
    received: Option<String>,
    /// What the bank statement or the cheque says, up to 100 characters. The same one is refused, so that the same
    /// money is not taken twice, unless the payment it was on was reversed.
    reference: Option<String>,
    /// What it pays, in this order. The customer's open invoices in this currency, the oldest first, when left out.
    #[serde(default)]
    invoices: Vec<String>,
    /// Who was paid; the issuer of the invoices it pays, when left out.
    legal_entity: Option<String>,
}

impl RecordPayment {
    /// The command of a customer who was looked up.
    fn read(&self, customer: CustomerId) -> Result<NewPayment> {
        let currency: Currency = parse(&self.currency, "/currency")?;
        let amount = Money::parse(&self.amount, currency).map_err(|error| error.at("/amount"))?;
        let method = Method::parse(&self.method).ok_or_else(|| unknown_method(&self.method))?;
        let invoice = |(place, text): (usize, &String)| parse(text, &format!("/invoices/{place}"));
        Ok(NewPayment {
            customer,
            entity: parse_some::<LegalEntityId>(self.legal_entity.as_deref(), "/legal_entity")?,
            amount,
            method,
            received: self.received.as_deref().map(received).transpose()?,
            reference: self.reference.clone(),
            invoices: self.invoices.iter().enumerate().map(invoice).collect::<Result<Vec<InvoiceId>>>()?,
        })
    }
}

fn unknown_method(word: &str) -> Error {
    let known = Method::ALL.map(Method::word).join(", ");
    Error::invalid("body_invalid", format!("{word:?} is no way to pay. It is one of {known}.")).at("/method")
}

/// A date or an instant.
fn received(text: &str) -> Result<Received> {
    let read = match text.contains('T') {
        true => time::instant(text).map(Received::At),
        false => time::date(text).map(Received::On),
    };
    read.map_err(|error| error.at("/received"))
}

/// List payments, the last recorded first.
#[utoipa::path(
    get, path = "/v1/payments", tag = "Payments", params(PaymentQuery),
    responses((status = 200, body = Page<PaymentOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::PaymentRead>,
    Query(query): Query<PaymentQuery>,
) -> ApiResult<Json<Page<PaymentOut>>> {
    let customer: Option<CustomerRef> = parse_some(query.customer.as_deref(), "?customer")?;
    let page = PageQuery { limit: query.limit, after: query.after };
    let (limit, after) = (page.limit()?, page.after::<PaymentId>()?);
    app.read(actor.scope(), move |view| {
        let customer = customer.as_ref().map(|customer| customer::resolve(view, customer)).transpose()?;
        let payments = payment::list(view, customer, after, limit + 1)?;
        Ok(Page::cut(payments, limit, |payment| payment.id, PaymentOut::from))
    })
    .await
}

/// Write down that money came, by transfer, cheque, wire or in cash. It pays the invoices named, or the customer's open
/// ones of that currency, the oldest first; what is too much becomes the customer's credit, which pays what is billed
/// later. Refused while the flag `payments_enabled` is off; staff can still write it down on the pages. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/payments", tag = "Payments", request_body = RecordPayment,
    responses((status = 201, body = PaymentWithSettlements)),
)]
pub(crate) async fn record(
    State(app): State<App>,
    actor: Actor<may::PaymentWrite>,
    Body { content, request }: Body<RecordPayment>,
) -> ApiResult<Changed> {
    let customer: CustomerRef = parse(&content.customer, "/customer")?;
    app.change(actor.scope(), request, move |tx| {
        let customer = customer::resolve(tx, &customer)?;
        switch::open(tx, Switch::Payments, Some(customer))?;
        let recorded = payment::record(tx, content.read(customer)?)?;
        Ok((StatusCode::CREATED, PaymentWithSettlements::load(tx, recorded.payment)?))
    })
    .await
}

/// Show a payment and what it did to invoices.
#[utoipa::path(
    get, path = "/v1/payments/{id}", tag = "Payments", params(("id" = String, Path)),
    responses((status = 200, body = PaymentWithSettlements)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::PaymentRead>,
    Path(id): Path<PaymentId>,
) -> ApiResult<Json<PaymentWithSettlements>> {
    app.read(actor.scope(), move |view| {
        let payment = payment::find(view, id)?;
        PaymentWithSettlements::load(view, payment)
    })
    .await
}

/// Undo a payment that did not come after all: a cheque bounced, or it was mistyped. What it paid is due again, and
/// where it became credit that has paid invoices since, they are due again too, the newest first. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/payments/{id}/reverse", tag = "Payments", params(("id" = String, Path)),
    responses((status = 200, body = PaymentWithSettlements)),
)]
pub(crate) async fn reverse(
    State(app): State<App>,
    actor: Actor<may::PaymentWrite>,
    Path(id): Path<PaymentId>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        let payment = payment::reverse(tx, id)?;
        Ok((StatusCode::OK, PaymentWithSettlements::load(tx, payment)?))
    })
    .await
}

/// List what a payment posted to the ledger: all on one page.
#[utoipa::path(
    get, path = "/v1/payments/{id}/ledger", tag = "Payments", params(("id" = String, Path)),
    responses((status = 200, body = Page<EntryOut>)),
)]
pub(crate) async fn ledger(
    State(app): State<App>,
    actor: Actor<may::LedgerRead>,
    Path(id): Path<PaymentId>,
) -> ApiResult<Json<Page<EntryOut>>> {
    app.read(actor.scope(), move |view| {
        let document = payment::find(view, id)?.id.any();
        let entries = ::ledger::of_document(view, document)?;
        Ok(Page::of(entries.into_iter().map(EntryOut::from).collect(), None))
    })
    .await
}

/// List what payments did to an invoice, oldest first: all on one page.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/payments", tag = "Payments", params(("id" = String, Path)),
    responses((status = 200, body = Page<InvoicePaymentOut>)),
)]
pub(crate) async fn of_invoice(
    State(app): State<App>,
    actor: Actor<may::PaymentRead>,
    Path(id): Path<InvoiceId>,
) -> ApiResult<Json<Page<InvoicePaymentOut>>> {
    app.read(actor.scope(), move |view| {
        let invoice = invoice::find(view, id)?.id;
        let settled = payment::of_invoice(view, invoice)?;
        Ok(Page::of(settled.into_iter().map(InvoicePaymentOut::from).collect(), None))
    })
    .await
}
