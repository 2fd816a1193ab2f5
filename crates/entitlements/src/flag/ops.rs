//! Making, changing and removing flags. The last writer is the one who saw the version before.

use kernel::{Error, Result, ids::FlagId};
use serde_json::{Value as Json, json};
use store::{NewFact, Row, Tx, View, params};

use super::{Definition, Flag, Listed, check, check::MOST_FLAGS, sql};

/// The flags of the environment, by key.
pub fn all(view: &mut View<'_>) -> Result<Vec<Flag>> {
    view.all(&sql::ALL_FLAGS, params![], read)
}

/// One flag. Errors: `not_found`.
pub fn find(view: &mut View<'_>, key: &str) -> Result<Flag> {
    view.opt(&sql::BY_KEY, params![key], read)?.ok_or_else(|| Error::not_found("flag"))
}

/// Whether there is a flag of this key.
pub fn exists(view: &mut View<'_>, key: &str) -> Result<bool> {
    Ok(view.opt(&sql::BY_KEY, params![key], |_| Ok(()))?.is_some())
}

/// The versions a flag had, the newest first.
pub fn history(view: &mut View<'_>, id: FlagId, limit: i64) -> Result<Vec<Listed>> {
    view.all(&sql::VERSIONS, params![id, limit], |row| {
        Ok(Listed {
            version: row.get(0)?,
            enabled: row.get(1)?,
            definition: definition(row.get(2)?)?,
            changed: row.get(3)?,
            actor: row.get(4)?,
        })
    })
}

/// Make a flag. Errors: those of [`check`], `flag_key_taken`, `too_many_flags`.
pub fn create(tx: &mut Tx<'_>, key: &str, enabled: bool, wanted: &Definition) -> Result<Flag> {
    check(key, wanted)?;
    let count: i64 = tx.one(&sql::COUNT, params![], |row| row.get(0))?;
    if count >= MOST_FLAGS as i64 {
        let detail =
            format!("An environment has at most {MOST_FLAGS} flags. Remove one that is not asked for.");
        return Err(Error::conflict("too_many_flags", detail));
    }
    let (id, now): (FlagId, _) = (tx.new_id(), tx.now());
    if tx.exec(&sql::INSERT, params![id, key, enabled, stored(wanted)?, now])? == 0 {
        let detail = "There is a flag with this key. Change that one, or choose another key.";
        return Err(Error::conflict("flag_key_taken", detail).at("/key"));
    }
    let definition = wanted.clone();
    let flag = Flag { id, key: key.to_owned(), version: 1, enabled, definition, created: now, changed: now };
    keep(tx, &flag, "flag.created")?;
    Ok(flag)
}

/// Change what a flag serves, or switch it; `seen` is the version the writer has seen.
///
/// What changes nothing makes no version. Errors: those of [`check`], `not_found`, `flag_changed_meanwhile`,
/// `flag_kind_fixed`.
pub fn save(tx: &mut Tx<'_>, key: &str, seen: i64, enabled: bool, wanted: &Definition) -> Result<Flag> {
    check(key, wanted)?;
    let before = locked(tx, key)?;
    seen_last(&before, seen)?;
    if before.definition.kind != wanted.kind {
        let detail =
            "Programs rely on the kind of a flag's values. Make a new flag for values of another kind.";
        return Err(Error::conflict("flag_kind_fixed", detail).at("/kind"));
    }
    change(tx, before, enabled, wanted.clone())
}

/// Switch a flag on or off, whatever else it says: of two who do, both are right. Errors: `not_found`.
pub fn switch(tx: &mut Tx<'_>, key: &str, enabled: bool) -> Result<Flag> {
    let before = locked(tx, key)?;
    let definition = before.definition.clone();
    change(tx, before, enabled, definition)
}

/// Remove a flag: whoever asks for it hears that there is none. What it was stays in its versions and in the facts.
///
/// Errors: `not_found`, `flag_changed_meanwhile`.
pub fn archive(tx: &mut Tx<'_>, key: &str, seen: i64) -> Result<Flag> {
    let flag = locked(tx, key)?;
    seen_last(&flag, seen)?;
    tx.exec_one(&sql::DELETE, params![flag.id])?;
    tx.fact(NewFact::new(
        "flag.removed",
        flag.id.any(),
        json!({ "key": flag.key, "version": flag.version }),
    )?);
    Ok(flag)
}

fn locked(tx: &mut Tx<'_>, key: &str) -> Result<Flag> {
    tx.opt(&sql::BY_KEY_LOCKED, params![key], read)?.ok_or_else(|| Error::not_found("flag"))
}

fn seen_last(flag: &Flag, seen: i64) -> Result<()> {
    if flag.version == seen {
        return Ok(());
    }
    let detail = format!(
        "The flag has version {} by now, and this was made for version {seen}. Look at what changed, and send \
         it with the newer version.",
        flag.version
    );
    Err(Error::conflict("flag_changed_meanwhile", detail).at("/version"))
}

fn change(tx: &mut Tx<'_>, before: Flag, enabled: bool, definition: Definition) -> Result<Flag> {
    if before.enabled == enabled && before.definition == definition {
        return Ok(before);
    }
    let now = tx.now();
    tx.exec_one(&sql::UPDATE, params![before.id, before.version, enabled, stored(&definition)?, now])?;
    let version = before.version + 1;
    let kind = match (before.enabled, enabled) {
        (true, false) => "flag.switched_off",
        (false, true) => "flag.switched_on",
        _ => "flag.changed",
    };
    let flag = Flag { version, enabled, definition, changed: now, ..before };
    keep(tx, &flag, kind)?;
    Ok(flag)
}

/// Keep the version, and say what happened. Names and values of the merchant's stay out of the fact.
fn keep(tx: &mut Tx<'_>, flag: &Flag, kind: &'static str) -> Result<()> {
    let actor = tx.scope().actor.to_string();
    let Flag { id, key, version, enabled, definition, changed, .. } = flag;
    tx.exec_one(&sql::KEEP_VERSION, params![*id, *version, *enabled, stored(definition)?, *changed, actor])?;
    let payload = json!({
        "key": key, "version": version, "enabled": enabled,
        "rules": definition.rules.len(), "variants": definition.variants.len(),
    });
    tx.fact(NewFact::new(kind, id.any(), payload)?);
    Ok(())
}

fn stored(definition: &Definition) -> Result<Json> {
    serde_json::to_value(definition).map_err(|error| Error::internal(error.to_string()))
}

fn definition(json: Json) -> Result<Definition> {
    serde_json::from_value(json)
        .map_err(|error| Error::internal(format!("a stored flag cannot be read: {error}")))
}

fn read(row: &Row<'_>) -> Result<Flag> {
    Ok(Flag {
        id: row.get(0)?,
        key: row.get(1)?,
        version: row.get(2)?,
        enabled: row.get(3)?,
        definition: definition(row.get(4)?)?,
        created: row.get(5)?,
        changed: row.get(6)?,
    })
}
