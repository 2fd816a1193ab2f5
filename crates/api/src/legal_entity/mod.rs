//! Legal entities: who issues documents.

use axum::{Json, extract::State, http::StatusCode};
use identity::{
    environment::{self, EntityEdit, NewLegalEntity},
    permission::may,
};
use kernel::{Result, ids::LegalEntityId};
use serde::Deserialize;
use tax::Registration;
use utoipa::ToSchema;

use crate::{
    actor::{Actor, AnyKey},
    app::{ApiResult, App, Changed},
    body::{self, Body},
    page::Page,
    parameters::{Path, parse},
};

pub(crate) mod out;
use out::LegalEntityOut;

/// A legal entity to set up.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddLegalEntity {
    /// Registered name, as printed.
    #[schema(examples("Unison GmbH"))]
    name: String,
    /// ISO 3166-1 alpha-2.
    #[schema(examples("DE"))]
    country: String,
    /// The region of the country, where taxes differ by it: ISO 3166-2 without the country.
    #[schema(examples("BE"))]
    region: Option<String>,
    /// Its tax id, as printed. Only its shape is checked.
    #[schema(examples("DE123456789"))]
    tax_id: Option<String>,
    /// Where it collects tax: countries (`DE`), states or provinces with a tax of their own (`US-NY`, `CA-QC`), and `OSS`
    /// for the One-Stop-Shop of the European Union. Nowhere else is tax charged.
    #[serde(default)]
    #[schema(examples(json!(["DE", "OSS"])))]
    registrations: Vec<String>,
    /// Functional currency, ISO 4217.
    #[schema(examples("EUR"))]
    currency: String,
    /// IANA time zone its dates are in.
    #[schema(examples("Europe/Berlin"))]
    zone: String,
    /// What its invoice numbers begin with: 1 to 10 capitals or digits, unique in the environment.
    #[schema(examples("INV"))]
    series: String,
}

impl AddLegalEntity {
    fn command(self) -> Result<NewLegalEntity> {
        Ok(NewLegalEntity {
            currency: parse(&self.currency, "/currency")?,
            zone: parse(&self.zone, "/zone")?,
            name: self.name,
            country: self.country,
            region: self.region,
            tax_id: self.tax_id,
            registrations: registrations(&self.registrations)?,
            series: self.series,
        })
    }
}

/// Errors: `registration_unknown`.
fn registrations(texts: &[String]) -> Result<Vec<Registration>> {
    let texts = texts.iter().enumerate();
    texts.map(|(place, text)| parse(text, &format!("/registrations/{place}"))).collect()
}

/// What to change of a legal entity; what is left out stays. Currency, zone and series never change.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeLegalEntity {
    /// Registered name, as printed.
    #[serde(default, deserialize_with = "body::set")]
    #[schema(value_type = String, required = false, examples("Unison GmbH"))]
    name: Option<String>,
    /// ISO 3166-1 alpha-2. Region and tax id must fit it.
    #[serde(default, deserialize_with = "body::set")]
    #[schema(value_type = String, required = false, examples("DE"))]
    country: Option<String>,
    /// ISO 3166-2 without the country; null: none.
    #[serde(default, deserialize_with = "body::set_or_clear")]
    #[schema(value_type = Option<String>, examples("BE"))]
    region: Option<Option<String>>,
    /// Its tax id, as printed; null: none.
    #[serde(default, deserialize_with = "body::set_or_clear")]
    #[schema(value_type = Option<String>, examples("DE123456789"))]
    tax_id: Option<Option<String>>,
    /// Where it collects tax, in place of those before.
    #[serde(default, deserialize_with = "body::set")]
    #[schema(value_type = Vec<String>, required = false, examples(json!(["DE", "OSS"])))]
    registrations: Option<Vec<String>>,
}

impl ChangeLegalEntity {
    fn command(self) -> Result<EntityEdit> {
        Ok(EntityEdit {
            registrations: self.registrations.as_deref().map(registrations).transpose()?,
            name: self.name,
            country: self.country,
            region: self.region,
            tax_id: self.tax_id,
        })
    }
}

/// List the legal entities, oldest first: all on one page. The first one issues where none is named.
#[utoipa::path(get, path = "/v1/legal-entities", tag = "Environment", responses((status = 200, body = Page<LegalEntityOut>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<AnyKey>,
) -> ApiResult<Json<Page<LegalEntityOut>>> {
    app.read(actor.scope(), |view| {
        let entities = environment::entities(view)?.into_iter().map(LegalEntityOut::from).collect();
        Ok(Page::of(entities, None))
    })
    .await
}

/// Set up a legal entity. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/legal-entities", tag = "Environment", request_body = AddLegalEntity,
    responses((status = 201, body = LegalEntityOut)),
)]
pub(crate) async fn add(
    State(app): State<App>,
    actor: Actor<may::BookWrite>,
    Body { content, request }: Body<AddLegalEntity>,
) -> ApiResult<Changed> {
    let new = content.command()?;
    app.change(actor.scope(), request, move |tx| {
        let id = environment::add_entity(tx, &new)?;
        Ok((StatusCode::CREATED, LegalEntityOut::from(environment::entity(tx, Some(id))?)))
    })
    .await
}

/// Change a legal entity. Documents that were issued stay as printed; what is billed from now on is taxed by what it
/// says then. Idempotent by key.
#[utoipa::path(
    patch, path = "/v1/legal-entities/{id}", tag = "Environment", request_body = ChangeLegalEntity,
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 200, body = LegalEntityOut)),
)]
pub(crate) async fn change(
    State(app): State<App>,
    actor: Actor<may::BookWrite>,
    Path(id): Path<LegalEntityId>,
    Body { content, request }: Body<ChangeLegalEntity>,
) -> ApiResult<Changed> {
    let edit = content.command()?;
    app.change(actor.scope(), request, move |tx| {
        let entity = environment::change_entity(tx, id, edit.clone())?;
        Ok((StatusCode::OK, LegalEntityOut::from(entity)))
    })
    .await
}
