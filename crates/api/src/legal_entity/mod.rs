//! Legal entities: who issues documents.

use axum::{Json, extract::State, http::StatusCode};
use identity::{
    environment::{self, NewLegalEntity},
    permission::may,
};
use kernel::Result;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    actor::{Actor, AnyKey},
    app::{ApiResult, App, Changed},
    body::Body,
    page::Page,
    parameters::parse,
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
            series: self.series,
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
