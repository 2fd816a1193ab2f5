//! The one router: API, pages, health, and what surrounds every request.

use std::{
    any::Any,
    cell::Cell,
    convert::Infallible,
    ops::ControlFlow,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use api::Call;
use axum::{
    Json, Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use entitlements::Desk;
use futures_util::FutureExt;
use hyper::{body::Incoming, service::Service};
use jobs::Bell;
use kernel::Error;
use metering::Metering;
use serde_json::json;
use store::{Db, Scope};
use tower::ServiceExt;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use crate::forward::{Forwarder, forward};

/// A request that takes longer is answered with 503.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// The database has so long to answer before the process calls itself unready.
const READY_TIME: Duration = Duration::from_secs(2);

/// Everything the program answers over HTTP: a router of API, pages and health, and past it the short way for what a
/// merchant's product asks with each call of its own.
#[derive(Clone)]
pub(crate) struct Front {
    router: Router,
    short: Arc<Short>,
}

/// What the short way takes.
struct Short {
    api: api::App,
    forwarder: Option<Arc<Forwarder>>,
}

impl Front {
    pub(crate) fn new(
        db: &Db,
        bell: &Bell,
        metering: Metering,
        (keys, rates): (api::Keys, api::Rates),
        forwarder: Option<Arc<Forwarder>>,
        secure_cookies: bool,
    ) -> Self {
        let health =
            Router::new().route("/health", get(health)).route("/ready", get(ready)).with_state(db.clone());
        let (entitlements, rates, counting) = (Desk::new(db), Arc::new(rates), metering.clone());
        let parts =
            api::Parts { db: db.clone(), bell: bell.clone(), metering: counting, entitlements, keys, rates };
        let app = api::App::new(parts);
        let api = api::router(app.clone());
        let api = match forwarder.clone() {
            Some(forwarder) => api.layer(middleware::from_fn_with_state(forwarder, forward)),
            None => api,
        };
        let pages = web::router(web::App { db: db.clone(), bell: bell.clone(), metering, secure_cookies });
        let document = serde_json::to_value(api::openapi()).unwrap_or_default();
        let pages = pages.merge(web::reference(document, secure_cookies));
        // The pages answer what nobody else does; the API answers everything below its own root.
        let router = surround(pages.merge(api).merge(health), REQUEST_TIME);
        Self { router, short: Arc::new(Short { api: app, forwarder }) }
    }
}

impl Service<hyper::Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let request = request.map(Body::new);
        match Call::of(request.method(), request.uri().path()) {
            Some(call) => {
                step_aside();
                Box::pin(short(Arc::clone(&self.short), call, request).map(Ok))
            }
            None => Box::pin(self.router.clone().oneshot(request)),
        }
    }
}

thread_local! {
    static ANSWERED: Cell<u32> = const { Cell::new(0) };
}

/// Each thread that answers gives the processor away after so many answers: each fifth of a millisecond.
const ANSWERS: u32 = 16;

/// Let whoever waits for this processor have it. Where the kernel preempts nobody, as on most servers, a thread that is never
/// idle keeps it up to 4 ms, and with it every request that the other one had begun to read.
fn step_aside() {
    let answered = ANSWERED.get().wrapping_add(1);
    ANSWERED.set(answered);
    if answered.is_multiple_of(ANSWERS) {
        std::thread::yield_now();
    }
}

/// An answer on the short way.
async fn short(short: Arc<Short>, call: Call, request: Request) -> Response {
    let started = Instant::now();
    let answer = async {
        let request = match &short.forwarder {
            Some(forwarder) => forwarder.served_elsewhere(request).await,
            None => ControlFlow::Continue(request),
        };
        match request {
            ControlFlow::Continue(request) => call.answer(short.api.clone(), request).await,
            ControlFlow::Break(response) => response,
        }
    };
    let response = answered(REQUEST_TIME, answer).await;
    note(&Method::POST, call.path(), &response, started);
    response
}

/// An answer after a panic, and after `patience`: what `surround` gives every other request.
async fn answered(patience: Duration, answer: impl Future<Output = Response>) -> Response {
    let answer = AssertUnwindSafe(in_time(patience, answer)).catch_unwind();
    answer.await.unwrap_or_else(panicked)
}

/// What surrounds every other request, from the outside in: a line in the log, compression, an answer after a panic, an
/// answer after `patience`.
fn surround(router: Router, patience: Duration) -> Router {
    router
        .layer(middleware::from_fn(move |request, next: Next| in_time(patience, next.run(request))))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(log))
}

/// The process is alive.
async fn health() -> Json<serde_json::Value> {
    Json(json!({ "status": "alive" }))
}

/// The database answers.
async fn ready(State(db): State<Db>) -> Response {
    let answer = db.read(&Scope::installation("ready"), |view| identity::merchant::by_slug(view, ""));
    match tokio::time::timeout(READY_TIME, answer).await {
        Ok(Ok(_)) => Json(json!({ "status": "ready" })).into_response(),
        Ok(Err(error)) => problem(&error),
        Err(_) => problem(&Error::unavailable("database_away", "The database does not answer in time.")),
    }
}

async fn in_time(patience: Duration, answer: impl Future<Output = Response>) -> Response {
    let late = "This took too long and was given up. Ask again with the same Idempotency-Key.";
    match tokio::time::timeout(patience, answer).await {
        Ok(response) => response,
        Err(_) => problem(&Error::unavailable("request_timeout", late)),
    }
}

/// Around a router: the line of each request in the log.
async fn log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    note(&method, route.as_ref().map_or("-", MatchedPath::as_str), &response, started);
    response
}

/// One line per request. The route stands for the path, so that no id, link or query gets into the log.
fn note(method: &Method, route: &str, response: &Response, started: Instant) {
    let (status, micros) = (response.status().as_u16(), started.elapsed().as_micros() as u64);
    if is_routine(method, route) {
        tracing::debug!(%method, route, status, micros, "request");
    } else {
        tracing::info!(%method, route, status, micros, "request");
    }
}

/// Asked every few seconds by whatever watches the process, or with every call of the merchant's product.
fn is_routine(method: &Method, route: &str) -> bool {
    match *method {
        Method::GET => matches!(route, "/health" | "/ready"),
        Method::POST => {
            matches!(
                route,
                "/v1/events" | "/v1/check" | "/v1/consume" | "/v1/reserve" | "/v1/rate-limits/take"
            ) || route.starts_with("/ofrep/v1/")
        }
        _ => false,
    }
}

/// The last resort: contexts and handlers answer for their own faults.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("no message"), "a request handler panicked");
    problem(&Error::internal("Something went wrong here, not with your request."))
}

/// A failure outside of API and pages, in the API's form (RFC 9457).
pub(crate) fn problem(error: &Error) -> Response {
    let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({
        "type": format!("/problems/{}", error.code),
        "title": error.code.replace('_', " "),
        "status": status.as_u16(),
        "code": error.code,
        "detail": error.detail,
    });
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn ask(path: &str) -> (StatusCode, String) {
        let router = Router::new()
            .route("/panics", get(async || -> &str { panic!("a fault") }))
            .route("/hangs", get(std::future::pending::<()>))
            .route("/works", get(async || "well"));
        let router = surround(router, Duration::from_millis(50));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_short_way_gives_an_answer_too() {
        let patience = Duration::from_millis(50);
        let fault = answered(patience, async { panic!("a fault") }).await;
        assert_eq!(fault.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(fault.into_body(), 10_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("\"code\":\"internal\""), "{body:?}");
        let late = answered(patience, std::future::pending()).await;
        assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answered(patience, async { "well".into_response() }).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn every_request_gets_an_answer() {
        assert_eq!(ask("/works").await, (StatusCode::OK, "well".to_owned()));
        let (status, body) = ask("/panics").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body.contains("\"code\":\"internal\"") && !body.contains("a fault"), "{body}");
        let (status, body) = ask("/hangs").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("\"code\":\"request_timeout\""), "{body}");
    }
}
