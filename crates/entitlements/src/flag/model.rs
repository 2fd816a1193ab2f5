//! What a flag is. Its definition is stored as JSON: its shape only grows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::ids::FlagId;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Percent;

/// A flag as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Flag {
    /// Its id.
    pub id: FlagId,
    /// Names it in programs; it never changes.
    pub key: String,
    /// 1, 2, 3 … with each change. Whoever changes it names the one it has seen.
    pub version: i64,
    /// Whether its rules are heeded. Switched off, everybody gets the off variant.
    pub enabled: bool,
    /// What it serves to whom.
    pub definition: Definition,
    /// Since when there is this flag, in business time.
    pub created: Timestamp,
    /// Since when it is as it is, in business time.
    pub changed: Timestamp,
}

/// A version a flag had.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its number.
    pub version: i64,
    /// Whether its rules were heeded.
    pub enabled: bool,
    /// What it served to whom.
    pub definition: Definition,
    /// From when, in business time.
    pub changed: Timestamp,
    /// Who made it so: an id, or `command_line`.
    pub actor: String,
}

/// What a flag serves to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Names it on pages.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Of what kind its values are.
    pub kind: Kind,
    /// Its values, by what they are called.
    pub variants: BTreeMap<String, Json>,
    /// The variant where no rule matches. None: what the price book says about the feature of the same key, and the off
    /// variant where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The variant while it is switched off.
    pub off: String,
    /// Looked at in turn; the first that matches decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Whether keys that stand in web pages may ask for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub browser: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Of what kind the values of a flag are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// True or false.
    Boolean,
    /// Text.
    String,
    /// A number.
    Number,
    /// A JSON object or array.
    Json,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Boolean, Self::String, Self::Number, Self::Json];

    /// The word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Number => "number",
            Self::Json => "json",
        }
    }

    /// Whether a value is of this kind.
    pub fn has(self, value: &Json) -> bool {
        match self {
            Self::Boolean => value.is_boolean(),
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Json => value.is_object() || value.is_array(),
        }
    }
}

/// Who gets which variant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it is called, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// All of them must hold; none: everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// The variants and their shares, one after the other over the buckets 0 to 99,999. Whoever is beyond them is left
    /// to the next rule.
    pub serve: Vec<Share>,
    /// It is heeded from this instant on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// And before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A variant, and the share of those a rule matches who get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// What the variant is called.
    pub variant: String,
    /// How many get it; left out: all.
    #[serde(default = "everybody")]
    pub percent: Percent,
}

const fn everybody() -> Percent {
    Percent::ALL
}

/// Something that must hold of whoever asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// An attribute of the context, or one we know ourselves: `@plan`, `@feature`, `@customer` (its id), `@external_id`,
    /// `@country`, `@currency`.
    pub attribute: String,
    /// How it is compared.
    pub is: Op,
    /// With what: one of them is enough. None for [`Op::Known`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Json>,
    /// It must not be so. What is not known is not so.
    #[serde(default, skip_serializing_if = "is_false")]
    pub not: bool,
}

/// How an attribute is compared. An attribute that is a list is so when one of its elements is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Equal to one of the values; letters count as they are.
    In,
    /// A text with one of the values in it.
    Contains,
    /// A text that begins with one of the values.
    StartsWith,
    /// A text that ends with one of the values.
    EndsWith,
    /// A number less than the value.
    Less,
    /// A number that is the value or less.
    AtMost,
    /// A number greater than the value.
    Greater,
    /// A number that is the value or greater.
    AtLeast,
    /// A version (SemVer 2.0) before the value.
    VersionLess,
    /// A version that is the value or after it.
    VersionAtLeast,
    /// Given at all.
    Known,
}

impl Op {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::In,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Less,
        Self::AtMost,
        Self::Greater,
        Self::AtLeast,
        Self::VersionLess,
        Self::VersionAtLeast,
        Self::Known,
    ];

    /// The word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::Less => "less",
            Self::AtMost => "at_most",
            Self::Greater => "greater",
            Self::AtLeast => "at_least",
            Self::VersionLess => "version_less",
            Self::VersionAtLeast => "version_at_least",
            Self::Known => "known",
        }
    }
}
