//! The description of the API as pages: every operation and every shape, readable without a script and, with one, to be
//! tried out.

mod example;
mod operation;
mod shape;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, header},
    middleware,
    routing::get,
};
use kernel::Error;
use maud::{Markup, html};
use serde_json::Value as Json;

use crate::{
    gate::{self, Answer},
    ui,
};

/// Where the reference begins, and what its pages have in common.
const PATH: &str = "/docs";
const HOME: [ui::Crumb<'static>; 1] = [ui::Crumb { label: "API reference", href: PATH }];

/// What the pages are drawn from.
struct Reference {
    /// An OpenAPI 3.1 document.
    document: Json,
    secure: bool,
}

/// The pages of an OpenAPI 3.1 document, which stands at `/v1/openapi.json`. `secure`: they are reached by HTTPS.
pub fn reference(document: Json, secure: bool) -> Router {
    Router::new()
        .route(PATH, get(overview))
        .route("/docs/", get(overview))
        .route("/docs/operations/{name}", get(one_operation))
        .route("/docs/shapes/{name}", get(one_shape))
        .layer(middleware::from_fn(gate::secure))
        .with_state(Arc::new(Reference { document, secure }))
}

/// An operation, and where it stands in the document.
#[derive(Clone, Copy)]
struct Operation<'d> {
    method: &'d str,
    path: &'d str,
    said: &'d Json,
}

impl<'d> Operation<'d> {
    fn name(self) -> &'d str {
        text(self.said, "operationId")
    }

    /// `POST /v1/customers`.
    fn title(self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }
}

impl Reference {
    fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.document["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let all = item.as_object().into_iter().flatten();
            all.map(move |(method, said)| Operation { method, path, said })
        })
    }

    /// The groups with what is said of them, in the document's order; those it does not describe come last.
    fn groups(&self) -> Vec<(&str, &str)> {
        let described = self.document["tags"].as_array().into_iter().flatten();
        let mut all: Vec<_> = described.map(|tag| (text(tag, "name"), text(tag, "description"))).collect();
        for operation in self.operations() {
            let tag = tag(operation);
            if all.iter().all(|(name, _)| *name != tag) {
                all.push((tag, ""));
            }
        }
        all.retain(|(name, _)| self.operations().any(|operation| tag(operation) == *name));
        all
    }

    fn shape(&self, name: &str) -> Option<&Json> {
        self.document["components"]["schemas"].get(name)
    }
}

/// The group of an operation.
fn tag(operation: Operation<'_>) -> &str {
    operation.said["tags"][0].as_str().unwrap_or("Others")
}

/// A text of the document; empty where there is none.
fn text<'d>(said: &'d Json, name: &str) -> &'d str {
    said[name].as_str().unwrap_or_default()
}

async fn overview(State(reference): State<Arc<Reference>>) -> Markup {
    let document = html! { a class="button" href="/v1/openapi.json" { "OpenAPI document" } };
    let body = html! {
        (ui::header("API reference", "Everything the pages do, a program can do too: JSON over HTTP, under /v1.", document))
        div class="prose" { (prose(text(&reference.document["info"], "description"))) }
        @for (name, about) in reference.groups() {
            (ui::section(name, html! {}, html! {
                @if !about.is_empty() { p { (about) } }
                (list(name, reference.operations().filter(|operation| tag(*operation) == name)))
            }))
        }
    };
    ui::open_page("API reference", &[], body)
}

fn list<'d>(group: &str, operations: impl Iterator<Item = Operation<'d>>) -> Markup {
    let rows = operations.map(|operation| {
        let first = text(operation.said, "summary").split(". ").next().unwrap_or_default();
        ui::Row::link(
            format!("/docs/operations/{}", operation.name()),
            vec![html! { code { (operation.title()) } }, html! { (marked(first.trim_end_matches('.'))) "." }],
        )
    });
    ui::table(ui::Table {
        caption: group,
        columns: &[ui::Column::text("Operation"), ui::Column::text("What it does")],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

async fn one_operation(
    State(reference): State<Arc<Reference>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer<Markup> {
    let found = reference.operations().find(|operation| operation.name() == name);
    let operation = found.ok_or_else(|| Error::not_found("page"))?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let origin = format!("http{}://{host}", if reference.secure { "s" } else { "" });
    let body = operation::draw(&reference, operation, &origin);
    Ok(ui::open_page(&operation.title(), &HOME, body))
}

async fn one_shape(State(reference): State<Arc<Reference>>, Path(name): Path<String>) -> Answer<Markup> {
    let said = reference.shape(&name).ok_or_else(|| Error::not_found("page"))?;
    let body = html! {
        (ui::header(&name, "A shape of requests and answers.", html! {}))
        (shape::whole(&name, said))
        (ui::section("Example", html! {}, ui::code_block(&name, &example::json(&reference, said))))
    };
    Ok(ui::open_page(&name, &HOME, body))
}

/// Paragraphs of Markdown, as far as the document uses it.
fn prose(text: &str) -> Markup {
    html! { @for paragraph in text.split("\n\n").filter(|one| !one.is_empty()) { p { (marked(paragraph)) } } }
}

/// A line with `code` and **strong** words.
fn marked(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else {
                @for (place, part) in part.split("**").enumerate() {
                    @if place % 2 == 1 { strong { (part) } } @else { (part) }
                }
            }
        }
    }
}
