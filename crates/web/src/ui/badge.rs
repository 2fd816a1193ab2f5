//! States of things, told by a word and a shape, never by colour alone.

use maud::{Markup, html};

/// How a state should feel. The mark before the word has a different shape for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Not begun, or none of the others: an open ring.
    Plain,
    /// Under way: a half-filled ring.
    Moving,
    /// As it should be: a full disc.
    Good,
    /// Somebody should look: a triangle.
    Attention,
    /// Failed or stopped: a square.
    Bad,
    /// Over, and rightly so: a dash.
    Ended,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "badge",
            Self::Moving => "badge moving",
            Self::Good => "badge good",
            Self::Attention => "badge attention",
            Self::Bad => "badge bad",
            Self::Ended => "badge ended",
        }
    }
}

/// A small label with a tone.
pub fn badge(tone: Tone, text: &str) -> Markup {
    html! { span class=(tone.class()) { (text) } }
}

/// The badge of a state by the name the API uses (`past_due`). An unknown name is shown plainly, as it is.
pub fn state(name: &str) -> Markup {
    let tone = match name {
        "finalized" | "trialing" | "running" | "scheduled" | "open" => Tone::Moving,
        "paid" | "received" | "active" | "done" | "accepted" | "saved" => Tone::Good,
        "past_due" | "incomplete" => Tone::Attention,
        "reversed" | "suspended" | "failed" | "uncollectible" => Tone::Bad,
        "void" | "canceled" | "expired" | "declined" | "withdrawn" => Tone::Ended,
        _ => Tone::Plain,
    };
    badge(tone, &sentence(name))
}

/// `past_due` → `Past due`.
fn sentence(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.map(|letter| if letter == '_' { ' ' } else { letter })).collect()
}
