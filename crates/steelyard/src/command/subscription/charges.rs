//! `steelyard subscriptions charges list | add | remove`

use billing::{
    charge::{self, BillWith, Charge, ChargePreview, NewCharge},
    invoice, subscription,
};
use kernel::UnitPrice;

use super::{billed, say_draft};
use crate::{
    arguments::{AddCharge, Charges},
    command::explain::money,
    failure::Outcome,
    output,
    place::Place,
    table::{Side, Table},
};

pub fn run(place: &Place, asked: Charges) -> Outcome {
    match asked {
        Charges::List { subscription } => list(place, subscription),
        Charges::Add(asked) => add(place, asked),
        Charges::Remove { subscription, charge } => remove(place, subscription, charge),
    }
}

fn list(place: &Place, reference: String) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let id = subscription::resolve(view, &reference)?;
        let mut shown = Vec::new();
        for charge in charge::of_subscription(view, id, 500)? {
            let number = charge.invoice.map(|id| invoice::find(view, id)).transpose()?;
            let number = number.map(|invoice| invoice.number.unwrap_or_else(|| "a draft".to_owned()));
            shown.push((charge, number));
        }
        Ok(shown)
    });
    let mut table = Table::new([
        ("charge", Side::Right),
        ("what", Side::Left),
        ("quantity", Side::Right),
        ("amount", Side::Right),
        ("added", Side::Left),
        ("invoice", Side::Left),
    ]);
    for (charge, number) in found.wait()? {
        table.row([
            charge.ordinal.to_string(),
            charge.line.description.clone(),
            output::grouped(charge.line.quantity),
            money(charge.line.amount),
            format!("{:.0}", charge.added),
            number.unwrap_or_else(|| "the next one".to_owned()),
        ]);
    }
    table.say("Nothing is charged once.");
    Ok(())
}

fn add(place: &Place, asked: AddCharge) -> Outcome {
    let amount = asked.amount.as_deref().map(UnitPrice::parse).transpose()?;
    let AddCharge { subscription: reference, addon: key, description, .. } = asked;
    let new = NewCharge { key, description, amount, quantity: Some(asked.quantity) };
    let with = if asked.now { BillWith::Now } else { BillWith::NextInvoice };
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    if asked.dry_run {
        let preview = db.read(&chosen.scope, move |view| {
            let id = subscription::resolve(view, &reference)?;
            charge::preview(view, id, &new, with)
        });
        say_preview(preview.wait()?);
        return Ok(());
    }
    let added = db.write(&chosen.scope, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let added = charge::add(tx, id, &new, with)?;
        let invoice = added.invoice.map(|id| invoice::find(tx, id)).transpose()?;
        Ok((added.charge, invoice))
    });
    let (charge, invoice) = added.wait()?;
    output::say(sentence(&charge));
    match invoice {
        Some(invoice) => output::say(billed(&invoice)?),
        None => output::say("It comes with the next invoice and can be taken back until then."),
    }
    Ok(())
}

fn sentence(Charge { ordinal, line, .. }: &Charge) -> String {
    format!("Charge {ordinal}: {}, {}.", line.description, money(line.amount))
}

fn say_preview(ChargePreview { line, invoice, billed }: ChargePreview) {
    output::say("Nothing was charged.");
    match (invoice, billed) {
        (Some((draft, totals)), _) => return say_draft(draft, totals),
        (None, Some(edge)) => output::say(format!("It would come with what is billed on {}:", edge.date)),
        (None, None) => output::say("It would wait: nothing falls due for the subscription."),
    }
    output::say(format!("{}: {}", line.description, money(line.amount)));
    for sentence in line.explanation.sentences() {
        output::say(format!("  {sentence}"));
    }
}

fn remove(place: &Place, reference: String, number: i64) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let removed = db.write(&chosen.scope, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        charge::remove(tx, id, number)
    });
    let charge = removed.wait()?;
    output::say(format!("{} It was taken back.", sentence(&charge)));
    Ok(())
}
