//! A line the height of its text.

use maud::{Markup, html};

use super::scale::{Scale, thousandths};

const WIDTH: i128 = 96;
const HEIGHT: i128 = 22;
/// Room for the dot at its end.
const EDGE: i128 = 3;

/// How figures went, from the earliest on. The label says it in words: `12, 14, 9, 17 invoices a month`.
pub fn spark(values: &[i128], label: &str) -> Markup {
    let scale = Scale::of(values.iter().copied());
    let steps = (values.len() as i128 - 1).max(1);
    let point = |(at, value): (usize, &i128)| {
        let x = EDGE * 1_000 + at as i128 * (WIDTH - 2 * EDGE) * 1_000 / steps;
        let y = EDGE * 1_000 + scale.place(*value, (HEIGHT - 2 * EDGE) * 1_000);
        (thousandths(x), thousandths(y))
    };
    let points: Vec<(String, String)> = values.iter().enumerate().map(point).collect();
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x} {y}")).collect();
    html! {
        svg class="spark" width=(WIDTH) height=(HEIGHT) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) {
            @if let Some((x, y)) = points.last() {
                path class="line s1" d={ "M" (path.join("L")) } {}
                circle class="dot s1" cx=(x) cy=(y) r="2.5" {}
            }
        }
    }
}
