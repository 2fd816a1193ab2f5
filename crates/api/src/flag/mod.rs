//! Flags: which variant of something is served to whom. `/ofrep/v1` evaluates them for OpenFeature's SDKs.

use axum::{Json, extract::State, http::StatusCode};
use entitlements::{
    Whom,
    flag::{self, Flag},
};
use identity::permission::may;
use kernel::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::Body,
    ofrep,
    page::Page,
    parameters::Path,
};

mod shape;
pub(crate) use shape::{FlagIn, FlagOut, VersionOut};

/// The most versions listed: the newest.
const LISTED: i64 = 100;

/// A flag's key in a path.
pub(crate) struct FlagKey(String);

impl std::str::FromStr for FlagKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self(text.to_owned()))
    }
}

/// A flag to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateFlag {
    /// Names it in programs: letters, digits, dots, hyphens and underscores. A flag called like a feature of the price
    /// book decides about that feature; one called like a meter withholds it where it serves `false`.
    #[schema(examples("new_checkout"))]
    key: String,
    /// What it serves.
    flag: FlagIn,
}

/// A flag to change.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveFlag {
    /// The version it was made for: refused when somebody changed the flag since.
    version: i64,
    /// What it serves from now on, all of it.
    flag: FlagIn,
}

/// On or off.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchFlag {
    /// Whether its rules are heeded.
    enabled: bool,
}

/// A flag to remove.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveFlag {
    /// The version that was seen last.
    version: i64,
}

/// List the flags by key: all on one page.
#[utoipa::path(get, path = "/v1/flags", tag = "Features", responses((status = 200, body = Page<FlagOut>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::FlagRead>,
) -> ApiResult<Json<Page<FlagOut>>> {
    app.read(actor.scope(), |view| {
        Ok(Page::of(flag::all(view)?.into_iter().map(FlagOut::from).collect(), None))
    })
    .await
}

/// Show a flag.
#[utoipa::path(
    get, path = "/v1/flags/{key}", tag = "Features", params(("key" = String, Path, description = "The flag's key.")),
    responses((status = 200, body = FlagOut)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::FlagRead>,
    Path(FlagKey(key)): Path<FlagKey>,
) -> ApiResult<Json<FlagOut>> {
    app.read(actor.scope(), move |view| Ok(flag::find(view, &key)?.into())).await
}

/// List the versions a flag had, the newest first: the last 100.
#[utoipa::path(
    get, path = "/v1/flags/{key}/versions", tag = "Features",
    params(("key" = String, Path, description = "The flag's key.")),
    responses((status = 200, body = Page<VersionOut>)),
)]
pub(crate) async fn versions(
    State(app): State<App>,
    actor: Actor<may::FlagRead>,
    Path(FlagKey(key)): Path<FlagKey>,
) -> ApiResult<Json<Page<VersionOut>>> {
    app.read(actor.scope(), move |view| {
        let id = flag::find(view, &key)?.id;
        let versions = flag::history(view, id, LISTED)?;
        Ok(Page::of(versions.into_iter().map(VersionOut::from).collect(), None))
    })
    .await
}

/// Make a flag. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/flags", tag = "Features", request_body = CreateFlag, responses((status = 201, body = FlagOut)),
)]
pub(crate) async fn create(
    State(app): State<App>,
    actor: Actor<may::FlagWrite>,
    Body { content: CreateFlag { key, flag }, request }: Body<CreateFlag>,
) -> ApiResult<Changed> {
    let enabled = flag.enabled.unwrap_or(true);
    let definition = flag.definition().map_err(|error| error.under("/flag"))?;
    app.change(actor.scope(), request, move |tx| {
        let made = flag::create(tx, &key, enabled, &definition).map_err(below)?;
        Ok((StatusCode::CREATED, FlagOut::from(made)))
    })
    .await
}

/// Change what a flag serves. Every evaluation asked for after the answer heeds it. Idempotent by key.
#[utoipa::path(
    put, path = "/v1/flags/{key}", tag = "Features", request_body = SaveFlag,
    params(("key" = String, Path, description = "The flag's key.")), responses((status = 200, body = FlagOut)),
)]
pub(crate) async fn save(
    State(app): State<App>,
    actor: Actor<may::FlagWrite>,
    Path(FlagKey(key)): Path<FlagKey>,
    Body { content: SaveFlag { version, flag }, request }: Body<SaveFlag>,
) -> ApiResult<Changed> {
    let enabled = flag.enabled;
    let definition = flag.definition().map_err(|error| error.under("/flag"))?;
    app.change(actor.scope(), request, move |tx| {
        let enabled = enabled.map_or_else(|| flag::find(tx, &key).map(|flag| flag.enabled), Ok)?;
        let saved = flag::save(tx, &key, version, enabled, &definition).map_err(below)?;
        Ok((StatusCode::OK, FlagOut::from(saved)))
    })
    .await
}

/// Faults of a definition stand in the body's `flag`.
fn below(error: Error) -> Error {
    if error.code == "flag_invalid" || error.code == "flag_kind_fixed" { error.under("/flag") } else { error }
}

/// Switch a flag on or off, whatever else was changed since. Every evaluation asked for after the answer heeds it.
/// Idempotent by key.
#[utoipa::path(
    post, path = "/v1/flags/{key}/switch", tag = "Features", request_body = SwitchFlag,
    params(("key" = String, Path, description = "The flag's key.")), responses((status = 200, body = FlagOut)),
)]
pub(crate) async fn switch(
    State(app): State<App>,
    actor: Actor<may::FlagWrite>,
    Path(FlagKey(key)): Path<FlagKey>,
    Body { content: SwitchFlag { enabled }, request }: Body<SwitchFlag>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        Ok((StatusCode::OK, FlagOut::from(flag::switch(tx, &key, enabled)?)))
    })
    .await
}

/// Remove a flag: whoever asks for it hears that there is none. Idempotent by key.
#[utoipa::path(
    delete, path = "/v1/flags/{key}", tag = "Features", request_body = RemoveFlag,
    params(("key" = String, Path, description = "The flag's key.")), responses((status = 200, body = FlagOut)),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    actor: Actor<may::FlagWrite>,
    Path(FlagKey(key)): Path<FlagKey>,
    Body { content: RemoveFlag { version }, request }: Body<RemoveFlag>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        let removed: Flag = flag::archive(tx, &key, version)?;
        Ok((StatusCode::OK, FlagOut::from(removed)))
    })
    .await
}

/// Somebody to try a flag with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TryFlag {
    /// The evaluation context, as OpenFeature's SDKs send it: `targetingKey` is a customer (its id, or `ext:` and your
    /// own) or anything else.
    #[serde(default)]
    #[schema(value_type = Object, examples(json!({ "targetingKey": "ext:acme", "country": "DE" })))]
    context: Map<String, Value>,
}

/// What is served.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServedFlag)]
pub(crate) struct ServedOut {
    /// The key.
    key: String,
    /// The value; null when the flag deals by targeting key and there is none.
    #[schema(value_type = Object)]
    value: Value,
    /// The variant.
    variant: Option<String>,
    /// As OpenFeature names it: `STATIC`, `TARGETING_MATCH`, `SPLIT`, `DEFAULT`, `DISABLED`, `ERROR`.
    #[schema(examples("TARGETING_MATCH"))]
    reason: &'static str,
    /// Where it comes from: `source` and what belongs to it.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// Try what a flag serves to somebody.
#[utoipa::path(
    post, path = "/v1/flags/{key}/try", tag = "Features", request_body = TryFlag,
    params(("key" = String, Path, description = "The flag's key.")), responses((status = 200, body = ServedOut)),
)]
pub(crate) async fn serve(
    State(app): State<App>,
    actor: Actor<may::FlagRead>,
    Path(FlagKey(key)): Path<FlagKey>,
    Body { content: TryFlag { context }, .. }: Body<TryFlag>,
) -> ApiResult<Json<ServedOut>> {
    let context = ofrep::read_context(context)?;
    let whom = context.targeting_key.as_deref().map_or(Whom::Anybody, Whom::parse);
    let sight = app.entitlements.sight(actor.scope(), context.whom(whom)).await?;
    if !sight.flags.contains_key(&key) {
        return Err(Error::not_found("flag").into());
    }
    let served = sight.served(&key, &context).ok_or_else(|| Error::not_found("flag"))?;
    let Ok(served) = served else {
        let (value, metadata) = (Value::Null, Map::new());
        return Ok(Json(ServedOut { key, value, variant: None, reason: "ERROR", metadata }));
    };
    let (reason, metadata) = (ofrep::reason(&served), ofrep::metadata(&served));
    Ok(Json(ServedOut { key, value: served.value, variant: Some(served.variant), reason, metadata }))
}
