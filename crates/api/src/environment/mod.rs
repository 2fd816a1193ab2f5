//! The environment a key leads to.

use axum::{Json, extract::State};
use identity::environment;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    actor::{Actor, AnyKey},
    app::{ApiResult, App},
};

/// An environment: where data lives.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Environment)]
pub(crate) struct EnvironmentOut {
    #[schema(examples("env_01jdd7w000e008000000000001"))]
    id: String,
    /// Its name in URLs.
    name: String,
    /// `live`: business time is real time. `sandbox`: it stands still until it is moved.
    #[schema(examples("sandbox"))]
    mode: &'static str,
    /// Its business time.
    now: Timestamp,
    /// Real time it was set up.
    created: Timestamp,
}

/// Show the environment of the key.
#[utoipa::path(get, path = "/v1/environment", tag = "Environment", responses((status = 200, body = EnvironmentOut)))]
pub(crate) async fn show(State(app): State<App>, actor: Actor<AnyKey>) -> ApiResult<Json<EnvironmentOut>> {
    app.read(actor.scope(), |view| {
        let this = environment::this(view)?;
        let (id, mode) = (this.id.to_string(), this.mode.word());
        Ok(EnvironmentOut { id, name: this.slug, mode, now: view.now(), created: this.created })
    })
    .await
}
