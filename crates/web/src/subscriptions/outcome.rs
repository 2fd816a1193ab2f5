//! What an act comes to: figures first, then every line of it.

use kernel::{Money, Result};
use maud::{Markup, html};

use super::act::Effect;
use crate::{credit_notes, invoices, show, ui};

/// The figures in a row; nothing when no money moves.
pub(crate) fn figures(effect: &Effect) -> Result<Markup> {
    let mut tiles: Vec<(&str, Money, String)> = Vec::with_capacity(5);
    if !effect.credited.is_empty() {
        let notes = show::count(effect.credited.len() as i128, "credit note");
        tiles.push(("Credited", effect.credit_given()?, notes));
    }
    if let Some((invoice, lines)) = &effect.invoice {
        let lines = show::count(lines.len() as i128, "line");
        tiles.push(("Charged", invoice.totals.total, format!("{lines} on a new invoice")));
        if !invoice.credit.is_zero() {
            tiles.push(("Paid by credit", invoice.credit, "credit goes first".to_owned()));
        }
        tiles.push(("Amount due", invoice.amount_due()?, "to be paid for it now".to_owned()));
    }
    let [held, left] = effect.credit;
    if left != held {
        tiles.push(("Credit afterwards", left, format!("{held} now")));
    }
    let tiles: Vec<_> =
        tiles.into_iter().map(|(label, amount, note)| (label, amount.to_string(), note)).collect();
    let tile = |(label, value, note)| (ui::Stat { label, value, note }, Some("#documents"));
    let tiles: Vec<_> =
        tiles.iter().map(|(label, value, note)| tile((*label, value.as_str(), note.as_str()))).collect();
    Ok(html! { @if !tiles.is_empty() { (ui::figures(&tiles)) } })
}

/// Each document as a part of the page, where [`figures`] lead.
pub(crate) fn sections(effect: &Effect) -> Result<Markup> {
    Ok(ui::anchored("documents", documents(effect, as_section)?))
}

/// A document as a part of a page.
fn as_section(title: &str, body: Markup) -> Markup {
    ui::section(title, html! {}, body)
}

/// A document as a part of a choice.
pub(crate) fn as_part(title: &str, body: Markup) -> Markup {
    html! { h3 { (title) } (body) }
}

/// Each credit note and the invoice, line by line, as they would be issued.
pub(crate) fn documents(effect: &Effect, part: fn(&str, Markup) -> Markup) -> Result<Markup> {
    let mut parts = Vec::new();
    for one in &effect.credited {
        let (total, sums) =
            (one.note.totals.total.to_string(), invoices::Sums::of(&one.note.totals, &one.taxes));
        let body = html! {
            (credit_notes::lines(one.lines.iter().map(|line| &line.credit), &one.corrects))
            (ui::totals(&sums.entries(), &ui::Total { label: "Credit", amount: &total, href: None }))
        };
        parts.push(part(&format!("Credit note on invoice {}", one.corrects), body));
    }
    if let Some((invoice, lines)) = &effect.invoice {
        let (total, used) = (invoice.totals.total.to_string(), invoice.credit.negated().to_string());
        let due = invoice.amount_due()?.to_string();
        let taxes = invoices::Sums::of(&invoice.totals, &effect.taxes);
        let mut sums = taxes.entries();
        if !invoice.credit.is_zero() {
            sums.push(ui::Total { label: "Total", amount: &total, href: None });
            sums.push(ui::Total { label: "Paid by credit", amount: &used, href: None });
        }
        let body = html! {
            (invoices::lines(lines))
            (ui::totals(&sums, &ui::Total { label: "Amount due", amount: &due, href: None }))
        };
        parts.push(part("New invoice", body));
    }
    Ok(html! { @for part in &parts { (part) } })
}

/// The invoice of the end of the period, as it would be at today's prices.
pub(crate) fn later(effect: &Effect) -> Markup {
    let Some((draft, totals)) = effect.later.as_ref().and_then(|later| later.bill.as_ref()) else {
        return html! {};
    };
    let date = show::date(effect.after.billed_through.date);
    let (total, sums) = (totals.total.to_string(), invoices::Sums::of(totals, &draft.taxes));
    let lines = html! {
        (invoices::lines(&draft.lines))
        (ui::totals(&sums.entries(), &ui::Total { label: "Total before credit", amount: &total, href: None }))
    };
    ui::section(&format!("Invoice of {date}, at today’s prices"), html! {}, lines)
}

/// What is said of amounts that are not sure before it is confirmed.
pub(crate) fn unsure(effect: &Effect) -> Markup {
    html! {
        @if effect.by_second {
            (ui::notice(ui::Kind::Info, "Measured to the second", html! {
                "The price book counts time in seconds, so the amounts are those of the instant you confirm it."
            }))
        }
        @if effect.by_use {
            (ui::notice(ui::Kind::Info, "Usage goes on", html! {
                "What is used until you confirm it is billed with it, at the prices shown."
            }))
        }
    }
}
