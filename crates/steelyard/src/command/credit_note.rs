//! `steelyard explain` of a credit note.

use billing::{credit_note, invoice};

use super::explain::{money, say_line, say_taxes};
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
        let id = credit_note::resolve(view, &wanted)?;
        let note = credit_note::find(view, id)?;
        let taxes = credit_note::taxes(view, note.id)?;
        Ok((credit_note::lines(view, note.id)?, taxes, invoice::find(view, note.invoice)?, note))
    });
    let (lines, taxes, invoice, note) = found.wait()?;
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
        let mut sentences = credit.derivation.sentences(credit.amount.currency().code());
        if !credit.tax.is_zero() {
            let tax = money(credit.tax);
            sentences.push(format!(
                "its tax: {tax}, so that what was given back of the line's tax is its share of what was credited"
            ));
        }
        say_line(&credit.description, credit.period, credit.amount, sentences);
    }
    say_taxes(&taxes);
    let [subtotal, tax, total] = [note.totals.subtotal, note.totals.tax, note.totals.total].map(money);
    output::say(format!("\nSubtotal {subtotal}, tax {tax}, total {total}"));
    Ok(())
}
