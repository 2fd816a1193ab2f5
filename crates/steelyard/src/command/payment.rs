//! `steelyard payments list | show | record | reverse`

use std::collections::HashMap;

use billing::{
    invoice::{self, Invoice},
    payment::{self, NewPayment, Payment, Received, Settlement},
};
use identity::customer;
use kernel::{Currency, Error, Money, Result, ids::InvoiceId, ids::PaymentId, time};
use serde_json::json;
use store::View;

use super::{explain::money, list};
use crate::{
    arguments::{ListPayments, Payments, RecordPayment, Shown},
    failure::Outcome,
    output,
    place::Place,
    table::{Side, Table},
};

pub fn run(place: &Place, asked: Payments) -> Outcome {
    match asked {
        Payments::List(asked) => all(place, asked),
        Payments::Show { payment } => show(place, payment.parse()?),
        Payments::Record(asked) => record(place, asked),
        Payments::Reverse { payment } => reverse(place, payment.parse()?),
    }
}

fn all(place: &Place, asked: ListPayments) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let Shown { limit, json } = asked.shown;
    let found = db.read(&chosen.scope, move |view| {
        let customer = list::named(view, asked.customer.as_deref())?;
        let found = payment::list(view, customer, None, limit.into())?;
        let names = list::names(view, found.iter().map(|one| one.customer))?;
        Ok((found, names))
    });
    let (found, names) = found.wait()?;
    if json {
        output::say_json(&found.iter().map(as_json).collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("payment", Side::Whole),
        ("received", Side::Whole),
        ("customer", Side::Left),
        ("by", Side::Spare),
        ("reference", Side::Spare),
        ("state", Side::Left),
        ("amount", Side::Right),
    ]);
    for one in found {
        table.row([
            one.id.to_string(),
            one.day.to_string(),
            names.get(&one.customer).cloned().unwrap_or_default(),
            one.method.word().to_owned(),
            one.reference.unwrap_or_default(),
            if one.reversed.is_some() { "reversed" } else { "received" }.to_owned(),
            money(one.amount),
        ]);
    }
    table.say(&format!("{} has no payments.", chosen.shown()));
    Ok(())
}

fn as_json(one: &Payment) -> serde_json::Value {
    json!({
        "id": one.id,
        "customer": one.customer,
        "method": one.method.word(),
        "currency": one.amount.currency(),
        "amount": one.amount.minor(),
        "credit": one.credit.minor(),
        "reference": one.reference,
        "received": one.received,
        "received_date": one.day,
        "reversed": one.reversed,
    })
}

fn show(place: &Place, id: PaymentId) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let payment = payment::find(view, id)?;
        let settlements = payment::settlements(view, id)?;
        let invoices = invoice::load(view, settlements.iter().map(|one| one.invoice).collect())?;
        let name = list::names(view, std::iter::once(payment.customer))?.remove(&payment.customer);
        Ok((payment, settlements, invoices, name.unwrap_or_default()))
    });
    let (payment, settlements, invoices, name) = found.wait()?;
    say(&payment, &name);
    let numbers: HashMap<InvoiceId, &Invoice> = invoices.iter().map(|one| (one.id, one)).collect();
    for one in &settlements {
        let number = numbers.get(&one.invoice).and_then(|invoice| invoice.number.clone());
        let number = number.unwrap_or_else(|| one.invoice.to_string());
        output::say(format!("    {}: {} {number}, {:.0}", money(one.amount), words(one), one.at));
    }
    Ok(())
}

fn words(settlement: &Settlement) -> &'static str {
    match settlement.cause {
        payment::Cause::Settled => "paid of",
        payment::Cause::Reversed => "reversed with the payment, due again on",
        payment::Cause::CreditReturned => "taken back with its credit, due again on",
        payment::Cause::Released => "credit again, because of the void",
    }
}

fn say(payment: &Payment, name: &str) {
    let reference = payment.reference.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
    let reversed = payment.reversed.map_or_else(String::new, |at| format!(", reversed {at:.0}"));
    output::say(format!(
        "{}: {} by {}{reference} from {name} on {}{reversed}",
        payment.id,
        money(payment.amount),
        payment.method.word(),
        payment.day
    ));
    if !payment.credit.is_zero() {
        output::say(format!("    {} became the customer's credit", money(payment.credit)));
    }
}

/// The payment as it was asked for, with what was left out looked up.
fn command(view: &mut View<'_>, asked: &RecordPayment) -> Result<NewPayment> {
    let invoices = asked.invoices.iter().map(|text| invoice::resolve(view, text));
    let invoices = invoices.collect::<Result<Vec<_>>>()?;
    let first = invoices.first().map(|id| invoice::find(view, *id)).transpose()?;
    let customer = list::named(view, asked.customer.as_deref())?.or(first.as_ref().map(|one| one.customer));
    let customer = customer::find(view, customer.ok_or_else(|| Error::not_found("customer"))?)?;
    let of_invoice = first.map(|one| one.totals.total.currency());
    let currency: Currency = asked.currency.or(of_invoice).unwrap_or(customer.currency);
    let received = asked.received.as_deref().map(|text| match text.len() {
        10 => time::date(text).map(Received::On),
        _ => time::instant(text).map(Received::At),
    });
    Ok(NewPayment {
        customer: customer.id,
        entity: None,
        amount: Money::parse(&asked.amount, currency)?,
        method: asked.method,
        received: received.transpose()?,
        reference: asked.reference.clone(),
        invoices,
    })
}

fn record(place: &Place, asked: RecordPayment) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let recorded = db.write(&chosen.scope, move |tx| {
        let new = command(tx, &asked)?;
        payment::record(tx, new)
    });
    show(place, recorded.wait()?.payment.id)
}

fn reverse(place: &Place, id: PaymentId) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    db.write(&chosen.scope, move |tx| payment::reverse(tx, id)).wait()?;
    show(place, id)
}
