//! Figures of usage: what a meter measured for a subscription over a stretch of time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::{Exact, ids::SubscriptionId};
use rating::{Each, Measured, Number};
use serde::{Deserialize, Serialize};

/// What was measured. Amounts are in major units of the subscription's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Figure {
    /// So many units, or a sum of money whose transactions do not matter.
    Quantity(Number),
    /// A sum of money and of how many transactions it is.
    Amount {
        /// The sum.
        total: Number,
        /// How many.
        events: u64,
    },
    /// The amount of each transaction, in their order.
    Transactions(Vec<Number>),
    /// Transactions as their price takes them, however many: none of them is kept.
    Each(Box<Each>),
    /// There is no complete figure.
    Incomplete,
}

impl Figure {
    /// Nothing was used: no transaction, so that a price of each of them can be applied as well as one of units.
    pub const fn zero() -> Self {
        Self::Transactions(Vec::new())
    }

    /// As rating takes it.
    pub fn measured(&self) -> Measured {
        match self {
            Self::Quantity(quantity) => Measured::Quantity((**quantity).clone()),
            Self::Amount { total, events } => Measured::Amount { total: (**total).clone(), events: *events },
            Self::Transactions(amounts) => {
                Measured::Transactions(amounts.iter().map(|amount| (**amount).clone()).collect())
            }
            Self::Each(each) => Measured::Each(each.clone()),
            Self::Incomplete => Measured::Incomplete,
        }
    }

    /// The figure as one number; none when it is incomplete.
    pub fn total(&self) -> Option<Number> {
        match self {
            Self::Quantity(total) | Self::Amount { total, .. } => Some(total.clone()),
            Self::Transactions(amounts) => {
                Some(amounts.iter().map(|amount| (**amount).clone()).sum::<Exact>().into())
            }
            Self::Each(each) => Some(each.total().into()),
            Self::Incomplete => None,
        }
    }
}

/// The figures of one usage price: one for each value of the dimensions it is grouped by, under an empty text when
/// it is not grouped.
pub type Groups = BTreeMap<String, Figure>;

/// The figures of one stretch of a subscription by usage price, or by meter where a fee looks at one.
pub type Figures = BTreeMap<String, Groups>;

/// A stored figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// Whose usage.
    pub subscription: SubscriptionId,
    /// When the stretch it covers began.
    pub start: Timestamp,
    /// The key of the usage price, or of the meter a fee looks at.
    pub key: String,
    /// What was measured.
    pub groups: Groups,
    /// The last event in it, by whatever counts events.
    pub watermark: Option<String>,
    /// When it was stored, in business time.
    pub posted: Timestamp,
    /// The stretch was billed before this came; it waits for the next invoice.
    pub late: bool,
}
