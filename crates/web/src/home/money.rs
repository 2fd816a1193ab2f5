//! What was billed, what was taken back and what was paid, month by month.

use std::collections::BTreeMap;

use billing::figures::{Kind, Month};
use jiff::{ToSpan, civil::Date};
use kernel::Currency;
use maud::{Markup, html};

use crate::{
    gate::{Answers, Desk},
    show, ui,
};

/// Months a chart has, the one we are in among them.
const MONTHS: i32 = 12;

/// The first month of the chart.
pub(super) fn first_month(today: Date) -> Date {
    let first = today.first_of_month();
    first.checked_sub((MONTHS - 1).months()).unwrap_or(first)
}

/// In which currency the page speaks: the one asked for, the first legal entity's, or the one most is billed in.
pub(super) fn currency(asked: &Answers, desk: &Desk, months: &[Month]) -> Currency {
    let used = documents(months);
    let known = |currency: &Currency| used.contains_key(currency);
    let wanted = asked.some("currency").and_then(|code| Currency::parse(code).ok()).filter(known);
    let own = desk.entities.first().map(|entity| entity.currency);
    let most = used.iter().max_by_key(|(_, count)| **count).map(|(currency, _)| *currency);
    wanted.or(own.filter(known)).or(most).or(own).unwrap_or_else(fallback)
}

/// Where nothing says a currency.
fn fallback() -> Currency {
    Currency::parse("USD").expect("it is in the list of currencies")
}

fn documents(months: &[Month]) -> BTreeMap<Currency, i64> {
    let mut used = BTreeMap::new();
    for month in months {
        *used.entry(month.currency).or_default() += month.documents;
    }
    used
}

/// The other currencies the chart can be drawn in.
pub(super) fn currencies(desk: &Desk, months: &[Month], shown: Currency) -> Markup {
    let used = documents(months);
    html! {
        @if used.len() > 1 {
            ul class="tabs" {
                @for currency in used.keys() {
                    @let href = desk.at(&format!("/?currency={currency}"));
                    li { a href=(href) aria-current=[(*currency == shown).then_some("true")] { (currency) } }
                }
            }
        }
    }
}

fn total(months: &[Month], month: Date, kind: Kind, currency: Currency) -> (i64, i64) {
    let found = months.iter().find(|one| one.month == month && one.kind == kind && one.currency == currency);
    found.map_or((0, 0), |one| (one.total, one.documents))
}

/// The figure of the month we are in.
pub(super) struct ThisMonth {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) note: Markup,
    pub(super) href: String,
}

pub(super) fn this_month(desk: &Desk, months: &[Month], currency: Currency) -> ThisMonth {
    let month = desk.zone.date_of(desk.now).first_of_month();
    let (billed, _) = total(months, month, Kind::Invoice, currency);
    let (credited, notes) = total(months, month, Kind::CreditNote, currency);
    let before = month.checked_sub(1.month()).unwrap_or(month);
    let (last, _) = total(months, before, Kind::Invoice, currency);
    let last = html! {
        a href=(invoices(desk, before, currency)) { (ui::amount(&show::minor(last.into(), currency))) }
        " in " (before.strftime("%B"))
    };
    let (received, payments) = total(months, month, Kind::Payment, currency);
    let note = match notes {
        _ if payments > 0 => {
            html! { a href=(desk.at("/payments")) { (ui::amount(&show::minor(received.into(), currency))) } " received" }
        }
        0 => last,
        _ => html! { (show::minor(credited.into(), currency)) " credited; " (last) },
    };
    ThisMonth {
        label: format!("Billed in {}", month.strftime("%B")),
        value: show::minor(billed.into(), currency),
        note,
        href: invoices(desk, month, currency),
    }
}

/// The invoices of a month.
fn invoices(desk: &Desk, month: Date, currency: Currency) -> String {
    desk.at(&format!("/invoices?from={month}&to={}&currency={currency}", month.last_of_month()))
}

pub(super) fn chart(desk: &Desk, months: &[Month], currency: Currency, today: Date) -> Markup {
    let first = first_month(today);
    let shown: Vec<Date> = (0..MONTHS).filter_map(|at| first.checked_add(at.months()).ok()).collect();
    let texts: Vec<[String; 4]> = shown
        .iter()
        .map(|month| {
            let text = |format: &str| month.strftime(format).to_string();
            [text("%b"), text("%B %Y"), text("%Y"), invoices(desk, *month, currency)]
        })
        .collect();
    let slots: Vec<ui::Slot> = texts
        .iter()
        .zip(&shown)
        .map(|([label, name, group, href], month)| ui::Slot {
            label,
            name,
            group,
            open: *month == today.first_of_month(),
            href: Some(href),
        })
        .collect();
    let unlinked: Vec<ui::Slot> = slots.iter().map(|slot| ui::Slot { href: None, ..*slot }).collect();
    let series = |name, kind, sign: i128| {
        let value = |month: &Date| {
            let size = sign * i128::from(total(months, *month, kind, currency).0);
            Some(ui::Value { size, text: show::minor(size, currency) })
        };
        ui::Series { name, values: shown.iter().map(value).collect() }
    };
    let received = [series("Received", Kind::Payment, 1)];
    let series = [series("Billed", Kind::Invoice, 1), series("Credited", Kind::CreditNote, -1)];
    let billed = ui::columns(&ui::Chart {
        title: &format!("Billed and credited by month of issue, in {currency}"),
        summary: &summary(months, &shown, currency),
        over: "Month",
        slots: &slots,
        series: &series,
        tick: &|minor| show::brief(minor, currency),
    });
    let paid = shown.iter().map(|month| i128::from(total(months, *month, Kind::Payment, currency).0));
    let paid = paid.sum::<i128>();
    html! {
        (billed)
        @if paid > 0 {
            (ui::columns(&ui::Chart {
                title: &format!("Money received by month, in {currency}"),
                summary: &format!("{} received in twelve months.", show::minor(paid, currency)),
                over: "Month",
                slots: &unlinked,
                series: &received,
                tick: &|minor| show::brief(minor, currency),
            }))
        }
    }
}

/// The chart in a sentence.
fn summary(months: &[Month], shown: &[Date], currency: Currency) -> String {
    let sum =
        |kind| shown.iter().map(|month| i128::from(total(months, *month, kind, currency).0)).sum::<i128>();
    let (billed, credited) = (sum(Kind::Invoice), sum(Kind::CreditNote));
    let most = shown.iter().max_by_key(|month| total(months, **month, Kind::Invoice, currency).0);
    let Some(most) = most.filter(|_| billed > 0) else {
        return format!("Nothing was billed in {currency} yet.");
    };
    let best = total(months, *most, Kind::Invoice, currency).0;
    format!(
        "{} billed and {} credited in twelve months; most in {}, {}.",
        show::minor(billed, currency),
        show::minor(credited, currency),
        most.strftime("%B"),
        show::minor(best.into(), currency),
    )
}
