//! Credit notes.

mod one;
mod sheet;

use axum::{Router, routing::get};
use billing::{
    credit_note::{self, CreditNote},
    invoice::{self, Invoice},
};
use kernel::Result;
use maud::{Markup, html};
use store::View;

use crate::{App, gate::Desk, show, ui};

pub(crate) use one::because;
pub(crate) use sheet::{Document, document, lines};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/credit-notes/{id}", get(one::page))
}

/// A credit note in a list.
pub(crate) struct Listed {
    note: CreditNote,
    /// The number of the invoice it corrects.
    corrects: String,
}

/// What corrects these invoices, newest first.
pub(crate) fn of_invoices(view: &mut View<'_>, invoices: &[Invoice]) -> Result<Vec<Listed>> {
    let mut found = Vec::new();
    // A draft has nothing to correct.
    for (invoice, number) in invoices.iter().filter_map(|one| Some((one, one.number.as_ref()?))) {
        let notes = credit_note::of_invoice(view, invoice.id)?.into_iter();
        found.extend(notes.map(|note| Listed { note, corrects: number.clone() }));
    }
    found.sort_unstable_by_key(|listed| std::cmp::Reverse(listed.note.id));
    Ok(found)
}

/// Credit notes with the numbers of what they correct.
pub(crate) fn listed(view: &mut View<'_>, notes: Vec<CreditNote>) -> Result<Vec<Listed>> {
    let invoices = invoice::load(view, notes.iter().map(|note| note.invoice).collect())?;
    let number = |note: &CreditNote| invoices.iter().find(|one| one.id == note.invoice)?.number.clone();
    Ok(notes.into_iter().map(|note| Listed { corrects: number(&note).unwrap_or_default(), note }).collect())
}

/// Credit notes in a table.
pub(crate) fn table(desk: &Desk, listed: &[Listed]) -> Markup {
    let rows = listed.iter().map(|Listed { note, corrects }| {
        ui::Row::link(
            desk.at(&format!("/credit-notes/{}", note.id)),
            vec![
                html! { (note.number) },
                html! { (corrects) },
                html! { (show::sentence(note.cause.word())) },
                html! { (show::date(note.issued)) },
                show::money(note.totals.total),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Credit notes",
        columns: &[
            ui::Column::text("Number"),
            ui::Column::text("Corrects"),
            ui::Column::text("Because of"),
            ui::Column::text("Issued"),
            ui::Column::number("Credit").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}
