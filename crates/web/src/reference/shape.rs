//! Shapes: what fields there are, of which kind, and what they mean.

use maud::{Markup, html};
use serde_json::Value as Json;

use super::{marked, prose, text};
use crate::ui;

const PREFIX: &str = "#/components/schemas/";

/// The name of the shape a schema refers to.
pub(super) fn referred(schema: &Json) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix(PREFIX)
}

/// What is said of a shape, and its fields or kind.
pub(super) fn whole(name: &str, schema: &Json) -> Markup {
    html! {
        (prose(text(schema, "description")))
        @if schema["properties"].is_object() { (fields(name, schema)) } @else { p { (kind(schema)) } }
    }
}

/// The fields of an object in a table.
fn fields(name: &str, schema: &Json) -> Markup {
    let required = |field: &str| {
        schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(field)))
    };
    let rows = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(field, said)| (field.as_str(), kind(said), about(said), required(field)));
    table(name, rows)
}

/// Named values in a table: name, kind, what it is, whether it must be there.
pub(super) fn table<'d>(
    caption: &str,
    rows: impl Iterator<Item = (&'d str, Markup, Markup, bool)>,
) -> Markup {
    let rows = rows.map(|(name, kind, about, required)| {
        ui::Row::new(vec![
            html! { code { (name) } },
            html! { (kind) @if required { span class="under" { "required" } } },
            about,
        ])
    });
    ui::table(ui::Table {
        caption,
        columns: &[ui::Column::text("Name"), ui::Column::text("Kind"), ui::Column::text("What it is")],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! { p { "It has no fields." } },
    })
}

/// What is said of a field, with an example.
pub(super) fn about(said: &Json) -> Markup {
    let examples: Vec<String> = said["examples"].as_array().into_iter().flatten().map(plainly).collect();
    let usual = said.get("default").map(plainly);
    html! {
        (marked(text(said, "description")))
        @if !examples.is_empty() { " Such as " code { (examples.join(", ")) } "." }
        @if let Some(usual) = usual { " " code { (usual) } " when left out." }
    }
}

/// A value as one writes it: text without its quotes.
pub(super) fn plainly(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Of which kind a value is, with the way to its shape.
pub(super) fn kind(schema: &Json) -> Markup {
    if let Some(name) = referred(schema) {
        return html! { a href={ "/docs/shapes/" (name) } { (name) } };
    }
    for (word, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        if let Some(all) = schema[word].as_array() {
            return html! {
                @for (place, one) in all.iter().enumerate() { @if place > 0 { (between) } (kind(one)) }
            };
        }
    }
    if let Some(all) = schema["enum"].as_array() {
        return html! {
            @for (place, one) in all.iter().enumerate() { @if place > 0 { ", " } code { (plainly(one)) } }
        };
    }
    match &schema["type"] {
        Json::Array(all) => html! {
            @for (place, one) in all.iter().enumerate() {
                @if place > 0 { " or " } (of_type(one.as_str().unwrap_or_default(), schema))
            }
        },
        one => of_type(one.as_str().unwrap_or("anything"), schema),
    }
}

fn of_type(word: &str, schema: &Json) -> Markup {
    let values = &schema["additionalProperties"];
    match word {
        "array" => html! { "list of " (kind(&schema["items"])) },
        "object" if values.is_object() => html! { "map of " (kind(values)) },
        _ => html! { (word) @if let Some(format) = format_of(schema) { " (" (format) ")" } },
    }
}

/// Formats that say more than how wide a number is.
fn format_of(schema: &Json) -> Option<&str> {
    schema["format"].as_str().filter(|format| !format.starts_with("int") && !format.starts_with("uint"))
}
