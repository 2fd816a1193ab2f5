//! What every handler works with: the database, read and changed on behalf of an actor.

use std::{ops::Deref, sync::Arc};

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entitlements::Desk;
use jiff::Timestamp;
use jobs::Bell;
use kernel::{Error, Kind, Result};
use metering::Metering;
use serde::Serialize;
use store::{
    Db, Mode, Scope, Tx, View, clock,
    idempotency::{self, Answer, Request},
};

use crate::{keys::Keys, problem::Problem, rate_limit::Rates};

/// The state of the API: its parts behind one count, because every layer around a handler clones it.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl App {
    /// Of its parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What handlers work with.
pub struct Parts {
    /// Where everything is.
    pub db: Db,
    /// Wakes this process's job runner when a change enqueued something.
    pub bell: Bell,
    /// Counts usage and answers for limits.
    pub metering: Metering,
    /// What customers may use, and flags.
    pub entitlements: Desk,
    /// Who keys belong to.
    pub keys: Keys,
    /// How fast keys may ask.
    pub rates: Arc<Rates>,
}

/// What a handler answers with.
pub(crate) type ApiResult<T = Response> = Result<T, Problem>;

/// On answers that were given before, to a request with the same `Idempotency-Key`.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

impl App {
    /// Answer with what `work` finds.
    pub(crate) async fn read<T, F>(&self, scope: &Scope, work: F) -> ApiResult<Json<T>>
    where
        T: Send + Unpin + 'static,
        F: Fn(&mut View<'_>) -> Result<T> + Send + 'static,
    {
        Ok(Json(self.db.read(scope, work).await?))
    }

    /// Business time now: real time in a live environment, where the clock of a sandbox stands.
    ///
    /// Errors: `clock_advancing`.
    pub(crate) async fn business_time(&self, scope: &Scope) -> Result<Timestamp> {
        if scope.mode() == Mode::Live {
            return Ok(self.db.real_now());
        }
        let standing = |view: &mut View<'_>| Ok((clock::read(view)?, view.now()));
        let (standing, now) = self.db.read(scope, standing).await?;
        if standing.is_some_and(|standing| standing.target.is_some()) {
            let detail = "The clock of this sandbox is being advanced. Ask again when it stands still.";
            return Err(Error::conflict("clock_advancing", detail));
        }
        Ok(now)
    }

    /// Answer with what `work` finds in the usage database.
    pub(crate) async fn read_usage<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        T: Send + Unpin + 'static,
        F: Fn(&mut View<'_>) -> Result<T> + Send + 'static,
    {
        self.db.usage().read(scope, work).await
    }

    /// Make a change and answer with what `work` says of it.
    ///
    /// With an `Idempotency-Key` the answer is kept in the same transaction, and a repetition hears it
    /// again byte for byte. Refused changes are not kept: their repetition is tried anew.
    pub(crate) async fn change<T, F>(
        &self,
        scope: &Scope,
        request: Option<Request>,
        work: F,
    ) -> ApiResult<Changed>
    where
        T: Serialize,
        F: Fn(&mut Tx<'_>) -> Result<(StatusCode, T)> + Send + 'static,
    {
        let Some(request) = request else {
            let changed = self.db.write(scope, move |tx| Ok(Changed::first(answer(tx, &work)?)));
            return Ok(changed.await?);
        };
        let earlier = request.clone();
        match self.db.write(scope, move |tx| once(tx, &request, &work)).await {
            // What refuses it may be its own earlier self: a twin of this request that committed while
            // this one waited for the same external id or lock, or the advance it set the clock on.
            Err(refusal) if refusal.kind == Kind::Conflict => {
                let answer = self.db.read(scope, move |view| idempotency::find(view, &earlier)).await?;
                Ok(answer.map(Changed::again).ok_or(refusal)?)
            }
            ended => Ok(ended?),
        }
    }
}

/// Work once for all requests with this key.
fn once<T: Serialize>(
    tx: &mut Tx<'_>,
    request: &Request,
    work: &impl Fn(&mut Tx<'_>) -> Result<(StatusCode, T)>,
) -> Result<Changed> {
    if let Some(answer) = idempotency::find(tx, request)? {
        return Ok(Changed::again(answer));
    }
    let answer = answer(tx, work)?;
    idempotency::record(tx, request, &answer)?;
    Ok(Changed::first(answer))
}

fn answer<T: Serialize>(
    tx: &mut Tx<'_>,
    work: &impl Fn(&mut Tx<'_>) -> Result<(StatusCode, T)>,
) -> Result<Answer> {
    let (status, out) = work(tx)?;
    let body = serde_json::to_string(&out)
        .map_err(|error| Error::internal(format!("an answer is no JSON: {error}")))?;
    Ok(Answer { status: status.as_u16(), body })
}

/// The answer to a change.
#[derive(Debug)]
pub(crate) struct Changed {
    answer: Answer,
    replayed: bool,
}

impl Changed {
    const fn first(answer: Answer) -> Self {
        Self { answer, replayed: false }
    }

    /// The same with a field of its body that is not kept for repetition: a secret.
    pub(crate) fn saying(mut self, field: &str, text: &str) -> ApiResult<Self> {
        let broken = |error: serde_json::Error| Error::internal(format!("an answer is no JSON: {error}"));
        let mut body: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&self.answer.body).map_err(broken)?;
        body.insert(field.to_owned(), text.into());
        self.answer.body = serde_json::to_string(&body).map_err(broken)?;
        Ok(self)
    }

    const fn again(answer: Answer) -> Self {
        Self { answer, replayed: true }
    }
}

impl IntoResponse for Changed {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.answer.status).unwrap_or(StatusCode::OK);
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (status, json, self.answer.body).into_response();
        if self.replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
