//! Usage: limits and what is used of them, histories, alerts, jumps, rejected events, and the way from an event to the line that bills it.

mod bars;
mod line;
mod meter;
mod one;
mod rejected;
mod watched;

use axum::{Router, routing::get};
use billing::subscription;
use identity::permission::may;
use jobs::Job;
use kernel::{Result, ids::CustomerId};
use maud::{Markup, html};
use metering::{
    alert::{self, Alert, Wanted},
    jump::{self, Jump},
    reconcile::JOB,
};
use store::View;

pub(crate) use bars::{live, number, standing};

use crate::{
    App, customers,
    facts::Names,
    gate::{Answer, Asked, Desk, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/usage", get(list))
        .route("/usage/rejected", get(rejected::page))
        .route("/usage/{id}", get(one::page))
        .route("/usage/{id}/{meter}", get(meter::page))
        .route("/usage/lines/{id}/{line}", get(line::page))
}

/// Jobs that are looked through for the last reconciliation.
const LOOKED: i64 = 100;

async fn list(staff: Staff<may::SubscriptionRead>, Asked(asked): Asked) -> Answer<Markup> {
    let before = asked.some("before").map(str::parse).transpose()?;
    let load = move |view: &mut View<'_>| {
        let alerts = alert::list(view, &Wanted { before, limit: PAGE + 1, ..Wanted::default() })?;
        let jumps = match before {
            None => jump::list(view, &Wanted { limit: parts::FEW, ..Wanted::default() })?,
            Some(_) => Vec::new(),
        };
        let names = names(view, &alerts, &jumps)?;
        let jobs = ::jobs::list(view, None, LOOKED)?;
        let meters = subscription::agreed_meters(view)?;
        Ok((alerts, jumps, names, jobs.into_iter().find(|job| job.kind == JOB), meters))
    };
    let first = before.is_none();
    let (mut alerts, jumps, names, reconciled, meters) = staff.read(load).await?;
    let called = |key: &str| {
        let meter = meters.iter().find(|meter| meter.key == key);
        meter.map_or_else(|| show::sentence(key), |meter| meter.name.clone())
    };
    let pages =
        parts::pagination(&staff.at("/usage"), &asked, &mut alerts, |one| format!("before={}", one.id));
    let others = html! {
        (ui::button_link(ui::Button::Plain, "Rejected events", &staff.at("/usage/rejected")))
        (ui::button_link(ui::Button::Plain, "Advice", &staff.at("/advice")))
    };
    let body = html! {
        (ui::header("Usage", "Limits that were nearly or wholly used, newest first. Each customer’s usage stands behind its name.", others))
        (proof(&staff, reconciled.as_ref()))
        (ui::section("Alerts", html! {}, alerts_table(&staff, &alerts, &called, Some(&names))))
        (pages)
        @if first {
            (ui::section("Sudden jumps", html! {}, watched::jumps(&staff, &jumps, &called, Some(&names))))
            (watched::double_entry(reconciled.as_ref(), &called))
        }
    };
    Ok(staff.page(Sheet::new(ui::Section::Usage, "Usage"), body))
}

fn names(view: &mut View<'_>, alerts: &[Alert], jumps: &[Jump]) -> Result<Names> {
    let ids = alerts.iter().map(|alert| alert.place.customer);
    let mut ids: Vec<CustomerId> = ids.chain(jumps.iter().map(|jump| jump.customer)).collect();
    ids.sort_unstable();
    ids.dedup();
    customers::names(view, ids)
}

/// What the last comparison of events, tallies, figures and lines came to.
fn proof(desk: &Desk, job: Option<&Job>) -> Markup {
    let Some(job) = job else { return html! {} };
    let differences = job.result.as_ref().and_then(|result| result["differences"].as_u64());
    let link = desk.at(&format!("/jobs/{}", job.id));
    let more = html! { " " a href=(link) { "Its report" } };
    match differences {
        None => ui::notice(
            ui::Kind::Info,
            "Usage is being reconciled",
            html! { "Events, tallies, figures and invoice lines are compared." (more) },
        ),
        Some(0) => ui::notice(
            ui::Kind::Success,
            "Usage reconciles",
            html! {
                "Events, tallies, figures and invoice lines agree"
                @if let Some(at) = job.finished { ", as of " (desk.time(at)) } "." (more)
            },
        ),
        Some(some) => ui::notice(
            ui::Kind::Error,
            "Usage does not reconcile",
            html! {
                (show::count(some, "difference")) " between events, tallies, figures and invoice lines." (more)
            },
        ),
    }
}

/// Alerts; with the names of customers where they are of several.
fn alerts_table(
    desk: &Desk,
    alerts: &[Alert],
    called: &dyn Fn(&str) -> String,
    names: Option<&Names>,
) -> Markup {
    let rows = alerts.iter().map(|alert| {
        let customer = alert.place.customer;
        let name = names.and_then(|names| names.get(&customer)).map(String::as_str);
        let figure =
            |scaled: Result<kernel::Quantity>| scaled.map(|one| number(&one.to_string())).unwrap_or_default();
        let mut cells = vec![html! {
            (called(&alert.place.meter))
            @if !alert.place.who.is_empty() { span class="under" { (alert.place.who) } }
        }];
        if names.is_some() {
            cells.insert(
                0,
                html! { a href=(desk.at(&format!("/usage/{customer}"))) { (name.unwrap_or("A customer")) } },
            );
        }
        let tone = if alert.place.level >= 100 { ui::Tone::Bad } else { ui::Tone::Attention };
        cells.extend([
            ui::badge(tone, &format!("{} %", alert.place.level)),
            html! { (figure(alert.used())) " of " (figure(alert.limit())) },
            ui::optional(alert.upgrade.as_deref().map(show::sentence).as_deref()),
            alert.at().map_or_else(|_| ui::optional(None), |at| desk.time(at)),
        ]);
        ui::Row::new(cells)
    });
    let all = [
        ui::Column::text("Customer"),
        ui::Column::text("Meter"),
        ui::Column::text("Reached").lead(),
        ui::Column::number("Used"),
        ui::Column::text("Next plan"),
        ui::Column::text("When"),
    ];
    ui::table(ui::Table {
        caption: "Alerts",
        columns: if names.is_some() { &all } else { &all[1..] },
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No alerts",
            "When a use reaches 80 % or 100 % of its limit, or what the price book says instead, it is told here.",
            html! {},
        ),
    })
}
