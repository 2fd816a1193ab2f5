//! Flags: which variant of something is served to whom.

mod edit;
mod form;
mod list;
mod one;
mod text;
mod trial;

use axum::{
    Router,
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
    routing::{get, post},
};
use kernel::Error;

use crate::{App, gate::Failure};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/flags", get(list::page))
        .route("/flags/new", get(edit::new).post(edit::create))
        .route("/flags/{key}", get(one::page))
        .route("/flags/{key}/edit", get(edit::page).post(edit::save))
        .route("/flags/{key}/switch", post(one::switch))
        .route("/flags/{key}/remove", post(one::remove))
}

/// The flag's key in the address.
pub(crate) struct Key(pub(crate) String);

impl FromRequestParts<App> for Key {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let missing = || Error::not_found("flag");
        let all = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| missing())?;
        let key = all.iter().find(|(name, _)| *name == "key").map(|(_, value)| value.to_owned());
        Ok(Self(key.ok_or_else(missing)?))
    }
}
