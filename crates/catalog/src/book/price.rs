//! One price of a plan or an add-on.

use std::fmt;

use kernel::{Currency, Cycle, UnitPrice};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
}

impl Price {
    /// The amount, for one unit when the price is per unit. In major units, not rounded.
    pub fn amount(&self) -> UnitPrice {
        match &self.kind {
            PriceKind::Flat { amount } | PriceKind::PerUnit { amount, .. } => *amount,
        }
    }

    /// One of what is counted ("user"), when the price is per unit.
    pub fn unit(&self) -> Option<&str> {
        match &self.kind {
            PriceKind::Flat { .. } => None,
            PriceKind::PerUnit { unit, .. } => Some(unit),
        }
    }
}

/// "USD 49", "USD 0.50 per GB": the amount without the cycle.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.amount().to_string();
        write!(f, "{} {amount}", self.currency.code())?;
        // Half a dollar reads 0.50, not 0.5; more digits than the currency has stay.
        if let Some((_, fraction)) = amount.split_once('.') {
            let missing = usize::from(self.currency.exponent()).saturating_sub(fraction.len());
            write!(f, "{:0<missing$}", "")?;
        }
        self.unit().map_or(Ok(()), |unit| write!(f, " per {unit}"))
    }
}

/// How the amount of a price is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PriceKind {
    /// The same amount whatever the quantity.
    Flat {
        /// Major units.
        amount: UnitPrice,
    },
    /// The amount times the quantity bought (seats among them), in advance.
    PerUnit {
        /// One of what is counted, as shown: "user".
        unit: String,
        /// Major units, for one.
        amount: UnitPrice,
    },
}

/// When a price is charged. In JSON `"once"` or the cycle's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// One time.
    Once,
    /// Each period of this length.
    Every(Cycle),
}

impl When {
    /// The word for [`When::Once`]; no cycle is called so.
    pub(super) const ONCE: &'static str = "once";

    /// The cycle, when there is one.
    pub fn cycle(self) -> Option<Cycle> {
        match self {
            Self::Once => None,
            Self::Every(cycle) => Some(cycle),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once => f.write_str(Self::ONCE),
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
        if text == Self::ONCE {
            return Ok(Self::Once);
        }
        Cycle::parse(&text).map(Self::Every).map_err(|error| serde::de::Error::custom(error.detail))
    }
}

/// The price for this cycle in this currency.
pub(super) fn recurring(prices: &[Price], cycle: Cycle, currency: Currency) -> Option<&Price> {
    prices.iter().find(|price| price.when == When::Every(cycle) && price.currency == currency)
}
