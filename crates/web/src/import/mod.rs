//! Bringing customers and subscriptions in from files: choose them, look at what they come to, load them.

mod draw;
mod upload;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Response},
    routing::get,
};
use billing::import::{File, Mapping, OnBad, Options, Outline, Report, import, outline};
use identity::permission::may;
use kernel::{Error, Kind, Result};
use maud::Markup;

use self::upload::{Kept, Upload};
use crate::{
    App,
    gate::{Answer, Answers, Desk, Staff},
};

/// The most bytes of files that pages take; larger ones are the command line's business.
const LARGEST: usize = 2 * 1024 * 1024;
/// Files that are kept come back in base64, and the mapping with them.
const LARGEST_FORM: usize = LARGEST / 2 * 3 + 256 * 1024;

pub(crate) fn routes() -> Router<App> {
    let import = get(page).post(post).layer(DefaultBodyLimit::max(LARGEST_FORM));
    Router::new().route("/import", import)
}

/// A mapping that ships with the program.
#[derive(Clone, Copy)]
struct Shipped {
    value: &'static str,
    label: &'static str,
    text: &'static str,
}

const SHIPPED: [Shipped; 3] = [
    Shipped {
        value: "stripe",
        label: "Stripe",
        text: include_str!("../../../../examples/import/stripe.toml"),
    },
    Shipped {
        value: "chargebee",
        label: "Chargebee",
        text: include_str!("../../../../examples/import/chargebee.toml"),
    },
    Shipped { value: "lago", label: "Lago", text: include_str!("../../../../examples/import/lago.toml") },
];

async fn page(staff: Staff<may::SubscriptionWrite>) -> Markup {
    draw::first(&staff, &Answers::default())
}

/// First what the files come to, and only then the loading. The files travel with the form from step to step.
async fn post(staff: Staff<may::SubscriptionWrite>, Upload { answers, files }: Upload) -> Answer {
    may_change_customers(&staff)?;
    let text = mapping_text(&answers);
    if files.is_empty() {
        let error = Error::invalid("file_missing", "Choose the files to bring in.").at("/files");
        return refused(&staff, answers, &files, error);
    }
    let mapping = match Mapping::read("mapping", &text) {
        Ok(mapping) => mapping,
        Err(error) => {
            return refused(&staff, answers.with("mapping", &text), &files, error.at("/mapping"));
        }
    };
    let answers = answers.with("mapping", &text);
    let load = ["load", "load-good"].contains(&answers.get("step"));
    let on_bad = if answers.get("step") == "load-good" { OnBad::Skip } else { OnBad::Stop };
    let options = Options { on_bad, dry_run: !load, only_customers: false };
    match bring(&staff, mapping, &files, options).await {
        Ok((outlines, report)) => {
            Ok(draw::report(&staff, &answers, &files, &outlines, &report).into_response())
        }
        Err(error) => refused(&staff, answers, &files, error),
    }
}

/// The text of the form, or of the mapping that was chosen by name.
fn mapping_text(answers: &Answers) -> String {
    let shipped = SHIPPED.iter().find(|shipped| shipped.value == answers.get("system"));
    match (answers.some("mapping"), shipped) {
        (None, Some(shipped)) => shipped.text.to_owned(),
        // Browsers send line breaks of their own.
        _ => answers.raw("mapping").replace("\r\n", "\n"),
    }
}

fn may_change_customers(desk: &Desk) -> Result<()> {
    if desk.may::<may::CustomerWrite>() {
        return Ok(());
    }
    let detail = "You may not create customers in this environment.";
    Err(Error::new(Kind::Forbidden, "permission_missing", detail))
}

async fn bring(
    desk: &Desk,
    mapping: Mapping,
    files: &[Kept],
    options: Options,
) -> Result<(Vec<Outline>, Report)> {
    let (db, scope) = desk.hands();
    let files: Vec<File> =
        files.iter().map(|kept| File::of(kept.name.clone(), kept.content.clone())).collect();
    let work = move || {
        let outlines = outline(&mapping, &files)?;
        Ok((outlines, import(&db, &scope, &mapping, &files, options, &mut |_| {})?))
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::internal("an import ended in a panic")))
}

fn refused(desk: &Desk, answers: Answers, files: &[Kept], error: Error) -> Answer<Response> {
    let answers = answers.refused(error)?;
    let page =
        if files.is_empty() { draw::first(desk, &answers) } else { draw::again(desk, &answers, files) };
    Ok((answers.status(), page).into_response())
}
