//! Canceling: when the period ends, or at once.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use billing::subscription::{State, Timing};
use identity::permission::may;
use kernel::{Error, Kind, Result, ids, ids::SubscriptionId};
use maud::{Markup, html};

use super::{
    Head,
    act::{self, Act, Confirmed, Effect, OUTDATED},
    deed, outcome,
};
use crate::{
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Staff},
    parts, show, ui,
};

pub(super) async fn page(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer {
    draw(&staff, id, asked, false).await
}

pub(super) async fn post(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let confirmed = Confirmed::read(&answers, &format!("{id}/cancel"))?;
    let timing = match answers.get("timing") {
        "now" => Timing::Now,
        _ => Timing::PeriodEnd,
    };
    match act::carry_out(&staff, id, confirmed, move |_| Ok(Act::Cancel(timing))).await {
        Ok(done) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}")), &done)),
        Err(error) if error.code == OUTDATED => draw(&staff, id, answers, true).await,
        Err(error) => draw(&staff, id, answers.refused(error)?, false).await,
    }
}

/// What canceling would do, or why it cannot be done so.
async fn would(desk: &Desk, id: SubscriptionId, timing: Timing) -> Result<Result<Effect>> {
    match act::rehearse(desk, id, move |_| Ok(Act::Cancel(timing))).await {
        Err(error) if matches!(error.kind, Kind::Conflict | Kind::Unavailable) => Ok(Err(error)),
        Err(error) => Err(error),
        Ok(effect) => Ok(Ok(effect)),
    }
}

async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers, stale: bool) -> Answer<Response> {
    let head = Head::load(desk, id).await?;
    let (subscription, path) = (&head.subscription, desk.at(&format!("/subscriptions/{id}")));
    let now = would(desk, id, Timing::Now).await?;
    // Only what is billed ahead has an end of its own to wait for.
    let can_wait = subscription.state == State::Active && subscription.ends.is_none();
    let end = if can_wait { Some(would(desk, id, Timing::PeriodEnd).await?) } else { None };
    let status = if stale { StatusCode::CONFLICT } else { answers.status() };
    let body = html! {
        (ui::header("Cancel the subscription", &head.about(), html! {}))
        @if stale { (deed::changed_since()) }
        (answers.summary(&[]))
        @if let Some(ends) = subscription.ends.filter(|_| subscription.state == State::Active) {
            (ui::notice(ui::Kind::Info, "It already ends by itself", html! {
                "It is canceled as of " (show::time(ends, &subscription.schedule.zone)) ". Canceling now ends it before."
            }))
        }
        div class="choices" {
            @if let Some(end) = &end { (choice(desk, &path, "At the end of the period", end, Timing::PeriodEnd)?) }
            (choice(desk, &path, "Now", &now, Timing::Now)?)
        }
        p class="decide" { (ui::button_link(ui::Button::Plain, "Back to the subscription", &path)) }
    };
    Ok((status, head.page(desk, "Cancel", body)).into_response())
}

fn choice(
    desk: &Desk,
    path: &str,
    title: &str,
    would: &Result<Effect, Error>,
    timing: Timing,
) -> Result<Markup> {
    let body = match would {
        Ok(effect) => offered(desk, path, effect, timing)?,
        Err(error) => ui::notice(ui::Kind::Warning, "This is not possible now", html! { (error.detail) }),
    };
    Ok(html! { section class="choice" { h2 { (title) } (body) } })
}

fn offered(desk: &Desk, path: &str, effect: &Effect, timing: Timing) -> Result<Markup> {
    let (word, label, weight) = match timing {
        Timing::Now => ("now", "Cancel now", ui::Button::Danger),
        Timing::PeriodEnd => ("period_end", "Cancel at the end of the period", ui::Button::Plain),
    };
    let hidden = html! { (ui::hidden_field("timing", word)) (deed::confirmation(effect)?) };
    Ok(html! {
        (sentences(effect, timing))
        (outcome::by_second(effect))
        (outcome::documents(effect, outcome::as_part)?)
        div class="actions decide" {
            (ui::post_button_with(weight, label, &format!("{path}/cancel"), desk.csrf(), hidden))
        }
    })
}

fn sentences(effect: &Effect, timing: Timing) -> Markup {
    let ends = effect.after.ends.map(|at| show::time(at, &effect.after.schedule.zone));
    match timing {
        Timing::PeriodEnd => html! {
            p {
                "It goes on until it ends" @if let Some(ends) = ends { " at " (ends) } ". What is paid is used up: "
                "nothing is credited, and nothing more is billed."
            }
            @if effect.before.pending().is_some() { p { "The change that is scheduled for that day is dropped." } }
            p { "Until then it can be kept on." }
        },
        Timing::Now => html! {
            p { "It ends at once, for good: a canceled subscription cannot be taken up again, only started anew." }
            p { (deed::credited(effect)) }
        },
    }
}
