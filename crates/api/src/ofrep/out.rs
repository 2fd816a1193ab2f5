//! Answers in the protocol's words.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entitlements::{
    Served, Source,
    feature::{Decision, Reason, Upgrade},
};
use kernel::{Error, Kind};
use serde::Serialize;
use serde_json::{Map, Value};

/// A flag of a bulk answer.
pub(super) enum Evaluated<'a> {
    /// It was evaluated.
    Success(Served),
    /// It deals by targeting key, and there is none.
    KeyMissing(&'a str),
}

#[derive(Serialize)]
struct SuccessOut<'a> {
    key: &'a str,
    value: &'a Value,
    reason: &'static str,
    variant: &'a str,
    metadata: Map<String, Value>,
}

#[derive(Serialize)]
struct FailureOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(rename = "errorCode")]
    code: &'static str,
    #[serde(rename = "errorDetails")]
    details: &'a str,
}

fn out(served: &Served) -> SuccessOut<'_> {
    let Served { key, value, variant, .. } = served;
    SuccessOut { key, value, reason: reason(served), variant, metadata: metadata(served) }
}

/// One evaluation.
pub(super) fn success(served: &Served) -> Vec<u8> {
    serde_json::to_vec(&out(served)).unwrap_or_default()
}

/// All of them.
pub(super) fn bulk<'a>(served: impl Iterator<Item = Evaluated<'a>>) -> Vec<u8> {
    let mut body = b"{\"flags\":[".to_vec();
    for (at, one) in served.enumerate() {
        if at > 0 {
            body.push(b',');
        }
        // Writing to memory cannot fail, and every key of a map is text.
        let written = match one {
            Evaluated::Success(served) => serde_json::to_writer(&mut body, &out(&served)),
            Evaluated::KeyMissing(key) => {
                let Failure { code, details, .. } = Failure::key_missing();
                serde_json::to_writer(&mut body, &FailureOut { key: Some(key), code, details: &details })
            }
        };
        if written.is_err() {
            break;
        }
    }
    body.extend_from_slice(b"]}");
    body
}

/// Why, as OpenFeature names it.
pub(crate) fn reason(served: &Served) -> &'static str {
    match &served.source {
        Source::Flag { off: true, .. } => "DISABLED",
        Source::Flag { rule: Some(_), split: true, .. } => "SPLIT",
        Source::Flag { rule: Some(_), .. } => "TARGETING_MATCH",
        Source::Flag { unmatched: true, .. } => "DEFAULT",
        Source::Flag { .. } => "STATIC",
        Source::Feature(decision) => match &decision.reason {
            Reason::Plan { .. }
            | Reason::Addon { .. }
            | Reason::Override
            | Reason::Flag { rule: Some(_), .. } => "TARGETING_MATCH",
            Reason::Default { .. } => "STATIC",
            Reason::Flag { rule: None, .. } | Reason::NotIncluded => "DEFAULT",
            Reason::SwitchedOff | Reason::AccessOff => "DISABLED",
        },
    }
}

/// Where it comes from: text, numbers and booleans.
pub(crate) fn metadata(served: &Served) -> Map<String, Value> {
    let mut told = Map::new();
    match &served.source {
        Source::Flag { version, rule, .. } => {
            told.insert("source".into(), "flag".into());
            told.insert("version".into(), (*version).into());
            if let Some(rule) = rule {
                told.insert("rule".into(), (*rule).into());
            }
        }
        Source::Feature(decision) => feature(decision, &mut told),
    }
    told
}

fn feature(decision: &Decision, told: &mut Map<String, Value>) {
    told.insert("source".into(), decision.reason.word().into());
    match &decision.reason {
        Reason::Plan { plan, book } | Reason::Default { plan, book } => {
            told.insert("plan".into(), plan.as_str().into());
            told.insert("bookVersion".into(), (*book).into());
        }
        Reason::Addon { addon, book } => {
            told.insert("addon".into(), addon.as_str().into());
            told.insert("bookVersion".into(), (*book).into());
        }
        Reason::Flag { rule: Some(rule), .. } => {
            told.insert("rule".into(), (*rule).into());
        }
        _ => {}
    }
    match &decision.upgrade {
        Some(Upgrade::Plan(plan)) => told.insert("upgradePlan".into(), plan.as_str().into()),
        Some(Upgrade::Addon(addon)) => told.insert("upgradeAddon".into(), addon.as_str().into()),
        None => None,
    };
    if let Some(until) = decision.until {
        told.insert("until".into(), until.to_string().into());
    }
}

/// A refusal in the protocol's words.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    details: String,
    key: Option<String>,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, details: &str) -> Self {
        Self { status, code, details: details.to_owned(), key: None }
    }

    /// The body cannot be read.
    pub(super) fn parse(details: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PARSE_ERROR", details)
    }

    /// The context says what it cannot.
    pub(super) fn context(details: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_CONTEXT", details)
    }

    /// The flag deals by targeting key, and there is none.
    pub(super) fn key_missing() -> Self {
        let details = "This flag deals by targeting key: send one in the context.";
        Self::new(StatusCode::BAD_REQUEST, "TARGETING_KEY_MISSING", details)
    }

    /// There is no such flag, and no such feature.
    pub(super) fn not_found() -> Self {
        let details = "There is neither a flag nor a feature with this key.";
        Self::new(StatusCode::NOT_FOUND, "FLAG_NOT_FOUND", details)
    }

    /// Of this flag.
    pub(super) fn of(self, key: String) -> Self {
        Self { key: Some(key), ..self }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if error.kind == Kind::Internal {
            tracing::error!(
                code = error.code,
                detail = error.detail,
                "an evaluation failed through a fault of ours"
            );
            return Self::new(status, "GENERAL", "Something went wrong here, not with your request.");
        }
        Self::new(status, "GENERAL", &error.detail)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, code, details, key } = self;
        let body = serde_json::to_vec(&FailureOut { key: key.as_deref(), code, details: &details });
        let mut response = super::json(status, body.unwrap_or_default());
        match status {
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
