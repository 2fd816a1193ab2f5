//! What a customer has paid.

use axum::response::IntoResponse;
use billing::payment::{self, Payment, Settlement};
use identity::customer;
use kernel::{Error, ids, ids::PaymentId};
use maud::{Markup, html};

use crate::{
    gate::{Answer, Asked, Named, OWN, Visitor},
    parts::{self, PAGE},
    payments::{cause, invoices, method, state},
    show, ui,
};

const PATH: &str = "/my/payments";
const HOME: ui::Crumb<'static> = ui::Crumb { label: "Your account", href: OWN };

pub(super) async fn list(visitor: Visitor, Asked(asked): Asked) -> Answer {
    let customer = visitor.customer;
    let after = asked.some("after").map(str::parse::<PaymentId>).transpose()?;
    let read = visitor.read(move |view| {
        let person = customer::find(view, customer)?.person;
        let found = payment::list(view, Some(customer), after, PAGE + 1)?;
        Ok((found, customer::person(view, person)?.shown().to_owned()))
    });
    let (mut found, name) = read.await?;
    let next = parts::cut(&mut found, |payment| payment.id.to_string());
    let body = html! {
        (ui::header("Payments", "What came, the last first.", html! {}))
        (table(&found))
        (parts::pages(PATH, &asked, next))
    };
    Ok(super::page(&visitor, &name, "Payments", &[HOME], body).into_response())
}

/// Payments, newest first.
pub(super) fn table(payments: &[Payment]) -> Markup {
    let rows = payments.iter().map(|payment| {
        ui::Row::link(
            format!("{PATH}/{}", payment.id),
            vec![
                html! { (show::date(payment.day)) },
                html! { (method(payment.method)) },
                ui::optional(payment.reference.as_deref()),
                ui::state(state(payment)),
                show::money(payment.amount),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Payments",
        columns: &[
            ui::Column::text("Received"),
            ui::Column::text("By"),
            ui::Column::text("Reference"),
            ui::Column::text("State"),
            ui::Column::number("Amount").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No payments yet", "They stand here once they have come.", html! {}),
    })
}

/// What payments did to an invoice.
pub(super) fn of_invoice(settled: &[(Payment, Settlement)]) -> Markup {
    let rows = settled.iter().map(|(payment, settlement)| {
        let cells = vec![
            html! { (show::date(payment.day)) },
            html! { (method(payment.method)) },
            html! { (cause(settlement.cause)) },
            show::money(settlement.amount),
        ];
        ui::Row::link(format!("{PATH}/{}", payment.id), cells)
    });
    ui::table(ui::Table {
        caption: "Payments",
        columns: &[
            ui::Column::text("Received"),
            ui::Column::text("By"),
            ui::Column::text("What it did"),
            ui::Column::number("Amount").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

/// Somebody else's looks like none at all.
pub(super) async fn page(visitor: Visitor, Named(id): Named<ids::Payment>) -> Answer {
    let customer = visitor.customer;
    let read = visitor.read(move |view| {
        let payment = payment::find(view, id)?;
        if payment.customer != customer {
            return Err(Error::not_found("payment"));
        }
        let settlements = payment::settlements(view, id)?;
        let person = customer::find(view, customer)?.person;
        let name = customer::person(view, person)?.shown().to_owned();
        Ok((payment, invoices(view, &settlements)?, settlements, name))
    });
    let (payment, invoices, settlements, name) = read.await?;
    let title = format!("Payment of {}", payment.amount);
    let rows = settlements.iter().map(|one| {
        let number = invoices.get(&one.invoice).and_then(|invoice| invoice.number.as_deref());
        let cells = vec![
            html! { (number.unwrap_or_default()) },
            html! { (cause(one.cause)) },
            show::money(one.amount),
        ];
        ui::Row::link(format!("/my/invoices/{}", one.invoice), cells)
    });
    let settled = ui::table(ui::Table {
        caption: "What it did to invoices",
        columns: &[
            ui::Column::text("Invoice"),
            ui::Column::text("What it did"),
            ui::Column::number("Amount").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "It paid no invoice",
            "All of it is your credit, which pays the invoices that follow.",
            html! {},
        ),
    });
    let credit = format!("{} of it is your credit.", payment.credit);
    let about = format!("{}, received on {}", method(payment.method), show::date(payment.day));
    let body = html! {
        (ui::header(&title, &about, ui::state(state(&payment))))
        (settled)
        @if !payment.credit.is_zero() && !settlements.is_empty() { p { (credit) } }
    };
    let crumbs = [HOME, ui::Crumb { label: "Payments", href: PATH }];
    Ok(super::page(&visitor, &name, &title, &crumbs, body).into_response())
}
