//! How a page is divided.

use maud::{Markup, html};

/// The head of a page: its title, a line about it, and what one can do here.
pub fn header(title: &str, subtitle: &str, actions: Markup) -> Markup {
    header_about(title, html! { (subtitle) }, actions)
}

/// The same with more than words in the line about it.
pub fn header_about(title: &str, subtitle: Markup, actions: Markup) -> Markup {
    html! {
        div class="header" {
            div {
                h1 { (title) }
                @if !subtitle.0.is_empty() { p class="subtitle" { (subtitle) } }
            }
            @if !actions.0.is_empty() { div class="actions" { (actions) } }
        }
    }
}

/// A titled part of a page, with an optional link or button at its right.
pub fn section(title: &str, actions: Markup, body: Markup) -> Markup {
    html! {
        section class="section" {
            div class="section-head" { h2 { (title) } (actions) }
            (body)
        }
    }
}

/// A part of a page that figures elsewhere on it lead to, by `#id`.
pub fn anchored(id: &str, body: Markup) -> Markup {
    html! { div id=(id) class="anchored" { (body) } }
}

/// Main matter beside a narrower column; one below the other where there is no room.
pub fn split(main: Markup, aside: Markup) -> Markup {
    html! { div class="split" { div { (main) } div { (aside) } } }
}

/// The same with more matter below: under the main matter where there is room, last of all where there is none.
pub fn split_above(main: Markup, aside: Markup, below: Markup) -> Markup {
    html! { div class="split" { div { (main) } div { (aside) } div { (below) } } }
}

/// More of something, on demand: a line that opens what is behind it. Open from the start where there is something
/// in it already, such as an answer of a form.
pub fn more(title: &str, hint: &str, open: bool, body: Markup) -> Markup {
    folded(None, title, hint, open, body)
}

/// The same where figures elsewhere on the page lead, by `#id`.
pub fn more_at(id: &str, title: &str, hint: &str, open: bool, body: Markup) -> Markup {
    folded(Some(id), title, hint, open, body)
}

fn folded(id: Option<&str>, title: &str, hint: &str, open: bool, body: Markup) -> Markup {
    html! {
        details class="more" id=[id] open[open] {
            summary { (title) @if !hint.is_empty() { span class="aside" { (hint) } } }
            div class="within" { (body) }
        }
    }
}
