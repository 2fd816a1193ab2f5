//! Environments of a merchant, one live and any number of sandboxes, and the legal entities in them.

use jiff::Timestamp;
use kernel::{
    Currency, Error, Result, Zone,
    ids::{EnvironmentId, LegalEntityId, MerchantId},
};
use serde_json::json;
use store::{Mode, NewFact, Row, Tx, View, clock, facts, params};

use crate::text;

pub(crate) mod sql {
    use store::statements;

    statements! {
        environment INSERT = "INSERT INTO environment (env_id, merchant_id, slug, mode, created) VALUES ($1, $2, $3, $4, $5)";
        environment THIS = "SELECT env_id, merchant_id, slug, mode, created FROM environment WHERE env_id = $1";
        installation OF_MERCHANT = "SELECT env_id, merchant_id, slug, mode, created FROM environment WHERE merchant_id = $1 ORDER BY env_id";
        installation BY_SLUG = "SELECT env_id, merchant_id, slug, mode, created FROM environment WHERE merchant_id = $1 AND slug = $2";
        installation EVERY = "SELECT env_id, merchant_id, slug, mode, created FROM environment ORDER BY env_id";
        installation BY_ID = "SELECT env_id, merchant_id, slug, mode, created FROM environment WHERE env_id = $1";
        environment INSERT_ENTITY = "INSERT INTO legal_entity (env_id, id, name, country, currency, zone, series, created)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (env_id, series) DO NOTHING";
        environment ENTITIES = "SELECT id, name, country, currency, zone, series FROM legal_entity WHERE env_id = $1 ORDER BY id";
    }
}

/// Where data lives: the scope of every row, key and clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its id.
    pub id: EnvironmentId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Its name in URLs, unique for the merchant.
    pub slug: String,
    /// Which clock it lives by.
    pub mode: Mode,
    /// Real time it was set up.
    pub created: Timestamp,
}

/// Who issues documents: a company with a country, a currency, a zone and a number series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalEntity {
    /// Its id.
    pub id: LegalEntityId,
    /// Its registered name, as printed.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Functional currency.
    pub currency: Currency,
    /// Where its dates are.
    pub zone: Zone,
    /// What its invoice numbers begin with, unique in the environment.
    pub series: String,
}

/// A legal entity to set up.
#[derive(Clone, Debug)]
pub struct NewLegalEntity {
    /// Registered name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Functional currency.
    pub currency: Currency,
    /// Where its dates are.
    pub zone: Zone,
    /// What its invoice numbers begin with: 1 to 10 capitals or digits.
    pub series: String,
}

fn read(row: &Row<'_>) -> Result<Environment> {
    Ok(Environment {
        id: row.get(0)?,
        merchant: row.get(1)?,
        slug: row.get(2)?,
        mode: row.parse(3, Mode::parse)?,
        created: row.get(4)?,
    })
}

/// Set up an environment from within its own scope, with its chain of facts and, for a sandbox, its
/// clock at `clock_at`.
pub fn create(tx: &mut Tx<'_>, merchant: MerchantId, slug: &str, clock_at: Option<Timestamp>) -> Result<()> {
    let (slug, mode, created) = (text::slug(slug)?, tx.scope().mode(), tx.recorded());
    tx.exec_one(&sql::INSERT, params![merchant, slug, mode.word(), created])?;
    facts::open(tx)?;
    if mode == Mode::Sandbox {
        clock::set_up(tx, clock_at.unwrap_or(created))?;
    }
    let id = tx.env()?;
    tx.fact(NewFact::new("environment.created", id.any(), json!({"mode": mode.word()}))?);
    Ok(())
}

/// The environment of this scope. Errors: `not_found`.
pub fn this(view: &mut View<'_>) -> Result<Environment> {
    view.opt(&sql::THIS, params![], read)?.ok_or_else(|| Error::not_found("environment"))
}

/// A merchant's environments, oldest first. Installation work.
pub fn of_merchant(view: &mut View<'_>, merchant: MerchantId) -> Result<Vec<Environment>> {
    view.all(&sql::OF_MERCHANT, params![merchant], read)
}

/// A merchant's environment by its name in URLs. Installation work.
pub fn by_slug(view: &mut View<'_>, merchant: MerchantId, slug: &str) -> Result<Option<Environment>> {
    view.opt(&sql::BY_SLUG, params![merchant, slug], read)
}

/// An environment by id. Installation work.
pub fn by_id(view: &mut View<'_>, id: EnvironmentId) -> Result<Option<Environment>> {
    view.opt(&sql::BY_ID, params![id], read)
}

/// Every environment of the installation, oldest first. Installation work.
pub fn every(view: &mut View<'_>) -> Result<Vec<Environment>> {
    view.all(&sql::EVERY, params![], read)
}

/// Set up a legal entity. Errors: `series_malformed`, `series_taken`, `country_unknown`, `text_invalid`.
pub fn add_entity(tx: &mut Tx<'_>, new: &NewLegalEntity) -> Result<LegalEntityId> {
    let series_ok = (1..=10).contains(&new.series.len())
        && new.series.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !series_ok {
        let detail = "A number series is 1 to 10 capital letters or digits, such as INV.";
        return Err(Error::invalid("series_malformed", detail).at("/series"));
    }
    let (name, country) = (text::line(&new.name, 200, "/name")?, text::country(&new.country, "/country")?);
    let (id, created): (LegalEntityId, _) = (tx.new_id(), tx.recorded());
    let params = params![id, name, country, new.currency, new.zone, new.series, created];
    if tx.exec(&sql::INSERT_ENTITY, params)? == 0 {
        let detail = format!("Another legal entity numbers its documents {} already.", new.series);
        return Err(Error::conflict("series_taken", detail).at("/series"));
    }
    let payload =
        json!({"country": country, "currency": new.currency, "zone": new.zone, "series": new.series});
    tx.fact(NewFact::new("legal_entity.added", id.any(), payload)?);
    Ok(id)
}

/// The legal entities, oldest first; the first one issues where none is named.
pub fn entities(view: &mut View<'_>) -> Result<Vec<LegalEntity>> {
    view.all(&sql::ENTITIES, params![], |row| {
        Ok(LegalEntity {
            id: row.get(0)?,
            name: row.get(1)?,
            country: row.get(2)?,
            currency: row.get(3)?,
            zone: row.get(4)?,
            series: row.get(5)?,
        })
    })
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
