//! Asking the meter, and telling an outage from a refusal: what is refused now is refused for ever.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, Request, StatusCode, header},
};
use serde_json::Value as Json;
use tokio::time::timeout;

use crate::forward::Http;

/// An answer of the meter is no longer, in bytes: a batch has a receipt for each event.
const ANSWER: usize = 4 << 20;
/// The same cause is told in the log this often at most,
const TELL: Duration = Duration::from_secs(60);
/// and so many causes are told apart.
const CAUSES: usize = 1_000;

/// Steelyard, as a gateway asks it.
pub(super) struct Meter {
    pub(super) http: Http,
    /// `http://127.0.0.1:8080`.
    pub(super) address: String,
    pub(super) bearer: HeaderValue,
    pub(super) told: Told,
}

/// Why there is no answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It cannot be asked at the moment.
    Away(String),
    /// It does not do what is asked, now or later.
    Refused {
        status: StatusCode,
        /// The stable code of the problem; empty when what answers does not speak so.
        code: String,
        detail: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) => f.write_str(why),
            Self::Refused { status, code, detail } => write!(f, "{} {code}: {detail}", status.as_u16()),
        }
    }
}

impl Failure {
    /// What an answer that is no success says.
    fn of(status: StatusCode, answer: &Json) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let (code, detail) = (text("code"), text("detail"));
        let later = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        // The clock of a sandbox that is being moved stands still again soon.
        if status.is_server_error() || later || code == "clock_advancing" {
            return Self::Away(format!("{} {code}: {detail}", status.as_u16()));
        }
        Self::Refused { status, code, detail }
    }

    /// What whoever runs the gateway has to correct, for all callers; none when it is about one of them.
    pub(super) fn to_do(&self) -> Option<&'static str> {
        let Self::Refused { status, code, .. } = self else { return None };
        match (status.as_u16(), code.as_str()) {
            (_, "") => Some("what answers there is not Steelyard: give --steelyard its address"),
            (401, _) => Some("its API key is not known there: give --api-key one that is"),
            (403, _) => Some("its API key may not do this: give it the permission usage.write"),
            (404, _) => {
                Some("this Steelyard does not know what is asked: give --steelyard the right address")
            }
            (_, "meter_unknown" | "meter_not_consumable" | "property_missing") => {
                Some("calls cannot be counted by this meter: give --meter the key of one that counts events")
            }
            _ => None,
        }
    }
}

impl Meter {
    /// Ask; the answer's JSON.
    pub(super) async fn ask(
        &self,
        path: &str,
        kind: &'static str,
        body: String,
        patience: Duration,
    ) -> Result<Json, Failure> {
        let away = |why: &dyn fmt::Display| Failure::Away(why.to_string());
        let request = Request::post(format!("{}{path}", self.address.trim_end_matches('/')))
            .header(header::AUTHORIZATION, self.bearer.clone())
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .map_err(|error| away(&error))?;
        let asked = async {
            let response = self.http.request(request).await.map_err(|error| away(&error))?;
            let status = response.status();
            let bytes = to_bytes(Body::new(response.into_body()), ANSWER).await;
            let answer: Json =
                serde_json::from_slice(&bytes.map_err(|error| away(&error))?).unwrap_or_default();
            if status.is_success() && answer.is_object() {
                Ok(answer)
            } else {
                Err(Failure::of(status, &answer))
            }
        };
        timeout(patience, asked).await.unwrap_or_else(|_| Err(away(&"no answer in time")))
    }
}

/// What was told in the log, and when: a cause that lasts is not told with every call.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<String, Instant>>);

impl Told {
    /// Whether to tell this cause now.
    pub(super) fn first(&self, cause: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(cause).is_some_and(|at| at.elapsed() < TELL) {
            return false;
        }
        if told.len() >= CAUSES {
            told.clear();
        }
        told.insert(cause.to_owned(), Instant::now());
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_no_outage() {
        let of = |status: u16, code: &str| {
            let failure = Failure::of(StatusCode::from_u16(status).unwrap(), &json!({ "code": code }));
            (failure.to_do(), matches!(failure, Failure::Away(_)))
        };
        for (status, code) in [
            (500, "internal"),
            (502, ""),
            (503, "owned_elsewhere"),
            (507, "storage_full"),
            (429, "rate_limited"),
            (409, "clock_advancing"),
        ] {
            assert_eq!(of(status, code), (None, true), "{status} {code}");
        }
        for (status, code) in [
            (401, "key_unknown"),
            (403, "permission_missing"),
            (404, "not_found"),
            (404, ""),
            (302, ""),
            (422, "meter_unknown"),
            (409, "meter_not_consumable"),
        ] {
            let (to_do, away) = of(status, code);
            assert!(to_do.is_some() && !away, "{status} {code}");
        }
        for (status, code) in [(422, "subject_unknown"), (422, "event_name_malformed")] {
            assert_eq!(of(status, code), (None, false), "{status} {code}");
        }
    }

    #[test]
    fn a_cause_is_told_once_and_causes_are_bounded() {
        let told = Told::default();
        assert!(told.first("one") && !told.first("one") && told.first("two"));
        for n in 0..3 * CAUSES {
            told.first(&n.to_string());
        }
        assert!(told.0.lock().unwrap().len() <= CAUSES);
    }
}
