//! `steelyard key create | list | revoke`

use identity::{Permissions, key};
use kernel::ids::ApiKeyId;
use serde_json::json;

use crate::{
    arguments::Key,
    failure::Outcome,
    output,
    place::Place,
    table::{Side, Table},
};

pub fn run(place: &Place, asked: &Key) -> Outcome {
    match asked {
        Key::Create { name, permissions, json } => create(place, name, &permissions.join(" "), *json),
        Key::List { json } => list(place, *json),
        Key::Revoke { id } => revoke(place, id),
    }
}

fn create(place: &Place, name: &str, permissions: &str, json: bool) -> Outcome {
    let permissions = Permissions::parse(permissions)?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let (secret, name, may) =
        (key::new_secret_for(chosen.environment.mode, &permissions)?, name.to_owned(), permissions.clone());
    let created = db.write(&chosen.scope, move |tx| key::create(tx, &name, &may, &secret)).wait()?;
    if json {
        output::say_json(
            &json!({ "id": created.id, "secret": created.secret, "permissions": permissions.text() }),
        );
    } else {
        output::say(&created.secret);
        output::note(format!(
            "Key {} of {}, shown this once. It may: {}.",
            created.id,
            chosen.shown(),
            permissions.text()
        ));
    }
    Ok(())
}

fn list(place: &Place, json: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let keys = db.read(&chosen.scope, key::list).wait()?;
    if json {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| {
                json!({
                    "id": key.id,
                    "name": key.name,
                    "permissions": key.permissions.text(),
                    "created": key.created,
                    "revoked": key.revoked,
                })
            })
            .collect();
        output::say_json(&keys);
        return Ok(());
    }
    let mut table = Table::new([
        ("key", Side::Whole),
        ("name", Side::Left),
        ("may", Side::Left),
        ("created", Side::Left),
        ("revoked", Side::Left),
    ]);
    for key in keys {
        let revoked = key.revoked.map_or_else(String::new, |at| format!("{at:.0}"));
        table.row([
            key.id.to_string(),
            key.name,
            key.permissions.text(),
            format!("{:.0}", key.created),
            revoked,
        ]);
    }
    table.say(&format!("{} has no keys.", chosen.shown()));
    Ok(())
}

fn revoke(place: &Place, id: &str) -> Outcome {
    let id: ApiKeyId = id.parse()?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    db.write(&chosen.scope, move |tx| key::revoke(tx, id)).wait()?;
    output::say(format!("{id} opens nothing any more."));
    Ok(())
}
