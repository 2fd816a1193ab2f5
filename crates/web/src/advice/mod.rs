//! Advice: which plan would serve a customer better, who seems to be one team, and what to tell a customer now.

mod of_customer;
mod teams;

use axum::{Router, routing::get};
use billing::advice::{
    PlanAdvice, Reason, Why,
    plans::{Ground, LOOKED},
};
use identity::permission::may;
use kernel::{Result, ids::CustomerId};
use maud::{Markup, html};
use store::View;

pub(crate) use of_customer::{Advised, load, panel};

use crate::{
    App, customers,
    facts::Names,
    gate::{Answer, Asked, Desk, Sheet, Staff, encoded},
    parts::{self, FEW},
    show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/advice", get(page)).route("/advice/teams", get(teams::page))
}

/// Where the page stands.
const CRUMB: &str = "/usage";

async fn page(staff: Staff<may::SubscriptionRead>, Asked(asked): Asked) -> Answer<Markup> {
    let after: Option<CustomerId> = asked.some("after").map(str::parse).transpose()?;
    let load = move |view: &mut View<'_>| match after {
        None => billing::advice::teams::list(view, None, FEW as usize),
        Some(_) => Ok(billing::advice::teams::Listed::default()),
    };
    let teams = staff.read(load).await?;
    let (found, next) = plans(&staff, after).await?;
    let named: Vec<CustomerId> =
        found.iter().map(|one| one.customer).chain(teams::members(&teams.found)).collect();
    let names = staff.read(move |view| customers::names(view, named.iter().copied())).await?;
    let all = html! {
        @if teams.next.is_some() { a href=(staff.at("/advice/teams")) { "All teams" } }
    };
    let more = next.is_some() && found.is_empty();
    let body = html! {
        (ui::header("Advice", "Plans that would serve customers better, by what they used and who they are. Nothing changes by itself.", html! {}))
        @if after.is_none() {
            (ui::section("Teams", all, teams::table(&staff, &teams.found, &names)))
        }
        (ui::section("Other plans", html! {}, html! {
            @if more {
                p { "None of these " (LOOKED) " customers would be better served by another plan. The next page looks at the next ones." }
            } @else {
                (table(&staff, &found, Some(&names)))
            }
        }))
        (parts::pages(&staff.at("/advice"), &asked, next.map(|customer| customer.to_string())))
    };
    let crumbs = [ui::Crumb { label: "Usage", href: &staff.at(CRUMB) }];
    Ok(staff.page(Sheet::new(ui::Section::Usage, "Advice").below(&crumbs), body))
}

/// The plans for the next few customers, and where the next page goes on.
async fn plans(desk: &Desk, after: Option<CustomerId>) -> Result<(Vec<PlanAdvice>, Option<CustomerId>)> {
    let (db, scope) = desk.hands();
    let ground = db.read(&scope, move |view| Ground::next(view, after)).await?;
    let listed = db.usage().read(&scope, move |view| ground.advise(view, usize::MAX)).await?;
    Ok((listed.found, listed.next))
}

/// Recommended plans; with the names of customers where they are of several.
fn table(desk: &Desk, found: &[PlanAdvice], names: Option<&Names>) -> Markup {
    let rows = found.iter().map(|one| {
        let mut cells = Vec::new();
        if let Some(names) = names {
            cells.push(customer(desk, names, one.customer));
        }
        let periods = show::count(one.periods.len() as i128, "period");
        cells.extend([
            plan(one),
            html! { span { (one.now) span class="under" { "in " (periods) } } },
            html! { (one.then) },
            why(desk, one),
        ]);
        ui::Row::new(cells)
    });
    let [plan, then] = [ui::Column::text("Plan"), ui::Column::number("On that plan")];
    let (now, why) = (ui::Column::number("Came to"), ui::Column::text("Why"));
    let of_many = [ui::Column::text("Customer"), plan.lead(), now, then, why];
    let of_one = [plan, now, then.lead(), why];
    ui::table(ui::Table {
        caption: "Recommended plans",
        columns: if names.is_some() { &of_many } else { &of_one },
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No other plan",
            "When another plan would have cost clearly less, or limits are used up, it is recommended here after a closed period.",
            html! {},
        ),
    })
}

/// From which plan to which, with what beside it.
fn plan(one: &PlanAdvice) -> Markup {
    let (tone, word) = match one.why {
        Why::Outgrown => (ui::Tone::Attention, "Outgrown"),
        Why::Cheaper => (ui::Tone::Good, "Cheaper"),
    };
    html! {
        span {
            (one.from.1) " → " strong { (one.to.1) }
            @for addon in &one.addons { span class="under" { "with " (addon.quantity) " × " (addon.name) } }
            span class="under" { (ui::badge(tone, word)) }
        }
    }
}

/// What speaks for it beside the money, which has columns of its own, and the way there.
fn why(desk: &Desk, one: &PlanAdvice) -> Markup {
    let is_money = |reason: &&Reason| matches!(reason, Reason::Saves { .. } | Reason::Costs { .. });
    html! {
        span {
            @for reason in one.reasons.iter().filter(|reason| !is_money(reason)) {
                span class="reason" { (reason.sentence()) }
            }
            @if desk.may::<may::SubscriptionWrite>() { a href=(change(desk, one)) { "See the change" } }
        }
    }
}

fn customer(desk: &Desk, names: &Names, id: CustomerId) -> Markup {
    let name = names.get(&id).map_or("A customer", String::as_str);
    html! { a href=(desk.at(&format!("/customers/{id}"))) { (name) } }
}

/// The form of the change, filled in, whose preview shows it to the cent.
fn change(desk: &Desk, one: &PlanAdvice) -> String {
    let plan = one.change.plan.as_deref().unwrap_or_default();
    let mut path = format!(
        "/subscriptions/{}/change?plan={}",
        one.subscription,
        encoded(&format!("{plan}/{}", one.cycle))
    );
    if let Some(quantity) = one.change.quantity {
        path += &format!("&quantity={quantity}");
    }
    for (key, count) in &one.change.addons {
        path += &format!("&addons.{key}={count}");
    }
    desk.at(&path)
}

/// How many there are, in words.
fn people(count: usize) -> String {
    show::count(count as i128, "customer")
}

/// Customers by name.
async fn names(desk: &Desk, ids: Vec<CustomerId>) -> Result<Names> {
    desk.read(move |view| customers::names(view, ids.iter().copied())).await
}
