//! What every answer says to the browser, and which requests of other sites are refused.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use kernel::{Error, Kind};

use super::Failure;

const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

const ALWAYS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // The sign-in link carries a secret in its address.
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Headers on every answer. Pages are not kept by anybody; what says otherwise itself (an asset) may be.
pub(crate) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuse a change asked for by a page of another site. Behind the token in every form, and before
/// anything is read.
pub(crate) async fn refuse_cross_site(request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if reads || is_own(request.headers()) {
        return next.run(request).await;
    }
    let detail = "This form was sent by a page of another site. Open the page here and send it again.";
    Failure::from(Error::new(Kind::Forbidden, "cross_site", detail)).into_response()
}

/// A browser says where a request comes from. What says nothing is no browser, and has no cookie to abuse.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return ["same-origin", "none"].contains(&site);
    }
    match (headers.get(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(origin), host) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, authority)| Some(authority) == host)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&'static str, &'static str)]) -> bool {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_own(&pairs.collect())
    }

    #[test]
    fn only_own_pages_may_send_forms() {
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", "http://other.example")]));
        assert!(own(&[("sec-fetch-site", "none")]));
        assert!(own(&[("origin", "https://books.example:8443"), ("host", "books.example:8443")]));
        assert!(own(&[("host", "books.example")]));
        assert!(!own(&[("sec-fetch-site", "cross-site"), ("host", "books.example")]));
        assert!(!own(&[("sec-fetch-site", "same-site"), ("host", "books.example")]));
        assert!(!own(&[("origin", "https://evil.example"), ("host", "books.example")]));
        assert!(!own(&[("origin", "null"), ("host", "books.example")]));
        assert!(!own(&[("origin", "https://books.example")]));
    }
}
