//! Lines over time.

use maud::{Markup, html};

use super::{
    figure::{Chart, Series, figure, mark},
    plot::{WHOLE, middle, nothing, plot, y, y_thousandths},
    scale::Scale,
};

/// Units across the drawing, which is stretched to the room there is.
const ACROSS: i128 = 10_000;

/// A line for each series, broken where nothing is known. A single one has its area filled.
pub fn lines(chart: &Chart) -> Markup {
    if chart.is_empty() {
        return figure(chart, nothing());
    }
    let values = chart.series.iter().flat_map(|series| series.values.iter().flatten());
    let scale = Scale::of(values.map(|value| value.size));
    figure(chart, plot(chart, scale, drawn(chart, scale)))
}

/// A place on the stretched drawing.
type Point = (i128, i128);

fn drawn(chart: &Chart<'_>, scale: Scale) -> Markup {
    let slots = chart.slots.len();
    html! {
        // A drawing in the drawing: paths know no per cent, so this one is stretched and its strokes are not.
        svg x="0" y="0" width="100%" height="100%" viewBox={ "0 0 " (ACROSS) " " (WHOLE) } preserveAspectRatio="none" {
            @for (place, series) in chart.series.iter().enumerate() {
                @for run in runs(series, slots, scale) {
                    @if chart.series.len() == 1 { path class={ "fill " (mark(place)) } d=(area(&run, scale)) {} }
                    path class={ "line " (mark(place)) } d=(path(&run)) vector-effect="non-scaling-stroke" {}
                }
            }
        }
        @for (place, series) in chart.series.iter().enumerate() {
            @for (at, slot) in chart.slots.iter().enumerate() {
                @if let Some(value) = series.values.get(at).and_then(Option::as_ref) {
                    circle class={ "dot " (mark(place)) } cx=(middle(at, slots)) cy=(y(scale, value.size)) r="3" {
                        title { (slot.name) ": " (series.name) " " (value.text) }
                    }
                }
            }
        }
    }
}

/// Known figures that follow each other.
fn runs(series: &Series<'_>, slots: usize, scale: Scale) -> Vec<Vec<Point>> {
    let mut runs = vec![Vec::new()];
    for (at, value) in series.values.iter().take(slots).enumerate() {
        match value {
            None => runs.push(Vec::new()),
            Some(value) => {
                let x = (at as i128 * 2 + 1) * ACROSS / (slots as i128 * 2);
                if let Some(run) = runs.last_mut() {
                    run.push((x, y_thousandths(scale, value.size)));
                }
            }
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn path(run: &[Point]) -> String {
    let points: Vec<String> =
        run.iter().map(|(x, y)| format!("{x} {}", super::scale::thousandths(*y))).collect();
    format!("M{}", points.join("L"))
}

fn area(run: &[Point], scale: Scale) -> String {
    let zero = y(scale, 0);
    match (run.first(), run.last()) {
        (Some((first, _)), Some((last, _))) => format!("{}L{last} {zero}L{first} {zero}Z", path(run)),
        _ => String::new(),
    }
}
