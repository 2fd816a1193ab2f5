//! A customer's usage: its limits, its meters, its alerts.

use std::sync::Arc;

use axum::extract::State;
use billing::subscription;
use catalog::{
    Meter,
    version::{self, Version},
};
use identity::{Customer, customer, permission::may};
use kernel::{Result, ids, ids::CustomerId};
use maud::{Markup, html};
use metering::{
    alert::{self, Alert, Wanted},
    event,
    jump::{self, Jump},
    usage::{self, Span, Subject},
};
use store::View;

use super::{alerts_table, bars, watched};
use crate::{
    App, customers,
    gate::{Answer, Desk, Named, Sheet, Staff},
    parts::FEW,
    show, ui,
};

/// Meters of one page.
const MOST: usize = 50;

/// What is on the page, but for its limits.
pub(super) struct Whole {
    pub(super) customer: Customer,
    pub(super) name: String,
    /// The price books it agreed to, and the one in force.
    versions: Vec<Arc<Version>>,
    alerts: Vec<Alert>,
    jumps: Vec<Jump>,
}

impl Whole {
    pub(super) fn read(view: &mut View<'_>, id: CustomerId) -> Result<Self> {
        let customer = customer::find(view, id)?;
        let mut versions: Vec<Arc<Version>> = Vec::new();
        let agreed = subscription::of_customer(view, id)?;
        let mut books: Vec<_> = agreed.iter().filter(|one| !one.is_over()).map(|one| one.book).collect();
        books.sort_unstable();
        books.dedup();
        versions.extend(version::many(view, books)?);
        versions.extend(version::newest(view)?);
        Ok(Self {
            name: customers::names(view, [id])?.remove(&id).unwrap_or_default(),
            customer,
            versions,
            alerts: alert::list(view, &Wanted { customer: Some(id), before: None, limit: FEW })?,
            jumps: jump::list(view, &Wanted { customer: Some(id), before: None, limit: FEW })?,
        })
    }

    /// The meters of its price books, each once.
    fn meters(&self) -> Vec<(&Version, &Meter)> {
        let mut all: Vec<(&Version, &Meter)> = Vec::new();
        for version in &self.versions {
            for meter in &version.book.meters {
                if all.len() < MOST && !all.iter().any(|(_, known)| known.key == meter.key) {
                    all.push((version, meter));
                }
            }
        }
        all
    }

    /// A meter, and what its plans ask of it.
    pub(super) fn meter(&self, key: &str) -> Option<(&Version, &Meter)> {
        self.meters().into_iter().find(|(_, meter)| meter.key == key)
    }

    /// What a meter is called.
    pub(super) fn called(&self, key: &str) -> String {
        self.meter(key).map_or_else(|| show::sentence(key), |(_, meter)| meter.name.clone())
    }
}

pub(super) async fn page(
    State(app): State<App>,
    staff: Staff<may::SubscriptionRead>,
    Named(id): Named<ids::Customer>,
) -> Answer<Markup> {
    let whole = staff.read(move |view| Whole::read(view, id)).await?;
    let (db, scope) = staff.hands();
    let standing = bars::standing(app.metering.clone(), (db.clone(), scope.clone()), id).await?;
    let month = usage::window::calendar(catalog::WindowUnit::Month, &whole.customer.zone, staff.now);
    let meters: Vec<event::Meter> =
        whole.meters().into_iter().map(|(version, meter)| event::Meter::of(&version.book, meter)).collect();
    let now = staff.now;
    let used = db.usage().read(&scope, move |view| used(view, id, &meters, month, now)).await?;
    let path = staff.at(&format!("/usage/{id}"));
    let crumbs = [ui::Crumb { label: "Usage", href: &staff.at("/usage") }];
    let customer = ui::button_link(ui::Button::Plain, "Customer", &staff.at(&format!("/customers/{id}")));
    let body = html! {
        (ui::header(&whole.name, "What is used, of what, and what it has come to", customer))
        (ui::section("Limits", html! {}, html! {
            @if standing.is_empty() {
                (ui::empty("No limits", "No running subscription of this customer has a limit that is counted.", html! {}))
            } @else {
                (bars::live(&path, &standing, |key| whole.called(key), &staff.zone))
            }
        }))
        (ui::section("This month", html! {}, meters_table(&staff, &whole, &used)))
        (ui::section("Alerts", html! {}, alerts_table(&staff, &whole.alerts, &|key| whole.called(key), None)))
        @if !whole.jumps.is_empty() {
            (ui::section("Sudden jumps", html! {}, watched::jumps(&staff, &whole.jumps, &|key| whole.called(key), None)))
        }
    };
    Ok(staff.page(Sheet::new(ui::Section::Usage, &whole.name).below(&crumbs), body))
}

/// Each meter's figure and events of a time.
fn used(
    view: &mut View<'_>,
    customer: CustomerId,
    meters: &[event::Meter],
    (from, to): (jiff::Timestamp, jiff::Timestamp),
    now: jiff::Timestamp,
) -> Result<Vec<(String, String, u64)>> {
    let of = |meter: &event::Meter| {
        let subject = Subject { customer, subscription: None, unnamed: None, meter };
        let figure = usage::figure(view, subject, Span::new(from, to), now)?;
        Ok((meter.key.clone(), figure.value.to_string(), figure.events))
    };
    meters.iter().map(of).collect()
}

fn meters_table(desk: &Desk, whole: &Whole, used: &[(String, String, u64)]) -> Markup {
    let rows = used.iter().map(|(key, value, events)| {
        let (name, unit) = whole
            .meter(key)
            .map_or((key.as_str(), ""), |(_, meter)| (meter.name.as_str(), meter.unit.as_str()));
        ui::Row::link(
            desk.at(&format!("/usage/{}/{key}", whole.customer.id)),
            vec![
                html! { (name) },
                html! { (show::units(&bars::number(value), unit)) },
                html! { (show::grouped(*events)) },
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Meters",
        columns: &[
            ui::Column::text("Meter"),
            ui::Column::number("Used").lead(),
            ui::Column::number("Events"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No meters", "The price book measures nothing.", html! {}),
    })
}
