//! `steelyard features` and `steelyard flags`

use entitlements::{
    Context, Sight, Whom,
    feature::{Decision, Kind, Upgrade, Value},
    flag::{self, Definition},
    override_,
};
use identity::customer::{self, CustomerRef};
use kernel::{Error, Result};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use store::{Tx, View};

use super::{book::read_file, check::instant_or_date};
use crate::{
    arguments::{Features, Flags, FlagsCommand},
    failure::{Failure, Outcome},
    output,
    place::{Chosen, Place},
    table::{Side, Table},
};

/// What a customer may use; or override it.
pub fn run(place: &Place, asked: Features) -> Outcome {
    let db = place.open()?;
    let Chosen { scope, .. } = place.choose(&db)?;
    let reference: CustomerRef = asked.customer.parse()?;
    let until = asked.until.as_deref().map(instant_or_date).transpose()?;
    if let Some(key) = asked.key.clone().filter(|_| asked.set.is_some() || asked.remove) {
        let (set, reason, whose) = (asked.set.clone(), asked.reason.clone(), reference.clone());
        let change = move |tx: &mut Tx<'_>| {
            let (id, sight) = see(tx, &whose)?;
            match &set {
                None => override_::remove(tx, id, &key),
                Some(text) => {
                    let value = typed(&sight, &key, text);
                    override_::set(tx, id, &key, &value, until, reason.as_deref()).map(drop)
                }
            }
        };
        db.write(&scope, change).wait()?;
    }
    let (_, sight) = db.read(&scope, move |view| see(view, &reference)).wait()?;
    let mut features = sight.features(&Context::default());
    if let Some(key) = &asked.key {
        features.retain(|one| one.key == *key);
        if features.is_empty() {
            return Err(Error::not_found("feature").into());
        }
    }
    if asked.json {
        output::say_json(&features.iter().map(shown).collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("feature", Side::Left),
        ("may use", Side::Left),
        ("why", Side::Left),
        ("unlocked by", Side::Left),
    ]);
    for one in &features {
        table.row([one.key.clone(), amount(one), one.why(), upgrade(one)]);
    }
    table.say("The price book has neither features nor meters.");
    Ok(())
}

fn see(view: &mut View<'_>, reference: &CustomerRef) -> Result<(kernel::ids::CustomerId, Sight)> {
    let id = customer::resolve(view, reference)?;
    let id = customer::find(view, id)?.id;
    Ok((id, entitlements::sight(view, &Whom::Customer(id))?))
}

/// What was typed, as the kind of the feature wants it.
fn typed(sight: &Sight, key: &str, text: &str) -> Json {
    match sight.feature(key, &Context::default()).map(|decision| decision.kind) {
        Some(Kind::Boolean) => match text {
            "yes" | "true" => true.into(),
            "no" | "false" => false.into(),
            other => other.into(),
        },
        Some(Kind::Limit { .. } | Kind::Metered { .. }) => {
            text.parse::<u64>().map_or_else(|_| text.into(), Json::from)
        }
        Some(Kind::Value) | None => text.into(),
    }
}

fn amount(one: &Decision) -> String {
    let unit = match &one.kind {
        Kind::Limit { unit } | Kind::Metered { unit, .. } => unit.as_str(),
        Kind::Boolean | Kind::Value => "",
    };
    match &one.value {
        Value::None => "no".to_owned(),
        Value::Yes => "yes".to_owned(),
        Value::Unlimited => "unlimited".to_owned(),
        Value::UpTo(amount) => output::units(&amount.to_string(), unit),
        Value::Text(text) => text.clone(),
    }
}

fn upgrade(one: &Decision) -> String {
    match &one.upgrade {
        Some(Upgrade::Plan(plan)) => format!("plan {plan}"),
        Some(Upgrade::Addon(addon)) => format!("add-on {addon}"),
        None => String::new(),
    }
}

fn shown(one: &Decision) -> Json {
    json!({
        "key": one.key, "kind": one.kind.word(), "allowed": one.allowed(), "value": amount(one),
        "reason": one.reason.word(), "why": one.why(), "until": one.until, "unlocked_by": upgrade(one),
    })
}

/// Flags.
pub fn flags(place: &Place, asked: Flags) -> Outcome {
    match asked.command {
        None => list(place, asked.json),
        Some(FlagsCommand::Show { key }) => show(place, key),
        Some(FlagsCommand::Apply { file }) => apply(place, &file),
        Some(FlagsCommand::On { key }) => switch(place, key, true),
        Some(FlagsCommand::Off { key }) => switch(place, key, false),
        Some(FlagsCommand::Try { key, who, attributes }) => serve(place, &key, who, &attributes),
    }
}

fn list(place: &Place, json: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let flags = db.read(&chosen.scope, flag::all).wait()?;
    if json {
        output::say_json(&flags.iter().map(file_of).collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("flag", Side::Left),
        ("name", Side::Left),
        ("values", Side::Left),
        ("state", Side::Left),
        ("rules", Side::Right),
        ("default", Side::Left),
        ("version", Side::Right),
    ]);
    for flag in flags {
        let state = if flag.enabled { "on" } else { "switched off" };
        let definition = flag.definition;
        table.row([
            flag.key,
            definition.name,
            definition.kind.word().to_owned(),
            state.to_owned(),
            definition.rules.len().to_string(),
            definition.default.unwrap_or_else(|| "by the price book".to_owned()),
            flag.version.to_string(),
        ]);
    }
    table.say("There are no flags.");
    Ok(())
}

/// A flag as a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key: String,
    /// The version it was made for; none: whatever there is.
    version: Option<i64>,
    enabled: Option<bool>,
    flag: Definition,
}

fn file_of(flag: &flag::Flag) -> Json {
    json!({ "key": flag.key, "version": flag.version, "enabled": flag.enabled, "flag": flag.definition })
}

fn show(place: &Place, key: String) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let flag = db.read(&chosen.scope, move |view| flag::find(view, &key)).wait()?;
    output::say_json(&file_of(&flag));
    Ok(())
}

fn apply(place: &Place, file: &std::path::Path) -> Outcome {
    let text = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::new(format!("Nothing can be read: {error}."), "Send UTF-8 text."))?,
        _ => read_file(file)?,
    };
    let File { key, version, enabled, flag } = serde_json::from_str(&text).map_err(|error| {
        let advice = "Look at one that works: steelyard flags show KEY";
        Failure::new(format!("{} is no flag: {error}.", file.display()), advice)
    })?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let applied = db.write(&chosen.scope, move |tx| {
        if !flag::exists(tx, &key)? {
            return flag::create(tx, &key, enabled.unwrap_or(true), &flag);
        }
        let before = flag::find(tx, &key)?;
        let seen = version.unwrap_or(before.version);
        flag::save(tx, &key, seen, enabled.unwrap_or(before.enabled), &flag)
    });
    let applied = applied.wait()?;
    output::say(format!("{} has version {}.", applied.key, applied.version));
    Ok(())
}

fn switch(place: &Place, key: String, on: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let flag = db.write(&chosen.scope, move |tx| flag::switch(tx, &key, on)).wait()?;
    let word = if on { "on" } else { "off" };
    output::say(format!("{} is switched {word}: version {}.", flag.key, flag.version));
    Ok(())
}

fn serve(place: &Place, key: &str, who: Option<String>, attributes: &[String]) -> Outcome {
    let read = |attribute: &String| {
        let (name, value) = attribute.split_once('=').ok_or_else(|| {
            let advice = "Write its name, = and its value: --attribute country=DE";
            Failure::new(format!("{attribute:?} is no attribute."), advice)
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        Ok((name.to_owned(), value))
    };
    let attributes = attributes.iter().map(read).collect::<Result<_, Failure>>()?;
    let context = Context { targeting_key: who, attributes };
    let targeted = context.targeting_key.as_deref().map_or(Whom::Anybody, Whom::parse);
    let whom = context.whom(targeted);
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let sight = db.read(&chosen.scope, move |view| entitlements::sight(view, &whom)).wait()?;
    match sight.served(key, &context) {
        None => Err(Error::not_found("flag or feature").into()),
        Some(Err(_)) => Err(Failure::new(
            "The flag deals by targeting key, and there is none.",
            "Say who asks: --who ext:acme",
        )),
        Some(Ok(served)) => {
            output::say(format!("{} = {}", served.variant, served.value));
            Ok(())
        }
    }
}
