//! What a price book says, once it has been read and found free of mistakes.
//!
//! The JSON of a [`Book`] is stored as an immutable version, so its shape only grows: a new field is optional
//! and left out when empty, a new kind is a new variant. Books read from JSON refuse what they do not know,
//! because an older program that overlooked a price would bill wrongly.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Currency, Cycle, UnitPrice};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    advice::{Advice, Prompts, is_usual},
    billing::{Billing, TaxCategory},
    cancellation::Cancellation,
    coupon::Coupon,
    meter::{Limit, LimitPolicy, Meter, RateLimit},
    price::{Price, UsagePrice, When, is_default, recurring},
    threshold::Thresholds,
    trial::Trial,
};

/// A merchant's price book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// The format of the file it was read from; 1 so far.
    pub format: u32,
    /// The product's name.
    pub name: String,
    /// The currency of the book's prices.
    pub currency: Currency,
    /// How subscriptions to this book are billed.
    pub billing: Billing,
    /// The trial offered, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
    /// What is asked and offered when somebody cancels.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cancellation: Cancellation,
    /// When another plan is recommended.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub advice: Advice,
    /// What customers are told when something more could be had.
    #[serde(default, skip_serializing_if = "Prompts::is_empty")]
    pub prompts: Prompts,
    /// What plans can contain, in the order of the pricing page.
    pub features: Vec<Feature>,
    /// The plans, in the order of the pricing page; at least one.
    pub plans: Vec<Plan>,
    /// What can be bought beside a plan, in the order of the pricing page.
    pub addons: Vec<Addon>,
    /// What is measured, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meters: Vec<Meter>,
    /// The coupons, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<Coupon>,
}

impl Book {
    /// The plan with this key.
    pub fn plan(&self, key: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.key == key)
    }

    /// The add-on with this key.
    pub fn addon(&self, key: &str) -> Option<&Addon> {
        self.addons.iter().find(|addon| addon.key == key)
    }

    /// The feature with this key.
    pub fn feature(&self, key: &str) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.key == key)
    }

    /// The meter with this key.
    pub fn meter(&self, key: &str) -> Option<&Meter> {
        self.meters.iter().find(|meter| meter.key == key)
    }

    /// The coupon with this key.
    pub fn coupon(&self, key: &str) -> Option<&Coupon> {
        self.coupons.iter().find(|coupon| coupon.key == key)
    }

    /// The currencies it has prices in: the book's own, then the others by code.
    pub fn currencies(&self) -> Vec<Currency> {
        let plans = self.plans.iter().flat_map(|plan| &plan.prices);
        let addons = self.addons.iter().flat_map(|addon| &addon.prices);
        let others: BTreeSet<Currency> = plans.chain(addons).map(|price| price.currency).collect();
        let others = others.into_iter().filter(|currency| *currency != self.currency);
        std::iter::once(self.currency).chain(others).collect()
    }

    /// The tax category of a plan's fees.
    pub fn plan_tax<'a>(&'a self, plan: &'a Plan) -> &'a TaxCategory {
        plan.tax.as_ref().unwrap_or(&self.billing.tax)
    }

    /// The tax category of an add-on.
    pub fn addon_tax<'a>(&'a self, addon: &'a Addon) -> &'a TaxCategory {
        addon.tax.as_ref().unwrap_or(&self.billing.tax)
    }

    /// The tax category of a usage price of a plan: its own, or else the plan's.
    pub fn usage_tax<'a>(&'a self, plan: &'a Plan, usage: &'a UsagePrice) -> &'a TaxCategory {
        usage.tax.as_ref().unwrap_or_else(|| self.plan_tax(plan))
    }

    /// The book as JSON, always the same text for equal books: what is stored, and what [`digest`](Self::digest) covers.
    pub fn canonical_json(&self) -> String {
        serde_json::to_string(self)
            .expect("every map of a book has text keys and no value of it can fail to serialize")
    }

    /// SHA-256 of the canonical JSON, as 64 lower case hexadecimal digits.
    pub fn digest(&self) -> String {
        Sha256::digest(self.canonical_json()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Something a plan can contain: a row of the comparison page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Names it in programs.
    pub key: String,
    /// Names it on pages.
    pub name: String,
    /// What a plan says about it.
    pub kind: FeatureKind,
}

/// What a plan says about a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// A plan has it or not.
    Boolean,
    /// A plan has so many of it.
    Limit {
        /// One of them, as shown: "user", "GB".
        unit: String,
    },
    /// A plan has a text of its own for it.
    Value,
}

/// How much of a limit, or which value, a plan includes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Included {
    /// So many units, at most 10^12.
    UpTo(u64),
    /// As many as one likes.
    Unlimited,
    /// The text of a value feature.
    Value(String),
}

/// What a customer subscribes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Names it in programs.
    pub key: String,
    /// Names it on pages.
    pub name: String,
    /// At most one for each cycle and currency, shortest cycle first; at least one.
    pub prices: Vec<Price>,
    /// Limits and values by feature key. A limit that is not here is 0, or the quantity bought when the
    /// plan is priced per its unit.
    pub includes: BTreeMap<String, Included>,
    /// Keys of the boolean features it has, those of the plan it builds on among them.
    pub features: BTreeSet<String>,
    /// Whether staff agree the price with the customer: the figures here are where that starts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub negotiated: bool,
    /// How much of a meter it includes, by the meter's key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Limit>,
    /// How fast a customer may call the merchant's services; none: as fast as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What is charged for usage, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<UsagePrice>,
    /// The least a period of the subscription costs, all its lines together: flat prices like those of `prices`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub minimum: Vec<Price>,
    /// What its fees are to the tax rules; none: the book's category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<TaxCategory>,
    /// Usage amounts at which an invoice is issued before the period's end: one for each currency of the plan, or
    /// none at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Thresholds>,
}

impl Plan {
    /// The price for this cycle in this currency, if the plan is sold so.
    pub fn price_for(&self, cycle: Cycle, currency: Currency) -> Option<&Price> {
        recurring(&self.prices, cycle, currency)
    }

    /// The cycles it is sold in, shortest first.
    pub fn cycles(&self) -> impl Iterator<Item = Cycle> {
        let first_of_its_cycle = |at: &usize| *at == 0 || self.prices[at - 1].when != self.prices[*at].when;
        let firsts = (0..self.prices.len()).filter(first_of_its_cycle);
        firsts.filter_map(|at| self.prices[at].when.cycle())
    }

    /// The currencies it is sold in, the book's own first.
    pub fn currencies(&self) -> Vec<Currency> {
        let mut currencies = Vec::new();
        for price in &self.prices {
            if !currencies.contains(&price.currency) {
                currencies.push(price.currency);
            }
        }
        currencies
    }

    /// The least a period of this cycle costs. A minimum for a month counts for each month of the cycle, unless the
    /// book says one for the cycle itself.
    pub fn minimum_for(&self, cycle: Cycle, currency: Currency) -> Option<AddonPrice<'_>> {
        by_cycle(&self.minimum, cycle, currency)
    }

    /// The usage price of an event of a meter: of those whose filter it passes the one that asks most, and of
    /// equals the first. `value` gives the event's value of a dimension.
    pub fn usage_for<'v>(&self, meter: &str, value: impl Fn(&str) -> Option<&'v str>) -> Option<&UsagePrice> {
        let passes = |usage: &&UsagePrice| {
            usage.meter == meter && usage.filter.iter().all(|(key, wanted)| value(key) == Some(wanted))
        };
        // Of equals `max_by_key` takes the last.
        self.usage.iter().rev().filter(passes).max_by_key(|usage| usage.filter.len())
    }

    /// What the plan includes of a usage price: its soft limit on the meter.
    pub fn included(&self, usage: &UsagePrice) -> Option<&Limit> {
        self.limits.get(&usage.meter).filter(|limit| limit.policy == LimitPolicy::Soft)
    }

    /// When its usage is billed before the period's end.
    pub fn thresholds_in(&self, currency: Currency) -> Option<&Thresholds> {
        self.thresholds.iter().find(|thresholds| thresholds.currency == currency)
    }

    /// Whether it has this boolean feature.
    pub fn has(&self, feature: &str) -> bool {
        self.features.contains(feature)
    }
}

/// Something bought beside a plan, in a quantity when its price is per unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addon {
    /// Names it in programs.
    pub key: String,
    /// Names it on pages.
    pub name: String,
    /// Either prices for cycles or one charged once.
    pub prices: Vec<Price>,
    /// By how much one unit raises a limit, by the key of the feature or of the meter. Bought once, it is a grant of
    /// so many on top.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub raises: BTreeMap<String, u64>,
    /// Boolean features it grants.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub features: BTreeSet<String>,
    /// The plans it can be bought with; none: see [`Addon::fits`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plans: Option<BTreeSet<String>>,
    /// What it is to the tax rules; none: the book's category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<TaxCategory>,
}

/// What one unit of an add-on costs in one period: `unit_price × months_factor`, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddonPrice<'a> {
    /// The price of the book that applies.
    pub price: &'a Price,
    /// Its amount, in major units.
    pub unit_price: UnitPrice,
    /// 1 when the book has a price for the cycle; otherwise the months of the cycle, and the price is a month's.
    pub months_factor: u32,
}

impl Addon {
    /// What a unit costs in one period of a plan billed in `cycle`: the add-on's own price for that cycle, or else
    /// its price for a month times the months of the cycle. None when it has neither, or is charged once.
    pub fn price_for(&self, cycle: Cycle, currency: Currency) -> Option<AddonPrice<'_>> {
        by_cycle(&self.prices, cycle, currency)
    }

    /// The price charged one time, if it is that kind of add-on.
    pub fn one_off(&self, currency: Currency) -> Option<&Price> {
        self.prices.iter().find(|price| price.when == When::Once && price.currency == currency)
    }

    /// Whether it can be bought with this plan. An add-on that names no plans fits every plan in which there
    /// is something to raise: one more user is nothing where users are unlimited.
    pub fn fits(&self, plan: &Plan) -> bool {
        match &self.plans {
            Some(plans) => plans.contains(&plan.key),
            None => self.raises.keys().all(|limit| plan.includes.get(limit) != Some(&Included::Unlimited)),
        }
    }
}

/// The price for this cycle, or the price for a month and how many months the cycle has.
fn by_cycle(prices: &[Price], cycle: Cycle, currency: Currency) -> Option<AddonPrice<'_>> {
    let (price, months_factor) = match recurring(prices, cycle, currency) {
        Some(price) => (price, 1),
        None => (recurring(prices, Cycle::MONTH, currency)?, cycle.months()?),
    };
    Some(AddonPrice { price, unit_price: price.amount(), months_factor })
}
