//! Letting a trial last longer.

use axum::response::{IntoResponse, Response};
use identity::{permission::may, user};
use kernel::{Error, Result, ids, ids::SubscriptionId};
use maud::html;

use super::{
    Head,
    act::{self, Act, Confirmed},
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
    draw(&staff, id, asked).await
}

pub(super) async fn post(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let extended = match days(&answers) {
        Ok(days) => {
            let confirmed = Confirmed::unseen(&answers, &format!("{id}/extend-trial"))?;
            act::carry_out(&staff, id, confirmed, move |_| Ok(Act::ExtendTrial(days))).await
        }
        Err(error) => Err(error),
    };
    match extended {
        Ok(done) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}")), &done)),
        Err(error) => draw(&staff, id, answers.refused(error)?).await,
    }
}

fn days(answers: &Answers) -> Result<u16> {
    let wrong = || Error::invalid("extension_invalid", "Write a number of days from 1 to 90.").at("/days");
    answers.get("days").parse().map_err(|_| wrong())
}

async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers) -> Answer<Response> {
    let head = Head::load(desk, id).await?;
    let answers = answers.or("days", "7");
    let path = desk.at(&format!("/subscriptions/{id}"));
    let now = format!(
        "It ends on {} now. By 1 to 90 days; reminders move with it.",
        show::instant(head.subscription.billed_through.at, &head.subscription.schedule.zone)
    );
    let days = ui::Field::new("Longer by", "days", ui::Input::Number)
        .value(answers.get("days"))
        .error(answers.error("days"))
        .hint(&now)
        .unit("days")
        .required();
    let once = user::new_secret()?;
    let fields = html! { (ui::field(&days)) (ui::hidden_field("once", &once)) };
    let about = head.about();
    let body = html! {
        (ui::header("Extend the trial", &about, html! {}))
        (answers.summary(&[("days", "Longer by")]))
        (ui::form(&format!("{path}/extend-trial"), desk.csrf(), fields, "Extend the trial"))
        p { (ui::button_link(ui::Button::Plain, "Back to the subscription", &path)) }
    };
    Ok((answers.status(), head.page(desk, "Extend the trial", body)).into_response())
}
