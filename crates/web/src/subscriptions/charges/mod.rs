//! What is charged once beside a subscription: what waits for an invoice, what was billed, and adding to it.

mod form;
mod preview;

use std::collections::HashMap;

use axum::{
    Router,
    response::IntoResponse,
    routing::{get, post},
};
use billing::{
    charge::{self, Charge},
    invoice::{self, Invoice},
};
use catalog::version;
use identity::permission::may;
use kernel::{
    Error, Result, ids,
    ids::{InvoiceId, SubscriptionId},
};
use maud::{Markup, html};
use store::View;

use super::Head;
use crate::{
    App,
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Staff},
    invoices,
    parts::{self, PAGE},
    show, ui,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/subscriptions/{id}/charges", get(page).post(preview::post))
        .route("/subscriptions/{id}/charges/preview", get(preview::again).post(preview::page))
        .route("/subscriptions/{id}/charges/take-back", post(take_back))
}

/// Charges with the invoices they are on.
pub(super) struct Charges {
    all: Vec<Charge>,
    invoices: HashMap<InvoiceId, Invoice>,
}

impl Charges {
    /// The newest charges of a subscription.
    pub(super) fn read(view: &mut View<'_>, id: SubscriptionId, most: i64) -> Result<Self> {
        let all = charge::of_subscription(view, id, most)?;
        let mut ids: Vec<InvoiceId> = all.iter().filter_map(|charge| charge.invoice).collect();
        ids.sort_unstable();
        ids.dedup();
        let invoices = invoice::load(view, ids)?.into_iter().map(|invoice| (invoice.id, invoice)).collect();
        Ok(Self { all, invoices })
    }

    /// Whether nothing was ever charged once.
    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

async fn page(
    staff: Staff<may::SubscriptionRead>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer {
    draw(&staff, id, asked).await
}

/// Take back what waits for an invoice.
async fn take_back(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let number = answers.get("charge").parse::<i64>();
    let removed = match number {
        Ok(number) => staff.write(move |tx| charge::remove(tx, id, number)).await,
        Err(_) => Err(Error::not_found("charge")),
    };
    match removed {
        Ok(_) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}/charges")), "charge_removed")),
        Err(error) => draw(&staff, id, answers.refused(error)?).await,
    }
}

/// The page, with the form as it was answered.
async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers) -> Answer {
    let read = desk.read(move |view| {
        Ok((Head::read(view, id)?, version::in_force(view)?, Charges::read(view, id, PAGE)?))
    });
    let (head, in_force, charges) = read.await?;
    let status = answers.status();
    let may_add = desk.may::<may::SubscriptionWrite>();
    let list = ui::section("Charged once", html! {}, table(desk, &head, &charges));
    let body = html! {
        (ui::header("One-off charges", &head.about(), html! {}))
        (parts::was_done(&answers))
        (answers.summary(&form::FIELDS))
        @if may_add {
            (ui::split(list, ui::section("Charge something once", html! {}, form::form(desk, &head, &in_force, &answers))))
        } @else { (list) }
        @if charges.all.len() as i64 == PAGE { p { "The newest " (PAGE) " are listed; every one of them is a fact of the subscription." } }
    };
    Ok((status, head.page(desk, "One-off charges", body)).into_response())
}

fn table(desk: &Desk, head: &Head, charges: &Charges) -> Markup {
    let subscription = &head.subscription;
    let path = desk.at(&format!("/subscriptions/{}/charges/take-back", subscription.id));
    let may_take = desk.may::<may::SubscriptionWrite>();
    let rows = charges.all.iter().map(|charge| {
        let waits = charge.invoice.is_none();
        let hidden = ui::hidden_field("charge", &charge.ordinal.to_string());
        ui::Row::new(vec![
            html! { @if waits { a href="#worked" { (charge.line.description) } } @else { (charge.line.description) } },
            desk.time(charge.added),
            billed(desk, charge, &charges.invoices),
            html! { (show::grouped(charge.line.quantity)) },
            show::money(charge.line.amount),
            html! {
                @if waits && may_take {
                    (ui::post_button_with(ui::Button::Danger, "Take back", &path, desk.csrf(), hidden))
                }
            },
        ])
    });
    html! {
        (ui::table(ui::Table {
            caption: "One-off charges, newest first",
            columns: &[
                ui::Column::text("What"),
                ui::Column::text("Added"),
                ui::Column::text("Billed"),
                ui::Column::number("Quantity"),
                ui::Column::number("Before tax").lead(),
                ui::Column::text("Take back"),
            ],
            rows: rows.collect(),
            total: None,
            narrow: ui::Narrow::Stack,
            empty: ui::empty(
                "Nothing was charged once",
                "Setting up, training, a repair: what is not charged each period stands here, and on one invoice.",
                html! {},
            ),
        }))
        (ui::anchored("worked", worked(charges)))
    }
}

/// The invoice it is on, or that it waits for one.
fn billed(desk: &Desk, charge: &Charge, invoices: &HashMap<InvoiceId, Invoice>) -> Markup {
    let Some(id) = charge.invoice else { return ui::badge(ui::Tone::Moving, "With the next invoice") };
    let number = invoices.get(&id).and_then(|invoice| invoice.number.as_deref()).unwrap_or("Draft");
    html! { "On " a href=(desk.at(&format!("/invoices/{id}"))) { (number) } }
}

/// How the amounts that wait came to be; those that are billed say it on their invoice.
fn worked(charges: &Charges) -> Markup {
    let waiting: Vec<_> = charges
        .all
        .iter()
        .filter(|charge| charge.invoice.is_none())
        .map(|charge| charge.line.clone())
        .collect();
    html! {
        @if !waiting.is_empty() {
            (ui::more("How these amounts came to be", "what waits, line by line", false, invoices::lines(&waiting)))
        }
    }
}

/// What waits for an invoice, beside the page of a subscription; nothing where nothing was ever charged once.
pub(super) fn section(desk: &Desk, head: &Head, charges: &Charges) -> Markup {
    let subscription = &head.subscription;
    let may_add = desk.may::<may::SubscriptionWrite>() && !subscription.is_over();
    if charges.is_empty() && !may_add {
        return html! {};
    }
    let path = desk.at(&format!("/subscriptions/{}/charges", subscription.id));
    let label = if may_add { "Add or take back" } else { "All of them" };
    let waiting: Vec<&Charge> = charges.all.iter().filter(|charge| charge.invoice.is_none()).collect();
    let link = html! { a href=(path) { (label) } };
    let body = html! {
        @if waiting.is_empty() { p { "Nothing waits for an invoice." } } @else {
            ul class="changes" {
                @for charge in waiting { li { (charge.line.description) ": " a href=(path) { (charge.line.amount) } } }
            }
        }
    };
    ui::section("One-off charges", link, body)
}
