//! Environments of a merchant, one live and any number of sandboxes, and the legal entities in them.

use jiff::Timestamp;
use kernel::{
    Error, Result,
    ids::{EnvironmentId, MerchantId},
};
use serde_json::json;
use store::{Mode, NewFact, Row, Tx, View, clock, facts, params};

use crate::text;

mod entity;

pub use entity::{EntityEdit, LegalEntity, NewLegalEntity, add_entity, change_entity, entities, entity};

pub(crate) mod sql {
    use store::statements;

    statements! {
        environment INSERT = "INSERT INTO environment (env_id, merchant_id, slug, mode, created) VALUES ($1, $2, $3, $4, $5)";
        environment THIS = "SELECT env_id, merchant_id, slug, mode, created FROM environment WHERE env_id = $1";
        installation OF_MERCHANT = "SELECT env_id, merchant_id, slug, mode, created FROM environment WHERE merchant_id = $1 ORDER BY env_id";
        installation BY_SLUG = "SELECT env_id, merchant_id, slug, mode, created FROM environment WHERE merchant_id = $1 AND slug = $2";
        installation EVERY = "SELECT env_id, merchant_id, slug, mode, created FROM environment ORDER BY env_id";
        installation BY_ID = "SELECT env_id, merchant_id, slug, mode, created FROM environment WHERE env_id = $1";
        environment INSERT_ENTITY = "INSERT INTO legal_entity
            (env_id, id, name, country, currency, zone, series, created, region, tax_id, registrations)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (env_id, series) DO NOTHING";
        environment ENTITIES = "SELECT id, name, country, currency, zone, series, region, tax_id, registrations
            FROM legal_entity WHERE env_id = $1 ORDER BY id";
        environment LOCK_ENTITY = "SELECT id FROM legal_entity WHERE env_id = $1 AND id IN_IDS($2) ORDER BY id FOR UPDATE";
        environment CHANGE_ENTITY = "UPDATE legal_entity SET name = $3, country = $4, region = $5, tax_id = $6, registrations = $7
            WHERE env_id = $1 AND id = $2";
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
