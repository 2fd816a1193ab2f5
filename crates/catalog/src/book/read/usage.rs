//! `[plans.….usage]`: what is charged for what meters count.

use std::collections::BTreeMap;

use kernel::Currency;

use super::{
    super::{
        meter::Meter,
        model::Plan,
        price::{PayIn, Price, UsagePrice, When},
    },
    BookCurrency,
    amount::{Amounts, is_by_currency},
    billing,
    formula::Formula,
    meters::{Meters, has_dimension, must_sum},
    prices,
    report::{Report, short},
    section::{Entry, Item, Section, entries},
    value,
};

/// Most usage prices of a plan.
const MAX_USAGE: usize = 1000;

/// Read the usage prices of a plan sold in `currencies`.
pub(super) fn read(
    item: Option<&Item<'_>>,
    currencies: &[Currency],
    book: BookCurrency,
    meters: &Meters<'_>,
    report: &mut Report,
) -> Vec<UsagePrice> {
    let entries = entries("usage", item, report);
    if let Some(entry) = entries.get(MAX_USAGE) {
        report.add(entry.key_span.clone(), format!("a plan has at most {MAX_USAGE} usage prices"));
        return Vec::new();
    }
    entries.iter().filter_map(|entry| read_one(entry, currencies, book, meters, report)).collect()
}

fn read_one(
    entry: &Entry<'_>,
    currencies: &[Currency],
    book: BookCurrency,
    meters: &Meters<'_>,
    report: &mut Report,
) -> Option<UsagePrice> {
    let before = report.count();
    let (item, span) = (entry.item, entry.key_span.clone());
    if !item.get_ref().is_table() || is_by_currency(item) {
        let meter = meters.find(entry.key, span, report);
        let formula = Amounts::read(item, report).map(Formula::each);
        let prices = resolve(entry, &formula?, meter?, When::Period, currencies, book?, report);
        return Some(UsagePrice { prices: prices?, ..named(entry.key, meter?) });
    }
    let mut section = Section::open(format!("usage price `{}`", short(entry.key)), span, item, report)?;
    let meter = match section.optional("meter") {
        Some(item) => {
            let key = value::text(item, "`meter`", report);
            key.and_then(|key| meters.find(key, item.span(), report))
        }
        None => meters.find(entry.key, entry.key_span.clone(), report),
    };
    let name = section.optional("name");
    let every = section.optional("every");
    let filter = section.optional("where");
    let group_by = section.optional("group_by");
    let free = section.optional("free");
    let tax = section.optional("tax");
    let formula = Formula::read(&mut section, entry.key_span.clone(), report);
    section.close(report);

    let name = name.and_then(|item| value::name(item, report));
    if let (Some(item), true) = (free, formula.as_ref().is_some_and(Formula::is_of_money)) {
        report.add_hint(
            item.span(),
            "`free` is a number of units, and this is a price of an amount",
            "write `free_amount`",
        );
    }
    let free = free.and_then(|item| value::above_zero(item, "`free`", report));
    let when = every.map_or(Some(When::Period), |item| self::every(item, report));
    let meter = meter?;
    let mut usage = named(entry.key, meter);
    usage.name = name.unwrap_or(usage.name);
    usage.free = free;
    usage.tax = tax.and_then(|item| billing::category(item, report));
    usage.filter = filter.map(|item| self::filter(item, meter, report)).unwrap_or_default();
    usage.group_by = group_by.map(|item| self::group_by(item, meter, report)).unwrap_or_default();
    usage.prices = resolve(entry, &formula?, meter, when?, currencies, book?, report)?;
    (report.count() == before).then_some(usage)
}

fn named(key: &str, meter: &Meter) -> UsagePrice {
    UsagePrice {
        key: key.to_owned(),
        name: meter.name.clone(),
        meter: meter.key.clone(),
        filter: BTreeMap::new(),
        group_by: Vec::new(),
        free: None,
        tax: None,
        prices: Vec::new(),
    }
}

/// The price in every currency the plan is sold in.
fn resolve(
    entry: &Entry<'_>,
    formula: &Formula,
    meter: &Meter,
    when: When,
    currencies: &[Currency],
    book: Currency,
    report: &mut Report,
) -> Option<Vec<Price>> {
    if formula.is_of_money() && !must_sum(meter, entry.key_span.clone(), report) {
        return None;
    }
    let mut given = Amounts::currencies(formula.amounts(), book);
    match currencies.iter().find(|currency| !given.contains(currency)) {
        // Percentages and zeros count in every currency.
        _ if given.is_empty() => given.extend(currencies),
        Some(missing) => {
            let message = format!("the plan is sold in {missing}, and this price has no amount in it");
            let all: Vec<String> = currencies.iter().map(|currency| format!("{currency} = \"5\"")).collect();
            let hint = format!("write one for each currency: {{ {} }}", all.join(", "));
            report.add_hint(entry.key_span.clone(), message, hint);
            return None;
        }
        None => {}
    }
    let unit = Some(meter.unit.as_str());
    let price = |currency: Currency, report: &mut Report| {
        let resolved = formula.resolve(unit, currency, book, report)?;
        let (minimum, maximum) = (resolved.minimum, resolved.maximum);
        Some(Price { pay_in: PayIn::Arrears, minimum, maximum, ..Price::new(when, currency, resolved.kind) })
    };
    let mut prices: Vec<Price> = Vec::new();
    for currency in given {
        prices.push(price(currency, report)?);
    }
    prices.sort_by_key(|price| (price.currency != book, price.currency));
    Some(prices)
}

fn every(item: &Item<'_>, report: &mut Report) -> Option<When> {
    const WORDS: [&str; 6] = ["day", "week", "month", "quarter", "half_year", "year"];
    let word = value::text(item, "`every`", report)?;
    prices::cycle(word, item.span(), &WORDS, report).map(When::Every)
}

fn filter(item: &Item<'_>, meter: &Meter, report: &mut Report) -> BTreeMap<String, String> {
    let mut filter = BTreeMap::new();
    let Some(table) = item.get_ref().as_table() else {
        let hint = "write where = { region = \"eu\" } with your own dimension";
        report.add_hint(item.span(), "`where` names dimensions and their values", hint);
        return filter;
    };
    for Entry { key, key_span, item } in super::amount::by_place(table) {
        has_dimension(meter, key, key_span, report);
        filter.extend(value::value(item, report).map(|value| (key.to_owned(), value)));
    }
    filter
}

fn group_by(item: &Item<'_>, meter: &Meter, report: &mut Report) -> Vec<String> {
    let mut dimensions: Vec<String> = Vec::new();
    for item in value::list(item, "`group_by`", report) {
        let Some(word) = value::text(item, "a dimension", report) else { continue };
        if has_dimension(meter, word, item.span(), report) && dimensions.iter().any(|known| known == word) {
            report.add(item.span(), format!("dimension `{}` is listed twice", short(word)));
        }
        dimensions.push(word.to_owned());
    }
    dimensions
}

/// Two prices of one meter for the same events: only one of them would ever be used.
pub(super) fn check_overlap(entry: &Entry<'_>, plan: &Plan, report: &mut Report) {
    let mut seen = BTreeMap::new();
    for usage in &plan.usage {
        if let Some(before) = seen.insert((&usage.meter, &usage.filter), &usage.key) {
            let message = format!("`{before}` and `{}` price the same usage of `{}`", usage.key, usage.meter);
            let hint = "keep one of the two, or tell them apart by `where`";
            report.add_hint(entry.key_span.clone(), message, hint);
        }
    }
}

/// What a plan has from the one it builds on must be in the currencies it is sold in.
pub(super) fn check_currencies(entry: &Entry<'_>, plan: &Plan, report: &mut Report) {
    let currencies = plan.currencies();
    for usage in &plan.usage {
        if let Some(missing) = currencies.iter().find(|currency| usage.price_in(**currency).is_none()) {
            let message =
                format!("usage price `{}` has no amount in {missing}, in which the plan is sold", usage.key);
            report.add_hint(
                entry.key_span.clone(),
                message,
                format!("add a price for `{}` to this plan", usage.key),
            );
        }
    }
}
