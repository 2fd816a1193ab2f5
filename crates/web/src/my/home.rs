//! What a customer has, what it costs next, and what was billed.

use std::sync::Arc;

use ::ledger::AccountKind;
use axum::{extract, response::IntoResponse};
use billing::{
    credit_note::{self, CreditNote},
    invoice::{self, Invoice},
    subscription::{self, State, Subscription},
    usage::{self, Standing},
};
use catalog::{CustomerChanges, version, version::Version};
use identity::customer;
use kernel::{Currency, Result, Zone, ids::CustomerId};
use maud::{Markup, html};
use store::View;

use super::documents;
use crate::{
    App,
    gate::{Answer, Asked, OWN, Visitor},
    invoices, parts, show,
    subscriptions::{Head, coming::NextEdge, counted, items},
    ui,
};

/// Invoices on this page; the others are a click away.
const FEW: i64 = 6;
/// So many subscriptions are shown whole; of more, each opens on demand.
const OPEN: usize = 3;
/// Subscriptions that are looked through for those that go on.
const MOST: i64 = 50;

/// Everything on the page.
struct Whole {
    name: String,
    running: Vec<Running>,
    /// How many have ended.
    ended: usize,
    invoices: Vec<Invoice>,
    credit_notes: Vec<CreditNote>,
    /// What they owe and what they have to their credit, by currency, in minor units.
    standing: Vec<(AccountKind, Currency, i64)>,
    in_force: Arc<Version>,
    /// Where their days begin.
    zone: Zone,
}

/// A subscription that goes on.
struct Running {
    head: Head,
    next: Option<NextEdge>,
    usage: Standing,
}

fn load(view: &mut View<'_>, id: CustomerId) -> Result<Whole> {
    let theirs = subscription::Filter { customer: Some(id), ..Default::default() };
    let all = subscription::search(view, &theirs, None, MOST)?;
    let (over, open): (Vec<_>, Vec<_>) = all.into_iter().map(|(one, _)| one).partition(Subscription::is_over);
    let mut running = Vec::with_capacity(open.len());
    for one in open {
        let head = Head::read(view, one.id)?;
        let next = NextEdge::ahead(view, &head.subscription, 1)?.into_iter().next();
        running.push(Running { next, usage: usage::standing(view, one.id)?, head });
    }
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
        ended: over.len(),
        invoices: documents::issued(invoice::of_customer(view, id, None, FEW + 1)?),
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
        @let many = whole.running.len() > OPEN;
        @if many {
            (ui::section("Subscriptions", html! {}, html! {
                @for one in &whole.running { (folded(&visitor, one, &whole.in_force)) }
            }))
        } @else {
            @for one in &whole.running {
                (ui::section(&one.head.title(), state(one), subscription(&visitor, one, &whole.in_force)))
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
            (ui::section("Invoices", all, documents::table(few)))
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
    let tiles: Vec<ui::Stat> =
        tiles.iter().map(|(label, value, note)| ui::Stat { label, value, note }).collect();
    html! { @if !tiles.is_empty() { (ui::stats(&tiles)) } }
}

fn state(one: &Running) -> Markup {
    ui::state(one.head.subscription.state.word())
}

/// A subscription among many: what it costs next, and the rest on demand.
fn folded(visitor: &Visitor, one: &Running, in_force: &Version) -> Markup {
    let bill = one.next.as_ref().and_then(|next| Some((next.renewal.at.date, next.bill.as_ref()?)));
    let hint = match bill {
        Some((date, (_, totals))) => format!("{} on {}", totals.total, show::date(date)),
        None => at_rest(&one.head.subscription),
    };
    ui::more(&one.head.title(), &hint, false, subscription(visitor, one, in_force))
}

fn subscription(visitor: &Visitor, one: &Running, in_force: &Version) -> Markup {
    let Head { subscription, version, .. } = &one.head;
    let path = format!("/my/subscriptions/{}/change", subscription.id);
    let may = super::changes(subscription, &in_force.book);
    let label = if may == CustomerChanges::Plans { "Change plan" } else { "Change quantities" };
    html! {
        (next(one))
        (scheduled(subscription, in_force))
        (items::table(subscription, &version.book))
        @if !one.usage.open.is_empty() {
            h3 { "Used since the last invoice" }
            (counted::table(&one.usage, version))
        }
        @if may == CustomerChanges::None { p class="hint" { (why_not(visitor, subscription)) } } @else {
            div class="actions" { (ui::button_link(ui::Button::Plain, label, &path)) }
        }
    }
}

fn why_not(visitor: &Visitor, subscription: &Subscription) -> String {
    let merchant = &visitor.merchant;
    match subscription.term {
        Some(term) => {
            format!("Your contract runs until {}. To change it, ask {merchant}.", show::date(term.ends))
        }
        None => format!("To change it, ask {merchant}."),
    }
}

/// What the next invoice comes to and what is on it, or why there is none.
fn next(one: &Running) -> Markup {
    let subscription = &one.head.subscription;
    let Some((edge, (draft, totals))) = one.next.as_ref().and_then(|next| Some((next, next.bill.as_ref()?)))
    else {
        return html! { p { (at_rest(subscription)) } };
    };
    let (value, date) = (totals.total.to_string(), show::date(edge.renewal.at.date));
    let label = if subscription.state == State::Trialing { "After your trial" } else { "Next invoice" };
    let (sums, total) = (invoices::Sums::of(totals, &draft.taxes), totals.total.to_string());
    html! {
        (ui::stats(&[ui::Stat { label, value: &value, note: &format!("on {date}, before credit") }]))
        (ui::more("What is on it", "", false, html! {
            (invoices::lines(&draft.lines))
            (ui::totals(&sums.entries(), &ui::Total { label: "Total", amount: &total }))
        }))
    }
}

fn at_rest(subscription: &Subscription) -> String {
    match (subscription.state, subscription.ends) {
        (State::Trialing, _) => {
            format!("Your trial ends on {}.", show::date(subscription.billed_through.date))
        }
        (State::Paused, _) => "It is paused: nothing is billed until it is resumed.".to_owned(),
        (State::Suspended, _) => "It is suspended: nothing is billed until it goes on.".to_owned(),
        (_, Some(ends)) => {
            format!("It ends on {}.", show::date(subscription.schedule.zone.date_of(ends)))
        }
        _ => "Nothing is to be billed.".to_owned(),
    }
}

fn scheduled(subscription: &Subscription, in_force: &Version) -> Markup {
    let date = show::date(subscription.billed_through.date);
    match (subscription.ends, subscription.pending()) {
        (Some(ends), _) => {
            let title = format!("It ends on {}", show::date(subscription.schedule.zone.date_of(ends)));
            ui::notice(ui::Kind::Warning, &title, html! { "Nothing is billed after that." })
        }
        (None, Some(change)) => {
            let to = items::asked(change, subscription, Some(in_force));
            let text = if to.is_empty() {
                "At the prices in force on that day.".to_owned()
            } else {
                format!("To {to}.")
            };
            ui::notice(ui::Kind::Info, &format!("It changes on {date}"), html! { (text) })
        }
        (None, None) => html! {},
    }
}
