use axum::response::IntoResponse;
use entitlements::{
    Sight,
    flag::{self, Flag, Listed, Rule},
};
use identity::permission::may;
use maud::{Markup, html};
use store::View;

use super::{
    Key, list, text,
    trial::{self, Tried},
};
use crate::{
    gate::{Answer, Answers, Asked, Desk, Posted, Sheet, Staff},
    parts, ui,
};

/// Versions shown: the newest.
const VERSIONS: i64 = 20;

struct Whole {
    flag: Flag,
    history: Vec<Listed>,
    /// What is served to whoever was asked about.
    tried: Option<Tried>,
    /// Whether the price book has a feature of this key.
    feature: bool,
}

fn load(view: &mut View<'_>, key: &str, asked: &Answers) -> kernel::Result<Whole> {
    let flag = flag::find(view, key)?;
    let history = flag::history(view, flag.id, VERSIONS)?;
    let tried = trial::of(view, &flag, asked)?;
    let newest = catalog::version::newest(view)?;
    let feature = newest.is_some_and(|version| version.book.feature(key).is_some());
    Ok(Whole { flag, history, tried, feature })
}

pub(super) async fn page(staff: Staff<may::FlagRead>, Key(key): Key, Asked(asked): Asked) -> Answer<Markup> {
    draw(&staff, key, asked).await
}

async fn draw(desk: &Desk, key: String, asked: Answers) -> Answer<Markup> {
    let for_load = asked.clone();
    let whole = desk.read(move |view| load(view, &key, &for_load)).await?;
    let flag = &whole.flag;
    let crumbs = [ui::Crumb { label: "Flags", href: &desk.at("/flags") }];
    let body = html! {
        (ui::header(&flag.definition.name, &flag.definition.description, actions(desk, flag)))
        (parts::was_done(&asked))
        (asked.summary(&[]))
        (ui::split_above(
            html! {
                (ui::section("Who gets what", html! {}, rules(desk, &whole)))
                (ui::section("Variants", html! {}, variants(flag)))
            },
            details(desk, &whole),
            html! {
                (ui::section("Try it", html! {}, trial::section(&desk.at(&format!("/flags/{}", flag.key)), &asked, whole.tried.as_ref())))
                (ui::section("Versions", html! {}, history(desk, &whole.history)))
                @if desk.may::<may::FlagWrite>() { (remove_form(desk, flag)) }
            },
        ))
    };
    Ok(desk.page(Sheet::new(ui::Section::Flags, &flag.definition.name).below(&crumbs), body))
}

fn actions(desk: &Desk, flag: &Flag) -> Markup {
    let path = |end: &str| desk.at(&format!("/flags/{}/{end}", flag.key));
    html! {
        @if desk.may::<may::FlagWrite>() {
            @if flag.enabled {
                (ui::post_button_with(ui::Button::Danger, "Switch off", &path("switch"), desk.csrf(), ui::hidden_field("on", "false")))
            } @else {
                (ui::post_button_with(ui::Button::Primary, "Switch on", &path("switch"), desk.csrf(), ui::hidden_field("on", "true")))
            }
            (ui::button_link(ui::Button::Plain, "Change", &path("edit")))
        }
    }
}

fn details(desk: &Desk, whole: &Whole) -> Markup {
    let Whole { flag, feature, .. } = whole;
    ui::definition_list(&[
        ("State", list::state(flag)),
        ("Key", ui::copyable(&flag.key)),
        ("Values", html! { (flag.definition.kind.word()) }),
        (
            "Feature",
            html! { @if *feature { "Decides about the feature of this key" } @else { "None of this key" } },
        ),
        (
            "Web pages",
            html! { @if flag.definition.browser { "May ask for it" } @else { "May not ask for it" } },
        ),
        ("Version", html! { (flag.version) }),
        ("Changed", desk.time(flag.changed)),
        ("Made", desk.time(flag.created)),
    ])
}

fn rules(desk: &Desk, whole: &Whole) -> Markup {
    let (flag, definition) = (&whole.flag, &whole.flag.definition);
    let default = match &definition.default {
        Some(default) => html! { code { (default) } },
        None if whole.feature => html! { "what the price book says about the feature" },
        None => html! { code { (definition.off) } " (the off variant: the price book has no such feature)" },
    };
    html! {
        @if !flag.enabled {
            (ui::notice(ui::Kind::Warning, "Switched off", html! { "Everybody gets " code { (definition.off) } ", whatever the rules say." }))
        }
        ol class="rules" {
            @for rule in &definition.rules { li { (one_rule(desk, rule)) } }
            li { p { "Everybody else gets " (default) "." } }
        }
    }
}

fn one_rule(desk: &Desk, rule: &Rule) -> Markup {
    let early = rule.from.is_some_and(|from| desk.now < from);
    let late = rule.until.is_some_and(|until| desk.now >= until);
    html! {
        @if !rule.name.is_empty() { p { strong { (rule.name) } } }
        @if rule.when.is_empty() { p { "Everybody" } } @else {
            ul class="plain" { @for condition in &rule.when { li { code { (text::condition(condition)) } } } }
        }
        p { "gets " @for (at, share) in rule.serve.iter().enumerate() {
            @if at > 0 { ", " }
            code { (share.variant) }
            @if share.percent != flag::Percent::ALL { " (" (share.percent) " %)" }
        } }
        @if let Some(from) = rule.from { p { "From " (desk.time(from)) @if early { " (not yet)" } } }
        @if let Some(until) = rule.until { p { "Until " (desk.time(until)) @if late { " (over)" } } }
    }
}

fn variants(flag: &Flag) -> Markup {
    let rows = flag.definition.variants.iter();
    let rows =
        rows.map(|(name, value)| ui::Row::new(vec![html! { code { (name) } }, html! { code { (value) } }]));
    ui::table(ui::Table {
        caption: "Variants",
        columns: &[ui::Column::text("Variant"), ui::Column::text("Value")],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

fn history(desk: &Desk, history: &[Listed]) -> Markup {
    let rows = history.iter().map(|one| {
        let word = match one.enabled {
            true => ui::badge(ui::Tone::Good, "On"),
            false => ui::badge(ui::Tone::Bad, "Switched off"),
        };
        let rules = crate::show::count(one.definition.rules.len() as i128, "rule");
        ui::Row::new(vec![
            html! { (one.version) },
            word,
            html! { (rules) },
            desk.time(one.changed),
            html! { (parts::actor(desk, &one.actor)) },
        ])
    });
    ui::table(ui::Table {
        caption: "Versions",
        columns: &[
            ui::Column::text("Version"),
            ui::Column::text("State").lead(),
            ui::Column::text("Rules"),
            ui::Column::text("From"),
            ui::Column::text("By"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

fn remove_form(desk: &Desk, flag: &Flag) -> Markup {
    let hidden = ui::hidden_field("version", &flag.version.to_string());
    let path = desk.at(&format!("/flags/{}/remove", flag.key));
    ui::more(
        "Remove this flag",
        "",
        false,
        html! {
            p { "Whoever asks for it hears that there is none, and uses what the program has for that case. \
                To serve the off variant instead, switch it off." }
            (ui::post_button_with(ui::Button::Danger, "Remove it", &path, desk.csrf(), hidden))
        },
    )
}

/// The kill switch.
pub(super) async fn switch(staff: Staff<may::FlagWrite>, Key(key): Key, Posted(answers): Posted) -> Answer {
    let (on, name) = (answers.get("on") == "true", key.clone());
    staff.write(move |tx| flag::switch(tx, &name, on)).await?;
    let word = if on { "flag_on" } else { "flag_off" };
    Ok(parts::done(&staff.at(&format!("/flags/{key}")), word))
}

pub(super) async fn remove(staff: Staff<may::FlagWrite>, Key(key): Key, Posted(answers): Posted) -> Answer {
    let (seen, name) = (answers.get("version").parse().unwrap_or(0), key.clone());
    match staff.write(move |tx| flag::archive(tx, &name, seen)).await {
        Ok(_) => Ok(parts::done(&staff.at("/flags"), "flag_removed")),
        Err(error) => {
            let answers = Answers::default().refused(error)?;
            Ok((answers.status(), draw(&staff, key, answers).await?).into_response())
        }
    }
}

/// A sight with one flag in the place of the stored one.
pub(super) fn with(sight: Sight, flag: Flag) -> Sight {
    let mut flags = (*sight.flags).clone();
    flags.insert(flag.key.clone(), flag::Compiled::of(flag));
    Sight { flags: flags.into(), ..sight }
}
