//! Why customers leave: how many for which reason, and who.

use billing::cancellation::{self, Counted, Place, Recorded};
use catalog::version::{self, Version};
use identity::permission::may;
use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};
use std::{collections::HashMap, sync::Arc};

use crate::{
    customers,
    gate::{Answer, Asked, Desk, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};
use kernel::ids::CustomerId;

/// So far back reasons are counted.
const MONTHS: i64 = 12;

/// Everything on the page.
struct Whole {
    counts: Vec<Counted>,
    all: Vec<Recorded>,
    names: HashMap<CustomerId, String>,
    newest: Option<Arc<Version>>,
}

pub(super) async fn page(staff: Staff<may::SubscriptionRead>, Asked(asked): Asked) -> Answer<Markup> {
    let before = asked.some("after").map(str::parse::<Place>).transpose()?;
    let since = since(&staff);
    let read = staff.read(move |view| {
        let all = cancellation::list(view, before, PAGE + 1)?;
        Ok(Whole {
            counts: cancellation::counts(view, since, Timestamp::MAX)?,
            names: customers::names(view, all.iter().map(|one| one.customer))?,
            newest: version::newest(view)?,
            all,
        })
    });
    let mut whole = read.await?;
    let next = parts::cut(&mut whole.all, |one| one.place().to_string());
    let path = staff.at("/cancellations");
    let crumbs = [ui::Crumb { label: "Subscriptions", href: &staff.at("/subscriptions") }];
    let body = html! {
        (ui::header("Why customers leave", "Reasons that were given in the last twelve months, and what came of it.", html! {}))
        @if !whole.counts.is_empty() { (ui::section("Reasons", html! {}, reasons(&whole.counts))) }
        (ui::section("Cancellations, newest first", html! {}, table(&staff, &whole)))
        (parts::pages(&path, &asked, next))
    };
    Ok(staff.page(Sheet::new(ui::Section::Subscriptions, "Why customers leave").below(&crumbs), body))
}

/// The first instant of the month a year ago.
fn since(desk: &Desk) -> Timestamp {
    let today = desk.zone.date_of(desk.now);
    let first = today.checked_sub(MONTHS.months()).unwrap_or(today).first_of_month();
    desk.zone.start_of_day(first)
}

fn reasons(counts: &[Counted]) -> Markup {
    let rows = counts.iter().map(|one| {
        let name = one.name.clone().or_else(|| one.reason.as_deref().map(show::sentence));
        ui::Row::new(vec![
            html! { (name.as_deref().unwrap_or("Nobody said")) },
            html! { (show::grouped(one.canceled)) },
            html! { (show::grouped(one.kept)) },
            html! { (show::grouped(one.saved)) },
        ])
    });
    ui::table(ui::Table {
        caption: "Reasons to cancel",
        columns: &[
            ui::Column::text("Reason"),
            ui::Column::number("Left").lead(),
            ui::Column::number("Thought better of it"),
            ui::Column::number("Stayed for an offer"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

fn table(desk: &Desk, whole: &Whole) -> Markup {
    let name = |key: &String| {
        let known = whole.newest.as_ref().and_then(|version| version.book.cancellation.reason(key));
        known.map_or_else(|| show::sentence(key), |reason| reason.name.clone())
    };
    let rows = whole.all.iter().map(|one| {
        ui::Row::link(
            desk.at(&format!("/subscriptions/{}", one.subscription)),
            vec![
                html! { (whole.names.get(&one.customer).map_or("", String::as_str)) },
                desk.time(one.asked),
                ui::optional(one.reason.as_ref().map(name).as_deref()),
                ui::optional(one.comment.as_deref()),
                ui::state(one.outcome.word()),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Cancellations, newest first",
        columns: &[
            ui::Column::text("Customer"),
            ui::Column::text("When"),
            ui::Column::text("Why"),
            ui::Column::text("In their words"),
            ui::Column::text("What came of it").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "Nobody has left",
            "When a subscription is canceled, its reason stands here, and whether something made the customer stay.",
            html! {},
        ),
    })
}
