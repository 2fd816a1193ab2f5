//! What changed from one book to another, in sentences.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::{self, Display},
};

use kernel::{Cycle, CycleUnit};
use serde::Serialize;

use super::{
    billing::{Billing, TaxCategory},
    coupon::{Coupon, Discount},
    meter::{Limit, LimitPolicy, LimitScope, Meter, Window},
    model::{Addon, Book, Feature, FeatureKind, Included, Plan, Trial, WithoutMethod},
    price::{Price, UsagePrice, When},
    price_text::money,
    threshold::Thresholds,
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
    billing(&mut changes, &old.billing, &new.billing);
    trial(&mut changes, old.trial.as_ref(), new.trial.as_ref());
    changes.entries("feature", &old.features, &new.features, feature);
    changes.entries("plan", &old.plans, &new.plans, plan);
    changes.entries("add-on", &old.addons, &new.addons, addon);
    changes.entries("meter", &old.meters, &new.meters, meter);
    changes.entries("coupon", &old.coupons, &new.coupons, coupon);
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
        let same = |a: &Price, b: &Price| a.when == b.when && a.currency == b.currency;
        for gone in old.iter().filter(|gone| !new.iter().any(|price| same(gone, price))) {
            self.say(format_args!("{} {gone} removed", price_word(what, gone.when)));
        }
        for price in new {
            let word = price_word(what, price.when);
            match old.iter().find(|before| same(before, price)) {
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
        for gone in old.iter().filter(|gone| new.iter().all(|usage| usage.key != gone.key)) {
            self.say(format_args!("usage price {} removed", gone.key));
        }
        for usage in new {
            match old.iter().find(|before| before.key == usage.key) {
                None => self.say(format_args!("usage price {} added", usage.key)),
                Some(before) => self.one_usage(before, usage),
            }
        }
        let keys = |list: &[UsagePrice], other: &[UsagePrice]| -> Vec<String> {
            let kept = list.iter().filter(|usage| other.iter().any(|known| known.key == usage.key));
            kept.map(|usage| usage.key.clone()).collect()
        };
        if keys(old, new) != keys(new, old) {
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
named! { Feature "features"; Plan "plans"; Addon "addons"; Meter "meters"; Coupon "coupons"; }

fn billing(changes: &mut Changes, old: &Billing, new: &Billing) {
    changes.at("billing", "billing");
    changes.setting("anchor", &old.anchor, &new.anchor);
    changes.setting("proration", &old.proration, &new.proration);
    changes.setting("change day", &old.change_day, &new.change_day);
    changes.setting("cancellation day", &old.cancellation_day, &new.cancellation_day);
    changes.setting("cycle change", &old.cycle_change, &new.cycle_change);
    changes.setting("minimums", &old.minimums, &new.minimums);
    changes.setting("plan change", &old.plan_change, &new.plan_change);
    changes.setting("cancellation credit", &old.cancellation_credit, &new.cancellation_credit);
    changes.setting("invoices", &old.invoices, &new.invoices);
    changes.setting("zero invoices", &old.zero_invoices, &new.zero_invoices);
    changes.value("tax", &old.tax, &new.tax);
    changes.setting("tax rounding", &old.tax_rounding, &new.tax_rounding);
    changes.value("late window", &old.late_window, &new.late_window);
    changes.setting("trial usage", &old.trial_usage, &new.trial_usage);
}

fn trial(changes: &mut Changes, old: Option<&Trial>, new: Option<&Trial>) {
    changes.at("trial", "trial");
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(new)) => return changes.say(format_args!("added, {} days", new.days)),
        (Some(_), None) => return changes.say("removed"),
        (None, None) => return,
    };
    let plan = |trial: &Trial| trial.plan.clone().unwrap_or_else(|| "the one chosen".into());
    changes.value("days", &old.days, &new.days);
    changes.value("plan", &plan(old), &plan(new));
    changes.value("card required", &old.card_required, &new.card_required);
    changes.value("keep anchor", &old.keep_anchor, &new.keep_anchor);
    changes.setting("reminders", &old.reminders, &new.reminders);
    changes.setting("at the end with a payment method", &old.with_method, &new.with_method);
    changes.value("at the end without a payment method", &without(&old.without), &without(&new.without));
}

fn without(method: &WithoutMethod) -> String {
    match method {
        WithoutMethod::Suspend => "suspend".into(),
        WithoutMethod::Cancel => "cancel".into(),
        WithoutMethod::Downgrade { plan } => format!("downgrade to {plan}"),
    }
}

fn feature(changes: &mut Changes, old: &Feature, new: &Feature) {
    let kind = |feature: &Feature| match &feature.kind {
        FeatureKind::Boolean => "yes or no".to_owned(),
        FeatureKind::Limit { unit } => format!("limit per {unit}"),
        FeatureKind::Value => "value".to_owned(),
    };
    changes.value("kind", &kind(old), &kind(new));
}

fn plan(changes: &mut Changes, old: &Plan, new: &Plan) {
    changes.prices("price", &old.prices, &new.prices);
    changes.value("negotiated", &old.negotiated, &new.negotiated);
    changes.prices("minimum", &old.minimum, &new.minimum);
    changes.map(&old.includes, &new.includes, |included| match included {
        Included::UpTo(amount) => amount.to_string(),
        Included::Unlimited => "unlimited".into(),
        Included::Value(text) => format!("\"{text}\""),
    });
    changes.set("feature", &old.features, &new.features);
    changes.map(&old.limits, &new.limits, limit_text);
    changes.usage(&old.usage, &new.usage);
    changes.tax("tax", old.tax.as_ref(), new.tax.as_ref());
    changes.value("thresholds", &thresholds(&old.thresholds), &thresholds(&new.thresholds));
}

/// "USD 200, USD 500, then every USD 1000".
fn thresholds(list: &[Thresholds]) -> String {
    let one = |thresholds: &Thresholds| {
        let money = |amount| money(amount, thresholds.currency);
        let at: Vec<String> = thresholds.at.iter().copied().map(money).collect();
        let every = thresholds.every.map(|every| format!("every {}", money(every)));
        let then = if at.is_empty() { "" } else { ", then " };
        at.join(", ") + &every.map(|every| format!("{then}{every}")).unwrap_or_default()
    };
    let texts: Vec<String> = list.iter().map(one).collect();
    if texts.is_empty() { "none".into() } else { texts.join("; ") }
}

fn limit_text(limit: &Limit) -> String {
    let per = limit.per.as_ref().map(|unit| format!(" per {unit}")).unwrap_or_default();
    let policy = match limit.policy {
        LimitPolicy::Hard => "hard",
        LimitPolicy::Soft => "soft",
        LimitPolicy::Warn => "warn",
    };
    let scope = match limit.scope {
        LimitScope::Customer => "",
        LimitScope::User => ", each user",
        LimitScope::Seat => ", each seat",
        LimitScope::Key => ", each API key",
    };
    let window = match limit.window {
        Window::Period => String::new(),
        window => format!(", {window}"),
    };
    format!("{}{per} ({policy}{scope}{window})", limit.amount)
}

fn meter(changes: &mut Changes, old: &Meter, new: &Meter) {
    let property = |meter: &Meter| meter.property.clone().unwrap_or_else(|| "value".into());
    changes.value("unit", &old.unit, &new.unit);
    changes.setting("aggregation", &old.aggregation, &new.aggregation);
    if old.property != new.property {
        changes.say(format_args!("property {} → {}", property(old), property(new)));
    }
    changes.value("decimals", &old.decimals, &new.decimals);
    changes.setting("dimensions", &old.dimensions, &new.dimensions);
}

fn coupon(changes: &mut Changes, old: &Coupon, new: &Coupon) {
    let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.into());
    let count = |coupon: &Coupon| or(coupon.redemptions.map(|count| count.to_string()), "any number");
    let expires = |coupon: &Coupon| or(coupon.expires.map(|date| date.to_string()), "never");
    let scope = |coupon: &Coupon| {
        let keys = coupon.applies_to.as_ref().map(|keys| keys.iter().map(String::as_str).collect::<Vec<_>>());
        or(keys.map(|keys| keys.join(", ")), "everything")
    };
    changes.value("code", &or(old.code.clone(), "none"), &or(new.code.clone(), "none"));
    changes.value("discount", &discount_text(&old.discount), &discount_text(&new.discount));
    changes.value("lasts", &old.lasts, &new.lasts);
    changes.value("applies to", &scope(old), &scope(new));
    changes.value("redemptions", &count(old), &count(new));
    changes.value("expires", &expires(old), &expires(new));
    changes.value("stacks", &old.stacks, &new.stacks);
}

fn discount_text(discount: &Discount) -> String {
    match discount {
        Discount::Percent { rate } => format!("{rate} %"),
        Discount::Amount { amounts } => {
            let amounts = amounts.iter().map(|(currency, amount)| money(*amount, *currency));
            amounts.collect::<Vec<_>>().join(", ")
        }
        Discount::FreeMonths { months } => format!("{months} months free"),
    }
}

fn addon(changes: &mut Changes, old: &Addon, new: &Addon) {
    changes.prices("price", &old.prices, &new.prices);
    changes.map(&old.raises, &new.raises, |amount| format!("raised by {amount}"));
    changes.set("feature", &old.features, &new.features);
    let plans = |addon: &Addon| match &addon.plans {
        Some(plans) => plans.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        None => "every plan".into(),
    };
    changes.value("sold with", &plans(old), &plans(new));
    changes.tax("tax", old.tax.as_ref(), new.tax.as_ref());
}

/// "monthly price", "price for 2 years", "one-off price".
fn price_word(what: &str, when: When) -> String {
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
