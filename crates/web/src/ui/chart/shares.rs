//! Parts of a whole: a table that draws itself.

use maud::{Markup, html};

use super::scale::percent;

/// A part.
#[derive(Clone, Copy, Debug)]
pub struct Share<'a> {
    /// What it is: `Active`.
    pub label: &'a str,
    /// How it reads: `1,204`.
    pub text: &'a str,
    /// How much it is.
    pub size: u64,
    /// What is behind it.
    pub href: Option<&'a str>,
}

/// Parts with their bars, the longest the largest part. `heads` name the parts and what is counted.
/// Nothing is shown when there are none.
pub fn shares(caption: &str, heads: [&str; 2], parts: &[Share]) -> Markup {
    let largest = parts.iter().map(|part| part.size).max().unwrap_or_default();
    let [what, how_many] = heads;
    html! {
        @if !parts.is_empty() {
            table class="shares" {
                caption class="unseen" { (caption) }
                thead class="unseen" { tr { th scope="col" { (what) } th scope="col" { (how_many) } } }
                tbody {
                    @for part in parts {
                        tr class=[part.href.map(|_| "linked")] {
                            th scope="row" {
                                @if let Some(href) = part.href { a href=(href) { (part.label) } } @else { (part.label) }
                            }
                            td {
                                div class="bar" {
                                    svg height="10" width="100%" aria-hidden="true" {
                                        rect class="s1" x="0" y="1" height="8" width=(percent(part.size.into(), largest.into())) {}
                                    }
                                    span class="figures" { (part.text) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
