//! Reading the JSON object of an event: only what its meter asks for is looked at, the rest is kept as it came.

use std::{borrow::Cow, fmt};

use catalog::Aggregation;
use kernel::{Error, Quantity, Result};
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Meter, Reading, fingerprint::Fingerprints};

/// The longest value of a dimension, in bytes.
const MAX_VALUE: usize = 128;
/// The largest object, in bytes.
pub const MAX_DATA: usize = 16 * 1024;

/// The members of a JSON object, values unread.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Each)
    }
}

/// A key, borrowed where it holds no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Text)
    }
}

/// What an event's data says to its meter: the reading, and its dimensions as canonical JSON.
///
/// A number is read from its JSON text, or from a text that holds one, and rounded once, half up, to the meter's
/// decimals. Errors: `data_malformed`, `property_missing`, `dimension_malformed`, `quantity_malformed`,
/// `quantity_out_of_range`; `value_out_of_range` for a number outside of what the price book says events bring.
pub fn read(meter: &Meter, data: &str, fingerprints: &Fingerprints) -> Result<(Reading, String)> {
    let Members(members) = match data {
        "{}" => Members(Vec::new()),
        _ => serde_json::from_str(data).map_err(|_| {
            Error::invalid("data_malformed", "The data of an event is a JSON object.").at("/data")
        })?,
    };
    // Of a key that comes twice the last one counts, as in most JSON readers.
    let find = |name: &str| members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value);
    Ok((reading(meter, find, fingerprints)?, dimensions(meter, find)?))
}

fn reading<'a>(
    meter: &Meter,
    find: impl Fn(&str) -> Option<&'a RawValue>,
    fingerprints: &Fingerprints,
) -> Result<Reading> {
    if meter.aggregation == Aggregation::Count {
        return Ok(Reading::Amount(1));
    }
    let property = meter.property.as_deref().unwrap_or("value");
    let pointer = || format!("/data/{property}");
    let value = find(property).filter(|value| value.get() != "null").ok_or_else(|| {
        let detail =
            format!("The meter {} needs the property \"{property}\" in the event's data.", meter.key);
        Error::invalid("property_missing", detail).at(pointer())
    })?;
    let text = scalar(value.get());
    if meter.aggregation == Aggregation::Unique {
        return text
            .map(|text| Reading::Value(fingerprints.value(&text)))
            .ok_or_else(|| not_scalar(property).at(pointer()));
    }
    let text = text.unwrap_or(Cow::Borrowed(""));
    let value = Quantity::parse(&text, meter.decimals).map_err(|error| error.at(pointer()))?.scaled();
    match meter.range.admits(value) {
        true => Ok(Reading::Amount(value)),
        false => Err(out_of_range(meter, &text).at(pointer())),
    }
}

fn out_of_range(meter: &Meter, text: &str) -> Error {
    let shown = |bound: i64| {
        Quantity::from_scaled(bound, meter.decimals).map_or_else(|_| bound.to_string(), |one| one.to_string())
    };
    let wanted = match (meter.range.least, meter.range.most) {
        (Some(least), Some(most)) => format!("from {} to {}", shown(least), shown(most)),
        (Some(least), None) => format!("of at least {}", shown(least)),
        (None, Some(most)) => format!("of at most {}", shown(most)),
        (None, None) => "of any size".to_owned(),
    };
    let text: String = text.chars().take(40).collect();
    let detail = format!(
        "The meter {} takes values {wanted}, and this one is {text}. Correct it, or widen the range in the price book.",
        meter.key
    );
    Error::invalid("value_out_of_range", detail)
}

fn dimensions<'a>(meter: &Meter, find: impl Fn(&str) -> Option<&'a RawValue>) -> Result<String> {
    let mut out = String::with_capacity(2 + 32 * meter.dimensions.len());
    out.push('{');
    for name in &meter.dimensions {
        let Some(value) = find(name).filter(|value| value.get() != "null") else { continue };
        let wrong = || not_scalar(name).at(format!("/data/{name}"));
        let text = scalar(value.get()).filter(|text| text.len() <= MAX_VALUE).ok_or_else(wrong)?;
        if out.len() > 1 {
            out.push(',');
        }
        out.extend(["\"", name, "\":"]);
        match text {
            // A text without escapes is written as it was sent.
            Cow::Borrowed(_) if value.get().starts_with('"') => out.push_str(value.get()),
            text => out.push_str(&serde_json::to_string(&text).map_err(|_| wrong())?),
        }
    }
    out.push('}');
    Ok(out)
}

fn not_scalar(property: &str) -> Error {
    Error::invalid(
        "dimension_malformed",
        format!(
            "\"{property}\" of an event is a text of up to {MAX_VALUE} bytes, a number, or true or false."
        ),
    )
}

/// The text of a JSON text, number or truth value; none for an object or a list.
fn scalar(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' if !json.contains('\\') => json.get(1..json.len() - 1).map(Cow::Borrowed),
        b'"' => serde_json::from_str(json).ok().map(Cow::Owned),
        b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(json)),
    }
}
