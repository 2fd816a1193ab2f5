//! One price of a plan or an add-on, and the price of what a meter counts.

use std::collections::BTreeMap;

use kernel::{Currency, Cycle, Exact, Rate, UnitPrice};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::billing::TaxCategory;

/// A price: when it is charged, in what currency, and how the amount is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// When it is charged.
    pub when: When,
    /// Its currency.
    pub currency: Currency,
    /// How the amount is found.
    pub kind: PriceKind,
    /// Whether a period is paid at its start or at its end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pay_in: PayIn,
    /// How the figures of `kind` follow from those of a month, when the book says "10 % off".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepaid: Option<Prepaid>,
    /// The least a period costs; what is missing is charged as true-up. Major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<UnitPrice>,
    /// The most a period costs. Major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<UnitPrice>,
}

impl Price {
    /// A price in advance without minimum or maximum.
    pub fn new(when: When, currency: Currency, kind: PriceKind) -> Self {
        Self { when, currency, kind, pay_in: PayIn::Advance, prepaid: None, minimum: None, maximum: None }
    }

    /// The one figure of the price where it has one, for one unit when it is per unit: of a package its price,
    /// of tiers the first tier's, of a percentage nothing. In major units, not rounded.
    pub fn amount(&self) -> UnitPrice {
        match &self.kind {
            PriceKind::Flat { amount }
            | PriceKind::PerUnit { amount, .. }
            | PriceKind::Package { amount, .. }
            | PriceKind::LesserOf { amount, .. } => *amount,
            PriceKind::Graduated(tiers) | PriceKind::Volume(tiers) => {
                tiers.tiers.first().map_or(UnitPrice::ZERO, |tier| tier.price)
            }
            PriceKind::Percentage(_) | PriceKind::GraduatedPercentage { .. } | PriceKind::Dynamic { .. } => {
                UnitPrice::ZERO
            }
        }
    }

    /// One of what is counted ("user"), when the price depends on how many there are.
    pub fn unit(&self) -> Option<&str> {
        match &self.kind {
            PriceKind::PerUnit { unit, .. } | PriceKind::Package { unit, .. } => Some(unit),
            PriceKind::Graduated(tiers) | PriceKind::Volume(tiers) => Some(&tiers.unit),
            _ => None,
        }
    }

    /// The meter a lesser-of price looks at.
    pub fn meter(&self) -> Option<&str> {
        match &self.kind {
            PriceKind::LesserOf { of, .. } => Some(of),
            _ => None,
        }
    }
}

/// How the amount of a price is found. What is counted is the quantity bought, or what a meter measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PriceKind {
    /// The same amount whatever the quantity.
    Flat {
        /// Major units.
        amount: UnitPrice,
    },
    /// The amount times the quantity.
    PerUnit {
        /// One of what is counted, as shown: "user".
        unit: String,
        /// Major units, for one.
        amount: UnitPrice,
    },
    /// The amount for each package of so many.
    Package {
        /// One of what is counted, as shown: "operation".
        unit: String,
        /// How many are in a package; above 0.
        size: Exact,
        /// Major units, for one package.
        amount: UnitPrice,
        /// What a package costs that is not full.
        #[serde(default, skip_serializing_if = "is_default")]
        started: Started,
    },
    /// Each tier's units at that tier's price.
    Graduated(Tiers),
    /// All units at the price of the tier their number is in.
    Volume(Tiers),
    /// A share of an amount of money that a meter adds up.
    Percentage(Percentage),
    /// Each tier's part of the amount at that tier's percentage.
    GraduatedPercentage {
        /// At least one; all but the last have an end.
        tiers: Vec<PercentTier>,
        /// Whether the first tier's flat amount is due when there was nothing.
        #[serde(default, skip_serializing_if = "is_default")]
        flat_at_zero: bool,
    },
    /// The amount the events carry, times a number.
    Dynamic {
        /// The number.
        times: Exact,
    },
    /// The flat amount or a share of what a meter adds up, whichever is less. Without a complete measured base
    /// the flat amount stands. Paid in arrears.
    LesserOf {
        /// Major units.
        amount: UnitPrice,
        /// The share.
        rate: Rate,
        /// The key of the meter.
        of: String,
    },
}

/// The tiers of a graduated or a volume price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// One of what is counted, as shown: "call".
    pub unit: String,
    /// At least one, in rising order; all but the last have an end.
    pub tiers: Vec<Tier>,
    /// Whether the first tier's flat amount is due when nothing was used.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flat_at_zero: bool,
}

/// One tier: from above the end of the one before up to its own end, which belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The last quantity in it; none for the last tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Exact>,
    /// Major units, for one unit, or for one package.
    pub price: UnitPrice,
    /// Charged once when the tier is entered. Major units.
    #[serde(default = "nothing", skip_serializing_if = "is_nothing")]
    pub flat: UnitPrice,
    /// Units in a package, when the tier is sold in whole packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Exact>,
}

/// One tier of a graduated percentage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PercentTier {
    /// The last amount in it, in major units; none for the last tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Exact>,
    /// The share of the part of the amount that is in the tier.
    pub percent: Rate,
    /// Charged once when the tier is entered. Major units.
    #[serde(default = "nothing", skip_serializing_if = "is_nothing")]
    pub flat: UnitPrice,
}

/// A share of each transaction's amount. A transaction is free while both allowances last; the one that crosses
/// the free amount pays the share of what is beyond it, and the whole fixed amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Percentage {
    /// The share.
    pub rate: Rate,
    /// Added for each transaction that is not free. Major units.
    #[serde(default = "nothing", skip_serializing_if = "is_nothing")]
    pub fixed: UnitPrice,
    /// Transactions are free up to this sum of their amounts. Major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_amount: Option<UnitPrice>,
    /// So many transactions are free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_events: Option<u64>,
    /// The least a transaction costs that is not free. Major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<UnitPrice>,
    /// The most a transaction costs. Major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<UnitPrice>,
}

impl Percentage {
    /// The bare share, nothing free and nothing fixed.
    pub fn of(rate: Rate) -> Self {
        Self {
            rate,
            fixed: UnitPrice::ZERO,
            free_amount: None,
            free_events: None,
            at_least: None,
            at_most: None,
        }
    }

    /// Whether what a transaction costs depends on its own amount, so that a sum of them is not enough.
    pub fn looks_at_each(&self) -> bool {
        self.free_amount.is_some()
            || self.free_events.is_some()
            || self.at_least.is_some()
            || self.at_most.is_some()
    }
}

/// What a package costs that is not full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Started {
    /// The same as a full one.
    #[default]
    Charged,
    /// Nothing.
    Free,
}

/// Whether a period is paid at its start or at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayIn {
    /// At its start.
    #[default]
    Advance,
    /// At its end.
    Arrears,
}

/// A price for several months that follows from the price of one: so many months, less a discount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepaid {
    /// How many months the cycle has.
    pub months: u32,
    /// The discount.
    pub off: Rate,
    /// The figure of a month, of which [`Price::amount`] is the multiple. Major units.
    pub monthly: UnitPrice,
}

/// What is charged for what a meter counts: part of a plan, in arrears, a line of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsagePrice {
    /// Names it in programs; the meter's key unless the book says otherwise.
    pub key: String,
    /// Names it on invoices.
    pub name: String,
    /// The key of the meter.
    pub meter: String,
    /// Only events with these values of the meter's dimensions, by dimension. See [`super::Plan::usage_for`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, String>,
    /// Dimensions of which each value is rated on its own, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    /// Units free in each period, where no soft limit of the plan says how many are included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<Exact>,
    /// What it is to the tax rules; none: the plan's category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<TaxCategory>,
    /// One for each currency of the plan.
    pub prices: Vec<Price>,
}

impl UsagePrice {
    /// The price in this currency.
    pub fn price_in(&self, currency: Currency) -> Option<&Price> {
        self.prices.iter().find(|price| price.currency == currency)
    }
}

/// When a price is charged. In JSON `"once"`, `"period"` or the cycle's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// One time.
    Once,
    /// Each period of the plan, whatever its length.
    Period,
    /// Each period of this length.
    Every(Cycle),
}

impl When {
    /// The word for [`When::Once`]; no cycle is called so.
    pub(super) const ONCE: &'static str = "once";
    /// The word for [`When::Period`]; no cycle is called so.
    pub(super) const PERIOD: &'static str = "period";

    /// The cycle, when there is one.
    pub fn cycle(self) -> Option<Cycle> {
        match self {
            Self::Once | Self::Period => None,
            Self::Every(cycle) => Some(cycle),
        }
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Once => f.write_str(Self::ONCE),
            Self::Period => f.write_str(Self::PERIOD),
            Self::Every(cycle) => cycle.fmt(f),
        }
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            Self::ONCE => Ok(Self::Once),
            Self::PERIOD => Ok(Self::Period),
            _ => Cycle::parse(&text).map(Self::Every).map_err(|error| serde::de::Error::custom(error.detail)),
        }
    }
}

/// The price for this cycle in this currency.
pub(super) fn recurring(prices: &[Price], cycle: Cycle, currency: Currency) -> Option<&Price> {
    prices.iter().find(|price| price.when == When::Every(cycle) && price.currency == currency)
}

fn nothing() -> UnitPrice {
    UnitPrice::ZERO
}

fn is_nothing(amount: &UnitPrice) -> bool {
    amount.is_zero()
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
