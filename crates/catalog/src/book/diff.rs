//! What changed from one book to another, in sentences.

mod parts;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt::{self, Display},
};

use kernel::{Currency, Cycle, CycleUnit};
use serde::Serialize;

use super::{
    billing::{Billing, TaxCategory},
    cancellation::CancellationReason,
    coupon::Coupon,
    meter::Meter,
    model::{Addon, Book, Feature, Plan},
    price::{Price, UsagePrice, When},
};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The part of the file: `plans.starter`, `billing`.
    pub place: String,
    /// What changed there: "plan Starter: monthly price USD 49 → USD 59".
    pub sentence: String,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// Every change from `old` to `new`, in the order of the file. Empty exactly when the books are equal.
pub fn diff(old: &Book, new: &Book) -> Vec<Change> {
    let mut changes = Changes { list: Vec::new(), place: "book".into(), about: "book".into() };
    changes.value("format", &old.format, &new.format);
    changes.value("name", &old.name, &new.name);
    changes.value("currency", old.currency.code(), new.currency.code());
    parts::billing(&mut changes, &old.billing, &new.billing);
    parts::trial(&mut changes, old.trial.as_ref(), new.trial.as_ref());
    parts::cancellation(&mut changes, &old.cancellation, &new.cancellation);
    parts::advice(&mut changes, &old.advice, &new.advice);
    parts::prompts(&mut changes, &old.prompts, &new.prompts);
    changes.entries("feature", &old.features, &new.features, parts::feature);
    changes.entries("plan", &old.plans, &new.plans, parts::plan);
    changes.entries("add-on", &old.addons, &new.addons, parts::addon);
    changes.entries("meter", &old.meters, &new.meters, parts::meter);
    changes.entries("coupon", &old.coupons, &new.coupons, parts::coupon);
    changes.list
}

/// The changes from one `[billing]` to another.
pub(crate) fn billing_changes(old: &Billing, new: &Billing) -> Vec<Change> {
    let mut changes = Changes { list: Vec::new(), place: String::new(), about: String::new() };
    parts::billing(&mut changes, old, new);
    changes.list
}

/// What else than its price changes for who has a plan, pays it by this cycle in this currency, and gets another.
pub(crate) fn plan_changes(old: &Plan, new: &Plan, cycle: Cycle, currency: Currency) -> Vec<Change> {
    let mut changes = Changes { list: Vec::new(), place: String::new(), about: String::new() };
    changes.at(format!("plans.{}", old.key), format!("plan {}", old.name));
    let seen = |plan: &Plan| {
        let mut plan = plan.clone();
        plan.minimum =
            plan.minimum_for(cycle, currency).map(|found| found.price.clone()).into_iter().collect();
        plan.usage.iter_mut().for_each(|usage| usage.prices.retain(|price| price.currency == currency));
        plan.thresholds.retain(|thresholds| thresholds.currency == currency);
        Plan { prices: Vec::new(), ..plan }
    };
    parts::plan(&mut changes, &seen(old), &seen(new));
    changes.list
}

/// The changes so far, and the part of the book being compared.
struct Changes {
    list: Vec<Change>,
    place: String,
    about: String,
}

impl Changes {
    fn at(&mut self, place: impl Into<String>, about: impl Into<String>) {
        (self.place, self.about) = (place.into(), about.into());
    }

    fn say(&mut self, what: impl Display) {
        self.list.push(Change { place: self.place.clone(), sentence: format!("{}: {what}", self.about) });
    }

    fn value<T: PartialEq + Display + ?Sized>(&mut self, what: &str, old: &T, new: &T) {
        if old != new {
            self.say(format_args!("{what} {old} → {new}"));
        }
    }

    /// A setting, in the words of the file.
    fn setting<T: PartialEq + Serialize>(&mut self, what: &str, old: &T, new: &T) {
        let word = |setting| serde_json::to_string(setting).unwrap_or_default().replace('"', "");
        if old != new {
            self.say(format_args!("{what} {} → {}", word(old), word(new)));
        }
    }

    /// A tax category, by default that of what it belongs to.
    fn tax(&mut self, what: &str, old: Option<&TaxCategory>, new: Option<&TaxCategory>) {
        let word = |tax: Option<&TaxCategory>| tax.map_or_else(|| "default".into(), ToString::to_string);
        self.value(what, &word(old), &word(new));
    }

    /// Features, plans or add-ons: those gone, those new, those `compare` finds changed, and their order.
    fn entries<T: Named>(&mut self, noun: &str, old: &[T], new: &[T], compare: impl Fn(&mut Self, &T, &T)) {
        let before: HashMap<&str, &T> = old.iter().map(|entry| (entry.key(), entry)).collect();
        let after: HashMap<&str, &T> = new.iter().map(|entry| (entry.key(), entry)).collect();
        let at = |changes: &mut Self, entry: &T| {
            changes.at(format!("{}.{}", T::SECTION, entry.key()), format!("{noun} {}", entry.name()));
        };
        for entry in old.iter().filter(|entry| !after.contains_key(entry.key())) {
            at(self, entry);
            self.say("removed");
        }
        for entry in new {
            at(self, entry);
            match before.get(entry.key()) {
                None => self.say("added"),
                Some(before) => {
                    self.value("name", before.name(), entry.name());
                    compare(self, before, entry);
                }
            }
        }
        let order = |entries: &[T], other: &HashMap<&str, &T>| -> Vec<String> {
            let kept = entries.iter().map(Named::key).filter(|key| other.contains_key(key));
            kept.map(str::to_owned).collect()
        };
        if order(old, &after) != order(new, &before) {
            self.at(T::SECTION, format!("{noun}s"));
            self.say("in another order");
        }
    }

    fn set(&mut self, what: &str, old: &BTreeSet<String>, new: &BTreeSet<String>) {
        for gone in old.difference(new) {
            self.say(format_args!("{what} {gone} removed"));
        }
        for added in new.difference(old) {
            self.say(format_args!("{what} {added} added"));
        }
    }

    fn map<T: PartialEq>(
        &mut self,
        old: &BTreeMap<String, T>,
        new: &BTreeMap<String, T>,
        shown: impl Fn(&T) -> String,
    ) {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            match (old.get(key), new.get(key)) {
                (Some(old), Some(new)) if old != new => {
                    self.say(format_args!("{key} {} → {}", shown(old), shown(new)));
                }
                (Some(old), None) => self.say(format_args!("{key} {} removed", shown(old))),
                (None, Some(new)) => self.say(format_args!("{key} {} added", shown(new))),
                _ => {}
            }
        }
    }

    /// Prices, each called by `what` and its cycle.
    fn prices(&mut self, what: &str, old: &[Price], new: &[Price]) {
        let key = |price: &Price| -> (When, Currency) { (price.when, price.currency) };
        let before: HashMap<_, &Price> = old.iter().map(|price| (key(price), price)).collect();
        let after: HashSet<_> = new.iter().map(key).collect();
        for gone in old.iter().filter(|gone| !after.contains(&key(gone))) {
            self.say(format_args!("{} {gone} removed", price_word(what, gone.when)));
        }
        for price in new {
            let word = price_word(what, price.when);
            match before.get(&key(price)).copied() {
                None => self.say(format_args!("{word} {price} added")),
                Some(before) if before == price => {}
                Some(before) if before.pay_in != price.pay_in && before.to_string() == price.to_string() => {
                    self.setting(&format!("{word} paid in"), &before.pay_in, &price.pay_in);
                }
                Some(before) => self.say(format_args!("{word} {before} → {price}")),
            }
        }
    }

    /// The usage prices of a plan, by key.
    fn usage(&mut self, old: &[UsagePrice], new: &[UsagePrice]) {
        let by_key = |list: &'_ [UsagePrice]| -> BTreeMap<String, usize> {
            list.iter().enumerate().map(|(place, usage)| (usage.key.clone(), place)).collect()
        };
        let (before, after) = (by_key(old), by_key(new));
        for gone in old.iter().filter(|gone| !after.contains_key(&gone.key)) {
            self.say(format_args!("usage price {} removed", gone.key));
        }
        for usage in new {
            match before.get(&usage.key).map(|place| &old[*place]) {
                None => self.say(format_args!("usage price {} added", usage.key)),
                Some(before) => self.one_usage(before, usage),
            }
        }
        let kept = |list: &[UsagePrice], other: &BTreeMap<String, usize>| -> Vec<String> {
            let kept = list.iter().filter(|usage| other.contains_key(&usage.key));
            kept.map(|usage| usage.key.clone()).collect()
        };
        if kept(old, &after) != kept(new, &before) {
            self.say("usage prices in another order");
        }
    }

    fn one_usage(&mut self, old: &UsagePrice, new: &UsagePrice) {
        let key = &new.key;
        let or_none =
            |value: Option<&kernel::Exact>| value.map_or_else(|| "none".into(), ToString::to_string);
        self.value(&format!("usage price {key} named"), &old.name, &new.name);
        self.value(&format!("usage price {key} of meter"), &old.meter, &new.meter);
        self.value(
            &format!("usage price {key} free"),
            &or_none(old.free.as_ref()),
            &or_none(new.free.as_ref()),
        );
        self.setting(&format!("usage price {key} where"), &old.filter, &new.filter);
        self.setting(&format!("usage price {key} grouped by"), &old.group_by, &new.group_by);
        self.tax(&format!("usage price {key} tax"), old.tax.as_ref(), new.tax.as_ref());
        self.prices(&format!("usage price {key}"), &old.prices, &new.prices);
    }
}

/// An entry with a key and a name, and the section of the file it stands in.
trait Named {
    const SECTION: &'static str;
    fn key(&self) -> &str;
    fn name(&self) -> &str;
}

macro_rules! named {
    ($($entry:ident $section:literal;)*) => {
        $(impl Named for $entry {
            const SECTION: &'static str = $section;
            fn key(&self) -> &str {
                &self.key
            }
            fn name(&self) -> &str {
                &self.name
            }
        })*
    };
}
named! { CancellationReason "cancellation.reasons"; Feature "features"; Plan "plans"; Addon "addons"; Meter "meters"; Coupon "coupons"; }

/// "monthly price", "price for 2 years", "one-off price".
pub(crate) fn price_word(what: &str, when: When) -> String {
    let cycle = match when {
        When::Once => return format!("one-off {what}"),
        When::Period => return what.to_owned(),
        When::Every(cycle) => cycle,
    };
    let word = match (cycle.unit(), cycle.count()) {
        (CycleUnit::Day, 1) => "daily",
        (CycleUnit::Week, 1) => "weekly",
        (CycleUnit::Month, 1) => "monthly",
        (CycleUnit::Year, 1) => "yearly",
        _ if cycle == Cycle::QUARTER => "quarterly",
        _ if cycle == Cycle::HALF_YEAR => "half-yearly",
        _ => return format!("{what} for {cycle}"),
    };
    format!("{word} {what}")
}
