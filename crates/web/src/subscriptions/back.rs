//! Bringing back a subscription that is over.

use axum::response::IntoResponse;
use billing::{
    cancellation,
    subscription::{Preview, State},
};
use identity::permission::may;
use kernel::{Kind, Result, ids, ids::SubscriptionId};
use maud::{Markup, html};

use super::Head;
use crate::{
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Staff},
    invoices, parts, show, ui,
};

pub(super) async fn page(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer {
    draw(&staff, id, asked).await
}

pub(super) async fn post(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    // It comes back once, however often its form is sent: the second time it is refused.
    match staff.write(move |tx| cancellation::reactivate(tx, id, false)).await {
        Ok(back) => {
            Ok(parts::done(&staff.at(&format!("/subscriptions/{}", back.subscription.id)), "reactivated"))
        }
        Err(error) => draw(&staff, id, answers.refused(error)?).await,
    }
}

async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers) -> Answer {
    let read = desk.read(move |view| {
        let head = Head::read(view, id)?;
        let would = match cancellation::preview_reactivation(view, id, false) {
            Err(error) if matches!(error.kind, Kind::Conflict | Kind::Invalid) => Err(error.detail),
            would => Ok(would?),
        };
        Ok((head, would, cancellation::successor(view, id)?))
    });
    let (head, would, successor) = read.await?;
    let path = desk.at(&format!("/subscriptions/{id}"));
    let body = html! {
        (ui::header("Bring it back", &head.about(), html! {}))
        (answers.summary(&[]))
        @match &would {
            Ok((preview, coupon)) => (offered(desk, &path, preview, coupon.as_deref())?),
            Err(_) if successor.is_some() => (came(desk, successor)),
            Err(why) => (ui::notice(ui::Kind::Warning, "This is not possible", html! { (why) })),
        }
        p class="decide" { (ui::button_link(ui::Button::Plain, "Back to the subscription", &path)) }
    };
    Ok((answers.status(), head.page(desk, "Bring it back", body)).into_response())
}

fn offered(desk: &Desk, path: &str, preview: &Preview, coupon: Option<&str>) -> Result<Markup> {
    let due = show::date(preview.next_due.date);
    Ok(html! {
        (ui::notice(ui::Kind::Info, "This is what it does", html! {
            p { "Another subscription begins now with the same plan, cycle, quantities and add-ons, at the prices in force." }
            @if let Some(coupon) = coupon { p { "It comes back with the coupon " (show::sentence(coupon)) "." } }
            p { "What was agreed beside the price book is over." }
        }))
        @match &preview.invoice {
            Some((draft, totals)) => (ui::section("First invoice", html! {}, html! {
                (invoices::lines(&draft.lines))
                (ui::totals(
                    &invoices::Sums::of(totals, &draft.taxes).entries(),
                    &ui::Total { label: "Total before credit", amount: &totals.total.to_string(), href: None },
                ))
            })),
            None => p { "The first invoice falls due on " (due) "." },
        }
        (ui::form(&format!("{path}/back"), desk.csrf(), html! {}, "Bring it back"))
    })
}

/// Whether one can be brought back, to offer it. It comes back once.
pub(super) const fn may_come(state: State, successor: Option<SubscriptionId>) -> bool {
    successor.is_none() && matches!(state, State::Canceled | State::Expired)
}

/// That it has come back, and as which one.
pub(super) fn came(desk: &Desk, successor: Option<SubscriptionId>) -> Markup {
    let Some(successor) = successor else { return html! {} };
    let path = desk.at(&format!("/subscriptions/{successor}"));
    let text = html! { "It goes on as " a href=(path) { "another subscription" } " with the same plan." };
    ui::notice(ui::Kind::Info, "It came back", text)
}
