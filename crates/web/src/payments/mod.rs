//! Payments written down by hand.

mod list;
mod new;
mod one;

use std::collections::HashMap;

use axum::{Router, routing::get};
use billing::{
    invoice::{self, Invoice},
    payment::{Cause, Method, Payment, Settlement},
};
use kernel::{
    Result,
    ids::{CustomerId, InvoiceId},
};
use maud::{Markup, html};
use store::View;

use crate::{App, gate::Desk, show, ui};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/payments", get(list::page).post(new::post))
        .route("/payments/new", get(new::page))
        .route("/payments/{id}", get(one::page))
        .route("/payments/{id}/reverse", get(one::reverse_page).post(one::reverse))
}

/// Payments in a table; with their customers' names where they are of several customers.
pub(crate) fn table(
    desk: &Desk,
    payments: &[Payment],
    names: Option<&HashMap<CustomerId, String>>,
    empty: Markup,
) -> Markup {
    let rows = payments.iter().map(|payment| {
        let mut cells = vec![html! { (show::date(payment.day)) }];
        if let Some(names) = names {
            cells.push(html! { (names.get(&payment.customer).map_or("", String::as_str)) });
        }
        cells.extend([
            html! { (method(payment.method)) },
            ui::optional(payment.reference.as_deref()),
            ui::state(state(payment)),
            show::money(payment.credit),
            show::money(payment.amount),
        ]);
        ui::Row::link(desk.at(&format!("/payments/{}", payment.id)), cells)
    });
    let customer = names.map(|_| ui::Column::text("Customer"));
    let columns: Vec<ui::Column> = [ui::Column::text("Received")]
        .into_iter()
        .chain(customer)
        .chain([
            ui::Column::text("By"),
            ui::Column::text("Reference"),
            ui::Column::text("State"),
            ui::Column::number("Left as credit").spare(),
            ui::Column::number("Amount").lead(),
        ])
        .collect();
    ui::table(ui::Table {
        caption: "Payments",
        columns: &columns,
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty,
    })
}

/// What payments did to an invoice.
pub(crate) fn of_invoice(desk: &Desk, settled: &[(Payment, Settlement)]) -> Markup {
    let rows = settled.iter().map(|(payment, settlement)| {
        let cells = vec![
            html! { (show::date(payment.day)) },
            html! { (method(payment.method)) },
            ui::optional(payment.reference.as_deref()),
            html! { (cause(settlement.cause)) },
            show::money(settlement.amount),
        ];
        ui::Row::link(desk.at(&format!("/payments/{}", payment.id)), cells)
    });
    ui::table(ui::Table {
        caption: "Payments",
        columns: &[
            ui::Column::text("Received"),
            ui::Column::text("By"),
            ui::Column::text("Reference"),
            ui::Column::text("What it did"),
            ui::Column::number("Amount").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

/// The word of a payment's state.
pub(crate) const fn state(payment: &Payment) -> &'static str {
    match payment.reversed {
        None => "received",
        Some(_) => "reversed",
    }
}

pub(crate) const fn method(method: Method) -> &'static str {
    match method {
        Method::Transfer => "Transfer",
        Method::Cheque => "Cheque",
        Method::Wire => "Wire",
        Method::Cash => "Cash",
        Method::Other => "Another way",
    }
}

pub(crate) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Settled => "Paid",
        Cause::Reversed => "Due again: the payment was reversed",
        Cause::CreditReturned => "Due again: the credit that paid it was reversed",
        Cause::Released => "Credit again: the invoice was voided",
    }
}

/// The invoices of settlements, by id.
pub(crate) fn invoices(
    view: &mut View<'_>,
    settlements: &[Settlement],
) -> Result<HashMap<InvoiceId, Invoice>> {
    let mut ids: Vec<InvoiceId> = settlements.iter().map(|one| one.invoice).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(invoice::load(view, ids)?.into_iter().map(|invoice| (invoice.id, invoice)).collect())
}
