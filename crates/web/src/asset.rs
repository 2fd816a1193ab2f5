//! Files the pages refer to.

use axum::{
    extract::{Path, RawQuery},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::Error;

use crate::{
    gate::{Answer, Failure},
    ui::assets,
};

/// A file by its name. With the version in its address it never changes and is kept for ever.
pub(crate) async fn file(Path(name): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let found = assets::find(&name).ok_or_else(|| Failure::from(Error::not_found("file")))?;
    let versioned = query.as_deref().and_then(|query| query.strip_prefix("v="));
    Ok(answer(found, versioned, &headers))
}

/// The icon where browsers look for it.
pub(crate) async fn favicon(headers: HeaderMap) -> Answer {
    let found = assets::find("favicon.svg").ok_or_else(|| Failure::from(Error::not_found("file")))?;
    Ok(answer(found, None, &headers))
}

fn answer(
    (kind, bytes, etag): (&'static str, &'static [u8], &'static str),
    version: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let lasting = version.is_some_and(|version| version == etag.trim_matches('"'));
    let keep = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    let head = [(header::CACHE_CONTROL, keep), (header::ETAG, etag)];
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    if known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(header::CONTENT_TYPE, kind)], bytes).into_response()
}
