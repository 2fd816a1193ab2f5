//! JSON bodies, read strictly: what cannot be read is 400, what says something else than asked is 422.

use std::{
    future::poll_fn,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body as HttpBody, Bytes, HttpBody as _},
    extract::{FromRequest, OriginalUri, Request},
    http::{HeaderMap, header},
};
use kernel::{Error, Kind, Result};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value as Json;
use serde_path_to_error::Segment;
use sha2::{Digest, Sha256};
use store::idempotency;

use crate::problem::Problem;

/// The largest body that is read, in bytes.
const LARGEST: usize = 1 << 20;
/// How much of a body that is too large is still taken in and thrown away. Closing a connection with
/// unread data resets it, and the client would never see the answer.
const DRAINED: usize = 256 << 20;

/// A body, and the request it makes when it came with an `Idempotency-Key`. No body at all reads as `{}`.
pub(crate) struct Body<T> {
    /// What it says.
    pub(crate) content: T,
    /// What makes a repetition recognisable.
    pub(crate) request: Option<idempotency::Request>,
}

/// The body of a command that needs no words.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    /// Errors: `idempotency_key_malformed`, `body_too_large`, `body_incomplete`, `content_type_wrong`,
    /// `body_malformed`, `body_invalid`.
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = parts.extensions.get::<Unread>().and_then(Unread::take).unwrap_or(body);
        let key = idempotency_key(&parts.headers)?;
        let bytes = take(&parts.headers, body, LARGEST).await?;
        if !bytes.is_empty() {
            check_content_type(&parts.headers)?;
        }
        let content = read(if bytes.is_empty() { b"{}" } else { &bytes })?;
        // Behind `nest` the request's own path lacks its beginning.
        let path = parts.extensions.get::<OriginalUri>().map_or(parts.uri.path(), |uri| uri.path());
        let request = key.map(|key| idempotency::Request {
            key,
            fingerprint: fingerprint(&[parts.method.as_str().as_bytes(), path.as_bytes(), &bytes]),
        });
        Ok(Self { content, request })
    }
}

/// The body of a request until somebody reads it.
#[derive(Clone)]
pub(crate) struct Unread(Arc<Mutex<Option<HttpBody>>>);

impl Unread {
    /// Set the body aside for the handler that wants it.
    pub(crate) fn aside(request: &mut Request) -> Self {
        let unread = Self(Arc::new(Mutex::new(Some(mem::take(request.body_mut())))));
        request.extensions_mut().insert(unread.clone());
        unread
    }

    fn take(&self) -> Option<HttpBody> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Take in what no handler wanted, up to the size of a good body, so that a refusal given without
    /// reading it reaches the client.
    pub(crate) async fn discard(self) {
        let Some(mut body) = self.take() else { return };
        let mut left = LARGEST;
        while let Some(Ok(data)) = next(&mut body).await {
            let Some(rest) = left.checked_sub(data.len()) else { return };
            left = rest;
        }
    }
}

/// The headers of a request, and its body, which nobody has read.
pub(crate) fn unread(request: Request) -> (HeaderMap, HttpBody) {
    let (parts, body) = request.into_parts();
    let body = parts.extensions.get::<Unread>().and_then(Unread::take).unwrap_or(body);
    (parts.headers, body)
}

/// The next part of a body; none at its end.
pub(crate) async fn next(body: &mut HttpBody) -> Option<Result<Bytes, axum::Error>> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
    // Trailers say nothing here.
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

/// SHA-256 over the parts, each after its length so that none runs into the next.
fn fingerprint(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.as_bytes();
    if (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) {
        return Ok(Some(key.iter().copied().map(char::from).collect()));
    }
    Err(Error::new(
        Kind::Malformed,
        "idempotency_key_malformed",
        "An Idempotency-Key has 1 to 255 visible ASCII characters. A UUID is a good one.",
    ))
}

/// Reads a field of a PATCH that cannot be taken away: left out, it stays.
///
/// With `#[serde(default, deserialize_with = "body::set")]`.
pub(crate) fn set<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// Reads a field of a PATCH: left out, it stays; null takes it away.
///
/// With `#[serde(default, deserialize_with = "body::set_or_clear")]`.
#[allow(clippy::option_option, reason = "left out, null and a value are three things")]
pub(crate) fn set_or_clear<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// The whole body, if it has at most `largest` bytes.
///
/// Errors: `body_too_large`, `body_incomplete`.
pub(crate) async fn take(headers: &HeaderMap, mut body: HttpBody, largest: usize) -> Result<Vec<u8>> {
    let declared = body.size_hint().lower();
    let waits = headers.contains_key(header::EXPECT);
    // A client that asked first has sent nothing that would be left unread.
    if declared > DRAINED as u64 || (waits && declared > largest as u64) {
        return Err(too_large(largest));
    }
    let (mut bytes, mut size) = (Vec::new(), 0);
    while let Some(data) = next(&mut body).await {
        let data = data.map_err(|_| cut_off())?;
        size += data.len();
        match size {
            _ if size <= largest => bytes.extend_from_slice(&data),
            _ if size <= DRAINED => bytes = Vec::new(),
            _ => break,
        }
    }
    if size > largest { Err(too_large(largest)) } else { Ok(bytes) }
}

fn too_large(largest: usize) -> Error {
    let detail = format!("The body is larger than {} MiB. Send less at once.", largest >> 20);
    Error::new(Kind::TooLarge, "body_too_large", detail)
}

pub(crate) fn cut_off() -> Error {
    Error::new(Kind::Malformed, "body_incomplete", "The body ended before its announced length.")
}

fn check_content_type(headers: &HeaderMap) -> Result<()> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "The body must be JSON, with the header Content-Type: application/json.";
    Err(Error::new(Kind::Malformed, "content_type_wrong", detail))
}

/// Read at once, as nearly every body can be; what cannot is looked at again to say why.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        malformed(format!("The body is not UTF-8: byte {} does not belong.", error.valid_up_to()))
    })?;
    // A struct would also be read from an array, by the order of its fields. U+0000 can only be there escaped.
    let plain = text.trim_ascii_start().starts_with('{') && !text.contains("\\u0000");
    let read = if plain { serde_json::from_str(text).ok() } else { None };
    read.map_or_else(|| explain(text), Ok)
}

/// Read twice: first as any JSON, so that what is no JSON is told from what is the wrong JSON.
fn explain<T: DeserializeOwned>(text: &str) -> Result<T> {
    let json: Json =
        serde_json::from_str(text).map_err(|error| malformed(format!("The body is not JSON: {error}.")))?;
    if let Some(pointer) = find_nul(&json) {
        return Err(invalid("There is a character U+0000 in this text. Leave it out.").at(pointer));
    }
    if !json.is_object() {
        return Err(invalid("The body must be a JSON object.").at(""));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        invalid(&sentence(&error.into_inner())).at(pointer)
    })
}

fn malformed(detail: String) -> Error {
    Error::new(Kind::Malformed, "body_malformed", detail)
}

fn invalid(detail: &str) -> Error {
    Error::invalid("body_invalid", detail)
}

/// Where a U+0000 stands, which neither database can store.
fn find_nul(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => text.contains('\0').then(String::new),
        Json::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| find_nul(item).map(|rest| format!("/{index}{rest}"))),
        Json::Object(fields) => fields.iter().find_map(|(key, value)| {
            let below = if key.contains('\0') { Some(String::new()) } else { find_nul(value) };
            below.map(|rest| format!("/{}{rest}", escaped(&key.replace('\0', "\u{fffd}"))))
        }),
        Json::Null | Json::Bool(_) | Json::Number(_) => None,
    }
}

/// A JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer += &format!("/{index}"),
            Segment::Map { key } => pointer += &format!("/{}", escaped(key)),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// A key as a part of a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The reader's words without the position, which the pointer says better.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&position).unwrap_or(&text);
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}.", first.to_uppercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Order {
        name: String,
        items: Vec<i64>,
        #[serde(default)]
        addons: BTreeMap<String, i64>,
    }

    fn refused(text: &str) -> (&'static str, String) {
        let error = read::<Order>(text.as_bytes()).unwrap_err();
        (error.code, error.fields.first().map_or_else(|| error.detail.clone(), |field| field.pointer.clone()))
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        for (text, code, place) in [
            (r#"{"name": "a", "items": [1, "x"]}"#, "body_invalid", "/items/1"),
            (r#"{"name": "a", "items": [1.5]}"#, "body_invalid", "/items/0"),
            (r#"{"name": "a", "items": [9223372036854775808]}"#, "body_invalid", "/items/0"),
            (r#"{"name": "a", "items": [1e308]}"#, "body_invalid", "/items/0"),
            (r#"{"name": "a", "items": [], "addons": {"a/b~c": null}}"#, "body_invalid", "/addons/a~1b~0c"),
            (r#"{"name": "a", "items": [], "more": 1}"#, "body_invalid", "/more"),
            (r#"{"name": "a", "name": "b", "items": []}"#, "body_invalid", ""),
            (r#"{"name": "a\u0000", "items": []}"#, "body_invalid", "/name"),
            (r#"{"na\u0000me": "a"}"#, "body_invalid", "/na\u{fffd}me"),
            (r#"{"items": []}"#, "body_invalid", ""),
            ("[]", "body_invalid", ""),
        ] {
            assert_eq!(refused(text), (code, place.to_owned()), "{text}");
        }
        for (text, place) in [
            ("", "line 1 column 0"),
            ("{\n  \"name\": }", "line 2 column 11"),
            (r#"{"items": [NaN]}"#, "line 1 column 12"),
            (r#"{"items": [1e999]}"#, "line 1 column"),
            (r#"{} {}"#, "line 1 column 4"),
            (&"[".repeat(1_000_000), "line 1 column 128"),
        ] {
            let (code, detail) = refused(text);
            assert!(code == "body_malformed" && detail.contains(place), "{code} {detail}");
        }
        assert_eq!(read::<Order>(b"{\"name\": \"\xff\"}").unwrap_err().code, "body_malformed");
    }

    #[test]
    fn parts_of_a_fingerprint_do_not_run_into_each_other() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    }
}
