//! The API's own limits: a token bucket for each key, in the memory of this process.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, header, request::Parts},
    middleware::{self, Next},
    response::Response,
};
use catalog::{RateLimit, RateSpan};
use kernel::{Error, Kind, Result, ids::ApiKeyId};
use metering::limit::{Buckets, Taken};
use store::{Actor, Scope};

use crate::app::App;

/// How fast a key may ask; none: as fast as it likes.
pub type Rate = Option<RateLimit>;

/// How fast keys may ask the API. Each process keeps its own buckets, so behind several a key may ask so many times
/// as fast.
#[derive(Debug, Default)]
pub struct Rates {
    /// For everything but what counts usage.
    asking: Rate,
    /// For events, checks, consumes and the like, whose number is the merchant's own business.
    counting: Rate,
    buckets: Buckets<(ApiKeyId, bool)>,
}

impl Rates {
    /// So many requests a second for each key, and twice as many at once; 0: no limit. `counting` is for what
    /// counts usage, `asking` for the rest.
    pub fn per_second(asking: u32, counting: u32) -> Self {
        let rate = |requests: u32| {
            (requests > 0).then(|| {
                let burst = requests.saturating_mul(2);
                RateLimit { requests, per: RateSpan::Second, burst }
            })
        };
        Self { asking: rate(asking), counting: rate(counting), buckets: Buckets::default() }
    }
}

/// What was taken for a request, where [`surround`] finds it.
type Noted = Arc<OnceLock<Taken>>;

/// Take one request of the caller's key. Error: `rate_limited`.
pub(crate) fn take_one(app: &App, scope: &Scope, parts: &Parts, counts: bool) -> Result<()> {
    let rates = &*app.rates;
    let (Some(rate), Actor::Key(key)) = (if counts { rates.counting } else { rates.asking }, scope.actor)
    else {
        return Ok(());
    };
    let taken = rates.buckets.take((key, counts), rate, 1, app.db.real_now());
    if let Some(noted) = parts.extensions.get::<Noted>() {
        // One request has one caller.
        let _ = noted.set(taken);
    }
    if taken.allowed {
        return Ok(());
    }
    let detail = format!(
        "This key may ask {} times a second. Wait as many seconds as Retry-After says, and send it again.",
        rate.requests
    );
    Err(Error::new(Kind::RateLimited, "rate_limited", detail))
}

/// Say in every answer how much its key may still ask.
pub(crate) fn surround<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.layer(middleware::from_fn(|request, next: Next| say(request, |request| next.run(request))))
}

/// Around one answer: how much its key may still ask.
pub(crate) async fn say<F: Future<Output = Response>>(
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let noted = Noted::default();
    request.extensions_mut().insert(Arc::clone(&noted));
    let mut response = answer(request).await;
    let Some(taken) = noted.get() else { return response };
    let headers = response.headers_mut();
    for (name, text) in taken.headers("key") {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(seconds) = taken.retry_in {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
