//! `[plans.…]`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    super::model::Plan,
    BookCurrency, billing,
    features::Features,
    limits,
    meters::Meters,
    prices::{self, Of},
    report::{Report, short},
    section::{Entry, Item, Names, Section},
    thresholds, usage, value,
};

/// Most features and limits of all plans together, those they have from the plans they build on counted again.
const MAX_GRANTED: usize = 100_000;

/// The plans of the book, those with mistakes among them as far as they could be read.
#[derive(Default)]
pub(super) struct Plans {
    list: Vec<Plan>,
    by_key: HashMap<String, usize>,
}

/// What the plans of a book refer to.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub currency: BookCurrency,
    pub features: &'a Features<'a>,
    pub meters: &'a Meters<'a>,
}

/// Read `[plans]`.
pub(super) fn read(entries: &[Entry<'_>], ground: Ground<'_>, report: &mut Report) -> Plans {
    let mut plans = Plans::default();
    let mut names = Names::of("plan");
    let mut granted = 0;
    for entry in entries {
        let plan = read_one(entry, ground, &mut names, &plans, report);
        granted += plan.features.len() + plan.includes.len() + plan.limits.len() + plan.usage.len();
        if granted > MAX_GRANTED {
            report.add(
                entry.key_span.clone(),
                format!("the plans have more than {MAX_GRANTED} features in all"),
            );
            break;
        }
        plans.by_key.insert(plan.key.clone(), plans.list.len());
        plans.list.push(plan);
    }
    plans
}

fn read_one(
    entry: &Entry<'_>,
    ground: Ground<'_>,
    names: &mut Names,
    above: &Plans,
    report: &mut Report,
) -> Plan {
    let mut plan = Plan {
        key: entry.key.to_owned(),
        name: String::new(),
        prices: Vec::new(),
        includes: BTreeMap::new(),
        features: BTreeSet::new(),
        negotiated: false,
        limits: BTreeMap::new(),
        rate_limit: None,
        usage: Vec::new(),
        minimum: Vec::new(),
        tax: None,
        thresholds: Vec::new(),
    };
    let Ground { currency, features, meters } = ground;
    let what = format!("plan `{}`", short(entry.key));
    let Some(mut section) = Section::open(what, entry.key_span.clone(), entry.item, report) else {
        return plan;
    };
    if let Some(item) = section.required("name", report)
        && let Some(name) = value::name(item, report)
    {
        names.check(entry.key, &name, item, report);
        plan.name = name;
    }
    let mut unit = None;
    if let Some(item) = section.required("price", report) {
        let prices = prices::read(item, Of::Plan, currency, meters, report);
        check_unit(item, prices.unit.as_deref(), features, report);
        plan.prices = prices.list.unwrap_or_default();
        unit = prices.unit;
    }
    let negotiated = section.optional("negotiated");
    plan.negotiated =
        negotiated.and_then(|item| value::flag(item, "`negotiated`", report)).unwrap_or_default();
    if let Some(item) = section.optional("minimum") {
        plan.minimum = prices::read(item, Of::Minimum, currency, meters, report).list.unwrap_or_default();
        check_minimum(item, &plan, report);
    }
    let base = section.optional("builds_on").and_then(|item| above.base(item, report));
    if let Some(base) = base {
        plan.features.clone_from(&base.features);
        plan.includes.clone_from(&base.includes);
        plan.limits.clone_from(&base.limits);
        plan.rate_limit = base.rate_limit;
        plan.usage.clone_from(&base.usage);
        plan.tax.clone_from(&base.tax);
        plan.thresholds.clone_from(&base.thresholds);
    }
    plan.includes.extend(features.included(section.optional("includes"), report));
    plan.features.extend(features.granted(section.optional("features"), report));
    let before = report.count();
    plan.limits.extend(limits::read(section.optional("limits"), unit.as_deref(), meters, report));
    if let Some(item) = section.optional("rate_limit") {
        plan.rate_limit = limits::rate(item, report);
    }
    let own = usage::read(section.optional("usage"), &plan.currencies(), currency, meters, report);
    let replaced: HashSet<&str> = own.iter().map(|usage| usage.key.as_str()).collect();
    plan.usage.retain(|theirs| !replaced.contains(theirs.key.as_str()));
    plan.usage.extend(own);
    if let Some(item) = section.optional("tax") {
        plan.tax = billing::category(item, report);
    }
    if let (Some(item), Some(book)) = (section.optional("thresholds"), currency) {
        plan.thresholds = thresholds::read(item, &plan.currencies(), book, report).unwrap_or_default();
    }
    section.close(report);
    // With a mistake in them, limits and prices only seem to be missing.
    if report.count() == before {
        limits::check_inherited(entry, &plan, unit.as_deref(), report);
        limits::check_soft(entry, &plan, report);
        usage::check_overlap(entry, &plan, report);
        usage::check_currencies(entry, &plan, report);
        thresholds::check(entry, &plan, report);
    }
    plan
}

/// Every cycle and currency the plan is sold in needs a minimum when it has one.
fn check_minimum(item: &Item<'_>, plan: &Plan, report: &mut Report) {
    let sold = plan.prices.iter().filter_map(|price| Some((price.when.cycle()?, price.currency)));
    let missing = sold.filter(|(cycle, currency)| !prices::covers(&plan.minimum, *cycle, *currency));
    if let Some((cycle, currency)) = missing.into_iter().next().filter(|_| !plan.minimum.is_empty()) {
        let message = format!("the plan is sold by `{cycle}` in {currency}, for which there is no minimum");
        report.add_hint(item.span(), message, "add one, or one for a month, which counts for each month");
    }
}

/// What a plan is sold per is counted, so it is the unit of a limit.
fn check_unit(price: &Item<'_>, unit: Option<&str>, features: &Features<'_>, report: &mut Report) {
    let Some(unit) = unit.filter(|unit| !features.has_unit(unit)) else { return };
    let span = price.get_ref().get("per").map_or(price.span(), Item::span);
    let message = format!("no limit in [features] has the unit `{}`", short(unit));
    report.add_unknown(span, message, unit, features.units());
}

impl Plans {
    pub(super) fn into_list(self) -> Vec<Plan> {
        self.list
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.list.iter()
    }

    /// The plan referred to; a key that is none of the plans is reported at `item`.
    pub(super) fn find(&self, key: &str, item: &Item<'_>, report: &mut Report) -> Option<&Plan> {
        let place = self.by_key.get(key);
        if place.is_none() {
            let known = self.list.iter().map(|plan| plan.key.as_str());
            report.add_unknown(item.span(), format!("plan `{}` is not defined", short(key)), key, known);
        }
        place.map(|place| &self.list[*place])
    }

    /// The plan another builds on: one above it, so that there is never a circle.
    fn base(&self, item: &Item<'_>, report: &mut Report) -> Option<&Plan> {
        let key = value::text(item, "`builds_on`", report)?;
        let place = self.by_key.get(key);
        if place.is_none() {
            let message = format!("no plan above this one is called `{}`", short(key));
            report.add_unknown(item.span(), message, key, self.list.iter().map(|plan| plan.key.as_str()));
        }
        place.map(|place| &self.list[*place])
    }
}
