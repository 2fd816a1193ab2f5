//! Which variant of a flag is served. Pure.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::{Condition, Flag, Op, Rule, version::Version};

/// How many buckets there are: one for each thousandth of a percent.
pub const BUCKETS: u64 = 100_000;

/// A flag, made ready to be asked many times.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The flag.
    pub flag: Flag,
    /// For each condition of each rule the texts it compares with.
    texts: Vec<Vec<HashSet<String>>>,
}

/// Whoever a flag is evaluated for.
pub trait Subject {
    /// What shares are dealt by; none: it was not said.
    fn targeting_key(&self) -> Option<&str>;
    /// What the caller said about it.
    fn context(&self) -> &Map<String, Json>;
    /// What we know about it ourselves: whether the attribute behind the `@` has one of the texts.
    fn known(&self, attribute: &str, is: &mut dyn FnMut(&str) -> bool) -> bool;
}

/// What a flag serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'f> {
    /// It is switched off: its off variant.
    Off(&'f str),
    /// A rule matched.
    Rule {
        /// Which, from 0.
        rule: usize,
        /// The variant.
        variant: &'f str,
        /// Whether the variant depended on the bucket.
        split: bool,
    },
    /// No rule matched: the default variant, or none when it is for the price book to say.
    Default(Option<&'f str>),
    /// A rule deals by targeting key, and there is none.
    KeyMissing,
}

impl Compiled {
    /// Make it ready.
    pub fn of(flag: Flag) -> Self {
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let of_rule =
            |rule: &Rule| rule.when.iter().map(|one| one.values.iter().filter_map(text).collect()).collect();
        let texts = flag.definition.rules.iter().map(of_rule).collect();
        Self { flag, texts }
    }

    /// What it serves at `now`.
    pub fn evaluate(&self, subject: &impl Subject, now: Timestamp) -> Outcome<'_> {
        let definition = &self.flag.definition;
        if !self.flag.enabled {
            return Outcome::Off(&definition.off);
        }
        for (at, (rule, texts)) in definition.rules.iter().zip(&self.texts).enumerate() {
            let early = rule.from.is_some_and(|from| now < from);
            let late = rule.until.is_some_and(|until| now >= until);
            let matches =
                || rule.when.iter().zip(texts).all(|(condition, texts)| holds(condition, texts, subject));
            if early || late || !matches() {
                continue;
            }
            match self.deal(rule, subject) {
                Dealt::To(variant, split) => return Outcome::Rule { rule: at, variant, split },
                Dealt::Beyond => {}
                Dealt::KeyMissing => return Outcome::KeyMissing,
            }
        }
        Outcome::Default(definition.default.as_deref())
    }

    fn deal<'f>(&'f self, rule: &'f Rule, subject: &impl Subject) -> Dealt<'f> {
        if let [only] = rule.serve.as_slice()
            && u64::from(only.percent.thousandths()) == BUCKETS
        {
            return Dealt::To(&only.variant, false);
        }
        if rule.serve.iter().all(|share| share.percent.thousandths() == 0) {
            return Dealt::Beyond;
        }
        let Some(key) = subject.targeting_key() else { return Dealt::KeyMissing };
        let bucket = bucket(&self.flag.key, key);
        let mut dealt = 0;
        for share in &rule.serve {
            dealt += u64::from(share.percent.thousandths());
            if bucket < dealt {
                return Dealt::To(&share.variant, true);
            }
        }
        Dealt::Beyond
    }
}

enum Dealt<'f> {
    To(&'f str, bool),
    Beyond,
    KeyMissing,
}

/// The bucket of somebody for a flag, 0 to 99,999: the first eight bytes of SHA-256 over the flag's key, a zero byte and
/// the targeting key, as a big-endian number, modulo 100,000.
///
/// A share covers buckets from where the shares before it end, so raising the last share of a rule takes nobody out of
/// it, and a flag's buckets say nothing about another flag's.
pub fn bucket(flag: &str, targeting_key: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(flag.as_bytes());
    hash.update([0]);
    hash.update(targeting_key.as_bytes());
    let first = hash.finalize().iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    first % BUCKETS
}

fn holds(condition: &Condition, texts: &HashSet<String>, subject: &impl Subject) -> bool {
    let so = if let Some(known) = condition.attribute.strip_prefix('@') {
        subject.known(known, &mut |text| compare_text(condition, texts, text))
    } else if condition.attribute == "targetingKey" {
        subject.targeting_key().is_some_and(|key| compare_text(condition, texts, key))
    } else {
        subject.context().get(&condition.attribute).is_some_and(|value| compare_any(condition, texts, value))
    };
    so != condition.not
}

/// A list is so when one of its elements is.
fn compare_any(condition: &Condition, texts: &HashSet<String>, value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Array(_) if condition.is == Op::Known => true,
        Json::Array(elements) => elements.iter().any(|element| compare(condition, texts, element)),
        value => compare(condition, texts, value),
    }
}

fn compare(condition: &Condition, texts: &HashSet<String>, value: &Json) -> bool {
    match value {
        Json::String(text) => compare_text(condition, texts, text),
        Json::Number(number) => compare_number(condition, number.as_f64()),
        value => match condition.is {
            Op::Known => true,
            Op::In => condition.values.contains(value),
            _ => false,
        },
    }
}

fn compare_text(condition: &Condition, texts: &HashSet<String>, text: &str) -> bool {
    match condition.is {
        Op::Known => true,
        Op::In => texts.contains(text),
        Op::Contains => texts.iter().any(|part| text.contains(part.as_str())),
        Op::StartsWith => texts.iter().any(|part| text.starts_with(part.as_str())),
        Op::EndsWith => texts.iter().any(|part| text.ends_with(part.as_str())),
        Op::VersionLess | Op::VersionAtLeast => compare_version(condition, texts, text),
        Op::Less | Op::AtMost | Op::Greater | Op::AtLeast => false,
    }
}

fn compare_version(condition: &Condition, texts: &HashSet<String>, text: &str) -> bool {
    let Some(version) = Version::parse(text) else { return false };
    let mut values = texts.iter().filter_map(|value| Version::parse(value));
    values.any(|value| if condition.is == Op::VersionLess { version < value } else { version >= value })
}

/// Numbers are compared as JSON reads them in JavaScript: as doubles. No amount is compared here.
fn compare_number(condition: &Condition, number: Option<f64>) -> bool {
    let Some(number) = number else { return false };
    let mut values = condition.values.iter().filter_map(Json::as_f64);
    match condition.is {
        Op::Known => true,
        Op::In => values.any(|value| value.total_cmp(&number).is_eq() || (value == 0.0 && number == 0.0)),
        Op::Less => values.any(|value| number < value),
        Op::AtMost => values.any(|value| number <= value),
        Op::Greater => values.any(|value| number > value),
        Op::AtLeast => values.any(|value| number >= value),
        _ => false,
    }
}
