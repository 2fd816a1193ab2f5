//! Coupons: discounts a customer redeems.

use std::{collections::BTreeSet, fmt};

use jiff::civil::Date;
use kernel::{Currency, Money, Rate, UnitPrice};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::price::is_default;

/// A discount on the lines of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coupon {
    /// Names it in programs.
    pub key: String,
    /// Names it on invoices.
    pub name: String,
    /// What a customer types; none when only staff give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it takes off.
    pub discount: Discount,
    /// For how long. Free months count themselves.
    pub lasts: Lasts,
    /// Keys of the plans, add-ons and usage prices whose lines it reduces; none: every line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_to: Option<BTreeSet<String>>,
    /// How often it may be redeemed by all customers together; none: any number of times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redemptions: Option<u64>,
    /// How often one customer may redeem it; 1 unless the book says otherwise.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub per_customer: u64,
    /// Whether only a customer who never had a paid subscription may redeem it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub new_customers_only: bool,
    /// An invoice is reduced only when the lines it covers come to at least so much before discounts: one amount for
    /// each currency it can be used in, in major units. Empty: any amount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub minimum: Vec<(Currency, UnitPrice)>,
    /// The first local date on which it can be redeemed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Date>,
    /// The first local date on which it can no longer be redeemed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// Whether it goes together with other coupons.
    pub stacks: bool,
}

fn once() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_once(times: &u64) -> bool {
    *times == once()
}

impl Coupon {
    /// Whether it reduces a line of this plan, add-on or usage price.
    pub fn covers(&self, key: &str) -> bool {
        self.applies_to.as_ref().is_none_or(|keys| keys.contains(key))
    }

    /// Whether it can be redeemed on this local date: from its first day until before the day it expires.
    pub fn is_valid_on(&self, date: Date) -> bool {
        self.starts.is_none_or(|starts| starts <= date) && self.expires.is_none_or(|expires| date < expires)
    }

    /// Whether it reduces an invoice in this currency on which the lines it covers come to `covered`.
    pub fn reaches_minimum(&self, covered: Money) -> bool {
        let minimum = self.minimum.iter().find(|(currency, _)| *currency == covered.currency());
        match minimum {
            Some((_, minimum)) => covered.exact_major() >= minimum.exact(),
            None => self.minimum.is_empty(),
        }
    }
}

/// What a coupon takes off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Discount {
    /// A share of each line it covers.
    Percent {
        /// The share, at most 100 %.
        rate: Rate,
    },
    /// An amount off each invoice, never more than the lines it covers.
    Amount {
        /// One for each currency it can be used in. Major units.
        amounts: Vec<(Currency, UnitPrice)>,
    },
    /// So many months cost nothing: all of a monthly line, a twelfth of a yearly one for each month.
    FreeMonths {
        /// How many, 1–120.
        months: u32,
    },
}

/// For how long a coupon reduces what is billed. In JSON `"once"`, `"forever"`, `"3 periods"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// On one invoice.
    Once,
    /// In so many periods, 1–1000.
    Periods(u32),
    /// As long as the subscription.
    Forever,
}

impl Lasts {
    /// The words of the file, for hints.
    pub(super) const WORDS: [&'static str; 3] = ["once", "forever", "3 periods"];

    /// What the text says.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "once" | "1 period" => return Some(Self::Once),
            "forever" => return Some(Self::Forever),
            _ => {}
        }
        let count = text.strip_suffix(" periods").filter(|count| !count.starts_with(['0', '+']))?;
        count.parse().ok().filter(|count| (2..=1000).contains(count)).map(Self::Periods)
    }
}

impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once => f.write_str("once"),
            Self::Forever => f.write_str("forever"),
            Self::Periods(count) => write!(f, "{count} periods"),
        }
    }
}

impl Serialize for Lasts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lasts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("this is no duration of a coupon"))
    }
}
