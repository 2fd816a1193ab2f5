//! Invoices.

mod end;
mod list;
mod one;
mod sheet;
mod shown;
mod steps;
mod taxes;

use std::collections::HashMap;

use axum::{
    Router,
    routing::{get, post},
};
use billing::invoice::Invoice;
use kernel::ids::CustomerId;
use maud::{Markup, html};

use crate::{App, gate::Desk, show, ui};

pub(crate) use sheet::{Document, Sums, Texts, address, borrowed, document, lines, printed, with_lines};
pub(crate) use shown::Shown;
pub(crate) use steps::{Worked, counted, rounding, worked as explained};
pub(crate) use taxes::taxes;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/invoices", get(list::page))
        .route("/invoices/{id}", get(one::page))
        .route("/invoices/{id}/finalize", post(one::finalize))
        .route("/invoices/{id}/void", get(end::void_page).post(end::void))
        .route("/invoices/{id}/uncollectible", get(end::give_up_page).post(end::give_up))
}

/// Invoices in a table; with their customers' names where they are of several customers.
pub(crate) fn table(
    desk: &Desk,
    invoices: &[Invoice],
    names: Option<&HashMap<CustomerId, String>>,
) -> Markup {
    let number = |invoice: &Invoice| invoice.number.clone().unwrap_or_else(|| "Draft".to_owned());
    let rows = invoices.iter().map(|invoice| {
        let mut cells = vec![html! { (number(invoice)) }];
        if let Some(names) = names {
            cells.push(html! { (names.get(&invoice.customer).map_or("", String::as_str)) });
        }
        cells.extend([
            ui::state(invoice.state.word()),
            ui::optional(invoice.issued.map(show::date).as_deref()),
            desk.time(invoice.due),
            show::money(invoice.totals.total),
            show::money(invoice.amount_due().unwrap_or(invoice.totals.total)),
        ]);
        ui::Row::link(desk.at(&format!("/invoices/{}", invoice.id)), cells)
    });
    let customer = names.map(|_| ui::Column::text("Customer"));
    let columns: Vec<ui::Column> = [ui::Column::text("Number")]
        .into_iter()
        .chain(customer)
        .chain([
            ui::Column::text("State"),
            ui::Column::text("Issued"),
            ui::Column::text("Fell due").spare(),
            ui::Column::number("Total").lead(),
            ui::Column::number("Amount due"),
        ])
        .collect();
    ui::table(ui::Table {
        caption: "Invoices",
        columns: &columns,
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No invoices yet",
            "An invoice appears when a subscription is billed: at its start, and at the start of each period.",
            html! {},
        ),
    })
}
