//! Columns over time, the series on top of each other.

use maud::{Markup, html};

use super::{
    figure::{Chart, Series, figure, mark},
    plot::{middle, nothing, plot, y, y_thousandths},
    scale::{Scale, percent, thousandths},
};

/// How much of a slot its column takes, in hundredths.
const WIDTH: i128 = 68;

/// A column for each slot: figures above zero are stacked upwards, those below downwards.
pub fn columns(chart: &Chart) -> Markup {
    if chart.is_empty() {
        return figure(chart, nothing());
    }
    let ends = (0..chart.slots.len()).flat_map(|at| {
        let pieces = stack(chart.series, at);
        pieces.into_iter().flat_map(|piece| [piece.from, piece.to])
    });
    let scale = Scale::of(ends);
    figure(chart, plot(chart, scale, drawn(chart, scale)))
}

/// A series' part of a column.
struct Piece<'a> {
    place: usize,
    from: i128,
    to: i128,
    title: &'a str,
    text: &'a str,
}

fn stack<'a>(series: &'a [Series<'a>], at: usize) -> Vec<Piece<'a>> {
    let (mut above, mut below) = (0_i128, 0_i128);
    let mut pieces = Vec::new();
    for (place, one) in series.iter().enumerate() {
        let Some(value) = one.values.get(at).and_then(Option::as_ref).filter(|value| value.size != 0) else {
            continue;
        };
        let end = if value.size > 0 { &mut above } else { &mut below };
        let from = *end;
        *end = end.saturating_add(value.size);
        pieces.push(Piece { place, from, to: *end, title: one.name, text: &value.text });
    }
    pieces
}

fn drawn(chart: &Chart<'_>, scale: Scale) -> Markup {
    let count = chart.slots.len() as i128;
    html! {
        @for (at, slot) in chart.slots.iter().enumerate() {
            @let left = percent(at as i128 * 200 + (100 - WIDTH), count * 200);
            @let column = html! {
                @for piece in stack(chart.series, at) {
                    @let (top, bottom) = (piece.from.max(piece.to), piece.from.min(piece.to));
                    @let height = (y_thousandths(scale, bottom) - y_thousandths(scale, top)).max(1_000);
                    rect class=(mark(piece.place)) x=(left) y=(y(scale, top)) width=(percent(WIDTH, count * 100))
                        height=(thousandths(height)) {
                        title { (slot.name) ": " (piece.title) " " (piece.text) }
                    }
                }
            };
            @match (slot.href, slot.open) {
                // The table below has the same link for the keyboard and for screen readers.
                (Some(href), open) => { a href=(href) tabindex="-1" class=[open.then_some("open")] { (column) } }
                (None, open) => { g class=[open.then_some("open")] { (column) } }
            }
        }
        @if let [only] = chart.series { (highest(chart, only, scale)) }
    }
}

/// The figure above the highest column, where there is one series to tell it of.
fn highest(chart: &Chart<'_>, series: &Series<'_>, scale: Scale) -> Markup {
    let known = series.values.iter().enumerate().filter_map(|(at, value)| Some((at, value.as_ref()?)));
    // The last one of equals: the newest.
    let top = known.max_by_key(|(_, value)| value.size).filter(|(_, value)| value.size > 0);
    html! {
        @if let Some((at, value)) = top {
            text class="top" x=(middle(at, chart.slots.len())) y=(y(scale, value.size)) dy="-4" text-anchor="middle" {
                ((chart.tick)(value.size))
            }
        }
    }
}
