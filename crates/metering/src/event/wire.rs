//! The shapes events come in: CloudEvents 1.0 (one, a batch, or a line each), and what the SDKs of OpenMeter
//! (CloudEvents) and Lago send. Pure: from text to [`NewEvent`]; a bad event is an error among the others.

use jiff::Timestamp;
use kernel::{Error, Kind, Result, time};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::NewEvent;

/// Events, those that could not be read as what is wrong with them.
pub type Read = Vec<Result<NewEvent, Unread>>;

/// What came in place of an event.
#[derive(Clone, Debug)]
pub struct Unread {
    /// What is wrong with it.
    pub error: Error,
    /// The beginning of it.
    pub text: String,
}

/// So much of what came is kept: a byte more than is ever shown, so that it is known to be cut.
const BEGINNING: usize = crate::reject::MOST_TEXT + 1;

impl Unread {
    /// Of a text that is no event.
    pub fn new(error: Error, text: &str) -> Self {
        let end = (0..=BEGINNING.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        Self { error, text: text[..end].to_owned() }
    }
}

impl From<Unread> for Error {
    fn from(unread: Unread) -> Self {
        unread.error
    }
}

/// One CloudEvent as JSON. The event's `type` is the meter's key, its `subject` the customer or subscription.
///
/// Members it does not know are extensions and are left alone. Errors: `event_malformed`, `time_malformed`,
/// `time_out_of_range`.
pub fn cloud_event(json: &str) -> Result<NewEvent, Unread> {
    read_cloud_event(json).map_err(|error| Unread::new(error, json))
}

fn read_cloud_event(json: &str) -> Result<NewEvent> {
    #[derive(Deserialize)]
    struct Sent {
        specversion: Option<String>,
        id: String,
        source: String,
        #[serde(rename = "type")]
        meter: String,
        subject: Option<String>,
        time: Option<String>,
        data: Option<Box<RawValue>>,
    }
    let sent: Sent = serde_json::from_str(json).map_err(|error| malformed(&error))?;
    check_version(sent.specversion.as_deref())?;
    let subject = sent.subject.ok_or_else(no_subject)?;
    let at = sent.time.as_deref().map(instant).transpose()?;
    let data = sent.data.filter(|data| data.get() != "null");
    Ok(NewEvent { source: sent.source, id: sent.id, meter: sent.meter, subject, at, data })
}

/// A batch of CloudEvents: a JSON array. Error: `events_malformed` when it is none.
pub fn cloud_events(json: &str) -> Result<Read> {
    Ok(parts(json)?.iter().map(|part| cloud_event(part.get())).collect())
}

/// CloudEvents, one on each line; empty lines are nothing.
pub fn lines(text: &str) -> Read {
    text.lines().filter(|line| !line.trim().is_empty()).map(cloud_event).collect()
}

/// A CloudEvent whose attributes are `ce-…` headers and whose data is the body. `header` gives the value of a header
/// by its name in lower case. Errors as [`cloud_event`].
pub fn binary<'h>(header: impl Fn(&str) -> Option<&'h str>, body: &str) -> Result<NewEvent, Unread> {
    read_binary(header, body).map_err(|error| Unread::new(error, body))
}

fn read_binary<'h>(header: impl Fn(&str) -> Option<&'h str>, body: &str) -> Result<NewEvent> {
    check_version(header("ce-specversion"))?;
    let attribute = |name: &str| {
        header(name).map(str::to_owned).ok_or_else(|| {
            Error::invalid("event_malformed", format!("The header {name} is missing."))
                .at(format!("/{}", &name[3..]))
        })
    };
    let data = match body.trim() {
        "" => None,
        body => Some(RawValue::from_string(body.to_owned()).map_err(|error| malformed(&error))?),
    };
    Ok(NewEvent {
        source: attribute("ce-source")?,
        id: attribute("ce-id")?,
        meter: attribute("ce-type")?,
        subject: header("ce-subject").ok_or_else(no_subject)?.to_owned(),
        at: header("ce-time").map(instant).transpose()?,
        data,
    })
}

/// The source of events in Lago's shape, which has none.
pub const LAGO: &str = "lago";

/// One event as the SDKs of Lago send it: `{"event": {"transaction_id", "code", "external_subscription_id",
/// "timestamp", "properties"}}`. Errors as [`cloud_event`].
pub fn lago_event(json: &str) -> Result<NewEvent, Unread> {
    #[derive(Deserialize)]
    struct Sent<'a> {
        #[serde(borrow)]
        event: &'a RawValue,
    }
    let sent = serde_json::from_str::<Sent<'_>>(json);
    let sent = sent.map_err(|error| Unread::new(malformed(&error), json))?;
    lago(sent.event.get())
}

/// A batch of them: `{"events": […]}`. Error: `events_malformed` when it is none.
pub fn lago_events(json: &str) -> Result<Read> {
    #[derive(Deserialize)]
    struct Sent<'a> {
        #[serde(borrow)]
        events: Vec<&'a RawValue>,
    }
    let sent: Sent<'_> = serde_json::from_str(json).map_err(|_| no_batch())?;
    Ok(sent.events.iter().map(|event| lago(event.get())).collect())
}

fn lago(json: &str) -> Result<NewEvent, Unread> {
    read_lago(json).map_err(|error| Unread::new(error, json))
}

fn read_lago(json: &str) -> Result<NewEvent> {
    #[derive(Deserialize)]
    struct Sent {
        transaction_id: String,
        code: String,
        external_subscription_id: Option<String>,
        external_customer_id: Option<String>,
        timestamp: Option<Box<RawValue>>,
        properties: Option<Box<RawValue>>,
    }
    let sent: Sent = serde_json::from_str(json).map_err(|error| malformed(&error))?;
    let subject = sent.external_subscription_id.or(sent.external_customer_id).ok_or_else(no_subject)?;
    let at = sent
        .timestamp
        .filter(|at| at.get() != "null")
        .map(|at| unix(at.get().trim_matches('"')))
        .transpose()?;
    let data = sent.properties.filter(|data| data.get() != "null");
    Ok(NewEvent { source: LAGO.to_owned(), id: sent.transaction_id, meter: sent.code, subject, at, data })
}

/// Seconds since 1970, with a fraction or without, or an instant as text.
fn unix(text: &str) -> Result<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || !digits(whole) || !digits(fraction) {
        return instant(text);
    }
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    time::from_micros(number(whole) * 1_000_000 + number(&micros)).map_err(|error| error.at("/timestamp"))
}

fn instant(text: &str) -> Result<Timestamp> {
    time::instant(text).map_err(|error| error.at("/time"))
}

fn parts(json: &str) -> Result<Vec<&RawValue>> {
    serde_json::from_str(json).map_err(|_| no_batch())
}

fn check_version(version: Option<&str>) -> Result<()> {
    match version {
        Some("1.0") => Ok(()),
        _ => {
            let detail = "An event is a CloudEvent of version 1.0: its \"specversion\" is \"1.0\".";
            Err(Error::invalid("event_malformed", detail).at("/specversion"))
        }
    }
}

fn no_subject() -> Error {
    let detail = "An event needs a \"subject\": the customer or subscription whose usage it is.";
    Error::invalid("event_malformed", detail).at("/subject")
}

fn malformed(error: &serde_json::Error) -> Error {
    Error::invalid("event_malformed", format!("This is not an event: {error}."))
}

fn no_batch() -> Error {
    Error::new(Kind::Malformed, "events_malformed", "A batch of events is a JSON list of events.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(event: &NewEvent) -> String {
        let NewEvent { source, id, meter, subject, at, data } = event;
        let at = at.map_or_else(String::new, |at| at.to_string());
        format!("{source} {id} {meter} {subject} {at} {}", data.as_ref().map_or("", |data| data.get()))
    }

    #[test]
    fn cloud_events_are_read_in_each_of_their_shapes() {
        let one = r#"{"specversion":"1.0","id":"1","source":"s","type":"calls","subject":"acme",
            "time":"2026-01-15T10:00:00+01:00","datacontenttype":"application/json","data":{"n": 1.50},"extra":[1]}"#
            .replace('\n', "");
        let expected = r#"s 1 calls acme 2026-01-15T09:00:00Z {"n": 1.50}"#;
        assert_eq!(shown(&cloud_event(&one).unwrap()), expected);
        let bare = r#"{"specversion":"1.0","id":"2","source":"s","type":"calls","subject":"acme"}"#;
        let batch = cloud_events(&format!("[{one}, {bare}, 7]")).unwrap();
        assert_eq!(batch.len(), 3);
        assert_eq!(shown(batch[1].as_ref().unwrap()), "s 2 calls acme  ");
        assert_eq!(batch[2].as_ref().unwrap_err().error.code, "event_malformed");
        assert_eq!(batch[2].as_ref().unwrap_err().text, "7");
        assert_eq!(
            lines(&format!("{one}\n\n{bare}\r\nno event\n")).iter().filter(|event| event.is_ok()).count(),
            2
        );
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "s"),
            ("ce-type", "calls"),
            ("ce-subject", "acme"),
            ("ce-time", "2026-01-15T09:00:00Z"),
        ];
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        assert_eq!(shown(&binary(header, r#"{"n": 1.50}"#).unwrap()), expected);
        assert_eq!(binary(|_| Some("1.0"), "{").unwrap_err().error.code, "event_malformed");
        assert_eq!(cloud_events("{}").unwrap_err().code, "events_malformed");
    }

    #[test]
    fn what_an_event_lacks_is_said() {
        for (json, pointer) in [
            (r#"{"id":"1","source":"s","type":"t","subject":"a"}"#, "/specversion"),
            (r#"{"specversion":"0.3","id":"1","source":"s","type":"t","subject":"a"}"#, "/specversion"),
            (r#"{"specversion":"1.0","id":"1","source":"s","type":"t"}"#, "/subject"),
            (
                r#"{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"a","time":"soon"}"#,
                "/time",
            ),
        ] {
            assert_eq!(cloud_event(json).unwrap_err().error.fields[0].pointer, pointer);
        }
    }

    #[test]
    fn events_of_lago_are_read() {
        for (timestamp, shown_time) in [
            ("1768471200", "2026-01-15T10:00:00Z"),
            ("1768471200.5", "2026-01-15T10:00:00.5Z"),
            (r#""1768471200.123456789""#, "2026-01-15T10:00:00.123456Z"),
            (r#""2026-01-15T10:00:00Z""#, "2026-01-15T10:00:00Z"),
        ] {
            let json = format!(
                r#"{{"event":{{"transaction_id":"t1","external_subscription_id":"sub","code":"calls","timestamp":{timestamp},"properties":{{"gb":12}}}}}}"#
            );
            let event = lago_event(&json).unwrap();
            assert_eq!(shown(&event), format!(r#"lago t1 calls sub {shown_time} {{"gb":12}}"#));
        }
        let batch =
            r#"{"events":[{"transaction_id":"1","code":"c","external_customer_id":"a"},{"code":"c"}]}"#;
        let events = lago_events(batch).unwrap();
        assert_eq!(shown(events[0].as_ref().unwrap()), "lago 1 c a  ");
        assert!(events[1].is_err() && lago_events("[]").is_err());
    }
}
