//! Changing a customer.

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode};
use identity::{
    customer::{self, CustomerRef, Edit},
    permission::may,
};
use kernel::Result;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::CustomerOut;
use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{self, Body},
    parameters::{Path, parse_some},
};

/// What to change of a customer; what is left out stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeCustomer {
    /// Name of the organisation or person, up to 200 characters.
    #[serde(default, deserialize_with = "body::set")]
    #[schema(value_type = String, required = false, examples("Meyer Maschinenbau GmbH"))]
    name: Option<String>,
    /// Where mail goes; null: nowhere.
    #[serde(default, deserialize_with = "body::set_or_clear")]
    #[schema(value_type = Option<String>, examples("billing@example.com"))]
    email: Option<Option<String>>,
    /// Postal address, up to 500 characters in one line; null: none.
    #[serde(default, deserialize_with = "body::set_or_clear")]
    #[schema(value_type = Option<String>)]
    address: Option<Option<String>>,
    /// ISO 3166-1 alpha-2. Region and tax id must fit it.
    #[serde(default, deserialize_with = "body::set")]
    #[schema(value_type = String, required = false, examples("DE"))]
    country: Option<String>,
    /// ISO 3166-2 without the country; null: none.
    #[serde(default, deserialize_with = "body::set_or_clear")]
    #[schema(value_type = Option<String>, examples("BY"))]
    region: Option<Option<String>>,
    /// Its tax id, when it buys as a business; null: none.
    #[serde(default, deserialize_with = "body::set_or_clear")]
    #[schema(value_type = Option<String>, examples("DE123456789"))]
    tax_id: Option<Option<String>>,
    /// Whether no tax is charged to it.
    #[serde(default, deserialize_with = "body::set")]
    #[schema(value_type = bool, required = false)]
    tax_exempt: Option<bool>,
    /// IANA time zone its days begin in. Subscriptions that run keep theirs.
    #[serde(default, deserialize_with = "body::set")]
    #[schema(value_type = String, required = false, examples("Europe/Berlin"))]
    zone: Option<String>,
    /// Your own notes, in place of those before: up to 50 texts.
    #[serde(default, deserialize_with = "body::set")]
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    metadata: Option<BTreeMap<String, String>>,
}

impl ChangeCustomer {
    fn command(self) -> Result<Edit> {
        Ok(Edit {
            zone: parse_some(self.zone.as_deref(), "/zone")?,
            name: self.name,
            email: self.email,
            address: self.address,
            country: self.country,
            region: self.region,
            tax_id: self.tax_id,
            tax_exempt: self.tax_exempt,
            metadata: self.metadata.map(|metadata| json!(metadata)),
        })
    }
}

/// Change a customer. Documents that were issued stay as printed; what is billed from now on, drafts included when
/// they are finalized, is made out to and taxed by what it says then. Idempotent by key.
#[utoipa::path(
    patch, path = "/v1/customers/{id}", tag = "Customers", request_body = ChangeCustomer,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = CustomerOut)),
)]
pub(crate) async fn change(
    State(app): State<App>,
    actor: Actor<may::CustomerWrite>,
    Path(customer): Path<CustomerRef>,
    Body { content, request }: Body<ChangeCustomer>,
) -> ApiResult<Changed> {
    let edit = content.command()?;
    app.change(actor.scope(), request, move |tx| {
        let id = customer::resolve(tx, &customer)?;
        let customer = billing::customers::change(tx, id, edit.clone())?;
        Ok((StatusCode::OK, CustomerOut::load(tx, customer)?))
    })
    .await
}
