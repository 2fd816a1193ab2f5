//! `[addons.…]`.

use std::collections::{BTreeSet, HashSet};

use kernel::{Currency, Cycle};

use super::{
    super::{
        model::{Addon, Included, Plan},
        price::When,
    },
    BookCurrency, billing,
    features::Features,
    meters::Meters,
    plans::Plans,
    prices::{self, Of, Prices, covers},
    report::{Report, short},
    section::{Entry, Item, Names, Section},
    value,
};

/// Read `[addons]`.
pub(super) fn read(
    entries: &[Entry<'_>],
    currency: BookCurrency,
    features: &Features<'_>,
    meters: &Meters<'_>,
    plans: &Plans,
    report: &mut Report,
) -> Vec<Addon> {
    let (every_cycle, names) = (every_cycle(plans), Names::of("add-on"));
    let mut reader = Reader { currency, features, meters, plans, every_cycle, names };
    entries.iter().filter_map(|entry| reader.read(entry, report)).collect()
}

/// For each cycle and currency of any plan, a plan sold so: what an add-on for every plan is checked against.
fn every_cycle(plans: &Plans) -> Vec<(&Plan, Cycle, Currency)> {
    let mut seen = HashSet::new();
    let sold = plans.iter().flat_map(|plan| sold(plan).map(move |(cycle, currency)| (plan, cycle, currency)));
    sold.filter(|(_, cycle, currency)| seen.insert((*cycle, *currency))).collect()
}

/// The cycles and currencies a plan is sold in.
fn sold(plan: &Plan) -> impl Iterator<Item = (Cycle, Currency)> {
    plan.prices.iter().filter_map(|price| Some((price.when.cycle()?, price.currency)))
}

struct Reader<'a> {
    currency: BookCurrency,
    features: &'a Features<'a>,
    meters: &'a Meters<'a>,
    plans: &'a Plans,
    every_cycle: Vec<(&'a Plan, Cycle, Currency)>,
    names: Names,
}

impl Reader<'_> {
    fn read(&mut self, entry: &Entry<'_>, report: &mut Report) -> Option<Addon> {
        let what = format!("add-on `{}`", short(entry.key));
        let mut section = Section::open(what, entry.key_span.clone(), entry.item, report)?;
        let name = section.required("name", report);
        let price = section.required("price", report);
        let raises = section.optional("raises");
        let features = section.optional("features");
        let plans = section.optional("plans");
        let tax = section.optional("tax");
        section.close(report);

        if let Some(item) = name
            && let Some(name) = value::name(item, report)
        {
            self.names.check(entry.key, &name, item, report);
        }
        let mut addon = Addon {
            key: entry.key.to_owned(),
            name: name.and_then(|item| item.get_ref().as_str()).unwrap_or_default().to_owned(),
            prices: Vec::new(),
            raises: self.features.raised(raises, self.meters, report),
            features: self.features.granted(features, report),
            plans: None,
            tax: tax.and_then(|item| billing::category(item, report)),
        };
        if let Some(item) = price {
            let prices = prices::read(item, Of::Addon, self.currency, self.meters, report);
            self.check_unit(item, &prices, &addon, report);
            addon.prices = prices.list.unwrap_or_default();
        }
        let named = plans.map(|item| self.named_plans(item, &addon, report));
        self.check_cycles(entry, &addon, named.as_deref(), report);
        addon.plans = named.map(|plans| plans.iter().map(|plan| plan.key.clone()).collect());
        Some(addon)
    }

    /// One more user is sold per user: an add-on that raises a limit by one has its unit.
    fn check_unit(&self, price: &Item<'_>, prices: &Prices, addon: &Addon, report: &mut Report) {
        let Some(unit) = &prices.unit else { return };
        let mut raised = addon.raises.iter();
        let (Some((limit, 1)), None) = (raised.next(), raised.next()) else { return };
        if let Some(expected) = self.features.unit_of(limit).filter(|expected| expected != unit) {
            let span = price.get_ref().get("per").map_or(price.span(), Item::span);
            let message = format!("this add-on raises `{limit}` by one, which is counted per \"{expected}\"");
            report.add_hint(span, message, format!("write per = \"{expected}\""));
        }
    }

    /// `plans = […]`: where there is something to raise.
    fn named_plans(&self, item: &Item<'_>, addon: &Addon, report: &mut Report) -> Vec<&Plan> {
        let mut named = Vec::new();
        let mut keys = BTreeSet::new();
        let items = value::list(item, "`plans`", report);
        if items.is_empty() && item.get_ref().is_array() {
            report.add_hint(item.span(), "the list is empty", "leave `plans` out to mean every plan");
        }
        for item in items {
            let Some(key) = value::text(item, "a plan", report) else { continue };
            let Some(plan) = self.plans.find(key, item, report) else { continue };
            if !keys.insert(key) {
                report.add(item.span(), format!("plan `{}` is listed twice", short(key)));
                continue;
            }
            for limit in addon.raises.keys() {
                if plan.includes.get(limit) == Some(&Included::Unlimited) {
                    let message = format!("plan `{key}` has `{limit}` unlimited: there is nothing to raise");
                    report.add(item.span(), message);
                }
            }
            named.push(plan);
        }
        named
    }

    /// Every plan and cycle the add-on can be bought with needs a price of it.
    fn check_cycles(&self, entry: &Entry<'_>, addon: &Addon, named: Option<&[&Plan]>, report: &mut Report) {
        let Some(book) = self.currency.filter(|_| recurs(addon)) else { return };
        let mut checked: HashSet<(Cycle, Currency)> = HashSet::new();
        let mut check = |plan: &Plan, cycle: Cycle, currency: Currency| {
            // Each cycle is looked for, and missed, once.
            if !checked.insert((cycle, currency)) || covers(&addon.prices, cycle, currency) {
                return;
            }
            let (addon, plan) = (short(&addon.key), short(&plan.key));
            let within = if currency == book { String::new() } else { format!(" in {currency}") };
            report.add_hint(
                entry.key_span.clone(),
                format!("add-on `{addon}` has no price for the cycle `{cycle}` of plan `{plan}`{within}"),
                format!(
                    "add one, or a price for a month, which counts for each month of the cycle `{cycle}`"
                ),
            );
        };
        match named {
            Some(plans) => plans
                .iter()
                .for_each(|plan| sold(plan).for_each(|(cycle, currency)| check(plan, cycle, currency))),
            None => {
                self.every_cycle.iter().for_each(|(plan, cycle, currency)| check(plan, *cycle, *currency))
            }
        }
    }
}

/// Whether it has prices and they come back.
fn recurs(addon: &Addon) -> bool {
    addon.prices.iter().any(|price| price.when != When::Once)
}
