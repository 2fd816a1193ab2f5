//! Forms and buttons. Everything that changes something is a POST with a token.

use maud::{Markup, html};

use super::field::{control_id, hidden_field};

/// How much weight a button carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// The one thing to do on this page.
    Primary,
    /// Something else one may do.
    Plain,
    /// It takes something away.
    Danger,
}

impl Button {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button primary",
            Self::Plain => "button",
            Self::Danger => "button danger",
        }
    }
}

/// A link that looks like a button: it leads to a page and changes nothing.
pub fn button_link(kind: Button, label: &str, href: &str) -> Markup {
    html! { a class=(kind.class()) href=(href) { (label) } }
}

/// A form of nothing but its button: `Finalize`, `Sign out`.
pub fn post_button(kind: Button, label: &str, action: &str, csrf: &str) -> Markup {
    post_button_with(kind, label, action, csrf, html! {})
}

/// The same, sending these hidden fields along.
pub fn post_button_with(kind: Button, label: &str, action: &str, csrf: &str, hidden: Markup) -> Markup {
    html! {
        form class="inline" method="post" action=(action) {
            (hidden_field("csrf", csrf))
            (hidden)
            button class=(kind.class()) { (label) }
        }
    }
}

/// A form that posts `fields` with the session's `csrf` token under the name `csrf`.
/// The server checks the answers, so that its sentences and not the browser's are read.
pub fn form(action: &str, csrf: &str, fields: Markup, submit: &str) -> Markup {
    form_as(Button::Primary, action, csrf, fields, submit)
}

/// The same with a button of another weight: beside a primary one, or to take something away for good.
pub fn form_as(kind: Button, action: &str, csrf: &str, fields: Markup, submit: &str) -> Markup {
    html! {
        form class="form" method="post" action=(action) novalidate {
            (hidden_field("csrf", csrf))
            (fields)
            div class="actions" { button class=(kind.class()) { (submit) } }
        }
    }
}

/// Fields in a row above a list, sent with GET so that the address holds the selection.
pub fn filters(action: &str, fields: Markup, submit: &str) -> Markup {
    html! {
        form class="filters" method="get" action=(action) {
            (fields)
            button class="button" { (submit) }
        }
    }
}

/// What a list is narrowed to beside its filters, each with the way to leave it out: `Customer: Kestrel`.
/// Nothing is shown when it is not.
pub fn chosen(entries: &[(&str, &str)]) -> Markup {
    html! {
        @if !entries.is_empty() {
            ul class="chosen" {
                @for (what, without) in entries {
                    li { (what) " " a href=(without) { "leave out" span class="unseen" { " " (what) } } }
                }
            }
        }
    }
}

/// What is wrong with a form, above it, each sentence leading to its field. Entries are (field name, sentence).
/// Nothing is shown when there are none.
pub fn error_summary(errors: &[(&str, &str)]) -> Markup {
    html! {
        @if !errors.is_empty() {
            div class="notice error" role="alert" {
                (super::icon(super::Icon::Cross))
                div {
                    p class="title" {
                        @if errors.len() == 1 { "One answer needs another look" }
                        @else { (errors.len()) " answers need another look" }
                    }
                    ul class="body" {
                        @for (name, sentence) in errors {
                            li { a href={ "#" (control_id(name)) } { (sentence) } }
                        }
                    }
                }
            }
        }
    }
}
