//! `steelyard explain`

use billing::invoice::{self, Invoice};
use identity::customer;
use kernel::{Error, Result, ids::InvoiceId};
use store::View;

use super::check::decimal;
use crate::{failure::Outcome, output, place::Place};

pub fn run(place: &Place, wanted: &str) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let wanted = wanted.to_owned();
    let found = db.read(&chosen.scope, move |view| {
        let invoice = find(view, &wanted)?;
        let lines = invoice::lines(view, invoice.id)?;
        let party = match &invoice.party {
            Some(party) => party.name.clone(),
            None => customer::parties(view, vec![invoice.customer])?.pop().and_then(|(_, party)| party.name),
        };
        Ok((invoice, lines, party.unwrap_or_else(|| "(erased)".to_owned())))
    });
    let (invoice, lines, party) = found.wait()?;
    output::say(heading(&invoice, &party));
    for line in lines {
        let (start, end) = (line.period.start.date, line.period.end.date);
        let amount = decimal(line.amount.minor(), line.amount.currency());
        output::say(format!("\n{}, {start} to {end}: {} {amount}", line.description, line.amount.currency().code()));
        for sentence in line.explanation.sentences() {
            output::say(format!("    {sentence}"));
        }
    }
    let total = invoice.totals.total;
    let amount = |money: kernel::Money| format!("{} {}", total.currency().code(), decimal(money.minor(), total.currency()));
    output::say(format!("\nSubtotal {}, tax {}, total {}", amount(invoice.totals.subtotal), amount(invoice.totals.tax), amount(total)));
    Ok(())
}

fn heading(invoice: &Invoice, party: &str) -> String {
    let name = invoice.number.clone().unwrap_or_else(|| invoice.id.to_string());
    let issued = invoice.issued.map_or_else(String::new, |date| format!(", issued {date}"));
    format!("Invoice {name} to {party} ({}{issued})", invoice.state.word())
}

/// By id, or by number from the newest on.
fn find(view: &mut View<'_>, wanted: &str) -> Result<Invoice> {
    const PAGE: i64 = 1_000;
    if wanted.starts_with("inv_") {
        return invoice::find(view, wanted.parse()?);
    }
    let mut before: Option<InvoiceId> = None;
    loop {
        let page = invoice::list(view, before, PAGE)?;
        before = page.last().map(|last| last.id);
        let full = page.len() as i64 == PAGE;
        if let Some(found) = page.into_iter().find(|one| one.number.as_deref() == Some(wanted)) {
            return Ok(found);
        }
        if !full {
            return Err(Error::not_found("invoice"));
        }
    }
}
