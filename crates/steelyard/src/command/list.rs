//! `steelyard customers | subscriptions | invoices list`

use std::collections::HashMap;

use billing::{invoice, subscription};
use identity::customer;
use kernel::{Result, ids::CustomerId};
use serde_json::json;
use store::View;

use super::check::decimal;
use crate::{
    failure::Outcome,
    output,
    place::Place,
    table::{Side, Table},
};

pub fn customers(place: &Place, limit: u32, json: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| customer::list(view, None, limit.into())).wait()?;
    if json {
        let list = found.iter().map(|(customer, person)| {
            json!({
                "id": customer.id,
                "external_id": customer.external_id,
                "name": person.name,
                "email": person.email,
                "country": customer.country,
                "currency": customer.currency,
                "zone": customer.zone,
                "metadata": customer.metadata,
                "created": customer.created,
            })
        });
        output::say_json(&list.collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("customer", Side::Left),
        ("name", Side::Left),
        ("external id", Side::Left),
        ("country", Side::Left),
        ("currency", Side::Left),
    ]);
    for (customer, person) in found {
        table.row([
            customer.id.to_string(),
            person.shown().to_owned(),
            customer.external_id.unwrap_or_default(),
            customer.country,
            customer.currency.code().to_owned(),
        ]);
    }
    table.say(&format!("{} has no customers.", chosen.shown()));
    Ok(())
}

pub fn subscriptions(place: &Place, limit: u32, json: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let found = subscription::list(view, None, limit.into())?;
        let names = names(view, found.iter().map(|one| one.customer))?;
        Ok((found, names))
    });
    let (found, names) = found.wait()?;
    if json {
        let list = found.iter().map(|one| {
            let items: Vec<_> = one
                .active_items()
                .map(|item| json!({ "kind": item.kind.word(), "key": item.key, "quantity": item.quantity }))
                .collect();
            json!({
                "id": one.id,
                "external_id": one.external_id,
                "customer": one.customer,
                "state": one.state.word(),
                "plan": one.plan(),
                "cycle": one.schedule.cycle,
                "currency": one.currency,
                "items": items,
                "started": one.started,
                "period_start": one.period.start.at,
                "period_end": one.period.end.at,
                "billed_through": one.billed_through.at,
            })
        });
        output::say_json(&list.collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("subscription", Side::Left),
        ("customer", Side::Left),
        ("plan", Side::Left),
        ("every", Side::Left),
        ("state", Side::Left),
        ("period until", Side::Left),
    ]);
    for one in found {
        table.row([
            one.id.to_string(),
            names.get(&one.customer).cloned().unwrap_or_default(),
            one.plan().to_owned(),
            one.schedule.cycle.to_string(),
            one.state.word().to_owned(),
            one.period.end.date.to_string(),
        ]);
    }
    table.say(&format!("{} has no subscriptions.", chosen.shown()));
    Ok(())
}

pub fn invoices(place: &Place, limit: u32, json: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let found = invoice::list(view, None, limit.into())?;
        let names = names(view, found.iter().map(|one| one.customer))?;
        Ok((found, names))
    });
    let (found, names) = found.wait()?;
    if json {
        let list = found.iter().map(|one| {
            json!({
                "id": one.id,
                "number": one.number,
                "customer": one.customer,
                "state": one.state.word(),
                "issued": one.issued,
                "due": one.due,
                "currency": one.totals.total.currency(),
                "subtotal": one.totals.subtotal.minor(),
                "tax": one.totals.tax.minor(),
                "total": one.totals.total.minor(),
            })
        });
        output::say_json(&list.collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("invoice", Side::Left),
        ("issued", Side::Left),
        ("customer", Side::Left),
        ("state", Side::Left),
        ("total", Side::Right),
        ("currency", Side::Left),
    ]);
    for one in found {
        let total = one.totals.total;
        table.row([
            one.number.unwrap_or_else(|| one.id.to_string()),
            one.issued.map_or_else(String::new, |date| date.to_string()),
            names.get(&one.customer).cloned().unwrap_or_default(),
            one.state.word().to_owned(),
            decimal(total.minor(), total.currency()),
            total.currency().code().to_owned(),
        ]);
    }
    table.say(&format!("{} has no invoices.", chosen.shown()));
    Ok(())
}

/// What customers are called.
pub fn names(
    view: &mut View<'_>,
    customers: impl Iterator<Item = CustomerId>,
) -> Result<HashMap<CustomerId, String>> {
    let mut ids: Vec<CustomerId> = customers.collect();
    ids.sort_unstable();
    ids.dedup();
    let parties = customer::parties(view, ids)?;
    Ok(parties
        .into_iter()
        .map(|(id, party)| (id, party.name.unwrap_or_else(|| "(erased)".to_owned())))
        .collect())
}
