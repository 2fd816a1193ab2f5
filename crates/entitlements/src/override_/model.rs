//! What an override is.

use catalog::FeatureKind;
use jiff::Timestamp;
use kernel::{Error, Result};
use serde_json::{Value as Json, json};

/// Most of a limit that can be given.
const MOST: u64 = 1_000_000_000_000;
/// Most characters of a value.
const LONGEST: usize = 500;

/// What is given, or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// The feature, or that it is withheld.
    Bool(bool),
    /// So many, in place of what was agreed.
    UpTo(u64),
    /// As many as one likes.
    Unlimited,
    /// This value.
    Value(String),
}

impl Given {
    /// Read `true`, `100`, `"unlimited"` or a text, as the kind of the feature wants it; none: a meter's limit.
    ///
    /// Error: `override_invalid`.
    pub fn read(json: &Json, kind: Option<&FeatureKind>) -> Result<Self> {
        let given = match (kind, json) {
            (Some(FeatureKind::Boolean), Json::Bool(on)) => Some(Self::Bool(*on)),
            (Some(FeatureKind::Value), Json::String(text)) => {
                let plain = !text.is_empty() && !text.contains(char::is_control);
                (plain && text.chars().count() <= LONGEST).then(|| Self::Value(text.clone()))
            }
            (Some(FeatureKind::Limit { .. }) | None, Json::String(text)) if text == "unlimited" => {
                Some(Self::Unlimited)
            }
            (Some(FeatureKind::Limit { .. }) | None, Json::Number(number)) => {
                number.as_u64().filter(|amount| *amount <= MOST).map(Self::UpTo)
            }
            _ => None,
        };
        given.ok_or_else(|| {
            let wanted = match kind {
                Some(FeatureKind::Boolean) => "true or false",
                Some(FeatureKind::Value) => "text of 1 to 500 characters",
                Some(FeatureKind::Limit { .. }) | None => {
                    "a whole number up to 1,000,000,000,000, or \"unlimited\""
                }
            };
            Error::invalid("override_invalid", format!("This is overridden with {wanted}.")).at("/value")
        })
    }

    /// As it is stored and shown.
    pub fn json(&self) -> Json {
        match self {
            Self::Bool(on) => json!(on),
            Self::UpTo(amount) => json!(amount),
            Self::Unlimited => json!("unlimited"),
            Self::Value(text) => json!({ "value": text }),
        }
    }

    /// The inverse of [`Given::json`].
    pub(super) fn stored(json: &Json) -> Option<Self> {
        match json {
            Json::Bool(on) => Some(Self::Bool(*on)),
            Json::Number(number) => number.as_u64().map(Self::UpTo),
            Json::String(text) => (text == "unlimited").then_some(Self::Unlimited),
            json => json["value"].as_str().map(|text| Self::Value(text.to_owned())),
        }
    }
}

/// An override of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The key of a feature, or of a meter whose limit it replaces.
    pub key: String,
    /// What is given.
    pub given: Given,
    /// From when on it is no more, in business time.
    pub expires: Option<Timestamp>,
    /// Why, in the words of whoever made it; blank after erasure.
    pub reason: Option<String>,
    /// Since when, in business time.
    pub made: Timestamp,
}

impl Override {
    /// Whether it counts at an instant.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}
