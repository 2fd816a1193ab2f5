//! `price = { … }` of a plan or an add-on, and `minimum = { … }` of a plan.

use std::ops::Range;

use kernel::{Currency, Cycle, Exact, Rate, UnitPrice};

use super::{
    super::price::{PayIn, Prepaid, Price, PriceKind, Tiers, When, recurring},
    BookCurrency,
    amount::{Amounts, by_place, is_by_currency},
    formula::{Formula, Resolved},
    meters::Meters,
    report::{Report, short},
    section::{Entry, Item, Section},
    value,
};

/// The words suggested for a mistyped key; every other cycle is written as a count of them.
const WORDS: [&str; 10] =
    ["per", "or_less", "pay_in", When::ONCE, "day", "week", "month", "quarter", "half_year", "year"];
/// The keys of a price that are no cycle.
const NO_CYCLE: [&str; 3] = ["per", "or_less", "pay_in"];

/// Most cycles of one price.
const MAX_CYCLES: usize = 20;

/// What a price is the price of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Of {
    /// It comes back each period.
    Plan,
    /// It may be paid once.
    Addon,
    /// Flat, each period.
    Minimum,
}

/// What a price table said. None stands for a mistake, which has been reported.
pub(super) struct Prices {
    pub list: Option<Vec<Price>>,
    /// `per`, as written.
    pub unit: Option<String>,
}

/// Read a price table.
pub(super) fn read(
    item: &Item<'_>,
    of: Of,
    currency: BookCurrency,
    meters: &Meters<'_>,
    report: &mut Report,
) -> Prices {
    let before = report.count();
    let Some(table) = item.get_ref().as_table() else {
        let message = "a price says for how long it is paid";
        report.add_hint(item.span(), message, "write { month = \"49\" } with your own figures");
        return Prices { list: None, unit: None };
    };
    let keys = by_place(table);
    let unit = table.get("per").and_then(|item| value::unit(item, report));
    let lesser = table.get("or_less").and_then(|item| lesser(item, table.get("per"), meters, report));
    let pay_in = table.get("pay_in").and_then(|item| pay_in(item, lesser.is_some(), report));
    let pay_in = pay_in.unwrap_or(if lesser.is_some() { PayIn::Arrears } else { PayIn::Advance });
    if of == Of::Minimum {
        for key in keys.iter().filter(|entry| NO_CYCLE.contains(&entry.key)) {
            report.add(key.key_span.clone(), format!("`{}` is not a key of a minimum", key.key));
        }
    }
    let mut list = List { of, unit: unit.as_deref(), lesser, pay_in, prices: Vec::new(), seen: Vec::new() };
    let cycles = || keys.iter().filter(|entry| !NO_CYCLE.contains(&entry.key));
    // Discounts follow from the price of a month, wherever that stands.
    for entry in cycles().filter(|entry| value::percent_off(entry.item).is_none()) {
        list.add(entry, currency, report);
    }
    for entry in cycles() {
        if let Some(percent) = value::percent_off(entry.item) {
            list.add_discounted(entry, percent, table.contains_key("month"), report);
        }
    }
    let mut list = list.prices;
    list.sort_by_cached_key(|price| (length(price.when), Some(price.currency) != currency, price.currency));
    check_once(&keys, of, report);
    if keys.len() > MAX_CYCLES {
        report.add(item.span(), format!("a price has at most {MAX_CYCLES} cycles"));
    }
    if cycles().next().is_none() {
        report.add_hint(item.span(), "there is no amount", "add one for a cycle, such as month = \"49\"");
    }
    Prices { list: (report.count() == before).then_some(list), unit }
}

/// The prices of a table as they come.
struct List<'a> {
    of: Of,
    unit: Option<&'a str>,
    lesser: Option<(Rate, String)>,
    pay_in: PayIn,
    prices: Vec<Price>,
    seen: Vec<When>,
}

impl List<'_> {
    fn when(&mut self, entry: &Entry<'_>, report: &mut Report) -> Option<When> {
        let when = when(entry, report)?;
        if self.seen.contains(&when) {
            report.add(entry.key_span.clone(), format!("there are two prices for the cycle `{when}`"));
            return None;
        }
        self.seen.push(when);
        Some(when)
    }

    /// A price with figures of its own, once for each currency.
    fn add(&mut self, entry: &Entry<'_>, book: BookCurrency, report: &mut Report) {
        let when = self.when(entry, report);
        let formula = figure(entry, self.unit, self.lesser.is_some(), self.of, report);
        let (Some(when), Some(formula), Some(book)) = (when, formula, book) else { return };
        let mut currencies = Amounts::currencies(formula.amounts(), book);
        if currencies.is_empty() {
            currencies.insert(book);
        }
        for currency in currencies {
            let resolved = formula.resolve(self.unit, currency, book, report);
            self.prices.extend(resolved.map(|resolved| self.price(when, currency, resolved)));
        }
    }

    fn price(&self, when: When, currency: Currency, resolved: Resolved) -> Price {
        let kind = match (resolved.kind, &self.lesser) {
            (PriceKind::Flat { amount }, Some((rate, of))) => {
                PriceKind::LesserOf { amount, rate: *rate, of: of.clone() }
            }
            (kind, _) => kind,
        };
        let (minimum, maximum) = (resolved.minimum, resolved.maximum);
        Price { pay_in: self.pay_in, minimum, maximum, ..Price::new(when, currency, kind) }
    }

    /// "10 % off": so many times the price of a month, less the discount.
    fn add_discounted(&mut self, entry: &Entry<'_>, percent: &str, has_month: bool, report: &mut Report) {
        let span = entry.item.span();
        let Some(when) = self.when(entry, report) else { return };
        let off = Rate::parse_percent(percent).ok().filter(|rate| *rate <= Rate::WHOLE);
        let Some(off) = off else {
            let hint = "write a percentage from 0 to 100, such as \"10 % off\"";
            return report.add_hint(span, format!("`{}` is not a discount", short(percent)), hint);
        };
        let months = when.cycle().and_then(Cycle::months).filter(|months| *months > 1);
        let Some(months) = months else {
            return report.add(span, "a discount is for paying several months at once");
        };
        if !has_month {
            let hint = "add one, such as month = \"49\"";
            return report.add_hint(
                span,
                "the discount is off the price of a month, and there is none",
                hint,
            );
        }
        let kept = Exact::one() - off.exact();
        let factor = Exact::from(i64::from(months)) * kept;
        let monthly: Vec<&Price> =
            self.prices.iter().filter(|price| price.when == When::Every(Cycle::MONTH)).collect();
        let prices: Option<Vec<Price>> = monthly
            .iter()
            .map(|month| {
                let prepaid = Prepaid { months, off, monthly: month.amount() };
                Some(Price { when, prepaid: Some(prepaid), ..scaled(month, &factor)? })
            })
            .collect();
        match prices {
            Some(prices) => self.prices.extend(prices),
            None => report.add_hint(
                span,
                "the discounted price has more than 12 decimals",
                "write the amount instead",
            ),
        }
    }
}

/// The price of a period that is `factor` times as long. None when a figure needs more than 12 decimals.
fn scaled(price: &Price, factor: &Exact) -> Option<Price> {
    let times = |amount: UnitPrice| UnitPrice::parse(&(amount.exact() * factor).to_string()).ok();
    let tiers = |tiers: &Tiers| {
        let mut scaled = tiers.clone();
        for tier in &mut scaled.tiers {
            (tier.price, tier.flat) = (times(tier.price)?, times(tier.flat)?);
        }
        Some(scaled)
    };
    let mut scaled = price.clone();
    match &mut scaled.kind {
        PriceKind::Flat { amount }
        | PriceKind::PerUnit { amount, .. }
        | PriceKind::Package { amount, .. }
        | PriceKind::LesserOf { amount, .. } => *amount = times(*amount)?,
        PriceKind::Graduated(old) | PriceKind::Volume(old) => *old = tiers(old)?,
        PriceKind::Percentage(_) | PriceKind::GraduatedPercentage { .. } | PriceKind::Dynamic { .. } => {}
    }
    for amount in [&mut scaled.minimum, &mut scaled.maximum].into_iter().flatten() {
        *amount = times(*amount)?;
    }
    Some(scaled)
}

/// The figure of one cycle: an amount, one for each currency, or a section that says how it is found.
fn figure(
    entry: &Entry<'_>,
    unit: Option<&str>,
    lesser: bool,
    of: Of,
    report: &mut Report,
) -> Option<Formula> {
    let item = entry.item;
    if !item.get_ref().is_table() || is_by_currency(item) {
        return Amounts::read(item, report).map(Formula::each);
    }
    let mut section = Section::open("a price", item.span(), item, report)?;
    let formula = Formula::read(&mut section, item.span(), report);
    section.close(report);
    let formula = formula?;
    let wrong = if formula.is_of_money() {
        "what a meter measures is priced under `usage`"
    } else if of == Of::Minimum || lesser {
        "an amount stands here"
    } else if !formula.is_plain() && unit.is_none() {
        let hint = "add what is counted, such as per = \"user\"";
        report.add_hint(item.span(), "the price depends on how many there are of what", hint);
        return None;
    } else {
        return Some(formula);
    };
    report.add(item.span(), wrong);
    None
}

/// `or_less = { percent = "2", of = "ai_spend" }`.
fn lesser(
    item: &Item<'_>,
    per: Option<&Item<'_>>,
    meters: &Meters<'_>,
    report: &mut Report,
) -> Option<(Rate, String)> {
    let mut section = Section::open("`or_less`", item.span(), item, report)?;
    let percent = section.required("percent", report);
    let of = section.required("of", report);
    section.close(report);
    if let Some(per) = per {
        report.add(per.span(), "a price that may be a percentage instead is not per unit");
    }
    let percent = percent.and_then(|item| value::percent(item, report));
    let of = of.and_then(|item| meters.summed(item, report));
    Some((percent?, of?.key.clone()))
}

fn pay_in(item: &Item<'_>, lesser: bool, report: &mut Report) -> Option<PayIn> {
    let choices = [("advance", PayIn::Advance), ("arrears", PayIn::Arrears)];
    let pay_in = value::choice(item, "`pay_in`", &choices, report)?;
    if lesser && pay_in == PayIn::Advance {
        report.add(item.span(), "a price that may be a percentage instead is known only at the period's end");
    }
    Some(pay_in)
}

fn when(entry: &Entry<'_>, report: &mut Report) -> Option<When> {
    if entry.key == When::ONCE {
        return Some(When::Once);
    }
    cycle(entry.key, entry.key_span.clone(), &WORDS, report).map(When::Every)
}

/// A billing cycle; what is none is reported at `span`.
pub(super) fn cycle(
    word: &str,
    span: Range<usize>,
    known: &[&'static str],
    report: &mut Report,
) -> Option<Cycle> {
    let cycle = Cycle::parse(word).ok();
    if cycle.is_none() {
        let message = format!("`{}` is not a billing cycle", short(word));
        report.add_unknown(span, message, word, known.iter().copied());
    }
    cycle
}

/// Whether there is a price for this cycle, or one for a month that counts for each of its months.
pub(super) fn covers(prices: &[Price], cycle: Cycle, currency: Currency) -> bool {
    let month = || cycle.months().and(recurring(prices, Cycle::MONTH, currency));
    recurring(prices, cycle, currency).or_else(month).is_some()
}

/// Orders prices by the length of their cycle, in days, and equal lengths by their text.
fn length(when: When) -> (u32, String) {
    let days = |cycle: Cycle| cycle.days().or_else(|| cycle.months().map(|months| months * 30)).unwrap_or(0);
    (when.cycle().map_or(0, days), when.to_string())
}

fn check_once(keys: &[Entry<'_>], of: Of, report: &mut Report) {
    let Some(once) = keys.iter().find(|entry| entry.key == When::ONCE) else { return };
    let beside = keys.iter().any(|entry| entry.key != When::ONCE && !NO_CYCLE.contains(&entry.key));
    let lesser = keys.iter().any(|entry| entry.key == "or_less");
    if of == Of::Plan {
        let hint = "give a price for a cycle, and make what is paid one time an add-on";
        report.add_hint(once.key_span.clone(), "a plan is not paid once", hint);
    } else if of == Of::Minimum {
        report.add(once.key_span.clone(), "a minimum is for a period");
    } else if beside {
        let hint = "make two add-ons of it";
        report.add_hint(once.key_span.clone(), "a price is paid either once or every cycle", hint);
    } else if lesser {
        report.add(once.key_span.clone(), "what is paid once has no period in which something is measured");
    }
}
