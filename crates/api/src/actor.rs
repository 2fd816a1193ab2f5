//! Who asks: an API key, with the permission a handler needs as a type.

use std::marker::PhantomData;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, Method, header, request::Parts},
};
use identity::{
    Permissions,
    permission::{Grant, Permission},
};
use kernel::{Error, Kind, Result};
use serde::de::DeserializeOwned;
use store::{Reason, Scope, idempotency};

use crate::{app::App, body::Body, problem::Problem, rate_limit::take_one};

/// What a handler asks of its caller.
pub(crate) trait Needs: 'static {
    /// The permission; none: a known key is enough.
    const PERMISSION: Option<Permission>;
}

impl<G: Grant> Needs for G {
    const PERMISSION: Option<Permission> = Some(G::PERMISSION);
}

/// Any known key will do.
pub(crate) enum AnyKey {}

impl Needs for AnyKey {
    const PERMISSION: Option<Permission> = None;
}

/// A caller that was recognised and may do what `P` says.
pub(crate) struct Actor<P> {
    scope: Scope,
    permission: PhantomData<fn() -> P>,
}

impl<P> Actor<P> {
    /// Its environment, itself, and its reason.
    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl<P: Needs> FromRequestParts<App> for Actor<P> {
    type Rejection = Problem;

    /// Errors: `key_missing`, `key_unknown`, `rate_limited`, `permission_missing`, `reason_malformed`.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let secret = bearer(&parts.headers)?;
        let known = app.keys.recognise(&secret).await?;
        let counts = parts.method == Method::POST && P::PERMISSION == Some(Permission::UsageWrite);
        take_one(app, &known.scope, parts, counts)?;
        if let Some(permission) = P::PERMISSION {
            known.permissions.require(permission)?;
        }
        let scope = known.scope.because(reason(&parts.headers)?);
        parts.extensions.insert(known.permissions);
        Ok(Self { scope, permission: PhantomData })
    }
}

/// A body with fields that not everybody who may send it may use.
pub(crate) trait Guarded {
    /// Where the first of them stands, as a JSON pointer; none when the body has none of them.
    fn guarded(&self) -> Option<String>;
}

/// A body whose guarded fields only a caller may use who may do what `Q` says, besides what the handler asks of its
/// [`Actor`], which is recognised before.
pub(crate) struct GuardedBody<Q, T> {
    /// What it says.
    pub(crate) content: T,
    /// What makes a repetition recognisable.
    pub(crate) request: Option<idempotency::Request>,
    permission: PhantomData<fn() -> Q>,
}

impl<Q: Grant, T: Guarded + DeserializeOwned> FromRequest<App> for GuardedBody<Q, T> {
    type Rejection = Problem;

    /// Errors: those of [`Body`]; `permission_missing` at the guarded field.
    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let permissions = request.extensions().get::<Permissions>().cloned();
        let permissions =
            permissions.ok_or_else(|| Error::internal("a body is guarded, and nobody was recognised"))?;
        let Body { content, request } = Body::<T>::from_request(request, app).await?;
        if let Some(pointer) = content.guarded() {
            permissions.require(Q::PERMISSION).map_err(|error| error.at(pointer))?;
        }
        Ok(Self { content, request, permission: PhantomData })
    }
}

/// The key in `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Result<String> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, key) = value.and_then(|value| value.split_once(' ')).unwrap_or_default();
    let key = key.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !key.is_empty() {
        return Ok(key.to_owned());
    }
    let detail = "Send an API key of the environment, as the header Authorization: Bearer sk_….";
    Err(Error::new(Kind::Unauthenticated, "key_missing", detail))
}

/// Why, in `Steelyard-Reason`: a code that goes into the facts of the change.
fn reason(headers: &HeaderMap) -> Result<Option<Reason>> {
    let header = headers.get("steelyard-reason");
    header.map(|value| Reason::parse(value.to_str().unwrap_or_default())).transpose()
}
