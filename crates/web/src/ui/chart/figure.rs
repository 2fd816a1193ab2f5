//! What every chart has around its drawing: title, sentence, legend, table.

use maud::{Markup, html};

use crate::ui::{
    facts::optional,
    table::{Column, Narrow, Row, Table, table},
};

/// A place on the axis of time: a month, a day.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'a> {
    /// Below the drawing: `Jan`.
    pub label: &'a str,
    /// In the table: `January 2027`.
    pub name: &'a str,
    /// Below the label wherever it changes: `2027`. May be empty.
    pub group: &'a str,
    /// It is not over yet: drawn lighter.
    pub open: bool,
    /// What is behind its figures.
    pub href: Option<&'a str>,
}

/// A figure: where it is drawn, and how it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// In whatever the chart measures, such as minor units.
    pub size: i128,
    /// `USD 12,480.00`.
    pub text: String,
}

/// One thing over time: a value for each slot, none where nothing is known.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// What it is: `Billed`.
    pub name: &'a str,
    /// As many as there are slots.
    pub values: Vec<Option<Value>>,
}

/// A chart of series over slots.
#[derive(Clone, Copy)]
pub struct Chart<'a> {
    /// What it shows: `Billed and credited by month, in USD`.
    pub title: &'a str,
    /// The same as a sentence with its figures, for whoever does not look closely or cannot.
    pub summary: &'a str,
    /// What the slots are: `Month`.
    pub over: &'a str,
    /// From the earliest on.
    pub slots: &'a [Slot<'a>],
    /// At most four.
    pub series: &'a [Series<'a>],
    /// A figure of the axis, briefly: `12k`.
    pub tick: &'a dyn Fn(i128) -> String,
}

impl Chart<'_> {
    /// Whether a reader sees anything in it.
    pub(super) fn is_empty(&self) -> bool {
        let drawn = |series: &Series<'_>| series.values.iter().flatten().any(|value| value.size != 0);
        self.slots.is_empty() || !self.series.iter().any(drawn)
    }
}

/// The mark of a series, by its place.
pub(super) const fn mark(place: usize) -> &'static str {
    match place % 4 {
        0 => "s1",
        1 => "s2",
        2 => "s3",
        _ => "s4",
    }
}

/// A drawing within its figure.
pub(super) fn figure(chart: &Chart<'_>, drawing: Markup) -> Markup {
    html! {
        figure class="chart" {
            figcaption {
                span class="title" { (chart.title) }
                span class="summary" { (chart.summary) }
            }
            @if chart.series.len() > 1 {
                ul class="legend" {
                    @for (place, series) in chart.series.iter().enumerate() { li class=(mark(place)) { (series.name) } }
                }
            }
            div class="plot" aria-hidden="true" { (drawing) }
            details class="behind" { summary { "Figures" } (figures(chart)) }
        }
    }
}

fn figures(chart: &Chart<'_>) -> Markup {
    let rows = chart.slots.iter().enumerate().map(|(at, slot)| {
        let name = html! { (slot.name) @if slot.open { span class="aside" { "so far" } } };
        let value = |series: &Series<'_>| {
            let value = series.values.get(at).and_then(Option::as_ref);
            value.map_or_else(|| optional(None), |value| crate::ui::amount(&value.text))
        };
        let cells = [name].into_iter().chain(chart.series.iter().map(value)).collect();
        match slot.href {
            Some(href) => Row::link(href, cells),
            None => Row::new(cells),
        }
    });
    let columns: Vec<Column> = [Column::text(chart.over)]
        .into_iter()
        .chain(chart.series.iter().map(|series| Column::number(series.name)))
        .collect();
    table(Table {
        caption: chart.title,
        columns: &columns,
        rows: rows.collect(),
        total: None,
        narrow: Narrow::Scroll,
        empty: html! {},
    })
}
