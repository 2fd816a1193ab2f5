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
        let text = axum::extract::Path::<String>::from_request_parts(parts, state).await.map_err(|_| {
            Error::invalid("path_malformed", "The path has an escape in it that is not UTF-8.")
        })?;
        let mut error = match text.parse() {
            Ok(value) => return Ok(Self(value)),
            Err(error) => error,
        };
        // The type may name a field of a body; here it is the path.
        error.fields.clear();
        Err(error.into())
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

/// The same for a text that may be missing.
pub(crate) fn parse_some<T: FromStr<Err = Error>>(text: Option<&str>, pointer: &str) -> Result<Option<T>> {
    text.map(|text| parse(text, pointer)).transpose()
}
