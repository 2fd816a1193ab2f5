//! API keys: `sk_live_…` or `sk_sandbox_…`, one environment each, kept as a hash; `pk_…` when they may stand in a web page.

use jiff::Timestamp;
use kernel::{
    Error, Kind, Result,
    ids::{ApiKeyId, EnvironmentId},
};
use serde_json::json;
use store::{Actor, Mode, NewFact, Row, Scope, Tx, View, params, statements};

use crate::{Permissions, secret, text};

statements! {
    environment INSERT = "INSERT INTO api_key (env_id, id, name, hash, permissions, created) VALUES ($1, $2, $3, $4, $5, $6)";
    environment REVOKE = "UPDATE api_key SET revoked = $3 WHERE env_id = $1 AND id = $2 AND revoked IS NULL";
    environment LIST = "SELECT id, name, permissions, created, revoked FROM api_key WHERE env_id = $1 ORDER BY id";
    installation BY_HASH = "SELECT k.id, k.env_id, k.permissions, e.mode FROM api_key k JOIN environment e ON e.env_id = k.env_id
        WHERE k.hash = $1 AND k.revoked IS NULL";
}

/// A key as it is listed: never the key itself.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id, which also stands as the actor in facts.
    pub id: ApiKeyId,
    /// What the merchant calls it.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// Real time it was made.
    pub created: Timestamp,
    /// Real time it was revoked.
    pub revoked: Option<Timestamp>,
}

/// A key that was recognised: where it leads and what it may do there.
#[derive(Clone, Debug)]
pub struct Known {
    /// The environment and the actor.
    pub scope: Scope,
    /// What it may do.
    pub permissions: Permissions,
}

/// A new key. The secret is returned once and never again.
#[derive(Clone, Debug)]
pub struct Created {
    /// Its id.
    pub id: ApiKeyId,
    /// What a client sends as `Authorization: Bearer …`.
    pub secret: String,
}

/// The text of a new key for a mode. Made before the transaction, which rolls no dice.
pub fn new_secret(mode: Mode) -> Result<String> {
    Ok(format!("sk_{}_{}", mode.word(), secret::new()?))
}

/// The same for what the key may do: one that can stand in a web page begins with `pk`.
pub fn new_secret_for(mode: Mode, permissions: &Permissions) -> Result<String> {
    let secret = new_secret(mode)?;
    Ok(if permissions.are_public() { secret.replacen("sk", "pk", 1) } else { secret })
}

/// Store a key. Errors: `text_invalid`.
pub fn create(tx: &mut Tx<'_>, name: &str, permissions: &Permissions, secret: &str) -> Result<Created> {
    let name = text::line(name, 100, "/name")?;
    let (id, created): (ApiKeyId, _) = (tx.new_id(), tx.recorded());
    tx.exec_one(&INSERT, params![id, name, secret::hash(secret), permissions.text(), created])?;
    tx.fact(NewFact::new("api_key.created", id.any(), json!({"permissions": permissions.text()}))?);
    Ok(Created { id, secret: secret.to_owned() })
}

/// End a key at once. Errors: `not_found`, also when it was revoked before.
pub fn revoke(tx: &mut Tx<'_>, id: ApiKeyId) -> Result<()> {
    let now = tx.recorded();
    if tx.exec(&REVOKE, params![id, now])? == 0 {
        return Err(Error::not_found("API key"));
    }
    tx.fact(NewFact::new("api_key.revoked", id.any(), json!({}))?);
    Ok(())
}

/// The keys of an environment, oldest first.
pub fn list(view: &mut View<'_>) -> Result<Vec<ApiKey>> {
    view.all(&LIST, params![], |row| {
        Ok(ApiKey {
            id: row.get(0)?,
            name: row.get(1)?,
            permissions: Permissions::parse(&row.get::<String>(2)?)?,
            created: row.get(3)?,
            revoked: row.get(4)?,
        })
    })
}

/// What is stored of a key, to recognise it by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Print(Vec<u8>);

/// What would be stored of a key with this text. Errors: `key_unknown` when it is too long for a key.
pub fn print(secret: &str) -> Result<Print> {
    if secret.len() > 200 {
        return Err(unknown());
    }
    Ok(Print(secret::hash(secret)))
}

fn unknown() -> Error {
    Error::new(Kind::Unauthenticated, "key_unknown", "This API key is not known here, or was revoked.")
}

/// Who sent the key of this print. Installation work. Errors: `key_unknown`.
pub fn recognise(view: &mut View<'_>, print: &Print) -> Result<Known> {
    view.opt(&BY_HASH, params![print.0.as_slice()], read_known)?.ok_or_else(unknown)
}

fn read_known(row: &Row<'_>) -> Result<Known> {
    let (id, env): (ApiKeyId, EnvironmentId) = (row.get(0)?, row.get(1)?);
    let mode = row.parse(3, Mode::parse)?;
    Ok(Known {
        scope: Scope::environment(env, mode, Actor::Key(id)),
        permissions: Permissions::parse(&row.get::<String>(2)?)?,
    })
}
