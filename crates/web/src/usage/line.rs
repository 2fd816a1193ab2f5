//! The events behind a line of an invoice, as they were when it was billed.

use axum::extract::RawPathParams;
use billing::{invoice, usage as figures};
use identity::permission::may;
use jiff::Timestamp;
use kernel::{Error, ids};
use maud::{Markup, html};
use store::View;

use super::meter::amount;
use crate::{
    gate::{Answer, Named, Sheet, Staff},
    show, ui,
};

/// Events shown.
const MOST: usize = 200;

pub(super) async fn page(
    staff: Staff<may::InvoiceRead>,
    Named(id): Named<ids::Invoice>,
    params: RawPathParams,
) -> Answer<Markup> {
    let ordinal =
        params.iter().find(|(name, _)| *name == "line").and_then(|(_, line)| line.parse::<i64>().ok());
    let ordinal = ordinal.ok_or_else(|| Error::not_found("line of this invoice"))?;
    let load = move |view: &mut View<'_>| {
        let behind = figures::behind(view, id, ordinal)?;
        let line = invoice::lines(view, id)?.into_iter().find(|line| line.ordinal == ordinal);
        Ok((behind, line.ok_or_else(|| Error::not_found("line of this invoice"))?, invoice::find(view, id)?))
    };
    let (behind, line, invoice) = staff.read(load).await?;
    let (db, scope) = staff.hands();
    let read = db.usage().read(&scope, move |view| {
        let (mut events, next) = behind.events(view, None, MOST)?;
        let more = next.is_some() || events.len() > MOST;
        events.truncate(MOST);
        Ok((events, more, behind.meter()?))
    });
    let (events, more, meter) = read.await?;
    let number = invoice.number.unwrap_or_else(|| "Draft".to_owned());
    let crumbs = [
        ui::Crumb { label: "Invoices", href: &staff.at("/invoices") },
        ui::Crumb { label: &number, href: &staff.at(&format!("/invoices/{id}")) },
    ];
    let rows = events.iter().map(|(_, entry)| {
        let at = Timestamp::from_microsecond(entry.at).unwrap_or(Timestamp::UNIX_EPOCH);
        ui::Row::new(vec![
            staff.time(at),
            html! { code { (entry.name.id) } span class="under" { (entry.name.source) } },
            html! { (amount(entry, &meter)) },
        ])
    });
    let title = format!("Events behind {}", line.description);
    let measured = line.measured.as_ref().map(|number| show::exact(&number.to_string())).unwrap_or_default();
    let body = html! {
        (ui::header(&title, &format!("{number}, line {}", ordinal + 1), html! {}))
        (ui::definition_list(&[
            ("Measured", html! { (measured) }),
            ("Period", html! { (show::period(&line.period)) }),
            ("Amount", html! { a href=(staff.at(&format!("/invoices/{id}"))) { (show::money(line.amount)) } }),
        ]))
        (ui::table(ui::Table {
            caption: "Events",
            columns: &[ui::Column::text("When"), ui::Column::text("Event"), ui::Column::number("Amount").lead()],
            rows: rows.collect(),
            total: None,
            narrow: ui::Narrow::Stack,
            empty: ui::empty("No events", "Nothing was used in the period.", html! {}),
        }))
        @if more { p class="under" { "The first " (show::grouped(MOST as i128)) " events; the API lists all of them." } }
    };
    Ok(staff.page(Sheet::new(ui::Section::Invoices, &title).below(&crumbs), body))
}
