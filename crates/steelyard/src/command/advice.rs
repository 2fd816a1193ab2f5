//! `steelyard advice`

use billing::advice::{
    PlanAdvice,
    plans::Ground,
    teams::{self, TeamAdvice},
};
use entitlements::{
    Whom,
    feature::Upgrade,
    prompt::{Moment, Prompt},
};
use identity::customer::{self, CustomerRef};
use kernel::{Result, ids::CustomerId};
use metering::alert::{self, Wanted};
use serde_json::{Value as Json, json};
use store::{Db, Scope, View};

use crate::{
    arguments::Advise,
    failure::Outcome,
    output,
    place::{Chosen, Place},
    table::{Side, Table},
};

/// The newest alerts that prompts are made of.
const ALERTS: i64 = 100;

/// Which other plans would serve customers better, who seems to be one team, and what to tell a customer now.
pub fn run(place: &Place, asked: Advise) -> Outcome {
    let db = place.open()?;
    let Chosen { scope, .. } = place.choose(&db)?;
    let limit = asked.limit as usize;
    let found = match asked.customer.as_deref() {
        Some(reference) => of_one(&db, &scope, reference.parse()?)?,
        None => of_all(&db, &scope, limit)?,
    };
    if asked.json {
        output::say(json!({
            "plans": found.plans.iter().map(plan_json).collect::<Vec<_>>(),
            "teams": found.teams.iter().map(team_json).collect::<Vec<_>>(),
            "prompts": found.prompts.iter().map(prompt_json).collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    say_plans(&found.plans);
    say_teams(&found.teams);
    for prompt in &found.prompts {
        output::say(format!("Say now: {}", prompt.text));
    }
    Ok(())
}

/// All the advice that was asked for.
struct Found {
    plans: Vec<PlanAdvice>,
    teams: Vec<TeamAdvice>,
    prompts: Vec<Prompt>,
}

fn of_one(db: &Db, scope: &Scope, reference: CustomerRef) -> Result<Found> {
    let load = move |view: &mut View<'_>| {
        let id = customer::resolve(view, &reference)?;
        let alerts = alert::list(view, &Wanted { customer: Some(id), before: None, limit: ALERTS })?;
        let sight = entitlements::sight(view, &Whom::Customer(id))?;
        let prompts = sight.prompts(&alerts, &Moment::default());
        Ok((Ground::one(view, id)?, teams::of_customer(view, id)?, prompts))
    };
    let (ground, teams, prompts) = db.read(scope, load).wait()?;
    let plans = db.usage().read(scope, move |view| ground.advise(view, usize::MAX)).wait()?.found;
    Ok(Found { plans, teams, prompts })
}

fn of_all(db: &Db, scope: &Scope, limit: usize) -> Result<Found> {
    let (mut plans, mut after): (Vec<PlanAdvice>, Option<CustomerId>) = (Vec::new(), None);
    loop {
        let ground = db.read(scope, move |view| Ground::next(view, after)).wait()?;
        let more = limit - plans.len();
        let listed = db.usage().read(scope, move |view| ground.advise(view, more)).wait()?;
        plans.extend(listed.found);
        after = listed.next;
        if after.is_none() || plans.len() >= limit {
            break;
        }
    }
    plans.truncate(limit);
    let (mut teams, mut after): (Vec<TeamAdvice>, Option<String>) = (Vec::new(), None);
    loop {
        let more = limit - teams.len();
        let listed = db.read(scope, move |view| teams::list(view, after.as_deref(), more)).wait()?;
        teams.extend(listed.found);
        after = listed.next;
        if after.is_none() || teams.len() >= limit {
            break;
        }
    }
    teams.truncate(limit);
    Ok(Found { plans, teams, prompts: Vec::new() })
}

fn say_plans(plans: &[PlanAdvice]) {
    let mut table = Table::new([
        ("subscription", Side::Left),
        ("plan", Side::Left),
        ("better", Side::Left),
        ("came to", Side::Right),
        ("would have", Side::Right),
        ("because", Side::Left),
    ]);
    for one in plans {
        let reason = one.reasons.first().map_or_else(String::new, billing::advice::Reason::sentence);
        table.row([
            one.subscription.to_string(),
            one.from.1.clone(),
            one.to.1.clone(),
            one.now.to_string(),
            one.then.to_string(),
            reason,
        ]);
    }
    table.say("No other plan is recommended.");
}

fn say_teams(teams: &[TeamAdvice]) {
    for team in teams {
        output::say(format!("{}: {}", team.domain, team.reasons().join(" ")));
    }
}

fn plan_json(one: &PlanAdvice) -> Json {
    let reasons =
        one.reasons.iter().map(|reason| json!({ "code": reason.word(), "text": reason.sentence() }));
    json!({
        "customer": one.customer, "subscription": one.subscription, "why": one.why.word(), "downgrade": one.down,
        "from": one.from.0, "to": one.to.0, "cycle": one.cycle, "change": one.change, "now": one.now, "then": one.then,
        "reasons": reasons.collect::<Vec<_>>(),
    })
}

fn team_json(team: &TeamAdvice) -> Json {
    let members = team.members.iter().map(|member| {
        json!({ "customer": member.customer, "subscription": member.subscription, "plan": member.plan.0, "pays": member.pays, "since": member.since })
    });
    json!({
        "domain": team.domain, "plan": team.plan.0, "seats": team.seats, "cycle": team.cycle, "now": team.now,
        "then": team.then, "since": team.since, "members": members.collect::<Vec<_>>(), "reasons": team.reasons(),
    })
}

fn prompt_json(prompt: &Prompt) -> Json {
    let (plan, addon) = match &prompt.offer {
        Upgrade::Plan(plan) => (Some(plan), None),
        Upgrade::Addon(addon) => (None, Some(addon)),
    };
    json!({
        "trigger": prompt.trigger.word(), "text": prompt.text, "plan": plan, "addon": addon, "price": prompt.price,
        "about": prompt.about, "who": prompt.who, "subscription": prompt.subscription,
    })
}
