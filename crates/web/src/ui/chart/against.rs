//! A bar against a limit.

use maud::{Markup, html};

use super::scale::percent;

/// Something measured that has a limit.
#[derive(Clone, Copy, Debug)]
pub struct Against<'a> {
    /// What is measured: `Users`.
    pub label: &'a str,
    /// With its figures, as a sentence: `29 of 25, 4 over the limit`.
    pub text: &'a str,
    /// How much there is.
    pub value: u64,
    /// How much there may be; none: as much as one likes.
    pub limit: Option<u64>,
}

/// A bar that ends at its limit, or runs over it behind a mark. Without a limit there is nothing to draw it against.
pub fn against(measure: &Against) -> Markup {
    let over = measure.limit.is_some_and(|limit| measure.value > limit);
    html! {
        div class=(if over { "against over" } else { "against" }) {
            p { span class="title" { (measure.label) } span class="figures" { (measure.text) } }
            @if let Some(limit) = measure.limit { (bar(measure.value.into(), limit.into())) }
        }
    }
}

fn bar(value: i128, limit: i128) -> Markup {
    let whole = limit.max(value).max(1);
    let mark = percent(limit, whole);
    html! {
        svg width="100%" height="14" aria-hidden="true" {
            rect class="track" x="0" y="3" width="100%" height="8" {}
            rect class="within" x="0" y="3" width=(percent(limit.min(value), whole)) height="8" {}
            @if value > limit {
                rect class="beyond" x=(mark) y="3" width=(percent(value - limit, whole)) height="8" {}
                line class="limit" x1=(mark) x2=(mark) y1="0" y2="14" {}
            }
        }
    }
}
