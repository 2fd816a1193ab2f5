//! What an act comes to: figures first, then every line of it.

use kernel::{Money, Result};
use maud::{Markup, html};

use super::act::Effect;
use crate::{credit_notes, invoices, show, ui};

/// The figures in a row; nothing when no money moves.
pub(super) fn figures(effect: &Effect) -> Result<Markup> {
    if effect.credited.is_empty() && effect.invoice.is_none() {
        return Ok(html! {});
    }
    let currency = effect.after.currency;
    let (charged, used, due) = match &effect.invoice {
        Some((invoice, _)) => (invoice.totals.total, invoice.credit, invoice.amount_due()?),
        None => (Money::zero(currency), Money::zero(currency), Money::zero(currency)),
    };
    let notes = show::count(effect.credited.len() as i128, "credit note");
    let figures = [effect.credit_given()?, charged, used, due].map(|amount| amount.to_string());
    let [given, charged, used, due] = &figures;
    let now = if effect.invoice.is_some() { "to be paid now" } else { "nothing is to be paid" };
    Ok(ui::stats(&[
        ui::Stat { label: "Credited", value: given, note: &notes },
        ui::Stat { label: "Charged", value: charged, note: "before credit" },
        ui::Stat { label: "Credit used", value: used, note: "by the new invoice" },
        ui::Stat { label: "Amount due", value: due, note: now },
    ]))
}

/// Each credit note and the invoice, line by line, as they would be issued.
pub(super) fn documents(effect: &Effect) -> Result<Markup> {
    let [_, left] = effect.credit;
    let mut sheets = Vec::new();
    for one in &effect.credited {
        let total = one.note.totals.total.to_string();
        sheets.push(ui::section(
            &format!("Credit note on invoice {}", one.corrects),
            html! {},
            html! {
                (credit_notes::lines(one.lines.iter().map(|line| &line.credit), &one.corrects))
                (ui::totals(&[], &ui::Total { label: "Credit", amount: &total }))
            },
        ));
    }
    if let Some((invoice, lines)) = &effect.invoice {
        let (total, used) = (invoice.totals.total.to_string(), invoice.credit.negated().to_string());
        let due = invoice.amount_due()?.to_string();
        let sums =
            [ui::Total { label: "Total", amount: &total }, ui::Total { label: "Paid by credit", amount: &used }];
        sheets.push(ui::section(
            "New invoice",
            html! {},
            html! {
                (invoices::lines(lines))
                (ui::totals(&sums, &ui::Total { label: "Amount due", amount: &due }))
            },
        ));
    }
    Ok(html! {
        @for sheet in &sheets { (sheet) }
        @if !sheets.is_empty() && !left.is_zero() {
            p { "The customer then has a credit of " (show::money(left)) ", which pays the invoices that follow." }
        }
    })
}

/// The invoice of the end of the period, as it would be at today's prices.
pub(super) fn later(effect: &Effect) -> Result<Markup> {
    let Some(draft) = effect.later.as_ref().and_then(|later| later.draft.as_ref()) else { return Ok(html! {}) };
    let date = show::date(effect.after.billed_through.date);
    let total = draft.totals()?.total.to_string();
    let lines = html! {
        (invoices::lines(&draft.lines))
        (ui::totals(&[], &ui::Total { label: "Total before credit", amount: &total }))
    };
    Ok(ui::section(&format!("Invoice of {date}, at today’s prices"), html! {}, lines))
}

/// What is said of amounts that follow the second.
pub(super) fn by_second(effect: &Effect) -> Markup {
    html! {
        @if effect.by_second {
            (ui::notice(ui::Kind::Info, "Measured to the second", html! {
                "The price book counts time in seconds, so the amounts are those of the instant you confirm it."
            }))
        }
    }
}
