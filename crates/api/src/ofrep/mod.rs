//! The OpenFeature Remote Evaluation Protocol, version 0.2: flags and features for the SDKs of OpenFeature, unchanged.
//!
//! `POST /ofrep/v1/evaluate/flags/{key}` asks for one, `POST /ofrep/v1/evaluate/flags` for all, with an `ETag`. Features
//! of the price book and flags share one namespace. The targeting key is a customer (`cus_…`, or `ext:` and the
//! merchant's own id) or anything else; then the attribute `customer` may name the customer, for instance of a user.
//!
//! A key in a web page (`pk_…`, which may only do this) sees the flags meant for browsers and the features, and finds
//! customers by our ids only, which cannot be guessed.

use std::borrow::Cow;

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use entitlements::{Context, Sight, Whom};
use identity::{key::Known, permission::Permission};
use kernel::{Error, Kind, Result};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tower_http::cors::{Any, CorsLayer};

use crate::{app::App, rate_limit::take_one};

mod out;
use out::{Evaluated, Failure, bulk, success};
pub(crate) use out::{metadata, reason};

/// The largest body, in bytes.
const LARGEST: usize = 64 << 10;
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// How long a browser keeps what it may send here.
const KEPT: std::time::Duration = std::time::Duration::from_secs(86_400);

/// What stands under `/ofrep/v1`. Web pages of any origin may ask: what tells who asks is a key, and never a cookie.
pub(crate) fn router() -> Router<App> {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::POST])
        .allow_headers([header::AUTHORIZATION, API_KEY, header::CONTENT_TYPE, header::IF_NONE_MATCH])
        .expose_headers([header::ETAG, header::RETRY_AFTER])
        .max_age(KEPT);
    Router::new().route("/evaluate/flags", post(all)).route("/evaluate/flags/{key}", post(one)).layer(cors)
}

/// Evaluate one flag or feature.
async fn one(State(app): State<App>, Path(key): Path<String>, request: Request) -> Response {
    match evaluate_one(&app, &key, request).await {
        Ok(response) => response,
        Err(failure) => failure.of(key).into_response(),
    }
}

async fn evaluate_one(app: &App, key: &str, request: Request) -> Result<Response, Failure> {
    let (parts, context) = read(request).await?;
    let (known, sight) = see(app, &parts, &context).await?;
    if !visible(&known, &sight, key) {
        return Err(Failure::not_found());
    }
    match sight.served(key, &context) {
        None => Err(Failure::not_found()),
        Some(Err(_)) => Err(Failure::key_missing()),
        Some(Ok(served)) => Ok(json(StatusCode::OK, success(&served)).into_response()),
    }
}

/// Evaluate all of them.
async fn all(State(app): State<App>, request: Request) -> Response {
    match evaluate_all(&app, request).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn evaluate_all(app: &App, request: Request) -> Result<Response, Failure> {
    let (parts, context) = read(request).await?;
    let (known, sight) = see(app, &parts, &context).await?;
    let keys = sight.served_keys();
    let served = keys.iter().filter(|key| visible(&known, &sight, key)).filter_map(|key| {
        Some(match sight.served(key, &context)? {
            Ok(served) => Evaluated::Success(served),
            Err(_) => Evaluated::KeyMissing(key),
        })
    });
    let body = bulk(served);
    let tag = tag(&body);
    let seen =
        parts.headers.get(header::IF_NONE_MATCH).and_then(|seen| seen.to_str().ok()).unwrap_or_default();
    let same = seen
        .split(',')
        .any(|one| matches!(one.trim().trim_start_matches("W/"), one if one == tag || one == "*"));
    let mut response = match same {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => json(StatusCode::OK, body),
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// What says that the answer is the same: it follows from every byte of it.
fn tag(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    let hash: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}\"")
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

/// Who asks, and what there is for whoever is meant.
async fn see(app: &App, parts: &Parts, context: &Context) -> Result<(Known, Sight), Failure> {
    let secret = secret(&parts.headers).ok_or_else(|| {
        let detail = "Send an API key of the environment, as Authorization: Bearer … or X-API-Key: ….";
        Error::new(Kind::Unauthenticated, "key_missing", detail)
    })?;
    let known = app.keys.recognise(&secret).await?;
    take_one(app, &known.scope, parts, true)?;
    let permissions = &known.permissions;
    if !permissions.allow(Permission::FlagRead) {
        permissions.require(Permission::FlagEvaluate)?;
    }
    let targeted = context.targeting_key.as_deref().map_or(Whom::Anybody, Whom::parse);
    let whom = match context.whom(targeted) {
        // Names of the merchant's can be guessed, and what a customer has is its own affair.
        Whom::External(_) if permissions.are_public() => Whom::Anybody,
        whom => whom,
    };
    let sight = app.entitlements.sight(&known.scope, whom).await?;
    Ok((known, sight))
}

/// Whether a key may know of a flag: one in a web page knows of those meant for browsers.
fn visible(known: &Known, sight: &Sight, key: &str) -> bool {
    !known.permissions.are_public() || sight.flags.get(key).is_none_or(|flag| flag.flag.definition.browser)
}

fn secret(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    if let Some(key) = headers.get(API_KEY) {
        return Some(key.to_str().ok()?.trim().into()).filter(|key: &Cow<'_, str>| !key.is_empty());
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key.into())
}

async fn read(request: Request) -> Result<(Parts, Context), Failure> {
    let (parts, body) = request.into_parts();
    let bytes: Bytes = to_bytes(body, LARGEST)
        .await
        .map_err(|_| Failure::parse("The body cannot be read, or is larger than 64 KiB."))?;
    let said: Value = match bytes.as_ref() {
        b"" => Value::Object(Map::new()),
        bytes => serde_json::from_slice(bytes)
            .map_err(|error| Failure::parse(&format!("The body is not JSON: {error}.")))?,
    };
    let Value::Object(mut said) = said else { return Err(Failure::parse("The body must be a JSON object.")) };
    let context = match said.remove("context") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(context)) => context,
        Some(_) => return Err(Failure::context("The context must be a JSON object.")),
    };
    let context = read_context(context).map_err(|error| Failure::context(&error.detail))?;
    Ok((parts, context))
}

/// A context as the SDKs send it. Error: `context_invalid`.
pub(crate) fn read_context(mut attributes: Map<String, Value>) -> Result<Context> {
    let targeting_key = match attributes.remove("targetingKey") {
        None | Some(Value::Null) => None,
        Some(Value::String(key)) => Some(key).filter(|key| !key.is_empty()),
        Some(_) => {
            let detail = "The targeting key must be text.";
            return Err(Error::invalid("context_invalid", detail).at("/context/targetingKey"));
        }
    };
    Ok(Context { targeting_key, attributes })
}
