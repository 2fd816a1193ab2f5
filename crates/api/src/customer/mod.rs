//! Customers.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use identity::{
    customer::{self, CustomerRef, NewCustomer},
    permission::may,
};
use kernel::{Result, ids::CustomerId};
use ledger::AccountKind;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    page::{Page, PageQuery},
    parameters::{Path, Query, parse, parse_some},
};

mod change;
mod out;
pub(crate) use change::*;
use out::CreditBalancesOut;
pub(crate) use out::CustomerOut;

/// A customer to create.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateCustomer {
    /// Name of the organisation or person, up to 200 characters.
    #[schema(examples("Meyer Maschinenbau GmbH"))]
    name: String,
    /// Where mail goes.
    #[schema(examples("billing@example.com"))]
    email: Option<String>,
    /// Postal address, up to 500 characters in one line.
    address: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(examples("DE"))]
    country: String,
    /// The region of the country, where taxes differ by it: ISO 3166-2 without the country. In the United States the
    /// state, without which no sales tax is charged.
    #[schema(examples("BY"))]
    region: Option<String>,
    /// Its tax id, when it buys as a business. Only its shape is checked.
    #[schema(examples("DE123456789"))]
    tax_id: Option<String>,
    /// Whether no tax is charged to it.
    #[serde(default)]
    tax_exempt: bool,
    /// What it is billed in unless a subscription says otherwise, ISO 4217.
    #[schema(examples("USD"))]
    currency: String,
    /// IANA time zone its days begin in; UTC when left out.
    #[schema(examples("Europe/Berlin"))]
    zone: Option<String>,
    /// Your own id for it, unique in the environment: it can then be named `ext:…`.
    #[schema(examples("A-2e4581"))]
    external_id: Option<String>,
    /// Your own notes: up to 50 texts.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl CreateCustomer {
    fn command(self) -> Result<NewCustomer> {
        Ok(NewCustomer {
            currency: parse(&self.currency, "/currency")?,
            zone: parse_some(self.zone.as_deref(), "/zone")?,
            name: self.name,
            email: self.email,
            address: self.address,
            country: self.country,
            region: self.region,
            tax_id: self.tax_id,
            tax_exempt: self.tax_exempt,
            external_id: self.external_id,
            metadata: json!(self.metadata),
        })
    }
}

/// Create a customer. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/customers", tag = "Customers", request_body = CreateCustomer,
    responses((status = 201, body = CustomerOut)),
)]
pub(crate) async fn create(
    State(app): State<App>,
    actor: Actor<may::CustomerWrite>,
    Body { content, request }: Body<CreateCustomer>,
) -> ApiResult<Changed> {
    let new = content.command()?;
    app.change(actor.scope(), request, move |tx| {
        let customer = customer::create(tx, new.clone())?;
        Ok((StatusCode::CREATED, CustomerOut::load(tx, customer)?))
    })
    .await
}

/// List customers, newest first.
#[utoipa::path(
    get, path = "/v1/customers", tag = "Customers", params(PageQuery),
    responses((status = 200, body = Page<CustomerOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::CustomerRead>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<CustomerOut>>> {
    let (limit, after) = (page.limit()?, page.after::<CustomerId>()?);
    app.read(actor.scope(), move |view| {
        let customers = customer::list(view, after, limit + 1)?;
        Ok(Page::cut(customers, limit, |(customer, _)| customer.id, CustomerOut::from))
    })
    .await
}

/// Show a customer.
#[utoipa::path(
    get, path = "/v1/customers/{id}", tag = "Customers", params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = CustomerOut)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::CustomerRead>,
    Path(customer): Path<CustomerRef>,
) -> ApiResult<Json<CustomerOut>> {
    app.read(actor.scope(), move |view| {
        let id = customer::resolve(view, &customer)?;
        let customer = customer::find(view, id)?;
        CustomerOut::load(view, customer)
    })
    .await
}

/// Blank a customer's name, addresses, tax id and metadata for good. Facts, ledger and issued documents stay.
/// Idempotent by key.
#[utoipa::path(
    post, path = "/v1/customers/{id}/erase", tag = "Customers",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = CustomerOut)),
)]
pub(crate) async fn erase(
    State(app): State<App>,
    actor: Actor<may::CustomerWrite>,
    Path(customer): Path<CustomerRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        let id = customer::resolve(tx, &customer)?;
        customer::erase(tx, id)?;
        let customer = customer::find(tx, id)?;
        Ok((StatusCode::OK, CustomerOut::load(tx, customer)?))
    })
    .await
}

/// Show what a customer has to its credit, which pays its next invoices.
#[utoipa::path(
    get, path = "/v1/customers/{id}/credit", tag = "Customers",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = CreditBalancesOut)),
)]
pub(crate) async fn credit(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Path(customer): Path<CustomerRef>,
) -> ApiResult<Json<CreditBalancesOut>> {
    app.read(actor.scope(), move |view| {
        let id = customer::resolve(view, &customer)?;
        let id = customer::find(view, id)?.id;
        let held = ledger::held_by(view, AccountKind::CustomerCredit, vec![id.to_string()])?;
        Ok(CreditBalancesOut::new(id, held))
    })
    .await
}
