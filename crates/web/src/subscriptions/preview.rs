//! Seeing what a start would bill, and then starting exactly that.

use axum::response::{IntoResponse, Redirect, Response};
use billing::subscription::{self, Preview, State};
use catalog::version;
use entitlements::switch::{self, Switch};
use identity::{LegalEntity, customer, customer::Party, environment, permission::may, user};
use kernel::{Error, Result, ids::SubscriptionId};
use maud::{Markup, html};
use store::{Tx, idempotency};

use super::{
    act::once,
    coming::{self, Coming},
    new,
    wish::Wish,
};
use crate::{
    gate::{Answer, Answers, Asked, Desk, Posted, Sheet, Staff},
    invoices::{self, Document, document},
    parts, show, ui,
};

/// What a preview page shows.
struct Seen {
    preview: Preview,
    /// What the end of its trial does, when it begins with one.
    trial_end: Option<Coming>,
    party: Party,
    seller: LegalEntity,
}

/// What a start would do. It is started too, and taken back: what only a start refuses (an id that is taken, a
/// second trial) is said now and not after the confirmation.
fn look(tx: &mut Tx<'_>, wish: &Wish) -> Result<Seen> {
    let command = wish.command(tx)?;
    if command.trial {
        switch::open(tx, Switch::Trial, Some(command.customer))?;
    }
    let preview = subscription::preview(tx, &command)?;
    subscription::start(tx, &command)?;
    let party = customer::parties(tx, vec![command.customer])?.pop().map(|(_, party)| party);
    let trial_end = match preview.subscription.state {
        State::Trialing => {
            let in_force = version::in_force(tx)?;
            let edge = coming::NextEdge::of(tx, &preview.subscription).ok();
            coming::trial_end(coming::Ahead {
                subscription: &preview.subscription,
                edge: edge.as_ref(),
                agreed: &in_force,
                in_force: &in_force,
            })
        }
        _ => None,
    };
    Ok(Seen {
        trial_end,
        seller: environment::entity(tx, Some(preview.subscription.entity))?,
        party: party.ok_or_else(|| Error::not_found("customer"))?,
        preview,
    })
}

/// What must be the same when the preview is confirmed: the book, the amount, the next date. Not the
/// instant, which in a live environment moves on while the preview is read.
fn essence(preview: &Preview) -> String {
    let total = preview.invoice.as_ref().map_or_else(String::new, |(_, totals)| totals.total.to_string());
    format!("{} {total} {}", preview.subscription.book, preview.next_due.date)
}

pub(super) async fn page(staff: Staff<may::SubscriptionWrite>, Posted(answers): Posted) -> Answer {
    match Wish::read(&answers) {
        Ok(wish) => show_it(&staff, answers, wish, false).await,
        Err(error) => new::refused(&staff, answers, error).await,
    }
}

/// Nothing is shown for an address without its form, so back to it.
pub(super) async fn again(staff: Staff<may::SubscriptionWrite>, Asked(asked): Asked) -> Redirect {
    Redirect::to(&asked.link(&staff.at("/subscriptions/new")))
}

async fn show_it(desk: &Desk, answers: Answers, wish: Wish, changed: bool) -> Answer {
    wish.allowed(desk)?;
    match desk.rehearse(move |tx| look(tx, &wish)).await {
        Ok(seen) => {
            let page = draw(desk, &answers.without(&["once", "seen"]), &seen, changed)?;
            let status = if changed { axum::http::StatusCode::CONFLICT } else { axum::http::StatusCode::OK };
            Ok((status, page).into_response())
        }
        Err(error) => new::refused(desk, answers, error).await,
    }
}

fn draw(desk: &Desk, answers: &Answers, seen: &Seen, changed: bool) -> Answer<Markup> {
    let crumbs = [ui::Crumb { label: "Subscriptions", href: &desk.at("/subscriptions") }];
    let name = seen.party.name.as_deref().unwrap_or_default();
    let confirm = html! {
        (answers.hidden())
        (ui::hidden_field("once", &user::new_secret()?))
        (ui::hidden_field("seen", &essence(&seen.preview)))
    };
    let actions = html! {
        (ui::button_link(ui::Button::Plain, "Change something", &answers.link(&desk.at("/subscriptions/new"))))
        (ui::post_button_with(ui::Button::Primary, "Start the subscription", &desk.at("/subscriptions"), desk.csrf(), confirm))
    };
    let body = html! {
        (ui::header("Preview", &format!("A subscription of {name}"), actions))
        @if changed {
            (ui::notice(ui::Kind::Warning, "Something has changed since you looked", html! {
                "The price book or the date is another one now. Nothing was started; this is what it would be now."
            }))
        } @else {
            (ui::notice(ui::Kind::Info, "Nothing has happened yet", html! {
                "This is exactly what starting it does. Look at it, then start it or change something."
            }))
        }
        (ui::split(first_invoice(seen), terms(seen, answers.ticked("finalize"))))
    };
    Ok(desk.page(Sheet::new(ui::Section::Subscriptions, "Preview").below(&crumbs), body))
}

fn terms(seen: &Seen, finalize: bool) -> Markup {
    let subscription = &seen.preview.subscription;
    let (zone, trial) = (&subscription.schedule.zone, seen.trial_end.is_some());
    let after = match (&seen.preview.invoice, finalize) {
        (None, _) if seen.trial_end.is_some() => "Nothing is billed before the trial’s end",
        (None, _) => "Nothing is billed at the start",
        (Some(_), true) => "Finalized at once",
        (Some(_), false) => "Left as a draft",
    };
    ui::definition_list(&[
        ("Starts", show::time(subscription.started, zone)),
        ("Billed", html! { (show::every(subscription.schedule.cycle)) ", in " (subscription.currency) }),
        (if trial { "Trial" } else { "First period" }, html! { (show::period(&subscription.period)) }),
        (
            if trial { "Trial ends" } else { "Next invoice" },
            html! { (show::date(seen.preview.next_due.date)) },
        ),
        ("Method of payment", html! { (if subscription.has_method { "On file" } else { "None" }) }),
        ("Days begin in", html! { (zone) }),
        ("First invoice", html! { (after) }),
    ])
}

fn first_invoice(seen: &Seen) -> Markup {
    if let Some(end) = &seen.trial_end {
        let bill = end.bill.as_ref().map(|bill| (bill, invoices::Sums::of(&bill.totals, &bill.taxes)));
        return html! {
            (ui::section("What comes", html! {}, coming::timeline(std::slice::from_ref(end))))
            @if let Some((bill, sums)) = bill {
                (ui::section("The invoice of that day", html! {}, html! {
                    (invoices::lines(&bill.lines))
                    (ui::totals(&sums.entries(), &ui::Total { label: "Total", amount: &bill.totals.total.to_string(), href: None }))
                }))
            }
        };
    }
    let Some((draft, totals)) = &seen.preview.invoice else {
        let date = show::date(seen.preview.next_due.date);
        return ui::empty(
            "Nothing to bill yet",
            &format!("The first invoice falls due on {date}."),
            html! {},
        );
    };
    let particulars = [
        ("Falls due", show::date(seen.seller.zone.date_of(draft.due))),
        ("Currency", draft.currency.to_string()),
    ];
    document(&Document {
        explained: true,
        title: "Preview",
        number: None,
        state: "draft",
        seller: &seen.seller.party(),
        buyer: &seen.party,
        particulars: &particulars,
        lines: &draft.lines,
        totals,
        taxes: &draft.taxes,
        credit: kernel::Money::zero(draft.currency),
        paid: kernel::Money::zero(draft.currency),
        notes: &["A preview. Nothing has been written, and nobody owes anything for it."],
        leads: false,
    })
}

/// How a confirmation went.
enum Confirmed {
    Started(SubscriptionId),
    /// It is not what was previewed any more.
    Changed,
}

pub(super) async fn start(staff: Staff<may::SubscriptionWrite>, Posted(answers): Posted) -> Answer {
    let wish = match Wish::read(&answers) {
        Ok(wish) => wish,
        Err(error) => return new::refused(&staff, answers, error).await,
    };
    wish.allowed(&staff)?;
    let (request, seen, wanted) = (once(&answers, "")?, answers.get("seen").to_owned(), wish.clone());
    match staff.write(move |tx| confirm(tx, &wanted, &request, &seen)).await {
        Ok(Confirmed::Started(id)) => Ok(started(&staff, id)),
        Ok(Confirmed::Changed) => show_it(&staff, answers, wish, true).await,
        Err(error) => new::refused(&staff, answers, error).await,
    }
}

fn started(desk: &Desk, id: SubscriptionId) -> Response {
    parts::done(&desk.at(&format!("/subscriptions/{id}")), "started")
}

fn confirm(tx: &mut Tx<'_>, wish: &Wish, request: &idempotency::Request, seen: &str) -> Result<Confirmed> {
    if let Some(answer) = idempotency::find(tx, request)? {
        return answer.body.parse().map(Confirmed::Started);
    }
    let command = wish.command(tx)?;
    if essence(&subscription::preview(tx, &command)?) != seen {
        return Ok(Confirmed::Changed);
    }
    if command.trial {
        switch::open(tx, Switch::Trial, Some(command.customer))?;
    }
    let id = subscription::start(tx, &command)?.subscription.id;
    idempotency::record(tx, request, &idempotency::Answer { status: 303, body: id.to_string() })?;
    Ok(Confirmed::Started(id))
}
