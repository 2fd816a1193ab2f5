//! What is asked and offered when somebody cancels.

use serde::{Deserialize, Serialize};

use super::price::is_default;

/// What is asked of who cancels, and what they are offered to stay or to come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancellation {
    /// Whether a reason must be given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reason: ReasonIs,
    /// The reasons to choose from, in the order of the file; never empty.
    pub reasons: Vec<CancellationReason>,
    /// What brings back who is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub win_back: Option<WinBack>,
}

/// Whether a reason must be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonIs {
    /// It may be left out.
    #[default]
    Optional,
    /// Nobody cancels without one.
    Required,
}

/// A reason to cancel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancellationReason {
    /// Names it in programs.
    pub key: String,
    /// Names it on pages.
    pub name: String,
    /// The key of the coupon that who has this reason is offered to stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
}

/// What brings back who is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WinBack {
    /// The key of the coupon they come back with.
    pub coupon: String,
    /// Up to so many days after the end, 1–3650.
    pub days: u16,
}

impl Cancellation {
    /// The reason with this key.
    pub fn reason(&self, key: &str) -> Option<&CancellationReason> {
        self.reasons.iter().find(|reason| reason.key == key)
    }
}

/// The reasons of a book that names none: those that cancellation surveys commonly ask for.
const USUAL: [(&str, &str); 8] = [
    ("too_expensive", "It is too expensive"),
    ("missing_features", "Something is missing"),
    ("switched_service", "We use another service now"),
    ("unused", "We do not use it"),
    ("too_complex", "It is too complicated"),
    ("low_quality", "It does not work well enough"),
    ("customer_service", "Support was not what we expected"),
    ("other", "Another reason"),
];

impl Default for Cancellation {
    fn default() -> Self {
        let usual = |(key, name): (&str, &str)| CancellationReason {
            key: key.into(),
            name: name.into(),
            offer: None,
        };
        Self { reason: ReasonIs::default(), reasons: USUAL.into_iter().map(usual).collect(), win_back: None }
    }
}
