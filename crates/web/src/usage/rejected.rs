//! Rejected events, by reason.

use identity::permission::may;
use jiff::Timestamp;
use kernel::time;
use maud::{Markup, html};
use metering::reject::{self, Rejected};

use crate::{
    gate::{Answer, Asked, Desk, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};

pub(super) async fn page(staff: Staff<may::SubscriptionRead>, Asked(asked): Asked) -> Answer<Markup> {
    let before = asked.some("before").map(str::parse).transpose()?;
    let (db, scope) = staff.hands();
    let mut found = db.usage().read(&scope, move |view| reject::list(view, before, PAGE + 1)).await?;
    let path = staff.at("/usage/rejected");
    let pages = parts::pagination(&path, &asked, &mut found, |one| format!("before={}", one.cursor()));
    let crumbs = [ui::Crumb { label: "Usage", href: &staff.at("/usage") }];
    let body = html! {
        (ui::header("Rejected events", "Events that were not counted, by reason, the one seen last first. Whoever sent them was told. Corrected and sent again they count.", html! {}))
        (table(&staff, &found))
        (pages)
    };
    Ok(staff.page(Sheet::new(ui::Section::Usage, "Rejected events").below(&crumbs), body))
}

fn table(desk: &Desk, found: &[Rejected]) -> Markup {
    let at = |micros: i64| desk.time(time::from_micros(micros).unwrap_or(Timestamp::UNIX_EPOCH));
    let named = |text: &str| html! { @if text.is_empty() { (ui::optional(None)) } @else { code { (text) } } };
    let rows = found.iter().map(|one| {
        ui::Row::new(vec![
            html! { (one.detail) span class="under" { (one.sort.code) @if !one.sort.pointer.is_empty() { " at " (one.sort.pointer) } } },
            html! { (show::grouped(one.events)) },
            html! { (named(&one.sort.meter)) span class="under" { (one.sort.subject) } },
            html! {
                (named(&one.event))
                span class="under" { (one.sort.source) }
                @if !one.content.is_empty() {
                    details class="more" { summary { "Its content" } code { (one.content) @if one.cut { "…" } } }
                }
            },
            html! { (at(one.last)) @if one.first < one.last { span class="under" { "first " (at(one.first)) } } },
        ])
    });
    ui::table(ui::Table {
        caption: "Rejected events",
        columns: &[
            ui::Column::text("What is wrong"),
            ui::Column::number("Events").lead(),
            ui::Column::text("Meter and subject"),
            ui::Column::text("Last one"),
            ui::Column::text("Last seen"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No rejected events",
            "Every event that came was in order. One that is not appears here about a second after it was sent.",
            html! {},
        ),
    })
}
