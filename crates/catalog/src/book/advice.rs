//! What customers are advised to change, and what they are told when something more could be had.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Rate;
use serde::{Deserialize, Serialize};

use super::price::is_default;

/// When another plan is recommended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    /// What is offered to customers who seem to be one team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Team>,
    /// How many closed periods of a subscription are looked at, 1–24.
    pub periods: u8,
    /// A cheaper plan is recommended when it would have saved at least this share.
    pub saves: Rate,
    /// Whether a plan is recommended that lacks features of the one there is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub features: Lacking,
    /// From this percentage of a limit on it is nearly used up, 1–100.
    pub near: u16,
}

impl Default for Advice {
    fn default() -> Self {
        let saves = Rate::from_basis_points(1_000).expect("ten percent is a rate");
        Self { team: None, periods: 3, saves, features: Lacking::Kept, near: 80 }
    }
}

/// Whether a plan is recommended that lacks features of the one there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lacking {
    /// No.
    #[default]
    Kept,
    /// Yes; what it lacks is among the reasons.
    Named,
}

/// What is offered to customers who seem to be one team: they share a mail domain that is not a public provider's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// The key of the plan they are offered.
    pub plan: String,
    /// How many of them there are at least, 2–1000.
    pub from: u16,
    /// The key of the limit that says how many people a plan has room for, where a price per unit does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<String>,
    /// Mail domains where everybody can have an address, besides those that are known; in lower case.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub public_mail: BTreeSet<String>,
}

/// What makes a prompt appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A limit was reached.
    LimitReached,
    /// A limit is nearly used up.
    LimitNear,
    /// A feature was asked for that is not included.
    FeatureGated,
    /// What was saved is looked at.
    SavingsViewed,
    /// Analytics are exported.
    Export,
}

impl Trigger {
    /// Each of them, what presses most first.
    pub const ALL: [Self; 5] =
        [Self::LimitReached, Self::LimitNear, Self::FeatureGated, Self::SavingsViewed, Self::Export];

    /// The word in the price book and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::LimitReached => "limit_reached",
            Self::LimitNear => "limit_near",
            Self::FeatureGated => "feature_gated",
            Self::SavingsViewed => "savings_viewed",
            Self::Export => "export",
        }
    }

    /// The inverse of [`Trigger::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.word() == word)
    }

    /// What stands in braces in its text.
    pub const fn blanks(self) -> &'static [&'static str] {
        match self {
            Self::LimitReached | Self::LimitNear => {
                &["offer", "price", "meter", "unit", "used", "limit", "percent", "more"]
            }
            Self::FeatureGated => &["offer", "price", "feature"],
            Self::SavingsViewed | Self::Export => &["offer", "price"],
        }
    }

    /// What is said where the price book says nothing. The last two are said only where it says something.
    pub const fn usual(self) -> Option<&'static str> {
        match self {
            Self::LimitReached => Some("{meter}: all {limit} are used. {offer} has {more}, for {price}."),
            Self::LimitNear => Some("{meter}: {used} of {limit} are used. {offer} has {more}, for {price}."),
            Self::FeatureGated => Some("{feature} is part of {offer}, for {price}."),
            Self::SavingsViewed | Self::Export => None,
        }
    }
}

/// What customers are told, by what makes it appear.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prompts(pub BTreeMap<Trigger, String>);

impl Prompts {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a trigger; none: nothing is said.
    pub fn text(&self, trigger: Trigger) -> Option<&str> {
        self.0.get(&trigger).map(String::as_str).or(trigger.usual())
    }

    /// A text with its blanks filled in; what is not known stays empty.
    pub fn fill(text: &str, values: &[(&str, String)]) -> String {
        let mut out = String::with_capacity(text.len() * 2);
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Blank(name) => {
                    let value = values.iter().find(|(known, _)| *known == name);
                    out.push_str(value.map_or("", |(_, value)| value));
                }
            }
        }
        out
    }
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// As it stands.
    Text(&'t str),
    /// A word in braces.
    Blank(&'t str),
}

/// The parts of a text; a brace that is not closed is text.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((name, after)) = behind.split_once('}') else { break };
        found.extend([Piece::Text(before), Piece::Blank(name)]);
        rest = after;
    }
    found.push(Piece::Text(rest));
    found
}

impl super::Book {
    /// Whether this is a domain the book says everybody can have an address at.
    pub fn is_public_mail(&self, domain: &str) -> bool {
        self.advice.team.as_ref().is_some_and(|team| team.public_mail.contains(domain))
    }
}

/// For serde: whether the section says nothing of its own.
pub(super) fn is_usual(advice: &Advice) -> bool {
    is_default(advice)
}
