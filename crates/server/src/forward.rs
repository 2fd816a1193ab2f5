//! Passing requests on: to the process that does an environment's metering, when it is not this one.
//!
//! A request is passed on as it came, with the key of whoever sent it: the owner recognises it as its own would, and no
//! secret is shared between processes. It carries a mark, so that it is passed on once at most.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use api::Keys;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::Response,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kernel::{Error, Result};
use metering::Metering;

/// On requests that were passed on: by whom.
const FORWARDED: HeaderName = HeaderName::from_static("steelyard-forwarded");
/// Another process has so long to take a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// A client for plain HTTP that keeps connections and passes bodies on as they come.
pub(crate) type Http = Client<HttpConnector, Body>;

/// A client that gives up connecting after a while.
pub(crate) fn client() -> Http {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// Knows which process does whose metering.
pub(crate) struct Forwarder {
    keys: Keys,
    metering: Metering,
    /// What this process is called.
    name: HeaderValue,
    http: Http,
}

impl Forwarder {
    pub(crate) fn new(keys: Keys, metering: Metering, name: &str) -> Arc<Self> {
        let name = HeaderValue::from_str(name).unwrap_or(HeaderValue::from_static("process"));
        Arc::new(Self { keys, metering, name, http: client() })
    }

    /// Where a request with this key has to go; none: it is served here, and so is what cannot be told.
    async fn elsewhere(&self, secret: String) -> Option<String> {
        let scope = self.keys.recognise(&secret).await.ok()?.scope;
        self.metering.owner(&scope).await.ok().flatten()
    }

    /// The owner's answer; the request itself when it is served here.
    pub(crate) async fn served_elsewhere(&self, request: Request) -> ControlFlow<Response, Request> {
        let Some(secret) = to_be_asked(&request) else { return ControlFlow::Continue(request) };
        let Some(address) = self.elsewhere(secret).await else { return ControlFlow::Continue(request) };
        let answered = self.pass_on(request, &address).await;
        ControlFlow::Break(answered.unwrap_or_else(|error| crate::app::problem(&error)))
    }

    async fn pass_on(&self, mut request: Request, address: &str) -> Result<Response> {
        let gone = |_| {
            Error::unavailable(
                "owned_elsewhere",
                "The process that does the metering of this environment does not answer. Another one takes over within \
                 ten seconds: send it again, what was counted is not counted twice.",
            )
        };
        *request.uri_mut() = at(address, request.uri())?;
        strip(request.headers_mut());
        request.headers_mut().insert(FORWARDED, self.name.clone());
        let mut response = self.http.request(request).await.map_err(gone)?.map(Body::new);
        strip(response.headers_mut());
        Ok(response)
    }
}

/// Around the API: what the owner of an environment's metering has to answer goes to it.
pub(crate) async fn forward(
    State(forwarder): State<Arc<Forwarder>>,
    request: Request,
    next: Next,
) -> Response {
    match forwarder.served_elsewhere(request).await {
        ControlFlow::Continue(request) => next.run(request).await,
        ControlFlow::Break(response) => response,
    }
}

/// The key of a request that may have to go elsewhere.
fn to_be_asked(request: &Request) -> Option<String> {
    if request.headers().contains_key(FORWARDED) || !needs_owner(request.method(), request.uri().path()) {
        return None;
    }
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    Some(value.split_once(' ')?.1.trim().to_owned())
}

/// Whether only the owner can answer this.
fn needs_owner(method: &Method, path: &str) -> bool {
    let counts = ["/v1/events", "/v1/holds/", "/api/v1/events"];
    let asks = ["/v1/check", "/v1/consume", "/v1/reserve", "/v1/rate-limits/take"];
    match *method {
        Method::POST => counts.iter().any(|start| path.starts_with(start)) || asks.contains(&path),
        Method::GET => path.starts_with("/v1/customers/") && path.ends_with("/limits"),
        _ => false,
    }
}

/// The same path and query at another address.
pub(crate) fn at(address: &str, uri: &Uri) -> Result<Uri> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let wrong = |error| Error::internal(format!("{address} is no address to pass requests on to: {error}"));
    format!("{}{path}", address.trim_end_matches('/')).parse().map_err(wrong)
}

/// Take off what is of one connection only (RFC 9110, section 7.6.1), and the name of the host.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let of_one = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
    ];
    for name in named.iter().map(HeaderName::as_str).chain(of_one) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_the_owner_is_known_by_its_path() {
        for path in
            ["/v1/events", "/v1/events/void", "/v1/consume", "/v1/holds/hld_1/commit", "/api/v1/events/batch"]
        {
            assert!(needs_owner(&Method::POST, path), "{path}");
            assert!(!needs_owner(&Method::GET, path), "{path}");
        }
        assert!(needs_owner(&Method::GET, "/v1/customers/ext:a/limits"));
        assert!(!needs_owner(&Method::POST, "/v1/customers") && !needs_owner(&Method::POST, "/v1/checkout"));
    }

    #[test]
    fn what_belongs_to_a_connection_stays_there() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("connection", "close, X-Mine"), ("x-mine", "1"), ("host", "a"), ("x-kept", "2")]
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
    }
}
