//! `price = { … }` of a plan or an add-on.

use kernel::Cycle;

use super::{
    super::price::{Price, PriceKind, When},
    BookCurrency,
    report::{Report, short},
    section::{Entry, Item},
    value,
};

/// The words suggested for a mistyped key; every other cycle is written as a count of them.
const WORDS: [&str; 8] = ["per", When::ONCE, "day", "week", "month", "quarter", "half_year", "year"];

/// Most cycles of one price.
const MAX_CYCLES: usize = 20;

/// What a price table said. None stands for a mistake, which has been reported.
pub(super) struct Prices {
    pub list: Option<Vec<Price>>,
    /// `per`, as written.
    pub unit: Option<String>,
}

/// Read a price table. A plan comes back each period, so `once` is for add-ons.
pub(super) fn read(
    item: &Item<'_>,
    currency: BookCurrency,
    once_allowed: bool,
    report: &mut Report,
) -> Prices {
    let before = report.count();
    let Some(table) = item.get_ref().as_table() else {
        let message = "a price says for how long it is paid";
        report.add_hint(item.span(), message, "write { month = \"49\" } with your own figures");
        return Prices { list: None, unit: None };
    };
    let mut keys: Vec<Entry<'_>> = table
        .iter()
        .map(|(key, item)| Entry { key: key.get_ref().as_ref(), key_span: key.span(), item })
        .collect();
    keys.sort_by_key(|entry| entry.key_span.start);

    let unit = table.get("per").and_then(|item| value::unit(item, report));
    let mut list: Vec<Price> = Vec::new();
    for entry in keys.iter().filter(|entry| entry.key != "per") {
        let when = when(entry, report);
        let amount = value::price(entry.item, report);
        let (Some(when), Some(amount)) = (when, amount) else { continue };
        if list.iter().any(|price| price.when == when) {
            report.add(entry.key_span.clone(), format!("there are two prices for the cycle `{when}`"));
        }
        let kind = match &unit {
            Some(unit) => PriceKind::PerUnit { unit: unit.clone(), amount },
            None => PriceKind::Flat { amount },
        };
        list.extend(currency.map(|currency| Price { when, currency, kind }));
    }
    list.sort_by_cached_key(|price| length(price.when));
    check_once(&keys, once_allowed, report);
    if keys.len() > MAX_CYCLES {
        report.add(item.span(), format!("a price has at most {MAX_CYCLES} cycles"));
    }
    if keys.iter().all(|entry| entry.key == "per") {
        report.add_hint(item.span(), "there is no amount", "add one for a cycle, such as month = \"49\"");
    }
    Prices { list: (report.count() == before).then_some(list), unit }
}

fn when(entry: &Entry<'_>, report: &mut Report) -> Option<When> {
    if entry.key == When::ONCE {
        return Some(When::Once);
    }
    let cycle = Cycle::parse(entry.key).ok();
    if cycle.is_none() {
        let message = format!("`{}` is not a billing cycle", short(entry.key));
        report.add_unknown(entry.key_span.clone(), message, entry.key, WORDS);
    }
    cycle.map(When::Every)
}

/// Orders prices by the length of their cycle, in days, and equal lengths by their text.
fn length(when: When) -> (u32, String) {
    let days = |cycle: Cycle| cycle.days().or_else(|| cycle.months().map(|months| months * 30)).unwrap_or(0);
    (when.cycle().map_or(0, days), when.to_string())
}

fn check_once(keys: &[Entry<'_>], once_allowed: bool, report: &mut Report) {
    let Some(once) = keys.iter().find(|entry| entry.key == When::ONCE) else { return };
    let beside = keys.iter().any(|entry| entry.key != When::ONCE && entry.key != "per");
    if !once_allowed {
        let hint = "give a price for a cycle, and make what is paid one time an add-on";
        report.add_hint(once.key_span.clone(), "a plan is not paid once", hint);
    } else if beside {
        let hint = "make two add-ons of it";
        report.add_hint(once.key_span.clone(), "a price is paid either once or every cycle", hint);
    }
}
