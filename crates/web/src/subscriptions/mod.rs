//! Subscriptions.

mod list;
mod new;
mod one;
mod preview;
mod wish;

use std::collections::HashMap;

use axum::{Router, routing::get};
use billing::subscription::Subscription;
use catalog::version::{self, Version};
use kernel::{Result, ids::BookVersionId};
use maud::{Markup, html};
use store::View;

use crate::{App, customers, gate::Desk, show, ui};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/subscriptions", get(list::page).post(preview::start))
        .route("/subscriptions/new", get(new::page))
        .route("/subscriptions/preview", get(preview::again).post(preview::page))
        .route("/subscriptions/{id}", get(one::page))
}

/// A subscription in a list.
pub(crate) struct Listed {
    subscription: Subscription,
    customer: String,
    plan: String,
}

/// Subscriptions with the names of their customers and plans.
pub(crate) fn listed(view: &mut View<'_>, subscriptions: Vec<Subscription>) -> Result<Vec<Listed>> {
    let names = customers::names(view, subscriptions.iter().map(|one| one.customer))?;
    let mut books: Vec<BookVersionId> = subscriptions.iter().map(|one| one.book).collect();
    books.sort_unstable();
    books.dedup();
    let books: HashMap<BookVersionId, Version> =
        version::many(view, books)?.into_iter().map(|version| (version.id, version)).collect();
    let listed = subscriptions.into_iter().map(|subscription| Listed {
        customer: names.get(&subscription.customer).cloned().unwrap_or_default(),
        plan: plan_name(books.get(&subscription.book), subscription.plan()),
        subscription,
    });
    Ok(listed.collect())
}

/// What a plan is called in a book; its key where the book does not know it.
fn plan_name(version: Option<&Version>, key: &str) -> String {
    let plan = version.and_then(|version| version.book.plan(key));
    plan.map_or_else(|| key.to_owned(), |plan| plan.name.clone())
}

/// Subscriptions in a table; with their customers where they are of several.
pub(crate) fn table(desk: &Desk, listed: &[Listed], with_customers: bool, empty: Markup) -> Markup {
    let rows = listed.iter().map(|Listed { subscription, customer, plan }| {
        let plan = html! { (plan) ", " (show::every(subscription.schedule.cycle)) };
        let mut cells = if with_customers { vec![html! { (customer) }, plan] } else { vec![plan] };
        let more = subscription.active_items().count().saturating_sub(1);
        cells.extend([
            ui::state(subscription.state.word()),
            ui::optional((more > 0).then(|| more.to_string()).as_deref()),
            html! { (show::date(subscription.schedule.zone.date_of(subscription.started))) },
            html! { (show::date(subscription.billed_through.date)) },
        ]);
        ui::Row::link(desk.at(&format!("/subscriptions/{}", subscription.id)), cells)
    });
    let first: &[ui::Column] = if with_customers {
        &[ui::Column::text("Customer"), ui::Column::text("Plan")]
    } else {
        &[ui::Column::text("Plan")]
    };
    let columns: Vec<ui::Column> = first
        .iter()
        .copied()
        .chain([
            ui::Column::text("State").lead(),
            ui::Column::number("Add-ons"),
            ui::Column::text("Started"),
            ui::Column::text("Next invoice"),
        ])
        .collect();
    ui::table(ui::Table {
        caption: "Subscriptions",
        columns: &columns,
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty,
    })
}
