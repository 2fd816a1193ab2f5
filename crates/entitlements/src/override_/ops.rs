//! Setting and removing overrides.

use std::collections::HashMap;

use billing::subscription;
use catalog::{Book, FeatureKind, version};
use identity::customer;
use jiff::Timestamp;
use kernel::{Error, Result, ids::CustomerId};
use serde_json::{Value as Json, json};
use store::{NewFact, Row, Tx, View, params};

use super::{Given, Override, sql};

/// Most overrides of a customer.
const MOST: i64 = 200;
/// Most characters of a reason.
const LONGEST_REASON: usize = 500;

/// The overrides of a customer by key, those that have run out among them.
pub fn of_customer(view: &mut View<'_>, customer: CustomerId) -> Result<Vec<Override>> {
    Ok(of_customers(view, vec![customer])?.remove(&customer).unwrap_or_default())
}

/// The overrides of customers.
pub fn of_customers(
    view: &mut View<'_>,
    customers: Vec<CustomerId>,
) -> Result<HashMap<CustomerId, Vec<Override>>> {
    let mut found: HashMap<CustomerId, Vec<Override>> = HashMap::new();
    for (customer, one) in view.all(&sql::OF_CUSTOMERS, params![customers], read)? {
        found.entry(customer).or_default().push(one);
    }
    Ok(found)
}

/// Override what a customer may use of a feature, or of a meter's limit; the one there was before is replaced.
///
/// The key is one of the price book in force, or of one the customer agreed to. Errors: `not_found`,
/// `feature_unknown`, `override_invalid`, `override_expired`, `too_many_overrides`.
pub fn set(
    tx: &mut Tx<'_>,
    customer: CustomerId,
    key: &str,
    value: &Json,
    expires: Option<Timestamp>,
    reason: Option<&str>,
) -> Result<Override> {
    customer::lock(tx, customer)?;
    customer::find(tx, customer)?;
    let kind = kind_of(tx, customer, key)?;
    let given = Given::read(value, kind.as_ref())?;
    if expires.is_some_and(|expires| expires <= tx.now()) {
        let detail = "An override runs out later than now.";
        return Err(Error::invalid("override_expired", detail).at("/expires_at"));
    }
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        let detail = "A reason has at most 500 characters.";
        return Err(Error::invalid("override_invalid", detail).at("/reason"));
    }
    let others: i64 = tx.one(&sql::COUNT, params![customer, key], |row| row.get(0))?;
    if others >= MOST {
        let detail = format!("A customer has at most {MOST} overrides. Remove those that have run out.");
        return Err(Error::conflict("too_many_overrides", detail));
    }
    let made = tx.now();
    tx.exec_one(&sql::SET, params![customer, key, given.json(), expires, reason, made])?;
    let figure = match &given {
        // A value is a text of the merchant's, which a fact does not hold.
        Given::Value(_) => Json::Null,
        given => given.json(),
    };
    let payload =
        json!({ "key": key, "value": figure, "expires": expires.map(|expires| expires.to_string()) });
    tx.fact(NewFact::new("override.set", customer.any(), payload)?.of(customer));
    let (key, reason) = (key.to_owned(), reason.map(str::to_owned));
    Ok(Override { key, given, expires, reason, made })
}

/// Take an override away. Errors: `not_found`.
pub fn remove(tx: &mut Tx<'_>, customer: CustomerId, key: &str) -> Result<()> {
    customer::lock(tx, customer)?;
    if tx.exec(&sql::REMOVE, params![customer, key])? == 0 {
        return Err(Error::not_found("override"));
    }
    tx.fact(NewFact::new("override.removed", customer.any(), json!({ "key": key }))?.of(customer));
    Ok(())
}

/// Blank the reasons: they are free text, and may name a person. Part of erasing a customer.
pub fn forget_reasons(tx: &mut Tx<'_>, customer: CustomerId) -> Result<()> {
    tx.exec(&sql::FORGET_REASONS, params![customer]).map(drop)
}

/// The kind of the feature of this key; none when it is a meter's. The newest book goes first.
fn kind_of(view: &mut View<'_>, customer: CustomerId, key: &str) -> Result<Option<FeatureKind>> {
    let newest = version::newest(view)?;
    if let Some(kind) = newest.as_ref().and_then(|version| known(&version.book, key)) {
        return Ok(kind);
    }
    let books = subscription::of_customer(view, customer)?.into_iter().map(|one| one.book).collect();
    for version in version::many(view, books)? {
        if let Some(kind) = known(&version.book, key) {
            return Ok(kind);
        }
    }
    let detail =
        "Neither the price book in force nor one the customer agreed to has a feature or meter of this key.";
    Err(Error::invalid("feature_unknown", detail).at("/key"))
}

fn known(book: &Book, key: &str) -> Option<Option<FeatureKind>> {
    let feature = book.feature(key).map(|feature| Some(feature.kind.clone()));
    feature.or_else(|| book.meter(key).map(|_| None))
}

fn read(row: &Row<'_>) -> Result<(CustomerId, Override)> {
    let json: Json = row.get(2)?;
    let given = Given::stored(&json).ok_or_else(|| Error::internal("a stored override cannot be read"))?;
    let found =
        Override { key: row.get(1)?, given, expires: row.get(3)?, reason: row.get(4)?, made: row.get(5)? };
    Ok((row.get(0)?, found))
}
