//! Bodies of events: one, a batch, or a stream of lines, told apart by what the headers say.

use axum::{
    body::{Body as HttpBody, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use identity::Permissions;
use kernel::{Error, Kind, Result};
use metering::event::{
    NewEvent,
    wire::{self, Read, Unread},
};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{app::App, body, problem::Problem};

/// The largest batch, in bytes.
const LARGEST: usize = 16 << 20;
/// The longest line of a stream, in bytes.
const LONGEST: usize = 64 << 10;

/// A CloudEvent of version 1.0. Other attributes are extensions and are left alone.
#[derive(ToSchema)]
#[schema(as = CloudEvent)]
#[allow(dead_code, reason = "it describes what is read elsewhere")]
pub(crate) struct CloudEventIn {
    /// `1.0`.
    #[schema(examples("1.0"))]
    specversion: String,
    /// Where it was noticed. With `id` it names the event.
    #[schema(examples("my-app"))]
    source: String,
    /// Its id there.
    #[schema(examples("8f3a"))]
    id: String,
    /// The key of the meter.
    #[serde(rename = "type")]
    #[schema(examples("agent_runs"))]
    meter: String,
    /// The customer or subscription: its id or your own.
    #[schema(examples("acme"))]
    subject: String,
    /// When it happened; when it is received, when left out.
    time: Option<String>,
    /// The value and the dimensions.
    #[schema(value_type = Option<Object>)]
    data: Option<String>,
}

/// Events as they came, and what whoever sent them may do besides.
pub(crate) struct Sent {
    pub(crate) events: SentEvents,
    pub(crate) permissions: Permissions,
}

/// Events as they came. Those that cannot be read are errors among the others.
pub(crate) enum SentEvents {
    /// One.
    One(Box<Result<NewEvent, Unread>>),
    /// A batch.
    Many(Read),
    /// A line each, still on its way.
    Lines(Lines),
}

impl FromRequest<App> for Sent {
    type Rejection = Problem;

    /// Errors: `body_too_large`, `body_incomplete`, `content_type_wrong`, `events_malformed`.
    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let permissions = request.extensions().get::<Permissions>().cloned();
        let permissions = permissions.ok_or_else(|| Error::internal("events came from nobody"))?;
        let (headers, body) = body::unread(request);
        let events = match Form::of(&headers)? {
            Form::Lines => SentEvents::Lines(Lines::new(body)),
            Form::Headers => {
                let text = text(body::take(&headers, body, LARGEST).await?)?;
                let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
                SentEvents::One(Box::new(wire::binary(header, &text)))
            }
            Form::Batch => {
                SentEvents::Many(wire::cloud_events(&text(body::take(&headers, body, LARGEST).await?)?)?)
            }
            Form::One => {
                let text = text(body::take(&headers, body, LARGEST).await?)?;
                match text.trim_start().starts_with('[') {
                    true => SentEvents::Many(wire::cloud_events(&text)?),
                    false => SentEvents::One(Box::new(one(&text))),
                }
            }
        };
        Ok(Self { events, permissions })
    }
}

/// A body that is no JSON at all is no event that is not in order.
fn one(text: &str) -> Result<NewEvent, Unread> {
    if serde_json::from_str::<&RawValue>(text).is_err() {
        return Err(Unread::new(malformed(), text));
    }
    wire::cloud_event(text)
}

/// A body as UTF-8.
pub(super) fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| malformed())
}

fn malformed() -> Error {
    Error::new(Kind::Malformed, "events_malformed", "The body is not JSON in UTF-8.")
}

/// How events come.
enum Form {
    One,
    Batch,
    Headers,
    Lines,
}

impl Form {
    /// Errors: `content_type_wrong`.
    fn of(headers: &HeaderMap) -> Result<Self> {
        let kind =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/cloudevents-batch+json" => Ok(Self::Batch),
            "application/cloudevents+json" => Ok(Self::One),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Self::Lines),
            _ if headers.contains_key("ce-specversion") => Ok(Self::Headers),
            "application/json" => Ok(Self::One),
            _ => {
                let detail = "Send events as application/cloudevents+json, application/cloudevents-batch+json or \
                              application/x-ndjson.";
                Err(Error::new(Kind::Malformed, "content_type_wrong", detail))
            }
        }
    }
}

fn too_long() -> Error {
    let detail = "A line is longer than 64 KiB. Each line is one event.";
    Error::new(Kind::TooLarge, "line_too_long", detail)
}

/// A stream of lines, read as it is taken in.
pub(crate) struct Lines {
    body: HttpBody,
    rest: Vec<u8>,
    ended: bool,
}

impl Lines {
    const fn new(body: HttpBody) -> Self {
        Self { body, rest: Vec::new(), ended: false }
    }

    /// The events of the next lines, about `many`; none at the end.
    ///
    /// Errors: `line_too_long`, `events_malformed`, `body_incomplete`.
    pub(super) async fn next(&mut self, many: usize) -> Result<Option<Read>> {
        while !self.ended && self.lines() < many {
            match body::next(&mut self.body).await {
                Some(Ok(data)) => self.add(&data)?,
                Some(Err(_)) => return Err(body::cut_off()),
                None => self.ended = true,
            }
        }
        let end = if self.ended { self.rest.len() } else { self.whole() };
        if end == 0 {
            return Ok(None);
        }
        let rest = self.rest.split_off(end);
        let lines = text(std::mem::replace(&mut self.rest, rest))?;
        if lines.lines().any(|line| line.len() > LONGEST) {
            return Err(too_long());
        }
        Ok(Some(wire::lines(&lines)))
    }

    fn add(&mut self, data: &Bytes) -> Result<()> {
        self.rest.extend_from_slice(data);
        if self.rest.len() - self.whole() > LONGEST {
            return Err(too_long());
        }
        Ok(())
    }

    /// Up to and with the last end of a line.
    fn whole(&self) -> usize {
        self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1)
    }

    fn lines(&self) -> usize {
        self.rest.iter().filter(|byte| **byte == b'\n').count()
    }
}
