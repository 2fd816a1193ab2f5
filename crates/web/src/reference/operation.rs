//! One operation: what it does, what it takes, what it answers, and a form to try it.

use maud::{Markup, html};
use serde_json::Value as Json;

use super::{Operation, Reference, example, marked, prose, shape, text};
use crate::ui;

/// What goes with a request.
struct Body<'d> {
    kind: &'d str,
    schema: &'d Json,
}

fn content(said: &Json) -> Option<Body<'_>> {
    let (kind, content) = said["content"].as_object()?.iter().next()?;
    Some(Body { kind, schema: &content["schema"] })
}

pub(super) fn draw(reference: &Reference, operation: Operation<'_>, origin: &str) -> Markup {
    let said = operation.said;
    let body = content(&said["requestBody"]);
    let sent = body.as_ref().map(|body| example::json(reference, body.schema));
    let parameters: Vec<&Json> = said["parameters"].as_array().into_iter().flatten().collect();
    html! {
        div class="header" { div { h1 class="operation" { code { (operation.title()) } } } }
        (prose(text(said, "summary")))
        (prose(text(said, "description")))
        (ui::code_block("With curl", &curl(operation, body.as_ref().zip(sent.as_deref()), origin)))
        (trial(operation, &parameters, body.as_ref().zip(sent.as_deref())))
        @if !parameters.is_empty() { (ui::section("Parameters", html! {}, taken(&parameters))) }
        @if let Some(body) = &body {
            (ui::section("Body", html! {}, html! {
                p { (shape::kind(body.schema)) ", as " code { (body.kind) } "." }
                @if let Some((name, found)) = named(reference, body.schema) { (shape::whole(name, found)) }
            }))
        }
        (ui::section("Answers", html! {}, answers(&said["responses"])))
    }
}

/// The shape a schema refers to.
fn named<'d>(reference: &'d Reference, schema: &'d Json) -> Option<(&'d str, &'d Json)> {
    let name = shape::referred(schema)?;
    Some((name, reference.shape(name)?))
}

fn taken(parameters: &[&Json]) -> Markup {
    let rows = parameters.iter().map(|one| {
        let kind = html! { (shape::kind(&one["schema"])) ", in the " (text(one, "in")) };
        (text(one, "name"), kind, shape::about(one), one["required"] == true)
    });
    shape::table("Parameters", rows)
}

fn answers(said: &Json) -> Markup {
    let rows = said.as_object().into_iter().flatten().map(|(status, answer)| {
        ui::Row::new(vec![
            html! { code { (status) } },
            html! { (marked(text(answer, "description"))) },
            html! { @match content(answer) { Some(body) => (shape::kind(body.schema)), None => "No body" } },
        ])
    });
    ui::table(ui::Table {
        caption: "Answers",
        columns: &[ui::Column::text("Status"), ui::Column::text("When"), ui::Column::text("Body")],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

fn curl(operation: Operation<'_>, body: Option<(&Body<'_>, &str)>, origin: &str) -> String {
    let method = if operation.method == "get" {
        String::new()
    } else {
        format!(" -X {}", operation.method.to_uppercase())
    };
    let mut text = format!("curl{method} '{origin}{}' \\\n  -H 'Authorization: Bearer sk_…'", operation.path);
    if let Some((body, sent)) = body {
        text += &format!(" \\\n  -H 'Content-Type: {}' \\\n  -d '{}'", body.kind, sent.replace('\'', "’"));
    }
    text
}

/// A form that the script sends as a request; without it nothing is shown.
fn trial(operation: Operation<'_>, parameters: &[&Json], body: Option<(&Body<'_>, &str)>) -> Markup {
    let key = ui::Field::new("API key", "key", ui::Input::Password).required().autocomplete("off");
    let fields: Vec<(String, &str, bool)> = parameters
        .iter()
        .map(|one| {
            (format!("{}.{}", text(one, "in"), text(one, "name")), text(one, "name"), one["required"] == true)
        })
        .collect();
    let of = |(name, label, required): &(String, &str, bool)| {
        let field = ui::Field::new(label, name, ui::Input::Text);
        ui::field(&if *required { field.required() } else { field })
    };
    let form = html! {
        form class="form" method="post" data-call=(operation.method) data-path=(operation.path)
            data-type=[body.map(|(body, _)| body.kind)] {
            (ui::field(&key.hint("It stays in this page. Take a sandbox’s: what you send happens.")))
            @for field in &fields { (of(field)) }
            @if let Some((_, sent)) = body {
                (ui::field(&ui::Field::new("Body", "body", ui::Input::Textarea(12)).value(sent)))
            }
            div class="actions" { button class="button primary" { "Send" } }
            figure class="code" hidden {
                figcaption { "Answer" }
                pre tabindex="0" role="region" aria-label="Answer" { output {} }
            }
        }
    };
    html! {
        div class="scripted" { (ui::more("Try it", "sends a request from this page", false, form)) }
        script src=(ui::assets::href("try.js")) {}
    }
}
