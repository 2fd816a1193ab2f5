use billing::{
    bill_run::{self, Document, Event, Forecast, Sum, What},
    subscription,
};
use identity::permission::may;
use jiff::{Span, Timestamp};
use kernel::{Error, Money, Result, Zone};
use maud::{Markup, html};
use store::View;

use crate::{
    customers,
    gate::{Answer, Answers, Asked, Desk, Sheet, Staff},
    show, ui,
};

/// Rows of each list.
const MOST: usize = 60;
/// How far one looks ahead.
const DAYS: i64 = 400;
/// So many subscriptions are played ahead unasked, which takes some milliseconds; all of them, however many, when
/// somebody chooses a day.
const UNASKED: i64 = 100;
/// How many days one looks ahead unasked: the first with which it is quick.
const HORIZONS: [i64; 5] = [31, 14, 7, 3, 0];

pub(super) async fn page(staff: Staff<may::InvoiceRead>, Asked(asked): Asked) -> Answer<Markup> {
    let asked = match asked.some("until") {
        Some(_) => asked,
        None => {
            let (zone, now) = (staff.zone.clone(), staff.now);
            match staff.read(move |view| usual(view, &zone, now)).await? {
                Some(day) => asked.or("until", day.to_string()),
                None => return Ok(many(&staff)),
            }
        }
    };
    let (asked, until) = match until(&asked, &staff.zone, staff.now) {
        Ok(until) => (asked, until),
        Err(error) => (asked.refused(error)?, staff.now),
    };
    let now = staff.now;
    let (forecast, names) = staff
        .read(move |view| {
            let forecast = bill_run::forecast(view, now, until, MOST)?;
            let whose = forecast.events.iter().map(|event| event.customer);
            let names =
                customers::names(view, whose.chain(forecast.documents.iter().map(|one| one.customer)))?;
            Ok((forecast, names))
        })
        .await?;
    let name = |id| names.get(&id).map_or("", String::as_str).to_owned();
    let body = html! {
        (head(&staff, asked.get("until"), asked.error("until")))
        (asked.summary(&[("until", "Up to the end of")]))
        (figures(&forecast))
        (ui::anchored("invoices", ui::section("Invoices", html! {}, documents(&staff, &forecast.documents, &name))))
        (ui::anchored("events", ui::section("What happens", html! {}, events(&staff, &forecast.events, &name))))
        @if forecast.event_count > MOST || forecast.document_count > MOST {
            p { "The first " (MOST) " of each are listed; the figures above are of all." }
        }
        p { "Usage that is not measured yet counts as nothing." }
    };
    Ok(sheet(&staff, body))
}

fn sheet(desk: &Desk, body: Markup) -> Markup {
    let crumbs = [ui::Crumb { label: "Bill runs", href: &desk.at("/bill-runs") }];
    desk.page(Sheet::new(ui::Section::BillRuns, "What lies ahead").below(&crumbs), body)
}

fn head(desk: &Desk, until: &str, error: Option<&str>) -> Markup {
    let field = ui::Field::new("Up to the end of", "until", ui::Input::Date).value(until).error(error);
    html! {
        (ui::header("What lies ahead", "What falls due if nobody does anything before. Nothing of it is written.", html! {}))
        (ui::filters(&desk.at("/bill-runs/ahead"), ui::field(&field), "Look ahead"))
    }
}

/// So much falls due on this very day that nobody is made to wait for it unasked.
fn many(desk: &Desk) -> Markup {
    let today = desk.zone.date_of(desk.now);
    let path = desk.at(&format!("/bill-runs/ahead?until={today}"));
    let body = html! {
        (head(desk, &today.to_string(), None))
        (ui::empty(
            "Much falls due today",
            "More than a hundred subscriptions. Billing them in advance, line by line, takes a few seconds.",
            ui::button_link(ui::Button::Primary, "Look ahead to the end of today", &path),
        ))
    };
    sheet(desk, body)
}

/// What it comes to, each figure leading to what it is the sum of.
fn figures(forecast: &Forecast) -> Markup {
    let [documents, events] =
        [forecast.document_count, forecast.event_count].map(|count| show::grouped(count as i64));
    let [total, tax, credit]: [fn(&Sum) -> i128; 3] = [|sum| sum.total, |sum| sum.tax, |sum| sum.credit];
    let (total, credit) = (sums(forecast, total), sums(forecast, credit));
    let tax = format!("of which tax {}", sums(forecast, tax));
    let tile = |label, value, note| ui::Stat { label, value, note };
    ui::figures(&[
        (tile("Invoices", &documents, ""), Some("#invoices")),
        (tile("Total with tax", &total, &tax), Some("#invoices")),
        (tile("Paid by credit", &credit, "what customers have to their credit"), Some("#invoices")),
        (tile("Events", &events, ""), Some("#events")),
    ])
}

fn in_days(zone: &Zone, from: Timestamp, days: i64) -> jiff::civil::Date {
    let today = zone.date_of(from);
    today.checked_add(Span::new().days(days)).unwrap_or(today)
}

/// How far one looks where no day was chosen: a month, or less where many fall due; none where too many do today.
fn usual(view: &mut View<'_>, zone: &Zone, now: Timestamp) -> Result<Option<jiff::civil::Date>> {
    for days in HORIZONS {
        let day = in_days(zone, now, days);
        let after = zone.start_of_day(in_days(zone, now, days + 1));
        if subscription::due_count(view, [now, after], UNASKED + 1)? <= UNASKED {
            return Ok(Some(day));
        }
    }
    Ok(None)
}

/// The last instant of the day asked for.
fn until(asked: &Answers, zone: &Zone, now: Timestamp) -> Result<Timestamp> {
    let wrong = |detail: &str| Error::invalid("until_invalid", detail).at("/until");
    let day: jiff::civil::Date =
        asked.get("until").parse().map_err(|_| wrong("This is no day. Write it like 2026-03-31."))?;
    if day < zone.date_of(now) || day > in_days(zone, now, DAYS) {
        return Err(wrong("Choose a day within the next 400."));
    }
    let after = day.tomorrow().map_err(|_| wrong("This day is too far away."))?;
    Ok(zone.start_of_day(after) - jiff::SignedDuration::from_micros(1))
}

fn sums(forecast: &Forecast, of: impl Fn(&Sum) -> i128) -> String {
    let all: Vec<String> =
        forecast.totals.iter().map(|(currency, sum)| show::minor(of(sum), *currency)).collect();
    if all.is_empty() { "–".to_owned() } else { all.join(" · ") }
}

/// Most are nothing: a dash is calmer.
fn unless_zero(amount: Money) -> Markup {
    if amount.is_zero() { ui::optional(None) } else { show::money(amount) }
}

fn documents(
    desk: &Desk,
    documents: &[Document],
    name: &impl Fn(kernel::ids::CustomerId) -> String,
) -> Markup {
    let rows = documents.iter().map(|one| {
        ui::Row::link(
            desk.at(&format!("/customers/{}", one.customer)),
            vec![
                html! { (name(one.customer)) },
                desk.time(one.at),
                html! { (show::grouped(one.lines as i64)) },
                show::money(one.totals.subtotal),
                unless_zero(one.totals.tax),
                show::money(one.totals.total),
                unless_zero(one.credit),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Invoices ahead",
        columns: &[
            ui::Column::text("Customer"),
            ui::Column::text("Due"),
            ui::Column::number("Lines").spare(),
            ui::Column::number("Before tax").spare(),
            ui::Column::number("Tax").spare(),
            ui::Column::number("Total").lead(),
            ui::Column::number("Paid by credit"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No invoices", "Nothing is billed in this time.", html! {}),
    })
}

fn events(desk: &Desk, events: &[Event], name: &impl Fn(kernel::ids::CustomerId) -> String) -> Markup {
    let rows = events.iter().map(|event| {
        let what = match event.what {
            What::Start => "Start",
            What::Renewal => "Renewal",
            What::TrialEnd => "End of the trial",
            What::Usage => "Usage billed",
            What::Cancellation => "Cancellation",
            What::Expiry => "End of the term",
            What::Change => "Scheduled change",
        };
        ui::Row::link(
            desk.at(&format!("/subscriptions/{}", event.subscription)),
            vec![
                html! { (what) },
                desk.time(event.at),
                html! { (name(event.customer)) },
                ui::state(event.state.word()),
                show::money(event.billed),
                unless_zero(event.credited),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Events ahead",
        columns: &[
            ui::Column::text("What"),
            ui::Column::text("When"),
            ui::Column::text("Customer"),
            ui::Column::text("Then").lead(),
            ui::Column::number("Billed before tax"),
            ui::Column::number("Credited"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("Nothing happens", "No period, trial or term ends in this time.", html! {}),
    })
}
