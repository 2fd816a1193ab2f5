//! `steelyard explain` of a credit note.

use billing::{
    credit_note::{self, CreditNote},
    invoice,
};
use kernel::{AnyId, Error, Result, ids::CreditNoteId};
use store::{View, facts};

use super::explain::{money, say_line};
use crate::{failure::Outcome, output, place::Place};

/// Whether this names a credit note: by its id, or by a number such as `INV-CN-000001`.
pub fn is_meant(wanted: &str) -> bool {
    wanted.starts_with("crn_") || wanted.contains("-CN-")
}

pub fn explain(place: &Place, wanted: &str) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let wanted = wanted.to_owned();
    let found = db.read(&chosen.scope, move |view| {
        let note = find(view, &wanted)?;
        Ok((credit_note::lines(view, note.id)?, invoice::find(view, note.invoice)?, note))
    });
    let (lines, invoice, note) = found.wait()?;
    let party = note.party.as_ref().and_then(|party| party.name.as_deref()).unwrap_or("(erased)");
    output::say(format!(
        "Credit note {} to {party} for invoice {} ({}, issued {})",
        note.number,
        invoice.number.unwrap_or_else(|| invoice.id.to_string()),
        note.cause.word(),
        note.issued,
    ));
    for line in lines {
        let credit = line.credit;
        let sentences = credit.derivation.sentences(credit.amount.currency().code());
        say_line(&credit.description, credit.period, credit.amount, sentences);
    }
    let [subtotal, tax, total] = [note.totals.subtotal, note.totals.tax, note.totals.total].map(money);
    output::say(format!("\nSubtotal {subtotal}, tax {tax}, total {total}"));
    Ok(())
}

/// By id, or by number from the newest fact on: the fact of its issue has both.
fn find(view: &mut View<'_>, wanted: &str) -> Result<CreditNote> {
    const PAGE: i64 = 10_000;
    if wanted.starts_with("crn_") {
        return credit_note::find(view, wanted.parse()?);
    }
    let mut before = i64::MAX;
    loop {
        let page = facts::latest(view, before, PAGE)?;
        let Some(oldest) = page.last().map(|fact| fact.seq) else {
            return Err(Error::not_found("credit note"));
        };
        before = oldest;
        let issued =
            |fact: &&store::Fact| fact.kind == "credit_note.issued" && fact.payload["number"] == wanted;
        if let Some(AnyId { uuid, .. }) = page.iter().find(issued).map(|fact| fact.subject) {
            return credit_note::find(view, CreditNoteId::from_uuid(uuid));
        }
    }
}
