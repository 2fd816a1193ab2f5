//! Legal entities: who issues documents, and collects tax where it is registered.

use kernel::{
    Currency, Error, Result, Zone,
    ids::{self, LegalEntityId},
};
use serde_json::json;
use store::{Lock, NewFact, Row, Tx, View, params};
use tax::Registration;

use super::sql;
use crate::{customer::Party, text};

/// Who issues documents: a company with a country, a currency, a zone and a number series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalEntity {
    /// Its id.
    pub id: LegalEntityId,
    /// Its registered name, as printed.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The region of the country, where taxes differ by it: ISO 3166-2 without the country, such as `NY`.
    pub region: Option<String>,
    /// Its tax id, as printed.
    pub tax_id: Option<String>,
    /// Where it collects tax, in order and each once.
    pub registrations: Vec<Registration>,
    /// Functional currency.
    pub currency: Currency,
    /// Where its dates are.
    pub zone: Zone,
    /// What its invoice numbers begin with, unique in the environment.
    pub series: String,
}

impl LegalEntity {
    /// The same for [`tax::treat`].
    pub fn for_tax(&self) -> tax::Seller<'_> {
        tax::Seller {
            country: &self.country,
            region: self.region.as_deref(),
            registrations: &self.registrations,
        }
    }

    /// As it is printed on a document issued now.
    pub fn party(&self) -> Party {
        Party {
            name: Some(self.name.clone()),
            email: None,
            address: None,
            country: self.country.clone(),
            region: self.region.clone(),
            tax_id: self.tax_id.clone(),
        }
    }
}

/// A legal entity to set up.
#[derive(Clone, Debug)]
pub struct NewLegalEntity {
    /// Registered name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// ISO 3166-2 without the country, such as `NY`.
    pub region: Option<String>,
    /// Its tax id.
    pub tax_id: Option<String>,
    /// Where it collects tax; nowhere else is any charged.
    pub registrations: Vec<Registration>,
    /// Functional currency.
    pub currency: Currency,
    /// Where its dates are.
    pub zone: Zone,
    /// What its invoice numbers begin with: 1 to 10 capitals or digits.
    pub series: String,
}

/// What to change of a legal entity; what is none stays as it is, and `Some(None)` takes it away. Its currency, zone
/// and series never change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityEdit {
    /// Registered name.
    pub name: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// ISO 3166-2 without the country.
    pub region: Option<Option<String>>,
    /// Its tax id.
    pub tax_id: Option<Option<String>>,
    /// Where it collects tax, all of them.
    pub registrations: Option<Vec<Registration>>,
}

/// Set up a legal entity.
///
/// Errors: `series_malformed`, `series_taken`, `country_unknown`, `region_unknown`, `tax_id_malformed`, `text_invalid`.
pub fn add_entity(tx: &mut Tx<'_>, new: &NewLegalEntity) -> Result<LegalEntityId> {
    let series_ok = (1..=10).contains(&new.series.len())
        && new.series.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !series_ok {
        let detail = "A number series is 1 to 10 capital letters or digits, such as INV.";
        return Err(Error::invalid("series_malformed", detail).at("/series"));
    }
    let entity = checked(LegalEntity {
        id: tx.new_id(),
        name: new.name.clone(),
        country: new.country.clone(),
        region: new.region.clone(),
        tax_id: new.tax_id.clone(),
        registrations: new.registrations.clone(),
        currency: new.currency,
        zone: new.zone.clone(),
        series: new.series.clone(),
    })?;
    let LegalEntity { id, name, country, region, tax_id, registrations, currency, zone, series } = &entity;
    let (created, listed) = (tx.recorded(), json!(registrations));
    let columns = params![id, name, country, currency, zone, series, created, region, tax_id, listed];
    if tx.exec(&sql::INSERT_ENTITY, columns)? == 0 {
        let detail = format!("Another legal entity numbers its documents {series} already.");
        return Err(Error::conflict("series_taken", detail).at("/series"));
    }
    let payload = json!({
        "country": country,
        "region": region,
        "registrations": registrations,
        "currency": currency,
        "zone": zone,
        "series": series,
    });
    tx.fact(NewFact::new("legal_entity.added", id.any(), payload)?);
    Ok(entity.id)
}

/// The same with every text checked, and its registrations in order.
fn checked(mut entity: LegalEntity) -> Result<LegalEntity> {
    entity.name = text::line(&entity.name, 200, "/name")?;
    entity.country = text::country(&entity.country, "/country")?;
    entity.region = entity.region.map(|region| text::region(&entity.country, &region)).transpose()?;
    entity.tax_id = entity.tax_id.map(|id| text::tax_id(&entity.country, &id)).transpose()?;
    entity.registrations.sort();
    entity.registrations.dedup();
    Ok(entity)
}

/// Legal entities come before the customers they bill.
static LOCK: Lock<ids::LegalEntity> = Lock::new(5, &sql::LOCK_ENTITY);

/// Change a legal entity. Documents that were issued stay as printed. What changes nothing states no fact.
///
/// Errors: `not_found`, those of [`add_entity`], also for a region or tax id that does not fit the new country.
pub fn change_entity(tx: &mut Tx<'_>, id: LegalEntityId, edit: EntityEdit) -> Result<LegalEntity> {
    tx.lock(&LOCK, id)?;
    let before = entity(tx, Some(id))?;
    let after = checked(LegalEntity {
        name: edit.name.unwrap_or_else(|| before.name.clone()),
        country: edit.country.unwrap_or_else(|| before.country.clone()),
        region: edit.region.unwrap_or_else(|| before.region.clone()),
        tax_id: edit.tax_id.unwrap_or_else(|| before.tax_id.clone()),
        registrations: edit.registrations.unwrap_or_else(|| before.registrations.clone()),
        ..before.clone()
    })?;
    let changed = [
        ("name", before.name != after.name),
        ("country", before.country != after.country),
        ("region", before.region != after.region),
        ("tax_id", before.tax_id != after.tax_id),
        ("registrations", before.registrations != after.registrations),
    ];
    let fields: Vec<&str> =
        changed.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
    if fields.is_empty() {
        return Ok(before);
    }
    let LegalEntity { name, country, region, tax_id, registrations, .. } = &after;
    tx.exec_one(&sql::CHANGE_ENTITY, params![id, name, country, region, tax_id, json!(registrations)])?;
    let payload =
        json!({"fields": fields, "country": country, "region": region, "registrations": registrations});
    tx.fact(NewFact::new("legal_entity.changed", id.any(), payload)?);
    Ok(after)
}

fn read(row: &Row<'_>) -> Result<LegalEntity> {
    let registrations = serde_json::from_value(row.get(8)?);
    Ok(LegalEntity {
        id: row.get(0)?,
        name: row.get(1)?,
        country: row.get(2)?,
        currency: row.get(3)?,
        zone: row.get(4)?,
        series: row.get(5)?,
        region: row.get(6)?,
        tax_id: row.get(7)?,
        registrations: registrations
            .map_err(|error| Error::internal(format!("stored registrations cannot be read: {error}")))?,
    })
}

/// The legal entities, oldest first; the first one issues where none is named.
pub fn entities(view: &mut View<'_>) -> Result<Vec<LegalEntity>> {
    view.all(&sql::ENTITIES, params![], read)
}

/// The legal entity named, or the first one. Errors: `legal_entity_unknown`, `no_legal_entity`.
pub fn entity(view: &mut View<'_>, id: Option<LegalEntityId>) -> Result<LegalEntity> {
    let mut all = entities(view)?.into_iter();
    match id {
        None => all.next().ok_or_else(|| {
            Error::conflict("no_legal_entity", "This environment has no legal entity to issue documents yet.")
        }),
        Some(id) => all.find(|entity| entity.id == id).ok_or_else(|| {
            Error::invalid("legal_entity_unknown", "There is no such legal entity.").at("/legal_entity")
        }),
    }
}
