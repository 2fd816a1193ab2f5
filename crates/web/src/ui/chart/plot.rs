//! The paper a chart is drawn on: grid, axis of figures, axis of time.

use maud::{Markup, html};

use super::{
    figure::{Chart, Slot},
    scale::{Scale, percent, thousandths},
};

/// Height of the drawing itself, in pixels.
const HEIGHT: i128 = 168;
/// Room for the topmost figure.
const ABOVE: i128 = 18;
/// Room for the names of the slots.
const BELOW: i128 = 40;
/// More names than this do not fit below each other on a phone.
const MOST_LABELS: usize = 12;

/// All of it.
pub(super) const WHOLE: i128 = ABOVE + HEIGHT + BELOW;

/// Where a figure stands, from the top of the drawing, in pixels.
pub(super) fn y(scale: Scale, value: i128) -> String {
    thousandths(y_thousandths(scale, value))
}

/// The same in thousandths of a pixel.
pub(super) fn y_thousandths(scale: Scale, value: i128) -> i128 {
    ABOVE * 1_000 + scale.place(value, HEIGHT * 1_000)
}

/// The drawing between its axes.
pub(super) fn plot(chart: &Chart<'_>, scale: Scale, drawn: Markup) -> Markup {
    html! {
        svg class="drawing" width="100%" height=(WHOLE) {
            @for tick in scale.ticks() {
                @let at = y(scale, tick);
                line class=(if tick == 0 { "zero" } else { "grid" }) x1="0" x2="100%" y1=(at) y2=(at) {}
            }
            (drawn)
            (names(chart.slots))
        }
        svg class="axis" width="56" height=(WHOLE) {
            @for tick in scale.ticks() {
                text x="8" y=(thousandths(y_thousandths(scale, tick) + 4_000)) { ((chart.tick)(tick)) }
            }
        }
    }
}

/// The middle of a slot.
pub(super) fn middle(at: usize, slots: usize) -> String {
    percent(at as i128 * 2 + 1, slots as i128 * 2)
}

fn names(slots: &[Slot<'_>]) -> Markup {
    let every = slots.len().div_ceil(MOST_LABELS).max(1);
    let group = |at: usize| slots.get(at).map_or("", |slot| slot.group);
    html! {
        @for (at, slot) in slots.iter().enumerate() {
            @if at.is_multiple_of(every) {
                text x=(middle(at, slots.len())) y=(ABOVE + HEIGHT + 18) text-anchor="middle" { (slot.label) }
            }
            @if !slot.group.is_empty() && (at == 0 || group(at - 1) != slot.group) {
                @let left = percent(at as i128, slots.len() as i128);
                @if at > 0 { line class="grid" x1=(left) x2=(left) y1=(ABOVE + HEIGHT) y2=(WHOLE) {} }
                text class="group" x=(left) dx="4" y=(ABOVE + HEIGHT + 35) { (slot.group) }
            }
        }
    }
}

/// What stands in place of a drawing that would be empty.
pub(super) fn nothing() -> Markup {
    html! { p class="nothing" { "Nothing to draw yet." } }
}
