//! `limits = { … }` of a plan.

use std::collections::BTreeMap;

use super::{
    super::{
        meter::{Limit, LimitPolicy, LimitScope, RateLimit, RateSpan, Window},
        model::Plan,
    },
    meters::Meters,
    report::{Report, short},
    section::{Entry, Item, Section, entries},
    value,
};

/// Most alerts of a limit.
const MAX_ALERTS: usize = 10;
/// The highest percentage of a limit that is told.
const MAX_PERCENT: u64 = 1_000;
/// Most requests of a rate.
const MAX_REQUESTS: u64 = 1_000_000_000;

/// Read the limits of a plan priced per `unit`, by meter.
pub(super) fn read(
    item: Option<&Item<'_>>,
    unit: Option<&str>,
    meters: &Meters<'_>,
    report: &mut Report,
) -> BTreeMap<String, Limit> {
    let mut limits = BTreeMap::new();
    for entry in entries("limits", item, report) {
        let meter = meters.find(entry.key, entry.key_span.clone(), report);
        let limit = read_one(&entry, unit, report);
        limits.extend(meter.zip(limit).map(|(meter, limit)| (meter.key.clone(), limit)));
    }
    limits
}

fn read_one(entry: &Entry<'_>, unit: Option<&str>, report: &mut Report) -> Option<Limit> {
    let hard = |amount| Limit {
        amount,
        per: None,
        policy: LimitPolicy::Hard,
        window: Window::Period,
        scope: LimitScope::Customer,
        alerts: None,
    };
    if !entry.item.get_ref().is_table() {
        return value::decimal(entry.item, "a limit", report).map(hard);
    }
    let what = format!("limit `{}`", short(entry.key));
    let mut section = Section::open(what, entry.key_span.clone(), entry.item, report)?;
    let amount = section.required("amount", report);
    let per = section.optional("per");
    let policy = section.optional("policy");
    let window = section.optional("window");
    let scope = section.optional("scope");
    let alerts = section.optional("alerts");
    section.close(report);
    let policies = [("hard", LimitPolicy::Hard), ("soft", LimitPolicy::Soft), ("warn", LimitPolicy::Warn)];
    let scopes = [
        ("customer", LimitScope::Customer),
        ("user", LimitScope::User),
        ("seat", LimitScope::Seat),
        ("key", LimitScope::Key),
    ];
    let amount = amount.and_then(|item| value::decimal(item, "a limit", report));
    let mut limit = hard(amount?);
    limit.per = per.and_then(|item| per_unit(item, unit, report));
    limit.policy =
        policy.and_then(|item| value::choice(item, "`policy`", &policies, report)).unwrap_or(limit.policy);
    limit.window = window.and_then(|item| self::window(item, report)).unwrap_or(limit.window);
    limit.scope =
        scope.and_then(|item| value::choice(item, "`scope`", &scopes, report)).unwrap_or(limit.scope);
    limit.alerts = alerts.map(|item| self::alerts(item, report));
    Some(limit)
}

/// `rate_limit = { requests, per, burst }` of a plan.
pub(super) fn rate(item: &Item<'_>, report: &mut Report) -> Option<RateLimit> {
    let mut section = Section::open("`rate_limit`", item.span(), item, report)?;
    let (requests, per) = (section.required("requests", report), section.required("per", report));
    let burst = section.optional("burst");
    section.close(report);
    let mut count = |item: Option<&Item<'_>>, what| {
        let count = value::whole(item?, what, 1..=MAX_REQUESTS, report);
        count.and_then(|count| u32::try_from(count).ok())
    };
    let requests = count(requests, "`requests`");
    let burst = if burst.is_some() { count(burst, "`burst`") } else { requests };
    let per = value::choice(per?, "`per`", &RateSpan::ALL, report);
    Some(RateLimit { requests: requests?, per: per?, burst: burst? })
}

/// Rising percentages.
fn alerts(item: &Item<'_>, report: &mut Report) -> Vec<u16> {
    let mut levels: Vec<u16> = Vec::new();
    let items = value::list(item, "`alerts`", report);
    if let Some(item) = items.get(MAX_ALERTS) {
        report.add(item.span(), format!("a limit has at most {MAX_ALERTS} alerts"));
        return levels;
    }
    for item in items {
        let level = value::whole(item, "an alert", 1..=MAX_PERCENT, report);
        let Some(level) = level.and_then(|level| u16::try_from(level).ok()) else { continue };
        if levels.last().is_some_and(|before| *before >= level) {
            report.add(item.span(), "alerts rise: each is a higher percentage than the one before");
        } else {
            levels.push(level);
        }
    }
    levels
}

/// The unit a limit is multiplied by is the one that is bought.
fn per_unit(item: &Item<'_>, unit: Option<&str>, report: &mut Report) -> Option<String> {
    let word = value::unit(item, report)?;
    if unit == Some(word.as_str()) {
        return Some(word);
    }
    match unit {
        Some(unit) => report.add_hint(
            item.span(),
            format!("the plan is priced per {unit}, so that is what a limit can be multiplied by"),
            format!("write per = \"{unit}\""),
        ),
        None => report.add_hint(
            item.span(),
            "the plan is not priced per unit, so there is no number to multiply the limit by",
            "for a limit of each user on its own, write scope = \"user\"",
        ),
    }
    None
}

fn window(item: &Item<'_>, report: &mut Report) -> Option<Window> {
    let word = value::text(item, "`window`", report)?;
    let window = Window::parse(word).ok();
    if window.is_none() {
        let message = format!(
            "`{}` is not a window: \"period\", \"day\", \"week\", \"month\", \"year\", or a time up to now such \
             as \"rolling 5 hours\"",
            short(word)
        );
        report.add_unknown(item.span(), message, word, Window::WORDS);
    }
    window
}

/// A limit of the plan this one builds on may be multiplied by what this one is not priced per.
pub(super) fn check_inherited(entry: &Entry<'_>, plan: &Plan, unit: Option<&str>, report: &mut Report) {
    for (key, limit) in &plan.limits {
        if limit.per.is_some() && limit.per.as_deref() != unit {
            let per = limit.per.as_deref().unwrap_or_default();
            let message = format!("the limit `{key}` is per {per}, which this plan is not priced per");
            report.add_hint(
                entry.key_span.clone(),
                message,
                format!("give this plan a limit `{key}` of its own"),
            );
        }
    }
}

/// What a soft limit lets through is billed by one price of its meter, period by period.
pub(super) fn check_soft(entry: &Entry<'_>, plan: &Plan, report: &mut Report) {
    for (key, limit) in plan.limits.iter().filter(|(_, limit)| limit.policy == LimitPolicy::Soft) {
        let span = entry.key_span.clone();
        let mut prices = plan.usage.iter().filter(|usage| &usage.meter == key);
        let what = format!("plan `{}`", short(entry.key));
        let Some(price) = prices.next() else {
            let hint =
                format!("add a price for `{key}` under `usage`, or make the limit \"hard\" or \"warn\"");
            let message =
                format!("{what} bills what goes beyond its soft limit `{key}`, and has no price for it");
            report.add_hint(span, message, hint);
            continue;
        };
        let of_money = price.prices.iter().any(|price| price.unit().is_none());
        if of_money {
            let message = format!(
                "{what} has a price of an amount for `{key}`, of which a soft limit includes nothing"
            );
            report.add_hint(span, message, "write `free_amount` in the price");
        } else if prices.next().is_some() || !price.filter.is_empty() || !price.group_by.is_empty() {
            let message = format!(
                "{what} has several prices for `{key}`, so it is not clear of which its soft limit \
                                   includes the first units"
            );
            report.add_hint(
                span,
                message,
                "keep one price without `where` and `group_by`, or use `free` in a price",
            );
        } else if price.free.is_some() {
            let message = format!("{what} includes units of `{key}` twice: by its soft limit and by `free`");
            report.add_hint(span, message, "keep one of the two");
        } else if limit.window != Window::Period {
            let message =
                format!("{what} bills `{key}` by the period, and its soft limit counts by another time");
            report.add_hint(span, message, "leave `window` out");
        }
    }
}
