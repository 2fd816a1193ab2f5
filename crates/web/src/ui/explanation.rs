//! How an amount came about, step by step, enough to work it out again by hand.

use maud::{Markup, html};

use super::facts::amount;

/// One step of a calculation.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What is done: `Unused days of Starter`.
    pub label: &'a str,
    /// With which figures: `16 of 31 days × $49.00`. May be empty.
    pub working: &'a str,
    /// The figure it gives: `$25.29`, `16 / 31`.
    pub figure: &'a str,
}

/// A calculation behind a disclosure. The last step is the result and stands under a rule.
/// Nothing is shown when there are no steps.
pub fn explanation(steps: &[Step]) -> Markup {
    html! {
        @if !steps.is_empty() {
            details class="explanation" {
                summary { "How this was worked out" }
                ol {
                    @for step in steps {
                        li {
                            span class="step" {
                                (step.label)
                                @if !step.working.is_empty() { span class="working" { (step.working) } }
                            }
                            (amount(step.figure))
                        }
                    }
                }
            }
        }
    }
}
