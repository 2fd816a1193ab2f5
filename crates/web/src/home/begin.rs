//! The way from nothing to a first invoice.

use maud::{Markup, html};

use super::Whole;
use crate::{gate::Desk, ui};

pub(super) fn steps(desk: &Desk, whole: &Whole) -> Markup {
    let steps = [
        (
            "Apply a price book",
            "Your plans, their prices and what they contain, in one file.",
            "/price-book/apply",
            whole.has_book,
        ),
        ("Create a customer", "An organisation that buys from you.", "/customers/new", whole.customers > 0),
        (
            "Start a subscription",
            "See the first invoice, line by line, before it starts.",
            "/subscriptions/new",
            whole.subscriptions() > 0,
        ),
    ];
    let next = steps.iter().position(|(.., done)| !done);
    let list = html! {
        ol class="steps" {
            @for (at, (title, about, path, done)) in steps.into_iter().enumerate() {
                li class=[done.then_some("done")] {
                    div {
                        p class="title" { (title) @if done { span class="unseen" { " (done)" } } }
                        p { (about) }
                    }
                    @if next == Some(at) { (ui::button_link(ui::Button::Primary, title, &desk.at(path))) }
                }
            }
        }
    };
    ui::section("Three steps to a first invoice", html! {}, list)
}
