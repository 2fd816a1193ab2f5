//! Customers who seem to be one team.

use std::collections::BTreeMap;

use billing::advice::teams::{self, TeamAdvice};
use identity::permission::may;
use kernel::ids::CustomerId;
use maud::{Markup, html};

use super::{customer, names, people};
use crate::{
    facts::Names,
    gate::{Answer, Asked, Desk, Sheet, Staff},
    parts::{self, FEW, PAGE},
    show, ui,
};

/// Everybody who is named.
pub(super) fn members(found: &[TeamAdvice]) -> impl Iterator<Item = CustomerId> {
    found.iter().flat_map(|team| {
        team.members.iter().take(FEW as usize).map(|member| member.customer).chain(team.has_it)
    })
}

pub(super) async fn page(staff: Staff<may::SubscriptionRead>, Asked(asked): Asked) -> Answer<Markup> {
    let after = asked.some("after").map(str::to_owned);
    let listed = staff.read(move |view| teams::list(view, after.as_deref(), PAGE as usize)).await?;
    let names = names(&staff, members(&listed.found).collect()).await?;
    let body = html! {
        (ui::header("Teams", "Customers who share a mail domain of their own, each alone on a plan.", html! {}))
        (table(&staff, &listed.found, &names))
        (parts::pages(&staff.at("/advice/teams"), &asked, listed.next))
    };
    let crumbs = [
        ui::Crumb { label: "Usage", href: &staff.at(super::CRUMB) },
        ui::Crumb { label: "Advice", href: &staff.at("/advice") },
    ];
    Ok(staff.page(Sheet::new(ui::Section::Usage, "Teams").below(&crumbs), body))
}

/// Which plans they are on, since when they are enough, and who has the team's plan.
fn why(desk: &Desk, team: &TeamAdvice, all: &Names) -> Markup {
    let mut plans: BTreeMap<&str, i128> = BTreeMap::new();
    for member in &team.members {
        *plans.entry(&member.plan.1).or_default() += 1;
    }
    let plans: Vec<String> = plans.into_iter().map(|(plan, count)| format!("{count} on {plan}")).collect();
    html! {
        span {
            span class="reason" { "Each alone on a plan: " (plans.join(", ")) "." }
            span class="reason" { "Enough for a team since " (show::date(desk.zone.date_of(team.since))) "." }
            @if let Some(one) = team.has_it {
                span class="reason" { (customer(desk, all, one)) " has " (team.plan.1) " or more already." }
            }
        }
    }
}

pub(super) fn table(desk: &Desk, found: &[TeamAdvice], all: &Names) -> Markup {
    let rows = found.iter().map(|team| {
        let more = team.members.len().saturating_sub(FEW as usize);
        ui::Row::new(vec![
            html! {
                (team.domain)
                @for member in team.members.iter().take(FEW as usize) {
                    span class="member" { (customer(desk, all, member.customer)) }
                }
                @if more > 0 { span class="under" { "and " (people(more)) " more" } }
            },
            html! { span { strong { (team.plan.1) } @for addon in &team.addons { span class="under" { "with " (addon.quantity) " × " (addon.name) } } } },
            html! { (team.now) },
            html! { span { (team.then) span class="under" { "for " (people(team.members.len())) } } },
            why(desk, team, all),
        ])
    });
    ui::table(ui::Table {
        caption: "Teams",
        columns: &[
            ui::Column::text("Who"),
            ui::Column::text("Plan for them").lead(),
            ui::Column::number("Pay now"),
            ui::Column::number("Would pay"),
            ui::Column::text("Why"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No teams",
            "Customers who share a mail domain of their own are shown here once there are enough of them, where the price book offers teams a plan.",
            html! {},
        ),
    })
}
