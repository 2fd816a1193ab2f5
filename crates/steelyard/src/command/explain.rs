//! `steelyard explain`

use billing::invoice::{self, Invoice};
use identity::customer;
use kernel::{Money, Period};
use tax::Tax;

use super::{check::decimal, credit_note};
use crate::{failure::Outcome, output, place::Place};

pub fn run(place: &Place, wanted: &str) -> Outcome {
    if credit_note::is_meant(wanted) {
        return credit_note::explain(place, wanted);
    }
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let wanted = wanted.to_owned();
    let found = db.read(&chosen.scope, move |view| {
        let id = invoice::resolve(view, &wanted)?;
        let invoice = invoice::find(view, id)?;
        let (lines, taxes) = (invoice::lines(view, invoice.id)?, invoice::taxes(view, invoice.id)?);
        let party = match &invoice.party {
            Some(party) => party.name.clone(),
            None => customer::parties(view, vec![invoice.customer])?.pop().and_then(|(_, party)| party.name),
        };
        Ok((invoice, lines, taxes, party.unwrap_or_else(|| "(erased)".to_owned())))
    });
    let (invoice, lines, taxes, party) = found.wait()?;
    output::say(heading(&invoice, &party));
    for line in lines {
        let mut sentences = line.explanation.sentences();
        if !line.tax.is_zero() {
            sentences.push(format!("its part of the tax: {}", money(line.tax)));
        }
        say_line(&line.description, line.period, line.amount, sentences);
    }
    say_taxes(&taxes);
    let [subtotal, tax, total] =
        [invoice.totals.subtotal, invoice.totals.tax, invoice.totals.total].map(money);
    output::say(format!("\nSubtotal {subtotal}, tax {tax}, total {total}"));
    if !invoice.credit.is_zero() || !invoice.paid.is_zero() {
        let [credit, paid, due] = [invoice.credit, invoice.paid, invoice.amount_due()?].map(money);
        let paid = if invoice.paid.is_zero() { String::new() } else { format!(", by payments {paid}") };
        output::say(format!("Paid by credit {credit}{paid}, due {due}"));
    }
    if let Some(end) = &invoice.end {
        output::say(format!("It is {} since {}: {}", invoice.state.word(), end.at, end.reason));
    }
    Ok(())
}

/// The taxes of a document, and below each why it is so.
pub fn say_taxes(taxes: &[Tax]) {
    for Tax { treatment, base, amount } in taxes {
        output::say(format!("\n{} of {}: {}", treatment.label(), money(*base), money(*amount)));
        output::say(format!("    {}", treatment.reason));
        if let Some(note) = &treatment.note {
            output::say(format!("    On the document: {note}"));
        }
    }
}

/// A line of a document, and below it how its amount came to be.
pub fn say_line(description: &str, period: Period, amount: Money, sentences: Vec<String>) {
    let (start, end) = (period.start.date, period.end.date);
    output::say(format!("\n{description}, {start} to {end}: {}", money(amount)));
    say_sentences(sentences);
}

/// How an amount came to be, below it.
pub fn say_sentences(sentences: Vec<String>) {
    for sentence in sentences {
        output::say(format!("    {sentence}"));
    }
}

/// `USD 1,234.50`.
pub fn money(amount: Money) -> String {
    format!("{} {}", amount.currency().code(), decimal(amount.minor(), amount.currency()))
}

fn heading(invoice: &Invoice, party: &str) -> String {
    let name = invoice.number.clone().unwrap_or_else(|| invoice.id.to_string());
    let issued = invoice.issued.map_or_else(String::new, |date| format!(", issued {date}"));
    format!("Invoice {name} to {party} ({}{issued})", invoice.state.word())
}
