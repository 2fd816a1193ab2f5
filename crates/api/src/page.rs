//! Lists, a page at a time: `?limit=…&after=…`, newest first unless a list says otherwise.

use std::{fmt::Display, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Error, Result};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const DEFAULT: u32 = 20;
/// The longest page of most lists.
pub(crate) const LARGEST: u32 = 100;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// How many, 1 to 100; 20 when left out.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: Option<u32>,
    /// `next` of the page before; the first page when left out.
    pub(crate) after: Option<String>,
}

/// Part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The things on this page.
    data: Vec<T>,
    /// `after` of the next page; null on the last one.
    next: Option<String>,
}

impl PageQuery {
    /// How many. Errors: `limit_out_of_range`.
    pub(crate) fn limit(&self) -> Result<i64> {
        limit(self.limit, LARGEST)
    }

    /// Behind what. Errors: `cursor_malformed`.
    pub(crate) fn after<T: FromStr>(&self) -> Result<Option<T>> {
        self.after.as_deref().map(read_cursor).transpose()
    }
}

/// How many of at most `largest`. Errors: `limit_out_of_range`.
pub(crate) fn limit(asked: Option<u32>, largest: u32) -> Result<i64> {
    let limit = asked.unwrap_or(DEFAULT);
    if (1..=largest).contains(&limit) {
        return Ok(limit.into());
    }
    Err(Error::invalid("limit_out_of_range", format!("The limit is 1 to {largest}.")).at("?limit"))
}

impl<T> Page<T> {
    /// The page of `rows`, of which one more than `limit` was asked for; `place` says what a cursor
    /// behind a row holds.
    pub(crate) fn cut<R, C: Display>(
        mut rows: Vec<R>,
        limit: i64,
        place: impl Fn(&R) -> C,
        out: impl Fn(R) -> T,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| cursor(place(row)));
        Self { data: rows.into_iter().map(out).collect(), next }
    }

    /// A page whose end the reader found itself.
    pub(crate) const fn of(data: Vec<T>, next: Option<String>) -> Self {
        Self { data, next }
    }
}

impl<T> Page<Result<T>> {
    /// The page, when all of it can be shown.
    pub(crate) fn transpose(self) -> Result<Page<T>> {
        let Self { data, next } = self;
        Ok(Page { data: data.into_iter().collect::<Result<_>>()?, next })
    }
}

/// A place in a list as clients carry it: they are not to look inside.
pub(crate) fn cursor(place: impl Display) -> String {
    URL_SAFE_NO_PAD.encode(place.to_string())
}

fn read_cursor<T: FromStr>(text: &str) -> Result<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let place = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| text.parse().ok());
    place.ok_or_else(|| {
        let detail = "This is not a cursor of this list. Send the next of a page before, unchanged.";
        Error::invalid("cursor_malformed", detail).at("?after")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_the_next_begins() {
        let page = Page::cut(vec![9, 8, 7], 2, |row| *row, |row| row);
        assert_eq!(page.data, [9, 8]);
        assert_eq!(read_cursor::<i64>(&page.next.unwrap()).unwrap(), 8);
        assert_eq!(Page::cut(vec![9, 8], 2, |row| *row, |row| row).next, None);
    }

    #[test]
    fn anything_but_a_cursor_is_refused() {
        for bad in ["", "8", "!", "OA==", &cursor("x")] {
            assert_eq!(read_cursor::<i64>(bad).unwrap_err().code, "cursor_malformed", "{bad}");
        }
        for bad in [0, 101, u32::MAX] {
            assert_eq!(limit(Some(bad), 100).unwrap_err().code, "limit_out_of_range");
        }
    }
}
