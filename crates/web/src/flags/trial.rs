//! Trying what a flag serves to somebody.

use entitlements::{Context, Served, Source, Whom, flag::Flag};
use kernel::Result;
use maud::{Markup, html};
use store::View;

use super::{one, text};
use crate::{gate::Answers, ui};

/// What came of trying.
pub(super) enum Tried {
    /// This is served.
    Served(Box<Served>),
    /// There is nothing to deal by.
    KeyMissing,
    /// The attributes cannot be read.
    Wrong(String),
}

/// What a flag, stored or not, serves to whoever is asked about; nothing when nobody is.
pub(super) fn of(view: &mut View<'_>, flag: &Flag, asked: &Answers) -> Result<Option<Tried>> {
    if asked.get("try").is_empty() {
        return Ok(None);
    }
    let attributes = match text::read_attributes(asked.get("attributes")) {
        Ok(attributes) => attributes.into_iter().collect(),
        Err(error) => return Ok(Some(Tried::Wrong(error.detail))),
    };
    let targeting_key = asked.some("who").map(str::to_owned);
    let targeted = targeting_key.as_deref().map_or(Whom::Anybody, Whom::parse);
    let context = Context { targeting_key, attributes };
    let sight = entitlements::sight(view, &context.whom(targeted))?;
    let sight = one::with(sight, flag.clone());
    Ok(match sight.served(&flag.key, &context) {
        Some(Ok(served)) => Some(Tried::Served(Box::new(served))),
        Some(Err(_)) => Some(Tried::KeyMissing),
        None => None,
    })
}

/// The questions.
pub(super) fn fields(asked: &Answers) -> Markup {
    html! {
        (ui::field(&ui::Field::new("Targeting key", "who", ui::Input::Text).value(asked.get("who"))
            .hint("A customer (its id, or ext: and your own), or anybody else: what your program sends.")))
        (ui::field(&ui::Field::new("Attributes", "attributes", ui::Input::Textarea(3)).value(asked.get("attributes"))
            .hint("One a line, such as: country = DE")))
    }
}

/// The questions as a form that leads to `path`, and what came of them.
pub(super) fn section(path: &str, asked: &Answers, tried: Option<&Tried>) -> Markup {
    html! {
        form class="form" method="get" action=(path) {
            (ui::hidden_field("try", "true"))
            (fields(asked))
            div class="actions" { button class="button" { "See what is served" } }
        }
        @if let Some(tried) = tried { (answer(tried)) }
    }
}

/// What came of it.
pub(super) fn answer(tried: &Tried) -> Markup {
    match tried {
        Tried::Wrong(detail) => ui::notice(ui::Kind::Error, "Nothing was tried", html! { (detail) }),
        Tried::KeyMissing => ui::notice(
            ui::Kind::Warning,
            "There is nothing to deal by",
            html! { "A rule gives shares by targeting key. Programs that send none get their own default." },
        ),
        Tried::Served(served) => ui::notice(
            ui::Kind::Info,
            &format!("Served: {}", served.variant),
            html! { p { code { (served.value) } } p { (why(served)) } },
        ),
    }
}

fn why(served: &Served) -> String {
    match &served.source {
        Source::Feature(decision) => decision.why(),
        Source::Flag { off: true, .. } => "It is switched off.".to_owned(),
        Source::Flag { rule: Some(rule), split: true, .. } => {
            format!("Rule {} matches, and the targeting key falls into this share.", rule + 1)
        }
        Source::Flag { rule: Some(rule), .. } => format!("Rule {} matches.", rule + 1),
        Source::Flag { unmatched: true, .. } => "No rule matches.".to_owned(),
        Source::Flag { .. } => "It has no rules.".to_owned(),
    }
}
