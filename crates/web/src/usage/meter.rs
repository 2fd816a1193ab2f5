//! A meter's history of one customer, and its events with the lines that bill them.

use axum::extract::RawPathParams;
use billing::invoice;
use catalog::version;
use identity::permission::may;
use jiff::{Timestamp, ToSpan};
use kernel::{
    Error, Exact, Period, Result, Zone, ids,
    ids::{CustomerId, InvoiceId},
};
use maud::{Markup, html};
use metering::{
    event,
    log::Entry,
    usage::{self, Addressed, Figure, Grain, Span, Subject},
};
use store::View;

use super::{bars::number, one::Whole};
use crate::{
    gate::{Answer, Asked, Desk, Named, Sheet, Staff},
    show, ui,
};

/// Events shown.
const EVENTS: usize = 50;
/// Invoices looked through for the lines of events.
const INVOICES: i64 = 60;

/// A line that was measured, where it stands, and what it is of.
#[derive(Clone)]
struct Billed {
    invoice: InvoiceId,
    number: String,
    ordinal: i64,
    period: Period,
}

/// The length of a history's parts, and how far it goes back.
fn history_of(word: &str, zone: &Zone, now: Timestamp) -> (Grain, Timestamp, &'static str) {
    let days = |days: i64| zone.start_of_day(zone.date_of(now).saturating_sub(days.days()));
    match word {
        "hour" => (Grain::Hour, now.checked_sub(48.hours()).unwrap_or(now), "hour"),
        "month" => {
            let first = zone.date_of(now).first_of_month();
            (Grain::Month, zone.start_of_day(first.saturating_sub(11.months())), "month")
        }
        _ => (Grain::Day, days(29), "day"),
    }
}

pub(super) async fn page(
    staff: Staff<may::SubscriptionRead>,
    Named(id): Named<ids::Customer>,
    params: RawPathParams,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let key =
        params.iter().find(|(name, _)| *name == "meter").map(|(_, key)| key.to_owned()).unwrap_or_default();
    let wanted = key.clone();
    let load = move |view: &mut View<'_>| {
        let whole = Whole::read(view, id)?;
        let found = whole.meter(&wanted).map(|(version, meter)| event::Meter::of(&version.book, meter));
        let meter = found.ok_or_else(|| Error::not_found("meter"))?;
        Ok((billed(view, id, &wanted)?, whole, meter))
    };
    let (lines, whole, meter) = staff.read(load).await?;
    let (zone, now) = (whole.customer.zone.clone(), staff.now);
    let (grain, from, word) = history_of(asked.get("by"), &zone, now);
    let (_, to) = usage::window::calendar(grain_unit(grain), &zone, now);
    let (db, scope) = staff.hands();
    let shown = meter.clone();
    let read = db.usage().read(&scope, move |view| {
        let subject = Subject { customer: id, subscription: None, unnamed: None, meter: &shown };
        let history = usage::history(view, subject, grain, &zone, (from, to), now)?;
        let events = usage::last_events(view, subject, Span::new(from, to), EVENTS)?;
        Ok((history, events))
    });
    let (history, events) = read.await?;
    let name = whole.called(&key);
    let unit = whole.meter(&key).map(|(_, meter)| meter.unit.clone()).unwrap_or_default();
    let path = staff.at(&format!("/usage/{id}/{key}"));
    let crumbs = [
        ui::Crumb { label: "Usage", href: &staff.at("/usage") },
        ui::Crumb { label: &whole.name, href: &staff.at(&format!("/usage/{id}")) },
    ];
    let choices = html! {
        @for (by, label) in [("hour", "48 hours"), ("day", "30 days"), ("month", "12 months")] {
            (ui::button_link(if by == word { ui::Button::Primary } else { ui::Button::Plain }, label, &format!("{path}?by={by}")))
        }
    };
    let body = html! {
        (ui::header(&name, &whole.name, choices))
        (chart(&whole, &history, &name, &unit, (word, meter.decimals)))
        (ui::section("Last events", html! {}, events_table(&staff, &events, &lines, &meter)))
    };
    Ok(staff.page(Sheet::new(ui::Section::Usage, &name).below(&crumbs), body))
}

const fn grain_unit(grain: Grain) -> catalog::WindowUnit {
    match grain {
        Grain::Hour => catalog::WindowUnit::Hour,
        Grain::Day => catalog::WindowUnit::Day,
        Grain::Month => catalog::WindowUnit::Month,
    }
}

/// The lines of a customer's last invoices that a meter was measured for.
fn billed(view: &mut View<'_>, customer: CustomerId, meter: &str) -> Result<Vec<Billed>> {
    let mut found = Vec::new();
    for one in invoice::of_customer(view, customer, None, INVOICES)? {
        for line in invoice::lines(view, one.id)? {
            if line.measured.is_none() || !is_of(view, &line, meter)? {
                continue;
            }
            let number = one.number.clone().unwrap_or_else(|| "Draft".to_owned());
            found.push(Billed { invoice: one.id, number, ordinal: line.ordinal, period: line.period });
        }
    }
    Ok(found)
}

fn is_of(view: &mut View<'_>, line: &invoice::Line, meter: &str) -> Result<bool> {
    if line.key == meter {
        return Ok(true);
    }
    let subscription = billing::subscription::find(view, line.subscription)?;
    let version = version::find(view, subscription.book)?;
    let mut prices = version.book.plans.iter().flat_map(|plan| &plan.usage);
    Ok(prices.any(|usage| usage.key == line.key && usage.meter == meter))
}

fn chart(
    whole: &Whole,
    history: &[(Span, Figure)],
    name: &str,
    unit: &str,
    (word, decimals): (&str, u8),
) -> Markup {
    let zone = &whole.customer.zone;
    let texts: Vec<[String; 3]> = history
        .iter()
        .map(|(span, _)| {
            let at = Timestamp::from_microsecond(span.start).unwrap_or(Timestamp::UNIX_EPOCH);
            let date = zone.date_of(at);
            match word {
                "month" => [
                    date.strftime("%b").to_string(),
                    date.strftime("%B %Y").to_string(),
                    date.strftime("%Y").to_string(),
                ],
                "hour" => {
                    let shown = show::instant(at, zone);
                    let hour = shown.rsplit(' ').next().unwrap_or_default().to_owned();
                    [hour, shown, date.strftime("%-d %b").to_string()]
                }
                _ => [date.strftime("%-d").to_string(), show::date(date), date.strftime("%b").to_string()],
            }
        })
        .collect();
    let last = texts.len().saturating_sub(1);
    let slots: Vec<ui::Slot> = texts
        .iter()
        .enumerate()
        .map(|(at, [label, name, group])| ui::Slot { label, name, group, open: at == last, href: None })
        .collect();
    let scale = Exact::ratio(10_i128.pow(decimals.into()), 1);
    let value = |figure: &Figure| ui::Value {
        size: (&figure.value * &scale).floor().unwrap_or(i64::MAX).into(),
        text: show::units(&number(&figure.value.to_string()), unit),
    };
    let series =
        [ui::Series { name, values: history.iter().map(|(_, figure)| Some(value(figure))).collect() }];
    let events: u64 = history.iter().map(|(_, figure)| figure.events).sum();
    let tick = |size: i128| {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let figure = kernel::Quantity::from_scaled(size, decimals).map(|one| one.to_string());
        number(&figure.unwrap_or_default())
    };
    ui::columns(&ui::Chart {
        title: &format!("{name} by {word}"),
        summary: &format!(
            "{} in {}.",
            show::count(events, "event"),
            show::count(history.len() as i128, word)
        ),
        over: &show::sentence(word),
        slots: &slots,
        series: &series,
        tick: &tick,
    })
}

fn events_table(desk: &Desk, events: &Addressed, lines: &[Billed], meter: &event::Meter) -> Markup {
    let rows = events.iter().map(|(_, entry)| {
        let at = Timestamp::from_microsecond(entry.at).unwrap_or(Timestamp::UNIX_EPOCH);
        let line = lines.iter().find(|line| line.period.contains(at));
        ui::Row::new(vec![
            html! { (desk.time(at)) },
            html! { code { (entry.name.id) } span class="under" { (entry.name.source) } },
            html! { (amount(entry, meter)) },
            html! {
                @match line {
                    Some(line) => {
                        a href=(desk.at(&format!("/usage/lines/{}/{}", line.invoice, line.ordinal))) {
                            (line.number) ", line " (line.ordinal + 1)
                        }
                    }
                    None => { (ui::badge(ui::Tone::Moving, "Not billed yet")) }
                }
            },
        ])
    });
    ui::table(ui::Table {
        caption: "Events",
        columns: &[
            ui::Column::text("When"),
            ui::Column::text("Event"),
            ui::Column::number("Amount"),
            ui::Column::text("Billed on").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No events", "Nothing was sent for this meter in this time.", html! {}),
    })
}

/// What an event brought, in the meter's unit.
pub(super) fn amount(entry: &Entry, meter: &event::Meter) -> String {
    let amount = kernel::Quantity::from_scaled(entry.reading.amount(), meter.decimals);
    amount.map(|one| number(&one.to_string())).unwrap_or_default()
}
