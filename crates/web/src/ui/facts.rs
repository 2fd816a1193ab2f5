//! Figures and facts: amounts, tiles, definitions, timelines, progress, live parts.

use maud::{Markup, html};

/// An amount that is already text, in figures of equal width. A negative one has a true minus sign.
pub fn amount(text: &str) -> Markup {
    match text.strip_prefix('-').or_else(|| text.strip_prefix('\u{2212}')) {
        Some(magnitude) => html! { span class="amount negative" { "\u{2212}" (magnitude) } },
        None => html! { span class="amount" { (text) } },
    }
}

/// The text, or a dash that screen readers call “none”.
pub fn optional(text: Option<&str>) -> Markup {
    match text {
        Some(text) => html! { (text) },
        None => {
            html! { span class="none" { span aria-hidden="true" { "–" } span class="unseen" { "none" } } }
        }
    }
}

/// A figure with its name and one line about it.
#[derive(Debug, Clone, Copy)]
pub struct Stat<'a> {
    /// What is counted: `Open invoices`.
    pub label: &'a str,
    /// The figure: `$12,480.00`.
    pub value: &'a str,
    /// What it rests on or how it moved: `14 invoices, 3 past due`. May be empty.
    pub note: &'a str,
}

/// One figure; only within [`stats`].
pub fn stat(tile: &Stat) -> Markup {
    html! {
        div {
            dt { (tile.label) }
            dd class="value" { (amount(tile.value)) }
            @if !tile.note.is_empty() { dd class="note" { (tile.note) } }
        }
    }
}

/// Figures side by side.
pub fn stats(tiles: &[Stat]) -> Markup {
    html! { dl class="stats" { @for tile in tiles { (stat(tile)) } } }
}

/// Figures side by side, each leading to what is behind it where that has a page.
pub fn figures(tiles: &[(Stat, Option<&str>)]) -> Markup {
    let noted: Vec<_> = tiles.iter().map(|(tile, href)| (*tile, *href, html! { (tile.note) })).collect();
    figures_noted(&noted)
}

/// The same, with a line below each that may lead on as well; it stands in place of the figure's own.
pub fn figures_noted(tiles: &[(Stat, Option<&str>, Markup)]) -> Markup {
    html! {
        dl class="stats" {
            @for (tile, href, note) in tiles {
                div {
                    dt { (tile.label) }
                    dd class="value" {
                        @match href { Some(href) => a href=(href) { (amount(tile.value)) }, None => (amount(tile.value)) }
                    }
                    @if !note.0.is_empty() { dd class="note" { (note) } }
                }
            }
        }
    }
}

/// Names and what belongs to them.
pub fn definition_list(entries: &[(&str, Markup)]) -> Markup {
    html! {
        dl class="definitions" {
            @for (name, value) in entries { div { dt { (name) } dd { (value) } } }
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Moment<'a> {
    /// When, for machines: RFC 3339.
    pub at: &'a str,
    /// When, for people: `14 Mar 2027, 09:00`.
    pub time: &'a str,
    /// What: `Invoice finalized`.
    pub title: &'a str,
    /// More about it.
    pub body: Markup,
    /// Where to read on.
    pub href: Option<&'a str>,
}

/// What happened, in the order given (newest first is the custom).
pub fn timeline(moments: &[Moment]) -> Markup {
    html! {
        ol class="timeline" {
            @for moment in moments {
                li {
                    time datetime=(moment.at) { (moment.time) }
                    div {
                        p class="title" {
                            @if let Some(href) = moment.href { a href=(href) { (moment.title) } }
                            @else { (moment.title) }
                        }
                        div class="body" { (moment.body) }
                    }
                }
            }
        }
    }
}

/// How far something is: `value` of `max`, shown as whole per cent rounded down. The label carries the figures
/// themselves, formatted (`Users: 12 of 25`). More than all is a full bar in another
/// colour, with the true percentage.
pub fn progress(value: u64, max: u64, label: &str) -> Markup {
    let max = max.max(1);
    let percent = u128::from(value) * 100 / u128::from(max);
    html! {
        label class=(if value > max { "progress over" } else { "progress" }) {
            span { (label) }
            span class="figures" { (percent) " %" }
            progress value=(value.min(max)) max=(max) {}
        }
    }
}

/// A part that `app.js` renews every `seconds` from `url`, which answers any page or fragment that holds an
/// element with this `id`. Without a script it is simply the state at the time of the page.
pub fn refreshing(id: &str, url: &str, seconds: u32, body: Markup) -> Markup {
    let milliseconds = u64::from(seconds) * 1000;
    html! { div id=(id) data-refresh=(url) data-every=(milliseconds) { (body) } }
}
