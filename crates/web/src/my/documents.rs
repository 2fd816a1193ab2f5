//! A customer's invoices and credit notes.

use axum::response::IntoResponse;
use billing::{
    credit_note::{self, Credit, CreditNote},
    invoice::{self, Invoice, State},
    payment,
};
use identity::{customer, environment};
use kernel::{Error, Result, ids, ids::CustomerId};
use maud::{Markup, html};
use store::View;

use crate::{
    credit_notes::{self as notes, because},
    gate::{Answer, Asked, Named, OWN, Visitor},
    invoices::{Document, Shown, document},
    parts::{self, PAGE},
    show, ui,
};

const CRUMBS: [ui::Crumb<'static>; 1] = [ui::Crumb { label: "Your account", href: OWN }];

/// A draft is the merchant's own business.
pub(super) fn issued(mut invoices: Vec<Invoice>) -> Vec<Invoice> {
    invoices.retain(|invoice| invoice.state != State::Draft);
    invoices
}

fn name(view: &mut View<'_>, id: CustomerId) -> Result<String> {
    let person = customer::find(view, id)?.person;
    Ok(customer::person(view, person)?.shown().to_owned())
}

pub(super) async fn list(visitor: Visitor, Asked(asked): Asked) -> Answer {
    let (customer, before) = (visitor.customer, asked.some("before").map(str::parse).transpose()?);
    let (mut found, name) = visitor
        .read(move |view| {
            Ok((invoice::of_customer(view, customer, before, PAGE + 1)?, name(view, customer)?))
        })
        .await?;
    let pages =
        parts::pagination("/my/invoices", &asked, &mut found, |invoice| format!("before={}", invoice.id));
    let found = issued(found);
    let body = html! {
        (ui::header("Invoices", "", html! {}))
        (table(&found))
        (pages)
    };
    Ok(super::page(&visitor, &name, "Invoices", &CRUMBS, body).into_response())
}

/// Invoices, newest first.
pub(super) fn table(invoices: &[Invoice]) -> Markup {
    let rows = invoices.iter().map(|invoice| {
        let total = invoice.totals.total;
        ui::Row::link(
            format!("/my/invoices/{}", invoice.id),
            vec![
                html! { (invoice.number.as_deref().unwrap_or_default()) },
                invoice.issued.map_or_else(|| ui::optional(None), |date| html! { (show::date(date)) }),
                ui::state(stands(invoice)),
                show::money(total),
                show::money(invoice.amount_due().unwrap_or(total)),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Invoices",
        columns: &[
            ui::Column::text("Number"),
            ui::Column::text("Issued"),
            ui::Column::text("State"),
            ui::Column::number("Total").lead(),
            ui::Column::number("To be paid"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No invoices yet", "They stand here once something was billed.", html! {}),
    })
}

/// Where an invoice stands, as whoever pays it sees it.
fn stands(invoice: &Invoice) -> &'static str {
    let due = invoice.amount_due().is_ok_and(|due| !due.is_zero());
    match (invoice.state, due) {
        (State::Finalized, true) => "open",
        (State::Finalized, false) => "paid",
        (state, _) => state.word(),
    }
}

/// Credit notes, newest first.
pub(super) fn credit_notes(found: &[CreditNote]) -> Markup {
    let rows = found.iter().map(|note| {
        ui::Row::link(
            format!("/my/credit-notes/{}", note.id),
            vec![
                html! { (note.number) },
                html! { (show::date(note.issued)) },
                show::money(note.totals.total),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Credit notes",
        columns: &[
            ui::Column::text("Number"),
            ui::Column::text("Issued"),
            ui::Column::number("Credit").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

/// Somebody else's looks like none at all, and so does a draft.
pub(super) async fn invoice(visitor: Visitor, Named(id): Named<ids::Invoice>, Asked(asked): Asked) -> Answer {
    let customer = visitor.customer;
    let read = visitor.read(move |view| {
        let invoice = invoice::find(view, id)?;
        if invoice.customer != customer || invoice.state == State::Draft {
            return Err(Error::not_found("invoice"));
        }
        let entity = environment::entity(view, Some(invoice.entity))?;
        let paid = payment::of_invoice(view, id)?;
        Ok((
            invoice,
            invoice::lines(view, id)?,
            invoice::taxes(view, id)?,
            paid,
            entity,
            name(view, customer)?,
        ))
    });
    let (invoice, lines, taxes, paid, entity, name) = read.await?;
    let number = invoice.number.clone().unwrap_or_default();
    let mut particulars = Vec::new();
    if let Some(date) = invoice.issued {
        particulars.push(("Issued", show::date(date)));
    }
    particulars.push(("Currency", invoice.totals.total.currency().to_string()));
    let void = (invoice.state == State::Void).then_some("Void: nothing is owed for it.");
    let (seller, buyer) = (
        invoice.seller.clone().unwrap_or_else(|| entity.party()),
        invoice.party.clone().ok_or_else(|| Error::internal("an issued invoice has no party"))?,
    );
    let notes: Vec<&str> = void.into_iter().collect();
    let shown = Shown::of(&asked, lines.len());
    let sheet = document(&Document {
        title: "Invoice",
        number: Some(&number),
        state: stands(&invoice),
        seller: &seller,
        buyer: &buyer,
        particulars: &particulars,
        lines: shown.part(&lines),
        explained: shown.explained(),
        totals: &invoice.totals,
        taxes: &taxes,
        credit: invoice.credit,
        paid: invoice.paid,
        notes: &notes,
        leads: false,
    });
    let body = html! {
        (whole(&number, sheet))
        (shown.ways(&format!("/my/invoices/{id}")))
        @if !paid.is_empty() { (ui::section("Payments", html! {}, super::payments::of_invoice(&paid))) }
    };
    Ok(super::page(&visitor, &name, &number, &CRUMBS, body).into_response())
}

pub(super) async fn credit_note(visitor: Visitor, Named(id): Named<ids::CreditNote>) -> Answer {
    let customer = visitor.customer;
    let read = visitor.read(move |view| {
        let note = credit_note::find(view, id)?;
        if note.customer != customer {
            return Err(Error::not_found("credit note"));
        }
        let credits: Vec<Credit> =
            credit_note::lines(view, id)?.into_iter().map(|line| line.credit).collect();
        let corrects = invoice::find(view, note.invoice)?.number.unwrap_or_default();
        let entity = environment::entity(view, Some(note.entity))?;
        Ok((credits, corrects, entity, credit_note::taxes(view, id)?, name(view, customer)?, note))
    });
    let (credits, corrects, entity, taxes, name, note) = read.await?;
    let reason = format!("This credit note corrects invoice {corrects}: {}.", because(note.cause));
    let sheet = notes::document(&notes::Document {
        note: &note,
        credits: &credits,
        corrects: &corrects,
        seller: &note.seller.clone().unwrap_or_else(|| entity.party()),
        taxes: &taxes,
        notes: &[&reason, "The amount is your credit. It pays the invoices that follow, the next one first."],
        leads: false,
    });
    Ok(super::page(&visitor, &name, &note.number, &CRUMBS, whole(&note.number, sheet)).into_response())
}

/// A document and its heading, which the sheet repeats in print.
fn whole(number: &str, sheet: Markup) -> Markup {
    html! {
        (ui::header(number, "Each line can be opened to see how it came to be.", html! {}))
        (sheet)
    }
}
