//! Changing what is known of a customer.

use kernel::{Error, Result, ids::CustomerId};
use serde_json::json;
use store::{NewFact, Tx, params};

use super::{
    model::{Customer, Edit, Person, metadata},
    ops, sql,
};
use crate::text;

/// Change a customer. Documents that were issued keep the party as printed; drafts and later ones take the new one.
/// What changes nothing states no fact.
///
/// The fact names the fields that changed; names, addresses and tax ids themselves are not in it.
///
/// Errors: `not_found`, `already_erased`, those of [`super::NewCustomer::checked`], also for a region or tax id
/// that does not fit the new country.
pub fn change(tx: &mut Tx<'_>, id: CustomerId, edit: Edit) -> Result<Customer> {
    ops::lock(tx, id)?;
    let before = ops::find(tx, id)?;
    let person = ops::person(tx, before.person)?;
    if person.erased.is_some() {
        let detail = "The personal data of this customer was erased, so nothing of it changes any more.";
        return Err(Error::conflict("already_erased", detail));
    }
    let (after, new) = decide(&before, &person, edit)?;
    let fields = differing(&before, &person, &after, &new);
    if fields.is_empty() {
        return Ok(before);
    }
    let columns = params![id, after.country, after.region, after.tax_exempt, after.zone, after.metadata];
    tx.exec_one(&sql::CHANGE, columns)?;
    tx.exec_one(&sql::CHANGE_PERSON, params![after.person, new.name, new.email, new.address, new.tax_id])?;
    if (&person.name, &person.email) != (&new.name, &new.email) {
        ops::index_again(tx, &after, &new)?;
    }
    let payload = json!({
        "fields": fields,
        "country": after.country,
        "region": after.region,
        "tax_exempt": after.tax_exempt,
        "zone": after.zone,
    });
    tx.fact(NewFact::new("customer.changed", id.any(), payload)?.of(id));
    Ok(after)
}

/// The customer and the person after an edit, every text checked.
fn decide(before: &Customer, person: &Person, edit: Edit) -> Result<(Customer, Person)> {
    let country = match edit.country {
        Some(country) => text::country(&country, "/country")?,
        None => before.country.clone(),
    };
    let region = edit.region.unwrap_or_else(|| before.region.clone());
    let tax_id = edit.tax_id.unwrap_or_else(|| person.tax_id.clone());
    let email = match edit.email {
        Some(email) => email.map(|email| text::email(&email, "/email")).transpose()?,
        None => person.email.clone(),
    };
    let address = match edit.address {
        Some(address) => address.map(|address| text::line(&address, 500, "/address")).transpose()?,
        None => person.address.clone(),
    };
    let name = match edit.name {
        Some(name) => Some(text::line(&name, 200, "/name")?),
        None => person.name.clone(),
    };
    let new = Person {
        name,
        email,
        address,
        tax_id: tax_id.map(|id| text::tax_id(&country, &id)).transpose()?,
        erased: None,
    };
    let after = Customer {
        region: region.map(|region| text::region(&country, &region)).transpose()?,
        country,
        tax_exempt: edit.tax_exempt.unwrap_or(before.tax_exempt),
        zone: edit.zone.unwrap_or_else(|| before.zone.clone()),
        metadata: edit.metadata.map_or_else(|| Ok(before.metadata.clone()), metadata)?,
        ..before.clone()
    };
    Ok((after, new))
}

/// The names of what an edit changed.
fn differing(before: &Customer, person: &Person, after: &Customer, new: &Person) -> Vec<&'static str> {
    let changed = [
        ("name", person.name != new.name),
        ("email", person.email != new.email),
        ("address", person.address != new.address),
        ("tax_id", person.tax_id != new.tax_id),
        ("country", before.country != after.country),
        ("region", before.region != after.region),
        ("tax_exempt", before.tax_exempt != after.tax_exempt),
        ("zone", before.zone != after.zone),
        ("metadata", before.metadata != after.metadata),
    ];
    changed.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
