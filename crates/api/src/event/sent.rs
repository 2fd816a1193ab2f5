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
/// Lines of a stream are taken in when they have so many bytes together, however few they are.
const PART: usize = 1 << 20;

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
    /// What came and is not taken in yet.
    rest: Vec<u8>,
    /// How many lines of it are whole,
    lines: usize,
    /// and how many bytes they have.
    whole: usize,
    ended: bool,
}

impl Lines {
    const fn new(body: HttpBody) -> Self {
        Self { body, rest: Vec::new(), lines: 0, whole: 0, ended: false }
    }

    /// The events of the next lines, about `many`; none at the end.
    ///
    /// Errors: `line_too_long`, `events_malformed`, `body_incomplete`.
    pub(super) async fn next(&mut self, many: usize) -> Result<Option<Read>> {
        while !self.ended && self.lines < many && self.whole < PART {
            match body::next(&mut self.body).await {
                Some(Ok(data)) => self.add(&data)?,
                Some(Err(_)) => return Err(body::cut_off()),
                None => self.ended = true,
            }
        }
        let end = if self.ended { self.rest.len() } else { self.whole };
        if end == 0 {
            return Ok(None);
        }
        let rest = self.rest.split_off(end);
        (self.lines, self.whole) = (0, 0);
        let lines = text(std::mem::replace(&mut self.rest, rest))?;
        if lines.lines().any(|line| line.len() > LONGEST) {
            return Err(too_long());
        }
        Ok(Some(wire::lines(&lines)))
    }

    /// Only what is new is looked through: a line may come in many pieces.
    fn add(&mut self, data: &Bytes) -> Result<()> {
        if let Some(last) = data.iter().rposition(|byte| *byte == b'\n') {
            self.whole = self.rest.len() + last + 1;
            self.lines += data.iter().filter(|byte| **byte == b'\n').count();
        }
        self.rest.extend_from_slice(data);
        if self.rest.len() - self.whole > LONGEST {
            return Err(too_long());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as HttpBody;
    use futures_util::{StreamExt, stream};

    use super::*;

    /// The parts a body in such pieces is taken in with: lines and bytes of each, or the code of what is wrong.
    async fn parts(pieces: Vec<Vec<u8>>, many: usize) -> Result<Vec<usize>, &'static str> {
        let pieces = stream::iter(pieces).map(Ok::<_, std::io::Error>);
        let mut lines = Lines::new(HttpBody::from_stream(pieces));
        let mut sizes = Vec::new();
        while let Some(events) = lines.next(many).await.map_err(|error| error.code)? {
            sizes.push(events.len());
        }
        Ok(sizes)
    }

    #[tokio::test]
    async fn lines_are_taken_in_by_their_number_and_by_their_size() {
        let line = |length: usize| [vec![b'x'; length], vec![b'\n']].concat();
        let bytes = |pieces: &[Vec<u8>], size: usize| -> Vec<Vec<u8>> {
            pieces.concat().chunks(size).map(<[u8]>::to_vec).collect()
        };
        // Whatever the pieces, the lines are the same; the last one needs no end.
        let mut short = vec![line(3); 25];
        short.push(b"xxx".to_vec());
        for size in [1, 3, 4, 7, 1_000] {
            let taken = parts(bytes(&short, size), 10).await.unwrap();
            assert_eq!(taken.iter().sum::<usize>(), 26, "{size}: {taken:?}");
        }
        assert_eq!(parts(bytes(&short, 4), 10).await.unwrap(), [10, 10, 6]);
        // Long ones do not wait for a thousand of them.
        let long = vec![line(60_000); 40];
        let taken = parts(bytes(&long, 8_192), 1_000).await.unwrap();
        assert_eq!((taken.iter().sum::<usize>(), taken[0]), (40, 18), "{taken:?}");
        assert_eq!(parts(bytes(&[line(70_000)], 1_000), 1_000).await, Err("line_too_long"));
        assert_eq!(parts(vec![line(70_000)], 1_000).await, Err("line_too_long"));
        assert_eq!(parts(vec![], 1_000).await, Ok(vec![]));
    }
}
