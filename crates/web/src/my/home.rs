//! What a customer has, what it costs next, and what was billed.

use std::sync::Arc;

use ::ledger::AccountKind;
use axum::{extract, response::IntoResponse};
use billing::{
    credit_note::{self, CreditNote},
    invoice::{self, Invoice},
    payment::{self, Payment},
    subscription::{self, Subscription},
};
use catalog::{version, version::Version};
use identity::customer;
use kernel::{Currency, Result, Zone, ids::CustomerId};
use maud::{Markup, html};
use store::View;

use super::{documents, payments, running::Running};
use crate::{
    App,
    gate::{Answer, Asked, OWN, Visitor},
    parts, show, ui,
};

/// Invoices on this page; the others are a click away.
const FEW: i64 = 6;
/// So many subscriptions are shown whole; of more, each opens on demand.
const OPEN: usize = 3;
/// So many are on this page at all.
const FOLDED: usize = 10;
/// Subscriptions that are looked through for those that go on.
const MOST: i64 = 50;

/// Everything on the page.
struct Whole {
    name: String,
    running: Vec<Running>,
    /// Whether there are subscriptions that are not on this page.
    others: bool,
    /// How many have ended.
    ended: usize,
    invoices: Vec<Invoice>,
    payments: Vec<Payment>,
    credit_notes: Vec<CreditNote>,
    /// What they owe and what they have to their credit, by currency, in minor units.
    standing: Vec<(AccountKind, Currency, i64)>,
    in_force: Arc<Version>,
    /// Where their days begin.
    zone: Zone,
}

fn load(view: &mut View<'_>, id: CustomerId) -> Result<Whole> {
    let theirs = subscription::Filter { customer: Some(id), ..Default::default() };
    let all = subscription::search(view, &theirs, None, MOST)?;
    let too_many = all.len() as i64 == MOST;
    let (over, open): (Vec<_>, Vec<_>) = all.into_iter().map(|(one, _)| one).partition(Subscription::is_over);
    let others = too_many || open.len() > FOLDED;
    let running =
        open.iter().take(FOLDED).map(|one| Running::read(view, one.id)).collect::<Result<Vec<_>>>()?;
    let mut standing = Vec::new();
    for (kind, sign) in [(AccountKind::Receivable, 1), (AccountKind::CustomerCredit, -1)] {
        for (_, currency, balance) in ::ledger::held_by(view, kind, vec![id.to_string()])? {
            standing.push((kind, currency, sign * balance));
        }
    }
    let customer = customer::find(view, id)?;
    Ok(Whole {
        name: customer::person(view, customer.person)?.shown().to_owned(),
        zone: customer.zone,
        running,
        others,
        ended: over.len(),
        invoices: documents::issued(invoice::of_customer(view, id, None, FEW + 1)?),
        payments: payment::list(view, Some(id), None, FEW + 1)?,
        credit_notes: credit_note::of_customer(view, id, None, FEW)?,
        standing,
        in_force: version::in_force(view)?,
    })
}

pub(super) async fn page(
    extract::State(app): extract::State<App>,
    visitor: Visitor,
    Asked(asked): Asked,
) -> Answer {
    let customer = visitor.customer;
    let whole = visitor.read(move |view| load(view, customer)).await?;
    let limits = crate::usage::standing(app.metering, visitor.hands(), customer).await?;
    let body = html! {
        (ui::header(&whole.name, &format!("What you have with {}", visitor.merchant), html! {}))
        (parts::was_done(&asked))
        (standing(&whole))
        @if whole.running.is_empty() { (nothing(&visitor, whole.ended)) }
        @if whole.running.is_empty() && whole.ended > 0 { p { a href="/my/subscriptions" { "What you had" } } }
        @let many = whole.running.len() > OPEN;
        @if many {
            @let all = html! { @if whole.others { a href="/my/subscriptions" { "All subscriptions" } } };
            (ui::section("Subscriptions", all, html! {
                @for one in &whole.running { (one.folded(&visitor, &whole.in_force)) }
            }))
        } @else {
            @for one in &whole.running {
                (ui::section(&one.title(), one.state(), one.draw(&visitor, &whole.in_force)))
            }
        }
        @if !limits.is_empty() {
            @let called = |key: &str| called(&whole, key);
            (ui::section("What you have used", html! {}, crate::usage::live(OWN, &limits, called, &whole.zone)))
        }
        @if !whole.invoices.is_empty() {
            @let more = whole.invoices.len() as i64 > FEW;
            @let all = html! { @if more { a href="/my/invoices" { "All invoices" } } };
            @let few = &whole.invoices[..whole.invoices.len().min(FEW as usize)];
            (ui::anchored("invoices", ui::section("Invoices", all, documents::table(few))))
        }
        @if !whole.payments.is_empty() {
            @let more = whole.payments.len() as i64 > FEW;
            @let all = html! { @if more { a href="/my/payments" { "All payments" } } };
            @let few = &whole.payments[..whole.payments.len().min(FEW as usize)];
            (ui::section("Payments", all, payments::table(few)))
        }
        @if !whole.credit_notes.is_empty() {
            (ui::section("Credit notes", html! {}, documents::credit_notes(&whole.credit_notes)))
        }
    };
    Ok(super::page(&visitor, &whole.name, "Your account", &[], body).into_response())
}

/// What a meter is called in the price book in force.
fn called(whole: &Whole, key: &str) -> String {
    let meter = whole.in_force.book.meter(key);
    meter.map_or_else(|| show::sentence(key), |meter| meter.name.clone())
}

fn nothing(visitor: &Visitor, ended: usize) -> Markup {
    let why = match ended {
        0 => format!("You have no subscription with {} yet.", visitor.merchant),
        _ => format!("Your subscription with {} has ended.", visitor.merchant),
    };
    ui::empty("No subscription", &why, html! {})
}

/// What is to be paid, and the credit that pays next; nothing where neither is.
fn standing(whole: &Whole) -> Markup {
    let tiles: Vec<(&str, String, &str)> = whole
        .standing
        .iter()
        .filter(|(.., sum)| *sum != 0)
        .map(|(kind, currency, sum)| {
            let (label, note) = match kind {
                AccountKind::Receivable => ("To be paid", "on the invoices below"),
                _ => ("Your credit", "pays your next invoices"),
            };
            (label, show::minor((*sum).into(), *currency), note)
        })
        .collect();
    let tiles: Vec<_> = tiles
        .iter()
        .map(|(label, value, note)| (ui::Stat { label, value, note }, Some("#invoices")))
        .collect();
    html! { @if !tiles.is_empty() { (ui::figures(&tiles)) } }
}
