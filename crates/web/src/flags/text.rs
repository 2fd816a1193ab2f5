//! Rules and variants as people write them: a line for each condition, variant or share.

use entitlements::flag::{Condition, Kind, Op, Percent, Share};
use kernel::{Error, Result};
use serde_json::Value as Json;

/// How each comparison is written.
const WORDS: [(Op, &str); 11] = [
    (Op::In, "is"),
    (Op::Contains, "contains"),
    (Op::StartsWith, "starts with"),
    (Op::EndsWith, "ends with"),
    (Op::AtMost, "<="),
    (Op::AtLeast, ">="),
    (Op::Less, "<"),
    (Op::Greater, ">"),
    (Op::VersionAtLeast, "version from"),
    (Op::VersionLess, "version before"),
    (Op::Known, "is known"),
];

fn malformed(detail: String) -> Error {
    Error::invalid("flag_invalid", detail)
}

/// A condition as one line: `@plan is not free, team`.
pub(super) fn condition(condition: &Condition) -> String {
    let Condition { attribute, is, values, not } = condition;
    let word = WORDS.iter().find(|(op, _)| op == is).map_or("is", |(_, word)| word);
    let values: Vec<String> = values.iter().map(value).collect();
    let phrase = match (word.strip_prefix("is"), not) {
        (Some(rest), true) => format!("is not{rest}"),
        (None, true) => format!("not {word}"),
        (_, false) => word.to_owned(),
    };
    format!("{attribute} {phrase} {}", values.join(", ")).trim_end().to_owned()
}

/// Conditions, a line each.
pub(super) fn read_conditions(text: &str) -> Result<Vec<Condition>> {
    lines(text).map(read_condition).collect()
}

fn read_condition(line: &str) -> Result<Condition> {
    let wrong = || {
        malformed(format!(
            "{line:?} is no condition: write an attribute, how it is compared and with what, such as: @plan is team, pro"
        ))
    };
    let (attribute, rest) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
    let rest = rest.trim_start();
    let negated = rest
        .strip_prefix("not ")
        .or_else(|| Some(("is", rest.strip_prefix("is not")?)).map(|(_, rest)| rest));
    let not = negated.is_some();
    // `is not known` is the opposite of `is known`, and `is not free` of `is free`.
    let phrase = match (negated, rest.starts_with("is not")) {
        (Some(rest), true) => format!("is{rest}"),
        (Some(rest), false) => rest.to_owned(),
        (None, _) => rest.to_owned(),
    };
    if phrase == "is known" {
        return Ok(Condition { attribute: attribute.to_owned(), is: Op::Known, values: Vec::new(), not });
    }
    let found = WORDS.iter().filter(|(op, _)| *op != Op::Known).find_map(|(op, word)| {
        let rest = phrase.strip_prefix(word)?;
        let whole = rest.starts_with(char::is_whitespace) || !word.ends_with(char::is_alphabetic);
        whole.then_some((*op, rest.trim()))
    });
    let (is, values) = found.filter(|(_, values)| !values.is_empty()).ok_or_else(wrong)?;
    let textual =
        matches!(is, Op::Contains | Op::StartsWith | Op::EndsWith | Op::VersionLess | Op::VersionAtLeast);
    let values = split(values).into_iter().map(|one| read_value(one, textual)).collect();
    Ok(Condition { attribute: attribute.to_owned(), is, values, not })
}

/// At the commas that are not in quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut quoted, mut start, mut parts) = (false, 0, Vec::new());
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => quoted = !quoted,
            ',' if !quoted => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    parts.push(text[start..].trim());
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

/// A value of a condition: text stands plainly unless it could be taken for something else.
fn value(value: &Json) -> String {
    match value {
        Json::String(text) if is_plain(text) => text.clone(),
        value => value.to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    let odd = text.is_empty() || text.trim() != text || text.contains([',', '"', '\n', '\\']);
    !odd && serde_json::from_str::<Json>(text).is_err()
}

/// `textual`: what is compared as text is text, however it looks.
fn read_value(text: &str, textual: bool) -> Json {
    match serde_json::from_str::<Json>(text) {
        Ok(json) if json.is_string() || !textual => json,
        _ => text.into(),
    }
}

/// Variants, a line each: `on = true`.
pub(super) fn variants<'a>(all: impl IntoIterator<Item = (&'a String, &'a Json)>, kind: Kind) -> String {
    let line = |(name, value): (&String, &Json)| match value {
        Json::String(text) if kind == Kind::String && text.trim() == text && !text.contains(['\n', '"']) => {
            format!("{name} = {text}")
        }
        value => format!("{name} = {value}"),
    };
    all.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Variants with their values.
pub(super) fn read_variants(text: &str, kind: Kind) -> Result<Vec<(String, Json)>> {
    let read = |line: &str| {
        let parts = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let (name, value) = parts
            .ok_or_else(|| malformed(format!("{line:?} is no variant: write its name, = and its value.")))?;
        let json = serde_json::from_str::<Json>(value);
        let value = match (kind, json) {
            (Kind::String, Ok(Json::String(text))) => text.into(),
            (Kind::String, _) => value.into(),
            (_, Ok(json)) => json,
            (_, Err(_)) => return Err(malformed(format!("The value of {name} is no JSON: {value}"))),
        };
        Ok((name.to_owned(), value))
    };
    lines(text).map(read).collect()
}

/// What a rule serves, a line each: `on 50 %`; without a share everybody.
pub(super) fn shares(all: &[Share]) -> String {
    let line = |share: &Share| match share.percent {
        Percent::ALL => share.variant.clone(),
        percent => format!("{} {percent} %", share.variant),
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Shares.
pub(super) fn read_shares(text: &str) -> Result<Vec<Share>> {
    let read = |line: &str| {
        let line = line.trim_end_matches('%').trim_end();
        let Some((variant, percent)) = line.rsplit_once(char::is_whitespace) else {
            return Ok(Share { variant: line.to_owned(), percent: Percent::ALL });
        };
        Ok(Share { variant: variant.trim().to_owned(), percent: Percent::parse(percent)? })
    };
    lines(text).map(read).collect()
}

/// Attributes of somebody to try a flag with, a line each: `country = DE`.
pub(super) fn read_attributes(text: &str) -> Result<Vec<(String, Json)>> {
    let read = |line: &str| {
        let parts = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let (name, value) = parts.ok_or_else(|| {
            malformed(format!("{line:?} is no attribute: write its name, = and its value."))
        })?;
        Ok((name.to_owned(), read_value(value, false)))
    };
    lines(text).map(read).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_read_back_as_they_are_written() {
        for (line, is, values, not) in [
            ("@plan is team, pro", Op::In, json!(["team", "pro"]), false),
            ("@plan is not free", Op::In, json!(["free"]), true),
            ("beta is true", Op::In, json!([true]), false),
            ("size is 3, \"3\"", Op::In, json!([3, "3"]), false),
            ("name is \"a, b\", c d", Op::In, json!(["a, b", "c d"]), false),
            ("email ends with @example.com", Op::EndsWith, json!(["@example.com"]), false),
            ("email not ends with @example.com", Op::EndsWith, json!(["@example.com"]), true),
            ("age >= 18", Op::AtLeast, json!([18]), false),
            ("age < 18.5", Op::Less, json!([18.5]), false),
            ("app version from 2.10.0", Op::VersionAtLeast, json!(["2.10.0"]), false),
            ("app is known", Op::Known, json!([]), false),
            ("app is not known", Op::Known, json!([]), true),
        ] {
            let values = values.as_array().unwrap().clone();
            let attribute = line.split(' ').next().unwrap().to_owned();
            let expected = Condition { attribute, is, values, not };
            assert_eq!(read_condition(line).unwrap(), expected, "{line}");
            assert_eq!(condition(&expected), line);
        }
        for bad in ["", "plan", "plan is", "plan equals x", "plan isteam"] {
            assert!(read_condition(bad).is_err(), "{bad}");
        }
        // What is compared as text is text.
        assert_eq!(read_condition("app version from 2.1").unwrap().values, [json!("2.1")]);
    }

    #[test]
    fn variants_and_shares_read_back() {
        for (kind, text, values) in [
            (Kind::Boolean, "off = false\non = true", json!([["off", false], ["on", true]])),
            (Kind::String, "a = Hello = world\nb = 12", json!([["a", "Hello = world"], ["b", "12"]])),
            (Kind::Number, "a = 1.5", json!([["a", 1.5]])),
            (Kind::Json, "a = {\"x\":[1]}", json!([["a", { "x": [1] }]])),
        ] {
            let read = read_variants(text, kind).unwrap();
            assert_eq!(json!(read), values);
            assert_eq!(variants(read.iter().map(|(name, value)| (name, value)), kind), text);
        }
        assert!(
            read_variants("on", Kind::Boolean).is_err() && read_variants("on = yes", Kind::Boolean).is_err()
        );
        let read = read_shares("on 12.5 %\n\n off 50%\nrest").unwrap();
        assert_eq!(shares(&read), "on 12.5 %\noff 50 %\nrest");
        assert!(read_shares("on 101 %").is_err());
    }
}
