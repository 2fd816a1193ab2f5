//! Making and changing a flag, with a look at what it would serve before.

use axum::response::IntoResponse;
use entitlements::flag::{self, Definition, Flag, Kind};
use identity::permission::may;
use kernel::{Error, FieldError, Result};
use maud::{Markup, html};
use serde_json::json;
use store::View;

use super::{
    Key, form,
    trial::{self, Tried},
};
use crate::{
    gate::{Answer, Answers, Asked, Desk, Posted, Sheet, Staff},
    parts, ui,
};

/// What a new flag begins with.
fn fresh() -> Definition {
    Definition {
        name: String::new(),
        description: String::new(),
        kind: Kind::Boolean,
        variants: [("on".to_owned(), json!(true)), ("off".to_owned(), json!(false))].into(),
        default: Some("off".to_owned()),
        off: "off".to_owned(),
        rules: Vec::new(),
        browser: false,
    }
}

pub(super) async fn new(staff: Staff<may::FlagWrite>, Asked(asked): Asked) -> Answer<Markup> {
    Ok(draw(&staff, None, form::filled(asked, &fresh()), None))
}

pub(super) async fn page(staff: Staff<may::FlagWrite>, Key(key): Key, Asked(asked): Asked) -> Answer<Markup> {
    let flag = staff.read(move |view| flag::find(view, &key)).await?;
    let answers = form::filled(asked, &flag.definition).or("version", flag.version.to_string());
    Ok(draw(&staff, Some(&flag), answers, None))
}

pub(super) async fn create(staff: Staff<may::FlagWrite>, Posted(answers): Posted) -> Answer {
    let key = answers.get("key").to_owned();
    let made = match form::read(&answers) {
        Ok(definition) if looks(&answers) => {
            return look(&staff, None, key, definition, answers).await;
        }
        Ok(definition) => {
            let key = key.clone();
            staff.write(move |tx| flag::create(tx, &key, true, &definition)).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(flag) => Ok(parts::done(&staff.at(&format!("/flags/{}", flag.key)), "flag_created")),
        Err(error) => {
            let answers = {
                let error = placed(error, &answers);
                answers.refused(error)?
            };
            Ok((answers.status(), draw(&staff, None, answers, None)).into_response())
        }
    }
}

pub(super) async fn save(staff: Staff<may::FlagWrite>, Key(key): Key, Posted(answers): Posted) -> Answer {
    let name = key.clone();
    let before = staff.read(move |view| flag::find(view, &name)).await?;
    let (seen, enabled) = (answers.get("version").parse().unwrap_or(0), before.enabled);
    let saved = match form::read(&answers) {
        Ok(definition) if looks(&answers) => {
            return look(&staff, Some(before), key, definition, answers).await;
        }
        Ok(definition) => {
            let key = key.clone();
            staff.write(move |tx| flag::save(tx, &key, seen, enabled, &definition)).await
        }
        Err(error) => Err(error),
    };
    match saved {
        Ok(_) => Ok(parts::done(&staff.at(&format!("/flags/{key}")), "flag_changed")),
        Err(error) => {
            let answers = {
                let error = placed(error, &answers);
                answers.refused(error)?
            };
            Ok((answers.status(), draw(&staff, Some(&before), answers, None)).into_response())
        }
    }
}

/// Whether it is only to be looked at.
fn looks(answers: &Answers) -> bool {
    answers.get("then") == "look"
}

/// Show what the flag would serve, without keeping it.
async fn look(
    desk: &Desk,
    before: Option<Flag>,
    key: String,
    definition: Definition,
    answers: Answers,
) -> Answer {
    if let Err(error) = flag::check(&key, &definition) {
        let answers = {
            let error = placed(error, &answers);
            answers.refused(error)?
        };
        return Ok((answers.status(), draw(desk, before.as_ref(), answers, None)).into_response());
    }
    let (asked, known) = (answers.clone().with("try", "true"), before.clone());
    let tried = desk.read(move |view| would(view, known.as_ref(), &key, &definition, &asked)).await?;
    Ok(draw(desk, before.as_ref(), answers, tried).into_response())
}

fn would(
    view: &mut View<'_>,
    before: Option<&Flag>,
    key: &str,
    definition: &Definition,
    asked: &Answers,
) -> Result<Option<Tried>> {
    let now = view.now();
    let id = before.map_or_else(|| kernel::new_id(&kernel::SystemIds), |flag| flag.id);
    let (key, definition) = (key.to_owned(), definition.clone());
    let flag = Flag { id, key, version: 0, enabled: true, definition, created: now, changed: now };
    trial::of(view, &flag, asked)
}

/// What is wrong with one condition or share stands beside its field, which holds all of them.
fn placed(mut error: Error, answers: &Answers) -> Error {
    let places = form::places(answers);
    // What the form could not read names the form's own places.
    let own = form::read(answers).is_err();
    for FieldError { pointer, .. } in &mut error.fields {
        let parts: Vec<&str> = pointer.split('/').collect();
        if let ["", "rules", at, part, ..] = parts.as_slice() {
            let at: usize = at.parse().unwrap_or(0);
            let at = if own { at } else { places.get(at).copied().unwrap_or(at) };
            *pointer = format!("/rules/{at}/{part}");
        } else if pointer.starts_with("/variants") {
            *pointer = "/variants".to_owned();
        }
    }
    error
}

fn draw(desk: &Desk, flag: Option<&Flag>, answers: Answers, tried: Option<Tried>) -> Markup {
    let flags = desk.at("/flags");
    let (title, action) = match flag {
        Some(flag) => {
            (format!("Change {}", flag.definition.name), desk.at(&format!("/flags/{}/edit", flag.key)))
        }
        None => ("New flag".to_owned(), desk.at("/flags/new")),
    };
    let about = "Every evaluation asked for after it is saved heeds it.";
    let labels = form::labels(&answers);
    let labels: Vec<(&str, &str)> =
        labels.iter().map(|(name, label)| (name.as_str(), label.as_str())).collect();
    let crumbs = [ui::Crumb { label: "Flags", href: &flags }];
    let body = html! {
        (ui::header(&title, about, html! {}))
        (answers.summary(&labels))
        form class="form" method="post" action=(action) novalidate {
            (ui::hidden_field("csrf", desk.csrf()))
            @if flag.is_some() { (ui::hidden_field("version", answers.get("version"))) }
            (form::fields(&answers, flag.is_none()))
            fieldset class="rule" {
                legend { "Look before you save" }
                (trial::fields(&answers))
                @if let Some(tried) = &tried { (trial::answer(tried)) }
                div class="actions" { button class="button" name="then" value="look" { "See what it would serve" } }
            }
            div class="actions" { button class="button primary" { "Save" } }
        }
    };
    desk.page(Sheet::new(ui::Section::Flags, &title).below(&crumbs), body)
}
