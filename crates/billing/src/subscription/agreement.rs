//! What is agreed with one customer beside the price book: prices, a minimum, a term, a ramp, coupons.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use catalog::{Lasts, Price, PriceKind};
use jiff::civil::Date;
use kernel::{Currency, Error, Money, Rate, Result, UnitPrice};
use serde::{Deserialize, Serialize};

use super::model::Change;

/// A change that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// It is made at the first end of a period on or after this local date.
    pub on: Date,
    /// What changes.
    pub change: Change,
    /// The customer accepted it as an offer for the time after the term: another change does not take its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offered: bool,
}

/// A contract's term to be agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTerm {
    /// Its length, 1 to 120 months.
    pub months: u32,
    /// Whether another term of the same length follows; otherwise the subscription expires.
    pub renews: bool,
}

/// The longest term, in months.
pub const MAX_TERM: u32 = 120;

/// A contract's term. It is over at the first end of a period on or after its date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Its length in months.
    pub months: u32,
    /// Whether another one follows; otherwise the subscription expires.
    pub renews: bool,
    /// The local date on which it is over.
    pub ends: Date,
}

/// A price agreed with a customer, instead of the figures of the book's price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreedPrice {
    /// The amount of a flat price, of one unit, or of one package. Major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<UnitPrice>,
    /// The share of a percentage or of a lesser-of price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Rate>,
}

/// What was agreed with a customer beside the price book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Prices by the key of the plan, add-on or usage price.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, AgreedPrice>,
    /// The least a period comes to, instead of the plan's minimum. Major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<UnitPrice>,
}

impl Agreement {
    /// Whether nothing was agreed.
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty() && self.minimum.is_none()
    }

    /// The price that counts for `key`: the book's with the figures agreed.
    ///
    /// Errors: `price_not_negotiable` when the book's price has no such figure.
    pub fn price<'p>(&self, key: &str, price: &'p Price) -> Result<Cow<'p, Price>> {
        let Some(agreed) = self.prices.get(key) else { return Ok(Cow::Borrowed(price)) };
        let mut price = price.clone();
        let fits = set_amount(&mut price.kind, agreed.amount) && set_percent(&mut price.kind, agreed.percent);
        if !fits {
            let detail = format!(
                "The price of {key:?} is {price}; agree the figures it has: an amount, a percentage or both."
            );
            return Err(Error::invalid("price_not_negotiable", detail).at(format!("/agreement/prices/{key}")));
        }
        price.prepaid = None;
        Ok(Cow::Owned(price))
    }
}

fn set_amount(kind: &mut PriceKind, agreed: Option<UnitPrice>) -> bool {
    let Some(agreed) = agreed else { return true };
    match kind {
        PriceKind::Flat { amount }
        | PriceKind::PerUnit { amount, .. }
        | PriceKind::Package { amount, .. }
        | PriceKind::LesserOf { amount, .. } => *amount = agreed,
        _ => return false,
    }
    true
}

fn set_percent(kind: &mut PriceKind, agreed: Option<Rate>) -> bool {
    let Some(agreed) = agreed else { return true };
    match kind {
        PriceKind::LesserOf { rate, .. } => *rate = agreed,
        PriceKind::Percentage(rule) => rule.rate = agreed,
        _ => return false,
    }
    true
}

/// What a coupon, or staff, takes off the invoices of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// The coupon's key in the price book; `comp` when staff gave it.
    pub key: String,
    /// What it is called on invoices.
    pub name: String,
    /// What it takes off.
    pub reduction: Off,
    /// Keys of the plans, add-ons and usage prices it reduces; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_to: Option<BTreeSet<String>>,
    /// An invoice is reduced only when the lines it covers come to at least so much before discounts; in major units of
    /// the subscription's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<UnitPrice>,
    /// On how many more invoices at the edge of a period, or of how many more months; none: on all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
    /// The first local date on which it no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// What a discount takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// A share of each line.
    Percent(Rate),
    /// An amount of each invoice, in major units of the subscription's currency.
    Amount(UnitPrice),
    /// As many months as are left.
    FreeMonths,
}

/// The key of what staff give away.
pub const COMP: &str = "comp";

impl Discount {
    /// What a coupon of the price book gives a subscription.
    ///
    /// Errors: `coupon_currency` when it takes off an amount and has none in this currency.
    pub fn of(coupon: &catalog::Coupon, currency: Currency) -> Result<Self> {
        let (reduction, left) = match &coupon.discount {
            catalog::Discount::Percent { rate } => (Off::Percent(*rate), uses(coupon.lasts)),
            catalog::Discount::Amount { amounts } => {
                let amount = amounts.iter().find(|(known, _)| *known == currency);
                let (_, amount) = amount.ok_or_else(|| {
                    let detail = format!("The coupon {} has no amount in {currency}.", coupon.name);
                    Error::invalid("coupon_currency", detail).at("/coupons")
                })?;
                (Off::Amount(*amount), uses(coupon.lasts))
            }
            catalog::Discount::FreeMonths { months } => (Off::FreeMonths, Some(*months)),
        };
        Ok(Self {
            key: coupon.key.clone(),
            name: coupon.name.clone(),
            reduction,
            applies_to: coupon.applies_to.clone(),
            minimum: coupon.minimum.iter().find(|(known, _)| *known == currency).map(|(_, least)| *least),
            left,
            until: None,
        })
    }

    /// Everything for nothing, as staff may give it, up to a local date.
    pub fn comp(until: Option<Date>) -> Result<Self> {
        Ok(Self {
            key: COMP.to_owned(),
            name: "Complimentary".to_owned(),
            reduction: Off::Percent(Rate::from_basis_points(10_000)?),
            applies_to: None,
            minimum: None,
            left: None,
            until,
        })
    }

    /// Whether it still takes anything off on this local date.
    pub fn runs(&self, on: Date) -> bool {
        self.left != Some(0) && self.until.is_none_or(|until| on < until)
    }

    /// Whether it reduces a line of this plan, add-on or usage price.
    pub fn covers(&self, key: &str) -> bool {
        self.applies_to.as_ref().is_none_or(|keys| keys.contains(key))
    }

    /// The amount it takes off, in `currency`. Errors: `amount_out_of_range`.
    pub(super) fn amount(&self, currency: Currency) -> Result<Option<Money>> {
        match self.reduction {
            Off::Amount(amount) => Money::from_exact_major(&amount.exact(), currency).map(Some),
            Off::Percent(_) | Off::FreeMonths => Ok(None),
        }
    }
}

const fn uses(lasts: Lasts) -> Option<u32> {
    match lasts {
        Lasts::Once => Some(1),
        Lasts::Periods(count) => Some(count),
        Lasts::Forever => None,
    }
}
