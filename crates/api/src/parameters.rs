//! What stands in the path and the query.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, rejection::QueryRejection},
    http::request::Parts,
};
use kernel::{Error, Result};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The one parameter of the path: an id of ours, or `ext:…` where a type reads it.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: FromStr<Err = Error>, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    /// Errors: `path_malformed`, and those of the type, such as `id_malformed`.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(parse_path(&text.map_err(|_| not_utf8())?)?))
    }
}

fn not_utf8() -> Error {
    Error::invalid("path_malformed", "The path has an escape in it that is not UTF-8.")
}

fn parse_path<T: FromStr<Err = Error>>(text: &str) -> Result<T> {
    text.parse().map_err(|mut error: Error| {
        // The type may name a field of a body; here it is the path.
        error.fields.clear();
        error
    })
}

/// The two parameters of a path: what it names, and a key of the price book in it.
pub(crate) struct PathAndKey<T>(pub(crate) T, pub(crate) String);

impl<T: FromStr<Err = Error>, S: Send + Sync> FromRequestParts<S> for PathAndKey<T> {
    type Rejection = Problem;

    /// Errors: as for [`Path`].
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let texts = axum::extract::Path::<(String, String)>::from_request_parts(parts, state).await;
        let (id, key) = texts.map_err(|_| not_utf8())?.0;
        Ok(Self(parse_path(&id)?, key))
    }
}

/// The query as a struct that refuses names it does not know.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    /// Errors: `query_invalid`.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refused = |rejection: QueryRejection| {
            let text = rejection.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            Error::invalid("query_invalid", format!("The query cannot be read: {text}."))
        };
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await.map_err(refused)?;
        Ok(Self(query.0))
    }
}

/// An error of an operation below whose field stands elsewhere in this request: `from` is the beginning of its
/// pointer there, `to` the one here.
pub(crate) fn moved(mut error: Error, from: &str, to: &str) -> Error {
    for field in &mut error.fields {
        if let Some(rest) = field.pointer.strip_prefix(from) {
            field.pointer = format!("{to}{rest}");
        }
    }
    error
}

/// Read a text of a body or query, naming where it stands when it is wrong.
pub(crate) fn parse<T: FromStr<Err = Error>>(text: &str, pointer: &str) -> Result<T> {
    text.parse().map_err(|mut error: Error| {
        error.fields.clear();
        error.at(pointer)
    })
}

/// Read a word of the query that is one of a few.
///
/// Errors: `query_invalid`, which names them.
pub(crate) fn one_of<T>(
    text: Option<&str>,
    pointer: &str,
    read: impl Fn(&str) -> Option<T>,
    words: &str,
) -> Result<Option<T>> {
    let wrong =
        |text: &str| Error::invalid("query_invalid", format!("{text:?} is none of {words}.")).at(pointer);
    text.map(|text| read(text).ok_or_else(|| wrong(text))).transpose()
}

/// The same with a reader that is no `FromStr`, for a text that may be missing.
pub(crate) fn parse_with<T>(
    read: impl Fn(&str) -> Result<T>,
    text: Option<&str>,
    pointer: &str,
) -> Result<Option<T>> {
    let named = |mut error: Error| {
        error.fields.clear();
        error.at(pointer)
    };
    text.map(|text| read(text).map_err(named)).transpose()
}

/// The same for a text that may be missing.
pub(crate) fn parse_some<T: FromStr<Err = Error>>(text: Option<&str>, pointer: &str) -> Result<Option<T>> {
    text.map(|text| parse(text, pointer)).transpose()
}
