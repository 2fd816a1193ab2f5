use std::{collections::BTreeMap, sync::Arc};

use catalog::{
    Change, diff,
    version::{self, Listed, Version},
};
use identity::permission::may;
use kernel::{
    Result,
    ids::{self, BookVersionId},
};
use maud::{Markup, html};
use store::View;

use super::{
    book,
    subscribers::{self, Subscribers},
};
use crate::{
    gate::{Answer, Asked, Desk, Named, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};

/// The book new subscriptions are sold from.
pub(super) async fn in_force(staff: Staff<may::BookRead>, Asked(asked): Asked) -> Answer<Markup> {
    let read = staff.read(|view| Ok((version::newest(view)?, Subscribers::load(view)?)));
    let (newest, subscribers) = read.await?;
    let body = match &newest {
        Some(version) => html! {
            (ui::header(&version.book.name, &format!("Version {}, in force for new subscriptions", version.number), actions(&staff)))
            (parts::was_done(&asked))
            @let all = html! { a href=(staff.at("/price-book/versions")) { "By version" } };
            @let shares = subscribers::by_plan(&staff, &version.book, &subscribers, None);
            (book::drawn(&staff, &version.book, ui::section("Who is on which plan", all, shares)))
        },
        None => html! {
            (ui::header("Price book", "What is sold here, and at which prices.", html! {}))
            (none(&staff))
        },
    };
    Ok(staff.page(Sheet::new(ui::Section::PriceBook, "Price book"), body))
}

fn actions(desk: &Desk) -> Markup {
    html! {
        (ui::button_link(ui::Button::Plain, "Versions", &desk.at("/price-book/versions")))
        (ui::button_link(ui::Button::Plain, "Move subscriptions", &desk.at("/price-book/migrate")))
        @if desk.may::<may::BookWrite>() { (apply(desk)) }
    }
}

fn apply(desk: &Desk) -> Markup {
    ui::button_link(ui::Button::Primary, "Apply a new version", &desk.at("/price-book/apply"))
}

fn none(desk: &Desk) -> Markup {
    ui::empty(
        "No price book yet",
        "A price book is one file with your plans, their prices and what they contain. Apply one here, or with \
         `steelyard book apply`.",
        html! { @if desk.may::<may::BookWrite>() { (apply(desk)) } },
    )
}

pub(super) async fn list(staff: Staff<may::BookRead>, Asked(asked): Asked) -> Answer<Markup> {
    let before = asked.some("before").and_then(|text| text.parse().ok()).unwrap_or(i64::MAX);
    let read = staff.read(move |view| {
        Ok((version::list(view, before, PAGE + 1)?, Subscribers::load(view)?.by_version()))
    });
    let (mut found, running) = read.await?;
    let path = staff.at("/price-book/versions");
    let pages = parts::pagination(&path, &asked, &mut found, |version| format!("before={}", version.number));
    let crumbs = [ui::Crumb { label: "Price book", href: &staff.at("/price-book") }];
    let first = asked.some("before").is_none();
    let body = html! {
        (ui::header("Versions", "Every book that was ever applied. None of them changes.", html! {}))
        (table(&staff, &found, &running, first))
        (pages)
    };
    Ok(staff.page(Sheet::new(ui::Section::PriceBook, "Versions").below(&crumbs), body))
}

fn table(desk: &Desk, found: &[Listed], running: &BTreeMap<BookVersionId, i64>, first: bool) -> Markup {
    let rows = found.iter().enumerate().map(|(at, version)| {
        let state = if first && at == 0 {
            ui::badge(ui::Tone::Good, "In force")
        } else {
            ui::badge(ui::Tone::Ended, "Earlier")
        };
        ui::Row::link(
            desk.at(&format!("/price-book/versions/{}", version.id)),
            vec![
                html! { "Version " (version.number) },
                html! { (version.name) },
                state,
                html! { (show::grouped(running.get(&version.id).copied().unwrap_or_default())) },
                desk.time(version.created),
                html! { code title=(version.digest) { (version.digest[..12]) "…" } },
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Versions of the price book",
        columns: &[
            ui::Column::text("Version"),
            ui::Column::text("Name"),
            ui::Column::text("State").lead(),
            ui::Column::number("Subscriptions that go on"),
            ui::Column::text("Applied"),
            ui::Column::text("Digest"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: none(desk),
    })
}

/// A version, the one before it, and its file.
struct Whole {
    version: Arc<Version>,
    before: Option<Arc<Version>>,
    source: String,
    subscribers: Subscribers,
    is_newest: bool,
}

fn load(view: &mut View<'_>, id: BookVersionId) -> Result<Whole> {
    let version = version::find(view, id)?;
    let before = version::list(view, version.number, 1)?.pop();
    Ok(Whole {
        before: before.map(|before| version::find(view, before.id)).transpose()?,
        source: version::source(view, id)?,
        subscribers: Subscribers::load(view)?.of(id),
        is_newest: version::newest(view)?.is_some_and(|newest| newest.id == id),
        version,
    })
}

pub(super) async fn one(staff: Staff<may::BookRead>, Named(id): Named<ids::BookVersion>) -> Answer<Markup> {
    let Whole { version, before, source, subscribers, is_newest } =
        staff.read(move |view| load(view, id)).await?;
    let title = format!("Version {}", version.number);
    let crumbs = [
        ui::Crumb { label: "Price book", href: &staff.at("/price-book") },
        ui::Crumb { label: "Versions", href: &staff.at("/price-book/versions") },
    ];
    let body = html! {
        (ui::header(&title, &version.book.name, html! {}))
        (ui::definition_list(&[
            ("Applied", staff.time(version.created)),
            ("Id", ui::copyable(&version.id.to_string())),
            ("Digest", ui::copyable(&version.digest)),
        ]))
        @if let Some(before) = &before {
            (ui::section(&format!("What changed from version {}", before.number), html! {},
                changes(&diff(&before.book, &version.book))))
        }
        @let everybody = html! { a href=(staff.at(&format!("/subscriptions?book={id}"))) { "All of them" } };
        @let everybody = html! { span { (everybody) (move_link(&staff, id, is_newest, subscribers.count())) } };
        (ui::section("Who is on it", everybody, subscribers::by_plan(&staff, &version.book, &subscribers, Some(id))))
        (ui::section("The plans", html! {}, book::drawn(&staff, &version.book, html! {})))
        (ui::section("The file as it was applied", html! {}, ui::code_block("Price book", &source)))
    };
    Ok(staff.page(Sheet::new(ui::Section::PriceBook, &title).below(&crumbs), body))
}

/// The way to move those that are still on an earlier version.
fn move_link(desk: &Desk, id: BookVersionId, newest: bool, count: i64) -> Markup {
    html! {
        @if !newest && count > 0 {
            " · " a href=(desk.at(&format!("/price-book/migrate?from={id}"))) { "Move them to the version in force" }
        }
    }
}

/// Changes, one to a line.
pub(super) fn changes(changes: &[Change]) -> Markup {
    html! { ul class="changes" { @for change in changes { li { (change.sentence) } } } }
}
