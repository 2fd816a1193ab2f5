//! Pages that say exactly what pausing, resuming and the like will do, and then do it.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use billing::subscription::{State, Subscription};
use identity::{permission::may, user};
use kernel::{Error, Kind, Result, ids, ids::SubscriptionId};
use maud::{Markup, html};

use super::{
    Head,
    act::{self, Act, Confirmed, Effect, OUTDATED},
    outcome,
};
use crate::{
    App,
    gate::{Answer, Answers, Asked, Desk, Failure, Named, Posted, Staff},
    parts, show, ui,
};

/// Something done as a whole or not at all.
#[derive(Clone, Copy)]
pub(crate) enum Deed {
    Pause,
    Resume,
    Convert,
    Suspend,
    Reinstate,
}

impl Deed {
    const ALL: [Self; 5] = [Self::Pause, Self::Resume, Self::Convert, Self::Suspend, Self::Reinstate];

    /// Its word in the address, its title, its button.
    const fn words(self) -> (&'static str, &'static str, ui::Button, &'static str) {
        match self {
            Self::Pause => ("pause", "Pause the subscription", ui::Button::Danger, "Pause it"),
            Self::Resume => ("resume", "Resume the subscription", ui::Button::Primary, "Resume it"),
            Self::Convert => {
                ("convert", "Convert the trial", ui::Button::Primary, "Begin the paid subscription")
            }
            Self::Suspend => ("suspend", "Suspend the subscription", ui::Button::Danger, "Suspend it"),
            Self::Reinstate => {
                ("reinstate", "Reinstate the subscription", ui::Button::Primary, "Reinstate it")
            }
        }
    }

    const fn act(self) -> Act {
        match self {
            Self::Pause => Act::Pause,
            Self::Resume => Act::Resume,
            Self::Convert => Act::Convert,
            Self::Suspend => Act::Suspend,
            Self::Reinstate => Act::Reinstate,
        }
    }
}

impl FromRequestParts<App> for Deed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let missing = || Error::not_found("page");
        let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| missing())?;
        let word = params.iter().find(|(name, _)| *name == "deed").map(|(_, word)| word);
        let deed = Self::ALL.into_iter().find(|deed| Some(deed.words().0) == word);
        Ok(deed.ok_or_else(missing)?)
    }
}

pub(crate) async fn page(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    deed: Deed,
    Asked(asked): Asked,
) -> Answer {
    draw(&staff, id, deed, asked, false).await
}

pub(crate) async fn post(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    deed: Deed,
    Posted(answers): Posted,
) -> Answer {
    let confirmed = Confirmed::read(&answers, &format!("{id}/{}", deed.words().0))?;
    match act::carry_out(&staff, id, confirmed, move |_| Ok(deed.act())).await {
        Ok(done) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}")), &done)),
        Err(error) if error.code == OUTDATED => draw(&staff, id, deed, answers, true).await,
        Err(error) => draw(&staff, id, deed, answers.refused(error)?, false).await,
    }
}

async fn draw(
    desk: &Desk,
    id: SubscriptionId,
    deed: Deed,
    answers: Answers,
    stale: bool,
) -> Answer<Response> {
    let head = Head::load(desk, id).await?;
    let (word, title, weight, label) = deed.words();
    let path = desk.at(&format!("/subscriptions/{id}"));
    // Looking at what cannot be done now is no mistake; only doing it would be.
    let (effect, impossible) = match act::rehearse(desk, id, move |_| Ok(deed.act())).await {
        Ok(effect) => (Some(effect), None),
        Err(error) if matches!(error.kind, Kind::Conflict | Kind::Invalid) => (None, Some(error.detail)),
        Err(error) => return Err(error.into()),
    };
    let status = if stale { StatusCode::CONFLICT } else { answers.status() };
    let confirm = match &effect {
        None => html! {},
        Some(effect) => {
            let hidden = confirmation(effect)?;
            ui::post_button_with(weight, label, &format!("{path}/{word}"), desk.csrf(), hidden)
        }
    };
    let body = html! {
        (ui::header(title, &head.about(), html! {}))
        @if stale { (changed_since()) }
        (answers.summary(&[]))
        div class="choice" {
            @if let Some(why) = impossible.as_ref().filter(|_| answers.status().is_success()) {
                (ui::notice(ui::Kind::Warning, "This is not possible now", html! { (why) }))
            }
            @if let Some(effect) = &effect {
                (ui::notice(ui::Kind::Info, "This is what it does", sentences(deed, effect)))
                (outcome::unsure(effect))
                (outcome::figures(effect)?)
                (outcome::sections(effect)?)
            }
            div class="actions decide" {
                (confirm)
                (ui::button_link(ui::Button::Plain, "Back to the subscription", &path))
            }
        }
    };
    Ok((status, head.page(desk, title, body)).into_response())
}

/// What a form sends along that confirms what its page shows.
pub(crate) fn confirmation(effect: &Effect) -> Result<Markup> {
    let once = user::new_secret()?;
    Ok(html! { (ui::hidden_field("once", &once)) (ui::hidden_field("seen", &effect.essence())) })
}

/// Said above a page that is shown again instead of acting on an old one.
pub(crate) fn changed_since() -> Markup {
    ui::notice(
        ui::Kind::Warning,
        "Something has changed since you looked",
        html! {
            "Nothing was done. This is what it would do now."
        },
    )
}

fn sentences(deed: Deed, effect: &Effect) -> Markup {
    let after = &effect.after;
    let texts = match deed {
        Deed::Pause => vec![
            "It stops at once, and nothing falls due until somebody resumes it.".to_owned(),
            credited(effect),
        ],
        Deed::Resume => vec![
            "It goes on at once, on the days it always had.".to_owned(),
            format!("The rest of the running period, {}, is charged.", show::period(&after.period)),
            next(after),
        ],
        Deed::Convert => vec![
            "The trial ends at once and the paid subscription begins.".to_owned(),
            format!("Its first period is {}, and is charged in advance.", show::period(&after.period)),
            next(after),
        ],
        Deed::Suspend => vec![
            "Access is off at once, and nothing falls due until somebody reinstates it.".to_owned(),
            "What is paid stays paid: nothing is credited.".to_owned(),
        ],
        Deed::Reinstate => reinstated(effect),
    };
    html! { @for text in texts.iter().filter(|text| !text.is_empty()) { p { (text) } } }
}

fn reinstated(effect: &Effect) -> Vec<String> {
    let after = &effect.after;
    let goes_on = match (after.state, &effect.invoice) {
        (State::Trialing, _) => "The trial goes on as it was.".to_owned(),
        (_, Some(_)) => {
            format!("It goes on, and {} is charged in advance.", show::period(&after.period))
        }
        (_, None) => "It goes on as it was: what is paid is not used up.".to_owned(),
    };
    vec!["Access is on again at once.".to_owned(), goes_on, next(after)]
}

/// What is credited, as a sentence.
pub(crate) fn credited(effect: &Effect) -> String {
    match effect.credit_given() {
        Ok(given) if !given.is_zero() => {
            format!(
                "What is paid and not used is credited: {given}, which pays the customer’s next invoices."
            )
        }
        _ => "Nothing is credited: nothing is paid ahead.".to_owned(),
    }
}

fn next(after: &Subscription) -> String {
    match after.state {
        State::Trialing => format!("It ends on {}.", show::date(after.billed_through.date)),
        _ => format!("The next invoice falls due on {}.", show::date(after.billed_through.date)),
    }
}
