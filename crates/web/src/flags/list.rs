use entitlements::flag::{self, Flag};
use identity::permission::may;
use maud::{Markup, html};

use super::text;
use crate::{
    gate::{Answer, Asked, Desk, Sheet, Staff},
    parts, show, ui,
};

pub(super) async fn page(staff: Staff<may::FlagRead>, Asked(asked): Asked) -> Answer<Markup> {
    let flags = staff.read(flag::all).await?;
    let about =
        "What is served to whom, without a release: for everybody, for some, or for a share that grows.";
    let body = html! {
        (ui::header("Flags", about, new(&staff)))
        (parts::was_done(&asked))
        (table(&staff, &flags))
    };
    Ok(staff.page(Sheet::new(ui::Section::Flags, "Flags"), body))
}

fn new(desk: &Desk) -> Markup {
    html! {
        @if desk.may::<may::FlagWrite>() { (ui::button_link(ui::Button::Primary, "New flag", &desk.at("/flags/new"))) }
    }
}

fn table(desk: &Desk, flags: &[Flag]) -> Markup {
    let rows = flags.iter().map(|flag| {
        ui::Row::link(
            desk.at(&format!("/flags/{}", flag.key)),
            vec![
                html! { (flag.definition.name) },
                state(flag),
                html! { code { (flag.key) } },
                html! { (served(flag)) },
                desk.time(flag.changed),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Flags",
        columns: &[
            ui::Column::text("Flag"),
            ui::Column::text("State").lead(),
            ui::Column::text("Key"),
            ui::Column::text("Serves"),
            ui::Column::text("Changed"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No flags yet",
            "A program asks for a flag by its key, with any SDK of OpenFeature, and is served one of its variants.",
            new(desk),
        ),
    })
}

/// On or off.
pub(super) fn state(flag: &Flag) -> Markup {
    match flag.enabled {
        true => ui::badge(ui::Tone::Good, "On"),
        false => ui::badge(ui::Tone::Bad, "Switched off"),
    }
}

/// What it serves, in few words.
pub(super) fn served(flag: &Flag) -> String {
    let definition = &flag.definition;
    if !flag.enabled {
        return format!("{} to everybody", definition.off);
    }
    let default = definition.default.as_deref().unwrap_or("what the price book says");
    match definition.rules.as_slice() {
        [] => format!("{default} to everybody"),
        [one] if one.when.is_empty() => {
            format!("{}, else {default}", text::shares(&one.serve).replace('\n', ", "))
        }
        rules => format!("{}, else {default}", show::count(rules.len() as i128, "rule")),
    }
}
