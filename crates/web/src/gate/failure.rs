//! How an error becomes a page.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use kernel::{Error, Kind};
use maud::{Markup, html};

use crate::ui;

/// What a handler answers with.
pub(crate) type Answer<T = Response> = Result<T, Failure>;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody is signed in.
    SignIn,
    /// No link of a customer works.
    NoLink,
    /// Anything else.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Left with an answer that tells of an error, so that [`super::enter`] can put a frame around it.
#[derive(Clone, Debug)]
pub(super) struct Told(pub(super) Error);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn => Redirect::to("/sign-in").into_response(),
            Self::NoLink => {
                let body = html! {
                    h1 { "This link does not work any more" }
                    p { "It has expired or was revoked. Ask whoever sent it to you for a new one." }
                };
                (StatusCode::UNAUTHORIZED, ui::quiet_page("Link expired", body)).into_response()
            }
            Self::Error(error) => answer(&error),
        }
    }
}

/// The answer to an address that leads nowhere.
pub(crate) async fn nothing_here() -> Failure {
    Failure::Error(Error::not_found("page"))
}

fn answer(error: &Error) -> Response {
    if error.kind == Kind::Internal {
        tracing::error!(code = error.code, detail = error.detail, "a page failed");
    }
    let (title, detail) = words(error);
    let mut response =
        (status(error), ui::error_page(error.kind.status(), title, detail, error.code)).into_response();
    if error.kind == Kind::Unavailable {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response.extensions_mut().insert(Told(error.clone()));
    response
}

/// The error as the body of a page.
pub(super) fn body(error: &Error) -> (&'static str, Markup) {
    let (title, detail) = words(error);
    (title, ui::error_message(error.kind.status(), title, detail, error.code))
}

pub(super) fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A title for people and the sentence under it. The detail of a fault of ours stays in the log.
fn words(error: &Error) -> (&'static str, &str) {
    let title = match error.kind {
        Kind::Malformed => "This request could not be read",
        Kind::Unauthenticated => "You are not signed in",
        Kind::Forbidden => "You may not do this",
        Kind::NotFound => "There is nothing here",
        Kind::Conflict => "This is not possible now",
        Kind::TooLarge => "This is too much at once",
        Kind::Invalid => "Something in this is wrong",
        Kind::RateLimited => "Too many requests",
        Kind::Internal => "Something went wrong on our side",
        Kind::Unavailable => "Not at the moment",
    };
    let detail = match error.kind {
        Kind::Internal => {
            "The fault has been logged. Try again, and tell whoever runs this installation if it comes back."
        }
        _ => &error.detail,
    };
    (title, detail)
}
