//! Bill runs: what was billed together, what goes on, and what lies ahead.

mod ahead;
mod list;
mod one;

use axum::{
    Router,
    routing::{get, post},
};
use billing::bill_run::{BillRun, State};
use kernel::{Currency, Money};
use maud::{Markup, html};

use crate::{App, gate::Desk, show, ui};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/bill-runs", get(list::page))
        .route("/bill-runs/ahead", get(ahead::page))
        .route("/bill-runs/now", post(list::bill_now))
        .route("/bill-runs/{id}", get(one::page))
}

/// What a run issued, a line for each currency.
fn totals(run: &BillRun) -> Markup {
    let sums: Vec<Money> = run
        .totals
        .iter()
        .filter_map(|(code, total)| Money::new(total.total, Currency::parse(code).ok()?).ok())
        .collect();
    html! {
        @if sums.is_empty() { (ui::optional(None)) }
        @for sum in sums { div { (show::money(sum)) } }
    }
}

/// Runs in a table.
fn table(desk: &Desk, runs: &[BillRun]) -> Markup {
    let rows = runs.iter().map(|run| {
        ui::Row::link(
            desk.at(&format!("/bill-runs/{}", run.id)),
            vec![
                html! { (due(desk, run)) },
                ui::state(run.state.word()),
                html! { (show::grouped(run.subscriptions)) },
                html! { (show::grouped(run.invoices)) },
                totals(run),
                run.finished.map_or_else(|| ui::optional(None), |at| desk.time(at)),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Bill runs",
        columns: &[
            ui::Column::text("What was due"),
            ui::Column::text("State").lead(),
            ui::Column::number("Subscriptions"),
            ui::Column::number("Invoices"),
            ui::Column::number("Billed"),
            ui::Column::text("Done"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "Nothing has fallen due yet",
            "A run begins by itself when the period of a subscription ends.",
            html! {},
        ),
    })
}

/// From when to when something was due.
fn due(desk: &Desk, run: &BillRun) -> Markup {
    html! {
        (desk.time(run.first_due))
        @if run.first_due != run.last_due { " – " (desk.time(run.last_due)) }
    }
}

const fn is_running(run: &BillRun) -> bool {
    matches!(run.state, State::Running)
}
