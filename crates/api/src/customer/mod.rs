//! Customers.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use billing::{
    customers::{self, Filter, Having, Listed},
    subscription,
};
use identity::{
    customer::{self, CustomerRef, Find, NewCustomer, Place, Sort},
    permission::may,
};
use kernel::Result;
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    page::{Page, PageQuery, cursor},
    parameters::{Path, Query, one_of, parse, parse_some},
};

mod change;
mod credit;
mod link;
mod out;
mod trial;
pub(crate) use change::*;
pub(crate) use credit::*;
pub(crate) use link::*;
pub(crate) use out::CustomerOut;
pub(crate) use trial::*;

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
    /// What your gateway says tells its method of payment from others. It is kept as a hash, with a trial, so that
    /// whoever comes again has no second one.
    payment_fingerprint: Option<String>,
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

/// Create a customer. Where the price book starts trials at sign-up, its trial begins; one that cannot begin is named
/// in `trial_refused`, and the customer is there without it. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/customers", tag = "Customers", request_body = CreateCustomer,
    responses((status = 201, body = CreatedOut)),
)]
pub(crate) async fn create(
    State(app): State<App>,
    actor: Actor<may::CustomerWrite>,
    Body { content, request }: Body<CreateCustomer>,
) -> ApiResult<Changed> {
    let fingerprint = content.payment_fingerprint.clone();
    let new = content.command()?;
    app.change(actor.scope(), request, move |tx| {
        let created = customers::create(tx, new.clone(), fingerprint.clone())?;
        Ok((StatusCode::CREATED, CreatedOut::load(tx, created)?))
    })
    .await
}

/// Which customers, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomerQuery {
    /// How many, 1 to 100; 20 when left out.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next` of the page before; the first page when left out.
    after: Option<String>,
    /// Beginnings of words of name, e-mail address or your own id, of two letters and more: those that have all of
    /// them. Case and accents do not matter.
    search: Option<String>,
    /// Only those of this country, ISO 3166-1 alpha-2.
    country: Option<String>,
    /// Only those billed in this currency unless a subscription says otherwise, ISO 4217.
    currency: Option<String>,
    /// Only those with a subscription in this state (`active`, `trialing`, …), or with `none` that goes on.
    subscription: Option<String>,
    /// `newest`, `oldest` or `name`; `newest` when left out.
    sort: Option<String>,
}

impl CustomerQuery {
    fn filter(&self) -> Result<Filter> {
        let having = |word: &str| match word {
            "none" => Some(Having::Nothing),
            word => subscription::State::parse(word).map(Having::Subscription),
        };
        let states = "the states of subscriptions, and not none";
        let sort = one_of(self.sort.as_deref(), "?sort", Sort::parse, "newest, oldest and name")?;
        Ok(Filter {
            find: Find {
                search: self.search.clone(),
                country: self.country.clone(),
                currency: parse_some(self.currency.as_deref(), "?currency")?,
                sort: sort.unwrap_or_default(),
            },
            having: one_of(self.subscription.as_deref(), "?subscription", having, states)?,
        })
    }
}

/// List customers. A page may hold fewer than asked for while there is a `next`.
#[utoipa::path(
    get, path = "/v1/customers", tag = "Customers", params(CustomerQuery),
    responses((status = 200, body = Page<CustomerOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::CustomerRead>,
    Query(query): Query<CustomerQuery>,
) -> ApiResult<Json<Page<CustomerOut>>> {
    let filter = query.filter()?;
    let page = PageQuery { limit: query.limit, after: query.after };
    let (limit, after) = (page.limit()?, page.after::<Place>()?);
    app.read(actor.scope(), move |view| {
        let count = usize::try_from(limit).unwrap_or_default();
        let Listed { found, next } = customers::list(view, &filter, after.as_ref(), count)?;
        let found = found.into_iter().map(|one| CustomerOut::from((one.customer, one.person)));
        Ok(Page::of(found.collect(), next.map(cursor)))
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
        customers::erase(tx, id)?;
        entitlements::override_::forget_reasons(tx, id)?;
        let customer = customer::find(tx, id)?;
        Ok((StatusCode::OK, CustomerOut::load(tx, customer)?))
    })
    .await
}
