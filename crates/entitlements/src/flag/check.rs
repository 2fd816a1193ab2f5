//! What a flag may be: limits on everything, and that it makes sense. Pure.

use kernel::{Error, Result};
use serde_json::Value as Json;

use super::{Condition, Definition, Kind, Op, Percent, Rule, version::Version};

/// Most flags of an environment.
pub const MOST_FLAGS: usize = 500;
/// Most characters of a key, of what a variant or an attribute is called.
const LONGEST_KEY: usize = 100;
const LONGEST_NAME: usize = 100;
const LONGEST_TEXT: usize = 1_000;
const MOST_VARIANTS: usize = 50;
const MOST_RULES: usize = 50;
const MOST_CONDITIONS: usize = 20;
const MOST_VALUES: usize = 1_000;
/// Most bytes of one value of a condition.
const LONGEST_VALUE: usize = 500;
/// Most bytes of a flag's definition as JSON.
const LARGEST: usize = 128 << 10;
/// What conditions can ask of us.
pub(crate) const KNOWN: [&str; 6] =
    ["@plan", "@feature", "@customer", "@external_id", "@country", "@currency"];

/// Whether it makes a flag. Errors: `flag_key_malformed`, `flag_invalid` with every fault at its place.
pub fn check(key: &str, definition: &Definition) -> Result<()> {
    if !is_key(key) {
        let detail = "A flag's key has 1 to 100 letters, digits, dots, hyphens and underscores.";
        return Err(Error::invalid("flag_key_malformed", detail).at("/key"));
    }
    let mut faults = Faults(Vec::new());
    faults.names(definition);
    faults.variants(definition);
    faults.unless(definition.rules.len() <= MOST_RULES, "/rules", "A flag has at most 50 rules.");
    for (at, rule) in definition.rules.iter().enumerate().take(MOST_RULES) {
        faults.rule(definition, rule, &format!("/rules/{at}"));
    }
    let size = serde_json::to_string(definition).map_or(usize::MAX, |text| text.len());
    faults.unless(size <= LARGEST, "", "A flag has at most 128 KiB in all.");
    faults.ended()
}

/// Whether a text names a flag, a variant or the like.
fn is_key(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(plain)
}

struct Faults(Vec<(String, String)>);

impl Faults {
    fn unless(&mut self, good: bool, pointer: &str, detail: &str) {
        if !good {
            self.0.push((pointer.to_owned(), detail.to_owned()));
        }
    }

    fn ended(self) -> Result<()> {
        let Some((_, first)) = self.0.first() else { return Ok(()) };
        let error = Error::invalid("flag_invalid", first.clone());
        Err(self.0.into_iter().fold(error, |mut error, (pointer, detail)| {
            error.fields.push(kernel::FieldError { pointer, code: "flag_invalid", detail });
            error
        }))
    }

    fn names(&mut self, definition: &Definition) {
        let name = definition.name.trim();
        let line =
            |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
        self.unless(
            !name.is_empty() && line(name, LONGEST_NAME),
            "/name",
            "Give it a name of up to 100 characters.",
        );
        self.unless(
            definition.description.chars().count() <= LONGEST_TEXT,
            "/description",
            "A description has at most 1,000 characters.",
        );
    }

    fn variants(&mut self, definition: &Definition) {
        let Definition { variants, kind, default, off, .. } = definition;
        let many = (1..=MOST_VARIANTS).contains(&variants.len());
        self.unless(many, "/variants", "A flag has 1 to 50 variants.");
        for (name, value) in variants {
            let place = format!("/variants/{name}");
            self.unless(
                is_key(name),
                "/variants",
                "A variant is named by letters, digits, dots, hyphens and underscores.",
            );
            self.unless(
                kind.has(value),
                &place,
                &format!("Every variant of this flag must be {}.", a(*kind)),
            );
        }
        self.unless(variants.contains_key(off), "/off", "The off variant must be one of the variants.");
        let there = default.as_ref().is_none_or(|default| variants.contains_key(default));
        self.unless(there, "/default", "The default variant must be one of the variants.");
    }

    fn rule(&mut self, definition: &Definition, rule: &Rule, place: &str) {
        self.unless(
            rule.name.chars().count() <= LONGEST_NAME,
            &format!("{place}/name"),
            "A name has at most 100 characters.",
        );
        self.unless(
            rule.when.len() <= MOST_CONDITIONS,
            &format!("{place}/when"),
            "A rule has at most 20 conditions.",
        );
        for (at, condition) in rule.when.iter().enumerate().take(MOST_CONDITIONS) {
            self.condition(condition, &format!("{place}/when/{at}"));
        }
        let serve = format!("{place}/serve");
        self.unless(
            (1..=MOST_VARIANTS).contains(&rule.serve.len()),
            &serve,
            "A rule serves 1 to 50 variants.",
        );
        for (at, share) in rule.serve.iter().enumerate() {
            let there = definition.variants.contains_key(&share.variant);
            self.unless(there, &format!("{serve}/{at}/variant"), "A rule serves one of the flag's variants.");
        }
        let sum: u64 = rule.serve.iter().map(|share| u64::from(share.percent.thousandths())).sum();
        let whole = u64::from(Percent::ALL.thousandths());
        self.unless(sum <= whole, &serve, "The shares of a rule are at most 100 percent together.");
        let ordered = rule.from.zip(rule.until).is_none_or(|(from, until)| from < until);
        self.unless(ordered, &format!("{place}/until"), "A rule ends after it begins.");
    }

    fn condition(&mut self, condition: &Condition, place: &str) {
        let Condition { attribute, is, values, .. } = condition;
        let named = (1..=LONGEST_KEY).contains(&attribute.chars().count());
        let at = format!("{place}/attribute");
        self.unless(named, &at, "Name an attribute with up to 100 characters.");
        if attribute.starts_with('@') {
            let detail = format!("What we know ourselves is {}.", KNOWN.join(", "));
            self.unless(KNOWN.contains(&attribute.as_str()), &at, &detail);
        }
        let at = format!("{place}/values");
        let many =
            if *is == Op::Known { values.is_empty() } else { (1..=MOST_VALUES).contains(&values.len()) };
        self.unless(many, &at, "Compare with 1 to 1,000 values, and with none for \"known\".");
        for (number, value) in values.iter().enumerate().take(MOST_VALUES) {
            if let Some(detail) = unfit(*is, value) {
                self.unless(false, &format!("{at}/{number}"), detail);
            }
        }
    }
}

const fn a(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "true or false",
        Kind::String => "text",
        Kind::Number => "a number",
        Kind::Json => "a JSON object or array",
    }
}

/// Why a value cannot be compared with so.
fn unfit(op: Op, value: &Json) -> Option<&'static str> {
    let long = value.as_str().is_some_and(|text| text.len() > LONGEST_VALUE);
    match (op, value) {
        _ if long => Some("A value has at most 500 bytes."),
        (Op::In, Json::String(_) | Json::Number(_) | Json::Bool(_)) => None,
        (Op::In, _) => Some("Compare with text, numbers, true or false."),
        (Op::Contains | Op::StartsWith | Op::EndsWith, Json::String(_)) => None,
        (Op::Contains | Op::StartsWith | Op::EndsWith, _) => Some("Compare with text."),
        (Op::Less | Op::AtMost | Op::Greater | Op::AtLeast, Json::Number(_)) => None,
        (Op::Less | Op::AtMost | Op::Greater | Op::AtLeast, _) => Some("Compare with a number."),
        (Op::VersionLess | Op::VersionAtLeast, Json::String(text)) if Version::parse(text).is_some() => None,
        (Op::VersionLess | Op::VersionAtLeast, _) => Some("Compare with a version such as \"2.10.0\"."),
        (Op::Known, _) => Some("\"known\" compares with nothing."),
    }
}
