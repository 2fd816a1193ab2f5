//! Customers who seem to be one team.

use billing::advice::teams::{self, TeamAdvice};
use identity::permission::may;
use kernel::ids::CustomerId;
use maud::{Markup, html};

use super::{customer, names, people};
use crate::{
    facts::Names,
    gate::{Answer, Asked, Desk, Sheet, Staff},
    parts::{self, FEW, PAGE},
    ui,
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

pub(super) fn table(desk: &Desk, found: &[TeamAdvice], all: &Names) -> Markup {
    let rows = found.iter().map(|team| {
        let more = team.members.len().saturating_sub(FEW as usize);
        ui::Row::new(vec![
            html! {
                (team.domain)
                @for member in team.members.iter().take(FEW as usize) {
                    span class="under" { (customer(desk, all, member.customer)) }
                }
                @if more > 0 { span class="under" { "and " (people(more)) " more" } }
            },
            html! { strong { (team.plan.1) } @for addon in &team.addons { span class="under" { "with " (addon.quantity) " × " (addon.name) } } },
            html! { (team.now) },
            html! { (team.then) },
            html! {
                @for reason in team.reasons() { span class="under" { (reason) } }
                @if let Some(one) = team.has_it { span class="under" { "It is " (customer(desk, all, one)) "." } }
            },
        ])
    });
    ui::table(ui::Table {
        caption: "Teams",
        columns: &[
            ui::Column::text("Who"),
            ui::Column::text("Plan for them").lead(),
            ui::Column::number("Pay now"),
            ui::Column::number("Would pay"),
            ui::Column::text("Reasons"),
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
