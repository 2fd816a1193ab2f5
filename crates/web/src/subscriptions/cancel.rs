//! Canceling: when the period ends, or at once.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use billing::{
    cancellation::{self, Cancel, Offer},
    subscription::{State, Timing},
};
use catalog::{Cancellation, ReasonIs, version};
use identity::permission::may;
use kernel::{Currency, Error, Kind, Result, ids, ids::SubscriptionId};
use maud::{Markup, html};
use store::{Tx, View};

use super::{
    Head,
    act::{self, Act, Confirmed, Effect, OUTDATED},
    deed, extras, outcome,
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
        NOW => Timing::Now,
        _ => Timing::PeriodEnd,
    };
    let word = word(timing);
    let said = |name: &str| answers.some(&format!("{word}.{name}")).map(str::to_owned);
    let cancel = Cancel { timing, reason: said("reason"), comment: said("comment") };
    match act::carry_out(&staff, id, confirmed, move |_| Ok(Act::Cancel(cancel.clone()))).await {
        Ok(done) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}")), &done)),
        Err(error) if error.code == OUTDATED => draw(&staff, id, answers, true).await,
        Err(error) => {
            let answers = answers.refused(error)?;
            let answers = answers.beside("reason", &format!("{word}.reason"));
            draw(&staff, id, answers.beside("comment", &format!("{word}.comment")), false).await
        }
    }
}

/// Stay for what is offered instead.
pub(super) async fn stay(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let reason = answers.get("reason").to_owned();
    match staff.write(move |tx| cancellation::stay(tx, id, &reason, None)).await {
        Ok(_) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}")), "saved")),
        Err(error) => draw(&staff, id, answers.refused(error)?, false).await,
    }
}

/// The words of the times, and what the fields of each begin with.
const NOW: &str = "now";
const PERIOD_END: &str = "period_end";

const fn word(timing: Timing) -> &'static str {
    match timing {
        Timing::Now => NOW,
        Timing::PeriodEnd => PERIOD_END,
    }
}

/// What canceling would do, or why it cannot be done so.
async fn would(desk: &Desk, id: SubscriptionId, timing: Timing) -> Result<Result<Effect>> {
    let act = move |tx: &mut Tx<'_>| {
        // Any reason does the same.
        let reason = version::in_force(tx)?.book.cancellation.reasons.first().map(|one| one.key.clone());
        Ok(Act::Cancel(Cancel { reason, ..Cancel::at(timing) }))
    };
    match act::rehearse(desk, id, act).await {
        Err(error) if matches!(error.kind, Kind::Conflict | Kind::Unavailable) => Ok(Err(error)),
        Err(error) => Err(error),
        Ok(effect) => Ok(Ok(effect)),
    }
}

async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers, stale: bool) -> Answer<Response> {
    let head = Head::load(desk, id).await?;
    let (subscription, path) = (&head.subscription, desk.at(&format!("/subscriptions/{id}")));
    let now = would(desk, id, Timing::Now).await?;
    let (asked, offers) = desk.read(move |view| survey(view, id)).await?;
    // Only what is billed ahead has an end of its own to wait for.
    let can_wait = subscription.state == State::Active && subscription.ends.is_none();
    let end = if can_wait { Some(would(desk, id, Timing::PeriodEnd).await?) } else { None };
    let status = if stale { StatusCode::CONFLICT } else { answers.status() };
    let body = html! {
        (ui::header("Cancel the subscription", &head.about(), html! {}))
        @if stale { (deed::changed_since()) }
        (answers.summary(&FIELDS))
        (stays(desk, &path, &offers, subscription.currency))
        @if let Some(ends) = subscription.ends.filter(|_| subscription.state == State::Active) {
            (ui::notice(ui::Kind::Info, "It already ends by itself", html! {
                "It is canceled as of " (show::time(ends, &subscription.schedule.zone)) ". Canceling now ends it before."
            }))
        }
        div class="choices" {
            @if let Some(end) = &end { (choice(desk, &path, "At the end of the period", end, (Timing::PeriodEnd, &asked, &answers))?) }
            (choice(desk, &path, "Now", &now, (Timing::Now, &asked, &answers))?)
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
    (timing, asked, answers): (Timing, &Cancellation, &Answers),
) -> Result<Markup> {
    let body = match would {
        Ok(effect) => offered(desk, path, effect, timing, why(asked, word(timing), answers))?,
        Err(error) => ui::notice(ui::Kind::Warning, "This is not possible now", html! { (error.detail) }),
    };
    Ok(html! { section class="choice" { h2 { (title) } (body) } })
}

fn offered(desk: &Desk, path: &str, effect: &Effect, timing: Timing, why: Markup) -> Result<Markup> {
    let (label, weight) = match timing {
        Timing::Now => ("Cancel now", ui::Button::Danger),
        Timing::PeriodEnd => ("Cancel at the end of the period", ui::Button::Plain),
    };
    let fields = html! { (why) (ui::hidden_field("timing", word(timing))) (deed::confirmation(effect)?) };
    Ok(html! {
        (sentences(effect, timing))
        (outcome::unsure(effect))
        (outcome::documents(effect, outcome::as_part)?)
        (ui::form_as(weight, &format!("{path}/cancel"), desk.csrf(), fields, label))
    })
}

/// Names and labels of the fields of both times.
const FIELDS: [(&str, &str); 4] = [
    ("period_end.reason", "Why"),
    ("period_end.comment", "In their words"),
    ("now.reason", "Why"),
    ("now.comment", "In their words"),
];

/// What is asked of who cancels.
fn why(asked: &Cancellation, word: &str, answers: &Answers) -> Markup {
    let reasons: Vec<ui::Choice> = std::iter::once(ui::Choice { value: "", label: "Nobody said" })
        .filter(|_| asked.reason == ReasonIs::Optional)
        .chain(asked.reasons.iter().map(|one| ui::Choice { value: &one.key, label: &one.name }))
        .collect();
    let [reason, comment] = ["reason", "comment"].map(|name| format!("{word}.{name}"));
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    let reason = field("Why", &reason, ui::Input::Select(&reasons));
    let comment =
        field("In their words", &comment, ui::Input::Text).hint("Goes when the customer is erased.");
    html! {
        (ui::field(&if asked.reason == ReasonIs::Required { reason.required() } else { reason }))
        (ui::field(&comment))
    }
}

/// What is asked, and what is offered for each reason, as far as it can be taken.
fn survey(view: &mut View<'_>, id: SubscriptionId) -> Result<(Cancellation, Vec<(String, Offer)>)> {
    let asked = version::in_force(view)?.book.cancellation.clone();
    let mut offers = Vec::new();
    for reason in asked.reasons.iter().filter(|reason| reason.offer.is_some()) {
        let cancel = Cancel { reason: Some(reason.key.clone()), ..Cancel::at(Timing::Now) };
        match cancellation::preview(view, id, &cancel) {
            Ok(preview) => offers.extend(preview.offer.map(|offer| (reason.name.clone(), offer))),
            Err(error) if matches!(error.kind, Kind::Conflict | Kind::Unavailable) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((asked, offers))
}

/// What may make them stay.
fn stays(desk: &Desk, path: &str, offers: &[(String, Offer)], currency: Currency) -> Markup {
    html! {
        @if !offers.is_empty() {
            (ui::section("Before it goes", html! {}, html! {
                p { "The price book has something for some reasons. Whoever stays for it keeps the subscription, and it comes off from the next invoice on." }
                ul class="offers" {
                    @for (reason, offer) in offers {
                        li {
                            span { strong { (reason) } ": " (offer.discount.name) ", " (extras::taken_off(&offer.discount, currency)) }
                            (ui::post_button_with(ui::Button::Primary, "They stay for it", &format!("{path}/stay"), desk.csrf(),
                                ui::hidden_field("reason", &offer.reason)))
                        }
                    }
                }
            }))
        }
    }
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
