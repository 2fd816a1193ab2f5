//! How long something still lasts, and how much that matters.

use maud::{Markup, html};

/// How soon something ends. Each has its own words and mark, not only its own colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// There is time.
    Calm,
    /// In a few days.
    Soon,
    /// Today is the last day.
    LastDay,
}

impl Urgency {
    const fn class(self) -> &'static str {
        match self {
            Self::Calm => "countdown",
            Self::Soon => "countdown soon",
            Self::LastDay => "countdown last-day",
        }
    }
}

/// Something that runs out.
#[derive(Debug, Clone, Copy)]
pub struct Countdown<'a> {
    /// How soon.
    pub urgency: Urgency,
    /// What is left, for people: `9 days left`.
    pub left: &'a str,
    /// What runs out and when: `Trial until 13 Feb 2027`.
    pub title: &'a str,
    /// How much of it has passed.
    pub passed: u64,
    /// How long all of it is, in the same unit.
    pub whole: u64,
}

/// What is left, with a bar of what has passed, and below it what the end will do.
pub fn countdown(countdown: &Countdown, body: Markup) -> Markup {
    let whole = countdown.whole.max(1);
    html! {
        div class=(countdown.urgency.class()) {
            p class="left" { (countdown.left) }
            div {
                p class="title" { (countdown.title) }
                progress value=(countdown.passed.min(whole)) max=(whole) aria-label=(countdown.title) {}
                div class="body" { (body) }
            }
        }
    }
}
