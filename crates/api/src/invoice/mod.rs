//! Invoices.

use axum::{Json, extract::State, http::StatusCode};
use billing::{credit_note, invoice};
use identity::{
    customer::{self, CustomerRef},
    permission::may,
};
use jiff::civil::Date;
use kernel::{Result, ids::InvoiceId, time};
use serde::Deserialize;
use store::Reason;
use utoipa::{IntoParams, ToSchema};

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    credit_note::CreditNoteOut,
    ledger::EntryOut,
    page::{Page, PageQuery},
    parameters::{Path, Query, one_of, parse_some},
};

mod out;
pub(crate) use out::{ExplanationOut, InvoiceOut, InvoiceWithLines, LineOut, PartyOut};

/// Which invoices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvoiceQuery {
    /// How many, 1 to 100; 20 when left out.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next` of the page before; the first page when left out.
    after: Option<String>,
    /// Only those of this customer: its id, or `ext:` and your own.
    customer: Option<String>,
    /// Only those in this state: `draft`, `finalized`, `paid`, `void` or `uncollectible`.
    state: Option<String>,
    /// Only those in this currency, ISO 4217.
    currency: Option<String>,
    /// Only those issued on this date or later, the latest date first.
    issued_from: Option<String>,
    /// Only those issued before this date.
    issued_to: Option<String>,
}

impl InvoiceQuery {
    fn issued(&self) -> Result<Option<[Date; 2]>> {
        let day = |text: Option<&String>, pointer: &'static str| {
            text.map(|text| time::date(text).map_err(|error| error.at(pointer))).transpose()
        };
        let from = day(self.issued_from.as_ref(), "?issued_from")?;
        let to = day(self.issued_to.as_ref(), "?issued_to")?;
        let given = from.is_some() || to.is_some();
        Ok(given.then(|| [from.unwrap_or(time::FIRST_DATE), to.unwrap_or(time::END_DATE)]))
    }
}

/// List invoices, newest first; by date of issue when dates are asked for.
#[utoipa::path(
    get, path = "/v1/invoices", tag = "Invoices", params(InvoiceQuery),
    responses((status = 200, body = Page<InvoiceOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Query(query): Query<InvoiceQuery>,
) -> ApiResult<Json<Page<InvoiceOut>>> {
    let customer: Option<CustomerRef> = parse_some(query.customer.as_deref(), "?customer")?;
    let states = "draft, finalized, paid, void and uncollectible";
    let filter = invoice::Filter {
        state: one_of(query.state.as_deref(), "?state", invoice::State::parse, states)?,
        customer: None,
        currency: parse_some(query.currency.as_deref(), "?currency")?,
        issued: query.issued()?,
    };
    let page = PageQuery { limit: query.limit, after: query.after };
    let (limit, after) = (page.limit()?, page.after::<invoice::Place>()?);
    app.read(actor.scope(), move |view| {
        let customer = customer.as_ref().map(|customer| customer::resolve(view, customer)).transpose()?;
        let filter = invoice::Filter { customer, ..filter.clone() };
        let invoices = invoice::search(view, &filter, after, limit + 1)?;
        Page::cut(invoices, limit, invoice::Place::of, InvoiceOut::new).transpose()
    })
    .await
}

/// Show an invoice with its lines and how each came to be.
#[utoipa::path(
    get, path = "/v1/invoices/{id}", tag = "Invoices", params(("id" = String, Path)),
    responses((status = 200, body = InvoiceWithLines)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Path(id): Path<InvoiceId>,
) -> ApiResult<Json<InvoiceWithLines>> {
    app.read(actor.scope(), move |view| {
        let invoice = invoice::find(view, id)?;
        InvoiceWithLines::load(view, invoice)
    })
    .await
}

/// Issue a draft: its taxes are assessed by what is known of the customer then, it gets its number and date, the customer's credit pays what it can, it is posted to the
/// ledger, and never changes again.
/// Idempotent by key.
#[utoipa::path(
    post, path = "/v1/invoices/{id}/finalize", tag = "Invoices", params(("id" = String, Path)),
    responses((status = 200, body = InvoiceWithLines)),
)]
pub(crate) async fn finalize(
    State(app): State<App>,
    actor: Actor<may::InvoiceWrite>,
    Path(id): Path<InvoiceId>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        let invoice = invoice::finalize(tx, id)?;
        Ok((StatusCode::OK, InvoiceWithLines::load(tx, invoice)?))
    })
    .await
}

/// Why an invoice ends.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndInvoice {
    /// A code of up to 64 lower-case letters, digits and underscores, such as `duplicate`, `mistake` or `insolvent`.
    #[schema(examples("duplicate"))]
    reason: String,
}

impl EndInvoice {
    fn reason(&self) -> Result<Reason> {
        Reason::parse(&self.reason).map_err(|error| error.at("/reason"))
    }
}

/// Take an issued invoice back whole: what it posted is posted back, what the customer's credit or payments paid of it
/// is to the customer's credit. Its number stays taken, and what it billed is not billed again by itself. An invoice
/// that credit notes have corrected stands. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/invoices/{id}/void", tag = "Invoices", params(("id" = String, Path)), request_body = EndInvoice,
    responses((status = 200, body = InvoiceWithLines)),
)]
pub(crate) async fn void(
    State(app): State<App>,
    actor: Actor<may::InvoiceWrite>,
    Path(id): Path<InvoiceId>,
    Body { content, request }: Body<EndInvoice>,
) -> ApiResult<Changed> {
    let reason = content.reason()?;
    app.change(actor.scope(), request, move |tx| {
        let invoice = invoice::void(tx, id, &reason)?;
        Ok((StatusCode::OK, InvoiceWithLines::load(tx, invoice)?))
    })
    .await
}

/// Give up collecting what is due on an issued invoice: it becomes bad debt. What it billed stays billed, and its tax
/// stays owed. It can still be voided. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/invoices/{id}/uncollectible", tag = "Invoices", params(("id" = String, Path)),
    request_body = EndInvoice, responses((status = 200, body = InvoiceWithLines)),
)]
pub(crate) async fn uncollectible(
    State(app): State<App>,
    actor: Actor<may::InvoiceWrite>,
    Path(id): Path<InvoiceId>,
    Body { content, request }: Body<EndInvoice>,
) -> ApiResult<Changed> {
    let reason = content.reason()?;
    app.change(actor.scope(), request, move |tx| {
        let invoice = invoice::give_up(tx, id, &reason)?;
        Ok((StatusCode::OK, InvoiceWithLines::load(tx, invoice)?))
    })
    .await
}

/// List what an invoice posted to the ledger: all on one page.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/ledger", tag = "Invoices", params(("id" = String, Path)),
    responses((status = 200, body = Page<EntryOut>)),
)]
pub(crate) async fn ledger(
    State(app): State<App>,
    actor: Actor<may::LedgerRead>,
    Path(id): Path<InvoiceId>,
) -> ApiResult<Json<Page<EntryOut>>> {
    app.read(actor.scope(), move |view| {
        let document = invoice::find(view, id)?.id.any();
        let entries = ledger::of_document(view, document)?;
        Ok(Page::of(entries.into_iter().map(EntryOut::from).collect(), None))
    })
    .await
}

/// List the credit notes that correct an invoice, oldest first: all on one page.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/credit-notes", tag = "Invoices", params(("id" = String, Path)),
    responses((status = 200, body = Page<CreditNoteOut>)),
)]
pub(crate) async fn credit_notes(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Path(id): Path<InvoiceId>,
) -> ApiResult<Json<Page<CreditNoteOut>>> {
    app.read(actor.scope(), move |view| {
        let invoice = invoice::find(view, id)?.id;
        let notes = credit_note::of_invoice(view, invoice)?;
        Ok(Page::of(notes.into_iter().map(CreditNoteOut::from).collect(), None))
    })
    .await
}
