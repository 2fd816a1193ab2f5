//! The advice on a customer's page.

use billing::advice::{
    PlanAdvice,
    plans::Ground,
    teams::{self, TeamAdvice},
};
use entitlements::{
    Sight,
    feature::Upgrade,
    prompt::{Moment, Prompt},
};
use kernel::{Result, ids::CustomerId};
use maud::{Markup, html};
use metering::alert::{self, Wanted};
use store::View;

use super::table;
use crate::{gate::Desk, parts::FEW, ui};

/// What is advised to a customer, but for what only the usage database knows.
pub(crate) struct Advised {
    prompts: Vec<Prompt>,
    teams: Vec<TeamAdvice>,
    ground: Ground,
}

/// Read it for a customer who has this.
pub(crate) fn load(view: &mut View<'_>, id: CustomerId, sight: &Sight) -> Result<Advised> {
    let alerts = alert::list(view, &Wanted { customer: Some(id), before: None, limit: FEW })?;
    let prompts = sight.prompts(&alerts, &Moment::default());
    Ok(Advised { prompts, teams: teams::of_customer(view, id)?, ground: Ground::one(view, id)? })
}

/// As it is shown; nothing where nothing is.
pub(crate) async fn panel(desk: &Desk, advised: Advised) -> Result<Markup> {
    let Advised { prompts, teams, ground } = advised;
    let (db, scope) = desk.hands();
    let plans = db.usage().read(&scope, move |view| ground.advise(view, usize::MAX)).await?.found;
    if prompts.is_empty() && teams.is_empty() && plans.is_empty() {
        return Ok(html! {});
    }
    let all = html! { a href=(desk.at("/advice")) { "All advice" } };
    Ok(ui::section(
        "Advice",
        all,
        html! {
            @for prompt in &prompts { (told(prompt)) }
            @for team in &teams {
                (ui::notice(ui::Kind::Info, &format!("Part of a team at {}", team.domain), html! {
                    @for reason in team.reasons() { span class="under" { (reason) } }
                }))
            }
            @if !plans.is_empty() { (recommended(desk, &plans)) }
        },
    ))
}

fn recommended(desk: &Desk, plans: &[PlanAdvice]) -> Markup {
    table(desk, plans, None)
}

/// What the customer is told now.
fn told(prompt: &Prompt) -> Markup {
    let offer = match &prompt.offer {
        Upgrade::Plan(_) => "The plan",
        Upgrade::Addon(_) => "The add-on",
    };
    ui::notice(
        ui::Kind::Info,
        "A prompt to show now",
        html! {
            (prompt.text)
            span class="under" { (offer) " " (prompt.name) ", " (prompt.price) @if let Some(who) = &prompt.who { ", for " (who) } }
        },
    )
}
