//! `thresholds = { … }` of a plan.

use std::ops::Range;

use kernel::{Currency, UnitPrice};

use super::{
    super::{model::Plan, threshold::Thresholds},
    amount::Amounts,
    report::Report,
    section::{Entry, Item, Section},
    value,
};

/// Most thresholds of a plan.
const MAX_THRESHOLDS: usize = 100;

/// An amount and its place.
type Written = (Range<usize>, Amounts);

/// Read the thresholds of a plan sold in `currencies`. None when there is a mistake, which has been reported.
pub(super) fn read(
    item: &Item<'_>,
    currencies: &[Currency],
    book: Currency,
    report: &mut Report,
) -> Option<Vec<Thresholds>> {
    let before = report.count();
    let mut section = Section::open("`thresholds`", item.span(), item, report)?;
    let at = section.optional("at");
    let every = section.optional("every");
    section.close(report);
    let at = at.map_or(&[][..], |item| value::list(item, "`at`", report));
    if let Some(item) = at.get(MAX_THRESHOLDS) {
        report.add(item.span(), format!("a plan has at most {MAX_THRESHOLDS} thresholds"));
        return None;
    }
    let mut written = |item: &Item<'_>| Some((item.span(), Amounts::read(item, report)?));
    let at: Vec<Written> = at.iter().filter_map(&mut written).collect();
    let every = every.and_then(written);
    if report.count() > before {
        return None;
    }
    if at.is_empty() && every.is_none() {
        let hint = "write { at = [\"200\", \"500\"] }, { every = \"1000\" }, or both, with your own figures";
        report.add_hint(item.span(), "there is no amount", hint);
        return None;
    }
    let list = currencies.iter().map(|currency| in_currency(&at, every.as_ref(), *currency, book, report));
    let list: Vec<Thresholds> = list.collect();
    (report.count() == before).then_some(list)
}

fn in_currency(
    at: &[Written],
    every: Option<&Written>,
    currency: Currency,
    book: Currency,
    report: &mut Report,
) -> Thresholds {
    let mut thresholds = Thresholds { currency, at: Vec::new(), every: None };
    for written in at {
        let Some(amount) = amount(written, currency, book, report) else { continue };
        if thresholds.at.last().is_some_and(|before| *before >= amount) {
            report.add(written.0.clone(), "the threshold is not above the one before it");
        }
        thresholds.at.push(amount);
    }
    thresholds.every = every.and_then(|written| amount(written, currency, book, report));
    thresholds
}

/// The amount in a currency: above 0, and one that can be billed.
fn amount(written: &Written, currency: Currency, book: Currency, report: &mut Report) -> Option<UnitPrice> {
    let (span, amounts) = written;
    let missing = || format!("the plan is sold in {currency}, and this threshold has no amount in it");
    let amount = amounts.get_or(currency, book, missing, report)?;
    if Thresholds::allows(amount, currency) {
        return Some(amount);
    }
    let places = match currency.exponent() {
        0 => "without decimals".to_owned(),
        1 => "with at most 1 decimal".to_owned(),
        places => format!("with at most {places} decimals"),
    };
    report.add(span.clone(), format!("a threshold in {currency} is an amount above 0 {places}"));
    None
}

/// Thresholds are reached by usage, and stand in every currency the plan is sold in: also those it has from the
/// plan it builds on.
pub(super) fn check(entry: &Entry<'_>, plan: &Plan, report: &mut Report) {
    if plan.thresholds.is_empty() {
        return;
    }
    let span = entry.key_span.clone();
    if plan.usage.is_empty() {
        let message = "the plan has thresholds, and no usage that could reach them";
        return report.add_hint(span, message, "add `usage`, or leave `thresholds` out");
    }
    let missing = plan.currencies().into_iter().find(|currency| plan.thresholds_in(*currency).is_none());
    if let Some(missing) = missing {
        let message = format!("the thresholds have no amount in {missing}, in which the plan is sold");
        report.add_hint(span, message, "add `thresholds` to this plan");
    }
}
