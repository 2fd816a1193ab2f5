//! Saying something to the reader: notices, empty places, errors.

use maud::{Markup, html};

use super::frame::bare_page;
use super::icon::{Icon, icon};

/// What sort of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Worth knowing.
    Info,
    /// It worked.
    Success,
    /// Look at this before going on.
    Warning,
    /// It did not work; read out at once by screen readers.
    Error,
}

impl Kind {
    const fn parts(self) -> (&'static str, Icon, Option<&'static str>) {
        match self {
            Self::Info => ("notice", Icon::Info, None),
            Self::Success => ("notice success", Icon::Check, Some("status")),
            Self::Warning => ("notice warning", Icon::Warning, None),
            Self::Error => ("notice error", Icon::Cross, Some("alert")),
        }
    }
}

/// A message above the matter it is about.
pub fn notice(kind: Kind, title: &str, body: Markup) -> Markup {
    let (class, mark, role) = kind.parts();
    html! {
        div class=(class) role=[role] {
            (icon(mark))
            div { p class="title" { (title) } div class="body" { (body) } }
        }
    }
}

/// What stands where there is nothing yet: why, and what to do first.
pub fn empty(title: &str, body: &str, action: Markup) -> Markup {
    html! {
        div class="empty" {
            p class="title" { (title) }
            p { (body) }
            (action)
        }
    }
}

/// An error as the body of a page, for a framed page or [`error_page`].
/// `code` is the stable code of the API's problem answer, the word to give to support.
pub fn error_message(status: u16, title: &str, detail: &str, code: &str) -> Markup {
    html! {
        div class="failure" {
            p class="status" { "Error " (status) }
            h1 { (title) }
            p { (detail) }
            p class="reference" { "Code " code { (code) } }
        }
    }
}

/// A whole page that says what went wrong, for when there is no frame to put it in.
pub fn error_page(status: u16, title: &str, detail: &str, code: &str) -> Markup {
    bare_page(
        title,
        html! {
            (error_message(status, title, detail, code))
            p { a class="button" href="/" { "Go to the start page" } }
        },
    )
}
