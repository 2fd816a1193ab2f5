//! A gateway in front of any HTTP service: each call is recognised by its key, asked for and counted, and passed on as it
//! comes, both ways.
//!
//! A call is counted before it is passed on (`consume`: asked and counted in one), so that a hard limit holds and no call
//! goes by uncounted. While the meter cannot be asked, the gateway is **closed** (503) or **open**, as the merchant chose:
//! open, it lets calls through and sends them as events, under the same names, once the meter answers again. What the meter
//! refuses is no outage: such a call is not passed on, open or closed.

use std::{net::TcpListener, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use kernel::{Error, IdSource, Kind, Result, SystemClock, SystemIds, WallClock};
use serde_json::{Value as Json, json};

use crate::{
    app::problem,
    forward::{Http, at, client, strip},
    listen,
};

mod keys;
mod meter;
mod owed;
use keys::{Caller, Keys};
use meter::{Failure, Meter, Told};
use owed::Owed;

/// Whose call it is, for the service behind.
const SUBJECT: HeaderName = HeaderName::from_static("steelyard-subject");
/// What is sent as the source of each event.
const SOURCE: &str = "gateway";

/// What a gateway does.
#[derive(Debug)]
pub struct Gateway {
    /// From [`bind`](crate::bind).
    pub listener: TcpListener,
    /// The service it stands in front of: `http://127.0.0.1:9000`.
    pub upstream: String,
    /// Where Steelyard is: `http://127.0.0.1:8080`.
    pub steelyard: String,
    /// A key of the environment that may write usage.
    pub secret: String,
    /// The meter each call is one of.
    pub meter: String,
    /// A CSV file with the columns `key`, `subject` and `name`; it is read again when it changes.
    pub keys: std::path::PathBuf,
    /// The header callers send their key in; none: `Authorization: Bearer …`.
    pub key_header: Option<String>,
    /// Let calls through while the meter does not answer.
    pub open: bool,
    /// Where calls that were let through uncounted are kept until they are counted, for the next start; none: in memory only.
    pub owed: Option<std::path::PathBuf>,
    /// Heed the rate limit of the caller's plan too.
    pub rate_limit: bool,
    /// The meter has so long to answer.
    pub patience: Duration,
}

struct Inside {
    gateway: Gateway,
    key_header: Option<HeaderName>,
    http: Http,
    meter: Arc<Meter>,
    keys: Keys,
    owed: Owed,
}

/// Stand in front of a service until `shutdown`; then calls under way finish, and what was let through uncounted is sent.
///
/// Errors: `gateway_invalid` for addresses, headers and files that are none.
pub async fn gateway(gateway: Gateway, shutdown: impl Future<Output = ()>) -> Result<()> {
    let listener = gateway.listener.try_clone().and_then(tokio::net::TcpListener::from_std);
    let listener =
        listener.map_err(|error| Error::internal(format!("the listener cannot be used: {error}")))?;
    for address in [&gateway.upstream, &gateway.steelyard] {
        if !address.starts_with("http://") {
            let detail =
                format!("{address:?} is no address this gateway can pass calls to: it speaks plain http://.");
            return Err(Error::invalid("gateway_invalid", detail));
        }
    }
    let invalid = |what: &str| Error::invalid("gateway_invalid", format!("{what} cannot stand in a header."));
    let key_header = gateway.key_header.as_deref().map(|name| name.parse::<HeaderName>()).transpose();
    let key_header = key_header.map_err(|_| invalid("The key header's name"))?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", gateway.secret));
    let mut bearer = bearer.map_err(|_| invalid("The API key"))?;
    bearer.set_sensitive(true);
    let http = client();
    let (address, told) = (gateway.steelyard.clone(), Told::default());
    let meter = Arc::new(Meter { http: http.clone(), address, bearer, told });
    let keys = Keys::open(&gateway.keys)?;
    let owed = Owed::start(Arc::clone(&meter), gateway.owed.as_deref())?;
    let inside = Arc::new(Inside { gateway, key_header, http, meter, keys, owed });
    let router = Router::new().fallback(call).with_state(Arc::clone(&inside));
    listen::run(listener, TowerToHyperService::new(router), shutdown).await;
    inside.owed.settle().await;
    Ok(())
}

async fn call(State(inside): State<Arc<Inside>>, mut request: Request) -> Response {
    let caller = match inside.caller(request.headers()) {
        Ok(caller) => caller,
        Err(error) => return problem(&error),
    };
    let left = match inside.admit(&caller).await {
        Ok(left) => left,
        Err(Refused { error, headers }) => {
            let mut response = problem(&error);
            response.headers_mut().extend(*headers);
            return response;
        }
    };
    if let Ok(subject) = HeaderValue::from_str(&caller.subject) {
        request.headers_mut().insert(SUBJECT, subject);
    }
    match inside.pass_on(request).await {
        Ok(mut response) => {
            response.headers_mut().extend(left);
            response
        }
        Err(error) => {
            tracing::warn!(%error, "the service behind the gateway does not answer");
            let mut response = problem(&error);
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}

/// Why a call is not passed on, and what its answer says besides.
struct Refused {
    error: Error,
    // Boxed: a refusal is rare, and its way is everybody's.
    headers: Box<HeaderMap>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, headers: Box::default() }
    }
}

impl Inside {
    /// Errors: `key_missing`, `key_unknown`.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller> {
        let unknown = |code, detail: &str| Error::new(Kind::Unauthenticated, code, detail);
        let key = match &self.key_header {
            Some(name) => headers.get(name).and_then(|value| value.to_str().ok()),
            None => headers
                .get(header::AUTHORIZATION)
                .and_then(|value| value.to_str().ok()?.split_once(' '))
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, key)| key),
        };
        let key = key.map(str::trim).filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| unknown("key_missing", "Send your API key with each call."))?;
        self.keys.find(key).ok_or_else(|| unknown("key_unknown", "This API key is not known."))
    }

    /// Ask and count; what the answer is to say of what is left.
    async fn admit(&self, caller: &Caller) -> Result<HeaderMap, Refused> {
        if self.gateway.rate_limit {
            let take = json!({ "subject": caller.subject, "key": caller.name });
            match self.ask("/v1/rate-limits/take", &take).await {
                Ok(answer) if answer["allowed"] == true => {}
                Ok(answer) => return Err(refusal(&answer)),
                Err(failure) => return self.without_answer(caller, None, &failure),
            }
        }
        let id = SystemIds.next().to_string();
        let consume = json!({
            "meter": self.gateway.meter, "subject": caller.subject, "source": SOURCE, "id": id,
            "data": { "key": caller.name },
        });
        match self.ask("/v1/consume", &consume).await {
            Ok(answer) if answer["allowed"] == true => Ok(left(&answer)),
            Ok(answer) => Err(refusal(&answer)),
            Err(failure) => self.without_answer(caller, Some(id), &failure),
        }
    }

    /// The meter did not answer: open or closed. What is let through is owed to it under the name it was asked for with, so
    /// that it counts once if it was counted after all. What it refuses to count is not passed on in any case.
    fn without_answer(
        &self,
        caller: &Caller,
        id: Option<String>,
        failure: &Failure,
    ) -> Result<HeaderMap, Refused> {
        if let Failure::Refused { code, .. } = failure {
            return Err(self.not_counted(caller, code, failure).into());
        }
        if !self.gateway.open {
            if self.meter.told.first("closed") {
                tracing::warn!(%failure, "calls are refused: they cannot be metered");
            }
            let detail = "This call cannot be metered at the moment. Try again in a few seconds.";
            return Err(Error::unavailable("meter_away", detail).into());
        }
        if self.meter.told.first("open") {
            tracing::warn!(%failure, "calls are let through: they are metered later");
        }
        let live = self.gateway.secret.starts_with("sk_live_");
        let time = live.then(|| SystemClock.now());
        self.owed.add(json!({
            "specversion": "1.0", "id": id.unwrap_or_else(|| SystemIds.next().to_string()), "source": SOURCE,
            "type": self.gateway.meter, "subject": caller.subject, "time": time, "data": { "key": caller.name },
        }));
        Ok(HeaderMap::new())
    }

    /// What a caller is told whose calls the meter will never count, and once whoever runs the gateway.
    fn not_counted(&self, caller: &Caller, code: &str, failure: &Failure) -> Error {
        if let Some(to_do) = failure.to_do() {
            if self.meter.told.first(code) {
                tracing::error!(%failure, "no call is passed on: {to_do}");
            }
            let detail = "The gateway of this service is not set up rightly. Whoever runs it finds in its log what to do.";
            return Error::new(Kind::Internal, "gateway_misconfigured", detail);
        }
        if self.meter.told.first(&format!("{code} {}", caller.subject)) {
            let subject = &caller.subject;
            tracing::error!(%failure, subject, "calls are refused: correct the subject in the file of keys");
        }
        let detail = "Calls with your API key cannot be counted, so they are not passed on. Ask whoever gave you the key.";
        Error::new(Kind::Forbidden, "not_metered", detail)
    }

    async fn ask(&self, path: &str, body: &Json) -> Result<Json, Failure> {
        let answer =
            self.meter.ask(path, "application/json", body.to_string(), self.gateway.patience).await?;
        if answer["allowed"].is_boolean() {
            return Ok(answer);
        }
        let (code, detail) = (String::new(), "no answer to what was asked".to_owned());
        Err(Failure::Refused { status: StatusCode::OK, code, detail })
    }

    async fn pass_on(&self, mut request: Request) -> Result<Response> {
        *request.uri_mut() = at(&self.gateway.upstream, request.uri())?;
        strip(request.headers_mut());
        let gone =
            |_| Error::unavailable("upstream_away", "The service behind this gateway does not answer.");
        let mut response = self.http.request(request).await.map_err(gone)?.map(Body::new);
        strip(response.headers_mut());
        Ok(response)
    }
}

/// What is left of the caller's limit, as draft-ietf-httpapi-ratelimit-headers-10 says it.
fn left(answer: &Json) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(remaining) = answer["remaining"].as_str() else { return headers };
    let whole = remaining.split('.').next().unwrap_or(remaining);
    let reset = resets_in(answer).map(|seconds| format!(";t={seconds}")).unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(&format!("\"quota\";r={whole}{reset}")) {
        headers.insert(HeaderName::from_static("ratelimit"), value);
    }
    headers
}

fn resets_in(answer: &Json) -> Option<i64> {
    let at: Timestamp = answer["resets_at"].as_str()?.parse().ok()?;
    Some((at.as_second() - SystemClock.now().as_second()).max(0))
}

fn refusal(answer: &Json) -> Refused {
    let mut headers = Box::new(left(answer));
    if answer["reason"] == "no_access" {
        let detail = "No running subscription gives access to this service.";
        return Refused { error: Error::new(Kind::Forbidden, "no_access", detail), headers };
    }
    let wait = answer["retry_after"].as_i64().or_else(|| resets_in(answer)).unwrap_or(60).max(1);
    headers.insert(header::RETRY_AFTER, wait.into());
    let upgrade = answer["upgrade"].as_str().map(|plan| format!(" The plan {plan} includes more."));
    let detail = format!("The limit is reached.{}", upgrade.unwrap_or_default());
    Refused { error: Error::new(Kind::RateLimited, "limit_reached", detail), headers }
}
