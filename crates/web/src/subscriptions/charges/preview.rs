//! Seeing what a one-off charge costs, and then charging exactly that.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use billing::charge::{self, BillWith, ChargePreview};
use identity::{permission::may, user};
use kernel::{Error, Result, ids, ids::SubscriptionId};
use maud::{Markup, html};
use store::{Tx, View, idempotency};

use super::{
    super::{
        Head,
        act::{OUTDATED, once},
        deed, terms,
    },
    draw, form,
};
use crate::{
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Staff},
    invoices, parts, show, ui,
};

pub(super) async fn page(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    show_it(&staff, id, answers, false).await
}

/// Nothing is shown for an address without its form, so back to it.
pub(super) async fn again(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Redirect {
    Redirect::to(&asked.link(&staff.at(&format!("/subscriptions/{id}/charges"))))
}

pub(super) async fn post(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let request = once(&answers, &format!("{id}/charges"))?;
    let asked = answers.clone();
    let negotiates = allowed(&staff, &answers);
    let add = move |tx: &mut Tx<'_>| {
        negotiates.clone()?;
        if idempotency::find(tx, &request)?.is_some() {
            return Ok(());
        }
        let (new, with) = form::read(&asked)?;
        if asked.get("seen") != essence(&charge::preview(tx, id, &new, with)?) {
            return Err(Error::conflict(OUTDATED, "It would cost something else now than was shown."));
        }
        charge::add(tx, id, &new, with)?;
        let answer = idempotency::Answer { status: 303, body: String::new() };
        idempotency::record(tx, &request, &answer)
    };
    match staff.write(add).await {
        Ok(()) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}/charges")), "charge_added")),
        Err(error) if error.code == OUTDATED => show_it(&staff, id, answers, true).await,
        Err(error) => draw(&staff, id, answers.refused(error)?).await,
    }
}

/// Errors: `permission_missing`, when somebody agrees an amount who may not.
fn allowed(desk: &Desk, answers: &Answers) -> Result<()> {
    let agreed = form::read(answers).is_ok_and(|(new, _)| new.is_negotiated());
    terms::check(desk, agreed)
}

fn look(
    view: &mut View<'_>,
    id: SubscriptionId,
    answers: &Answers,
) -> Result<(Head, ChargePreview, BillWith)> {
    let (new, with) = form::read(answers)?;
    Ok((Head::read(view, id)?, charge::preview(view, id, &new, with)?, with))
}

/// What must be the same when it is confirmed: text, quantity, amount, day and total.
fn essence(preview: &ChargePreview) -> String {
    let ChargePreview { line, invoice, billed } = preview;
    let total = invoice.as_ref().map_or_else(|| "waits".to_owned(), |(_, totals)| totals.total.to_string());
    let day = billed.map_or_else(|| "some day".to_owned(), |edge| edge.date.to_string());
    format!("{} {} {} {day} {total}", line.description, line.quantity, line.amount)
}

async fn show_it(desk: &Desk, id: SubscriptionId, answers: Answers, stale: bool) -> Answer {
    allowed(desk, &answers)?;
    let asked = answers.clone();
    match desk.read(move |view| look(view, id, &asked)).await {
        Ok((head, preview, with)) => {
            let answers = answers.without(&["once", "seen"]);
            let body = seen(desk, &head, &answers, &preview, (with, stale))?;
            let status = if stale { StatusCode::CONFLICT } else { StatusCode::OK };
            Ok((status, head.page(desk, "Preview", body)).into_response())
        }
        Err(error) => draw(desk, id, answers.refused(error)?).await,
    }
}

fn seen(
    desk: &Desk,
    head: &Head,
    answers: &Answers,
    preview: &ChargePreview,
    (with, stale): (BillWith, bool),
) -> Result<Markup> {
    let path = desk.at(&format!("/subscriptions/{}/charges", head.subscription.id));
    let confirm = html! {
        (answers.hidden())
        (ui::hidden_field("once", &user::new_secret()?))
        (ui::hidden_field("seen", &essence(preview)))
    };
    let label = if with == BillWith::Now { "Charge it now" } else { "Put it on the next invoice" };
    let actions = html! {
        (ui::button_link(ui::Button::Plain, "Change something", &answers.link(&path)))
        (ui::post_button_with(ui::Button::Primary, label, &path, desk.csrf(), confirm))
    };
    Ok(html! {
        (ui::header("Preview of the charge", &head.about(), actions))
        @if stale { (deed::changed_since()) } @else {
            (ui::notice(ui::Kind::Info, "Nothing has happened yet", html! { (when(preview, with)) }))
        }
        @match &preview.invoice {
            Some((draft, totals)) => (ui::section("New invoice", html! {}, html! {
                (invoices::lines(&draft.lines))
                (ui::totals(
                    &invoices::Sums::of(totals, &draft.taxes).entries(),
                    &ui::Total { label: "Total before credit", amount: &totals.total.to_string(), href: None },
                ))
            })),
            None => (ui::section("What is charged", html! {}, html! {
                (invoices::lines(std::slice::from_ref(&preview.line)))
                p class="hint" { "Before coupons and tax, which come with its invoice." }
            })),
        }
    })
}

fn when(preview: &ChargePreview, with: BillWith) -> String {
    match (with, preview.billed) {
        (BillWith::Now, _) if preview.invoice.is_none() => {
            "It comes to nothing, so there is no invoice; it is written down all the same.".to_owned()
        }
        (BillWith::Now, _) => "This invoice is issued at once. Look at it, then charge it.".to_owned(),
        (BillWith::NextInvoice, Some(edge)) => {
            format!("It waits for the invoice of {}. Until then it can be taken back.", show::date(edge.date))
        }
        (BillWith::NextInvoice, None) => {
            "It waits until something falls due again. Until then it can be taken back.".to_owned()
        }
    }
}
