//! `steelyard invoices list | show | void | uncollectible`

use billing::invoice::{self, Invoice};
use kernel::{Result, ids::InvoiceId};
use store::{Reason, Tx};

use super::{
    explain::{self, money},
    list,
};
use crate::{arguments::Invoices, failure::Outcome, output, place::Place};

pub fn run(place: &Place, asked: Invoices) -> Outcome {
    match asked {
        Invoices::List(asked) => list::invoices(place, asked),
        Invoices::Show { invoice } => explain::run(place, &invoice),
        Invoices::Void { invoice, reason } => end(place, invoice, &reason, invoice::void),
        Invoices::Uncollectible { invoice, reason } => end(place, invoice, &reason, invoice::give_up),
    }
}

/// End an invoice, and say what it is from now on.
fn end(
    place: &Place,
    wanted: String,
    reason: &str,
    work: impl Fn(&mut Tx<'_>, InvoiceId, &Reason) -> Result<Invoice> + Send + 'static,
) -> Outcome {
    let reason = Reason::parse(reason)?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let ended = db.write(&chosen.scope, move |tx| {
        let id = invoice::resolve(tx, &wanted)?;
        work(tx, id, &reason)
    });
    let invoice = ended.wait()?;
    let name = invoice.number.clone().unwrap_or_else(|| invoice.id.to_string());
    output::say(format!("Invoice {name} over {} is {}.", money(invoice.totals.total), invoice.state.word()));
    Ok(())
}
