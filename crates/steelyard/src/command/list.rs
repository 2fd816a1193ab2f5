//! `steelyard customers | subscriptions | invoices list`

use std::collections::HashMap;

use billing::{customers, invoice, subscription};
use identity::{
    Customer, CustomerRef, customer,
    customer::{Find, Person},
};
use kernel::{Result, ids::CustomerId, time};
use serde_json::json;
use store::View;

use super::check::decimal;
use crate::{
    arguments::{ListCustomers, ListInvoices, ListSubscriptions, Shown},
    failure::Outcome,
    output,
    place::{Chosen, Place},
    table::{Side, Table},
};

/// Rows of a list that fit on one page of the operations behind it.
const PAGE: usize = 1_000;

pub fn customers(place: &Place, asked: ListCustomers) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let Shown { limit, json } = asked.shown;
    let none = none("customer", asked.is_all(), &chosen);
    let ListCustomers { search, country, currency, subscription, sort, .. } = asked;
    let find = Find { search, country, currency, sort };
    let filter = customers::Filter { find, having: subscription };
    let found = db.read(&chosen.scope, move |view| read_customers(view, &filter, limit as usize)).wait()?;
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
        ("customer", Side::Whole),
        ("name", Side::Left),
        ("external id", Side::Left),
        ("country", Side::Spare),
        ("currency", Side::Spare),
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
    table.say(&none);
    Ok(())
}

/// What is said when a list is empty: that there are none, or none like those asked for.
fn none(noun: &str, all: bool, chosen: &Chosen) -> String {
    if all {
        format!("{} has no {noun}s.", chosen.shown())
    } else {
        format!("No {noun} of {} is like that.", chosen.shown())
    }
}

/// As many as are asked for, page by page.
fn read_customers(
    view: &mut View<'_>,
    filter: &customers::Filter,
    limit: usize,
) -> Result<Vec<(Customer, Person)>> {
    let (mut found, mut after) = (Vec::new(), None);
    while found.len() < limit {
        let page = customers::list(view, filter, after.as_ref(), PAGE.min(limit - found.len()))?;
        found.extend(page.found.into_iter().map(|one| (one.customer, one.person)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(found)
}

/// The customer a reference names, when one is given.
pub fn named(view: &mut View<'_>, reference: Option<&str>) -> Result<Option<CustomerId>> {
    let reference = reference.map(str::parse::<CustomerRef>).transpose()?;
    reference.map(|reference| customer::resolve(view, &reference)).transpose()
}

pub fn subscriptions(place: &Place, asked: ListSubscriptions) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let Shown { limit, json } = asked.shown;
    let none = none("subscription", asked.is_all(), &chosen);
    let due = [asked.due_from.unwrap_or(time::FIRST_INSTANT), asked.due_to.unwrap_or(time::END_INSTANT)];
    let due = asked.due_from.or(asked.due_to).map(|_| due);
    let found = db.read(&chosen.scope, move |view| {
        let filter = subscription::Filter {
            state: asked.state,
            plan: asked.plan.clone(),
            customer: named(view, asked.customer.as_deref())?,
            currency: asked.currency,
            book: None,
            due,
        };
        let found = subscription::search(view, &filter, None, limit.into())?;
        let found: Vec<_> = found.into_iter().map(|(one, _)| one).collect();
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
        ("subscription", Side::Whole),
        ("customer", Side::Left),
        ("plan", Side::Left),
        ("every", Side::Spare),
        ("state", Side::Left),
        ("until", Side::Whole),
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
    table.say(&none);
    Ok(())
}

pub fn invoices(place: &Place, asked: ListInvoices) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let Shown { limit, json } = asked.shown;
    let none = none("invoice", asked.is_all(), &chosen);
    let issued = [asked.issued_from.unwrap_or(time::FIRST_DATE), asked.issued_to.unwrap_or(time::END_DATE)];
    let issued = asked.issued_from.or(asked.issued_to).map(|_| issued);
    let found = db.read(&chosen.scope, move |view| {
        let filter = invoice::Filter {
            state: asked.state,
            customer: named(view, asked.customer.as_deref())?,
            currency: asked.currency,
            issued,
        };
        let found = invoice::search(view, &filter, None, limit.into())?;
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
        ("invoice", Side::Whole),
        ("issued", Side::Whole),
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
    table.say(&none);
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
