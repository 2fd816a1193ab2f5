//! Every failure as a problem of RFC 9457, and what surrounds every answer.

use std::{any::Any, panic::AssertUnwindSafe};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::FutureExt;
use kernel::{AnyId, Error, FieldError, IdSource, Kind, PassingIds};
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::Unread;

/// Names one request in answers and logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// A refusal on its way out; [`envelope`] writes its body.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    error: Error,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, error }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of every answer that is not a success: RFC 9457, as `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemOut {
    /// `/problems/` and the code.
    #[serde(rename = "type")]
    #[schema(examples("/problems/external_id_taken"))]
    kind: String,
    /// The code as words.
    #[schema(examples("External id taken"))]
    title: String,
    /// The HTTP status again.
    #[schema(examples(409))]
    status: u16,
    /// Stable, for programs. New codes may be added.
    #[schema(examples("external_id_taken"))]
    code: &'static str,
    /// What is wrong and what to do, for people. May change.
    detail: String,
    /// The parts of the request concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldOut>,
}

/// One part of a request that is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemField)]
pub(crate) struct FieldOut {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    #[schema(examples("/items/0/quantity"))]
    pointer: String,
    /// Stable, for programs.
    code: &'static str,
    /// For people.
    detail: String,
}

impl From<FieldError> for FieldOut {
    fn from(field: FieldError) -> Self {
        Self { pointer: field.pointer, code: field.code, detail: field.detail }
    }
}

impl Problem {
    fn body(self, request_id: &str) -> ProblemOut {
        let Self { status, mut error } = self;
        if error.kind == Kind::Internal {
            tracing::error!(
                request_id,
                code = error.code,
                detail = error.detail,
                "a request failed through a fault of ours"
            );
            error.detail = format!(
                "Something went wrong here, not with your request. Tell us the request id {request_id}."
            );
            error.code = "internal";
            error.fields.clear();
        }
        ProblemOut {
            kind: format!("/problems/{}", error.code),
            title: words(error.code),
            status: status.as_u16(),
            code: error.code,
            detail: error.detail,
            errors: error.fields.into_iter().map(FieldOut::from).collect(),
        }
    }
}

/// `external_id_taken` → `External id taken`.
fn words(code: &str) -> String {
    let mut words = code.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// Put around a router what every answer needs.
pub(crate) fn surround<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(unknown_path)
        // The pages of an environment would answer for it: a path of two words is one of theirs.
        .route("/{*rest}", any(unknown_path))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(|request, next: Next| envelope(request, |request| next.run(request))))
}

/// Around every request: gives it an id, answers after a panic, writes the bodies of problems, and keeps answers out of
/// caches.
pub(crate) async fn envelope<F: Future<Output = Response>>(
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let unread = Unread::aside(&mut request);
    let request_id = AnyId { prefix: "req", uuid: PassingIds.next() }.to_string();
    // A handler changes nothing but the database, and that in transactions: what a panic leaves behind is whole.
    let answered = AssertUnwindSafe(answer(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(panicked);
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        problem_headers(response.headers_mut(), problem.error.kind);
        let body = serde_json::to_vec(&problem.body(&request_id)).unwrap_or_default();
        *response.body_mut() = Body::from(body);
    }
    unread.discard().await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn problem_headers(headers: &mut HeaderMap, kind: Kind) {
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    match kind {
        Kind::Unauthenticated => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Kind::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
}

/// No route has this path.
async fn unknown_path() -> Problem {
    let detail = "There is nothing at this path. GET /v1/openapi.json lists every path.";
    Error::new(Kind::NotFound, "path_unknown", detail).into()
}

/// There is a route with this path, of another method.
async fn wrong_method() -> Problem {
    let detail = "This path does not answer to this method. The Allow header names those it answers to.";
    let error = Error::new(Kind::NotFound, "method_not_allowed", detail);
    Problem { status: StatusCode::METHOD_NOT_ALLOWED, error }
}

/// A handler panicked: a fault of ours that ends one request, not the program.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    Problem::from(Error::internal(format!("a handler panicked: {}", text.unwrap_or("no message"))))
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, routing::get};
    use serde_json::Value as Json;
    use tower::ServiceExt;

    use super::*;

    /// The answer of a router whose one handler fails so.
    fn failing(error: fn() -> Error) -> (Response<()>, Json) {
        let fail = move || async move { Err::<(), _>(Problem::from(error())) };
        let router: Router = surround(Router::new().route("/", get(fail)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (parts, body) = router.oneshot(Request::new(Body::empty())).await.unwrap().into_parts();
            let bytes = to_bytes(body, 1 << 20).await.unwrap();
            (Response::from_parts(parts, ()), serde_json::from_slice(&bytes).unwrap())
        })
    }

    #[test]
    fn a_fault_of_ours_says_nothing_but_the_request_id() {
        for error in
            [|| Error::internal("the password is swordfish").at("/swordfish"), || panic!("swordfish")]
        {
            let (response, body) = failing(error);
            assert_eq!((response.status().as_u16(), body["code"].as_str()), (500, Some("internal")));
            let id = response.headers()[REQUEST_ID].to_str().unwrap();
            assert!(
                body["detail"].as_str().unwrap().contains(id) && !body.to_string().contains("swordfish"),
                "{body}"
            );
        }
    }

    #[test]
    fn not_now_says_when_to_come_again() {
        let (response, body) = failing(|| Error::unavailable("too_busy", "Not now."));
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &HeaderValue::from(1))
        );
        assert_eq!((&body["type"], &body["title"]), (&"/problems/too_busy".into(), &"Too busy".into()));
    }
}
