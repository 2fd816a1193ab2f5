//! For programs: where the API is described, and the keys to it.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
    routing::{get, post},
};
use identity::{ApiKey, Permission, Permissions, key};
use kernel::{Error, Result, ids};
use maud::{Markup, html};
use store::Mode;

use crate::{
    App,
    gate::{Answer, Answers, Asked, Desk, Member, Named, Posted, Sheet},
    parts, show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api", get(page).post(create)).route("/api/keys/{id}/revoke", post(revoke))
}

/// How much a key may do, as the form offers it.
const SCOPES: [ui::Choice; 3] = [
    ui::Choice { value: "all", label: "Everything" },
    ui::Choice { value: "read", label: "Read everything, change nothing" },
    ui::Choice { value: "these", label: "Only what is ticked below" },
];

async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    member: Member,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&member, &origin(&app, &headers), asked, None).await
}

/// Where programs reach this server: as the browser does.
pub(crate) fn origin(app: &App, headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http{}://{host}", if app.secure_cookies { "s" } else { "" })
}

async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    member: Member,
    Posted(answers): Posted,
) -> Answer {
    member.as_owner()?;
    let origin = origin(&app, &headers);
    let created = match permissions(&answers) {
        Ok(permissions) => {
            let secret = key::new_secret_for(member.environment.mode, &permissions)?;
            let name = answers.get("name").to_owned();
            member.write(move |tx| key::create(tx, &name, &permissions, &secret)).await
        }
        Err(error) => Err(error),
    };
    match created {
        // Shown in the answer itself: the secret is in no address and is not kept.
        Ok(created) => {
            Ok(draw(&member, &origin, Answers::default(), Some(&created.secret)).await?.into_response())
        }
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(&member, &origin, answers, None).await?).into_response())
        }
    }
}

fn permissions(answers: &Answers) -> Result<Permissions> {
    match answers.get("scope") {
        "all" => Ok(Permissions::All),
        "read" => Ok(Permissions::Read),
        _ => {
            let these: Vec<Permission> = Permission::ALL
                .iter()
                .copied()
                .filter(|one| answers.ticked(&format!("may.{}", one.word())))
                .collect();
            let none = Error::invalid("permission_unknown", "Tick what the key may do.").at("/scope");
            if these.is_empty() { Err(none) } else { Ok(Permissions::These(these)) }
        }
    }
}

async fn revoke(member: Member, Named(id): Named<ids::ApiKey>, Posted(_): Posted) -> Answer {
    member.as_owner()?;
    member.write(move |tx| key::revoke(tx, id)).await?;
    Ok(parts::done(&member.at("/api"), "revoked"))
}

async fn draw(desk: &Desk, origin: &str, answers: Answers, secret: Option<&str>) -> Answer<Markup> {
    let keys = desk.read(key::list).await?;
    let owner = desk.as_owner().is_ok();
    let docs = ui::button_link(ui::Button::Plain, "API reference", "/docs");
    let body = html! {
        (ui::header("API", "Everything these pages do, a program can do too: JSON over HTTP, under /v1.", docs))
        (parts::was_done(&answers))
        @if let Some(secret) = secret { (new_key(secret)) }
        (ui::section("Keys", html! {}, table(desk, &keys, owner)))
        @if owner { (ui::section("New key", html! {}, form(desk, &answers))) }
        (ui::section("A first request", html! {}, ui::code_block("List the customers", &example(desk, origin))))
    };
    Ok(desk.page(Sheet::new(ui::Section::Api, "API"), body))
}

fn new_key(secret: &str) -> Markup {
    ui::notice(
        ui::Kind::Success,
        "Key created. Copy it now: it is not shown again.",
        html! {
            p { (ui::copyable(secret)) }
            p { "Only a fingerprint of it is kept. Whoever has it can do what it may, so keep it like a password." }
        },
    )
}

fn table(desk: &Desk, keys: &[ApiKey], owner: bool) -> Markup {
    let rows = keys.iter().map(|key| {
        let state = match key.revoked {
            None => ui::badge(ui::Tone::Good, "Works"),
            Some(_) => ui::badge(ui::Tone::Ended, "Revoked"),
        };
        let path = desk.at(&format!("/api/keys/{}/revoke", key.id));
        ui::Row::new(vec![
            html! { (key.name) },
            state,
            html! { (may(&key.permissions)) },
            desk.time(key.created),
            html! { @if owner && key.revoked.is_none() { (ui::post_button(ui::Button::Danger, "Revoke", &path, desk.csrf())) } },
        ])
    });
    ui::table(ui::Table {
        caption: "API keys",
        columns: &[
            ui::Column::text("Name"),
            ui::Column::text("State").lead(),
            ui::Column::text("May"),
            ui::Column::text("Created"),
            ui::Column::text("Revoke"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No keys yet",
            "A program signs its requests with a key. Each key is good for this environment only.",
            html! {},
        ),
    })
}

fn may(permissions: &Permissions) -> String {
    match permissions {
        Permissions::All => "Everything".to_owned(),
        Permissions::Read => "Read everything".to_owned(),
        Permissions::These(these) => these.iter().map(|one| one.word()).collect::<Vec<_>>().join(", "),
    }
}

fn form(desk: &Desk, answers: &Answers) -> Markup {
    let names: Vec<(String, String)> = Permission::ALL
        .iter()
        .map(|one| (format!("may.{}", one.word()), show::sentence(one.word())))
        .collect();
    let fields = html! {
        (ui::field(&ui::Field::new("Name", "name", ui::Input::Text).value(answers.get("name")).required()
            .hint("What it is for, such as the web shop.").error(answers.error("name"))))
        (ui::field(&ui::Field::new("May do", "scope", ui::Input::Select(&SCOPES)).required()
            .value(answers.some("scope").unwrap_or("all")).error(answers.error("scope"))))
        div class="ticks" {
            @for (name, label) in &names {
                (ui::field(&ui::Field::new(label, name, ui::Input::Checkbox).value(answers.get(name))))
            }
        }
    };
    html! {
        (answers.summary(&[("name", "Name"), ("scope", "May do")]))
        (ui::form(&desk.at("/api"), desk.csrf(), fields, "Create the key"))
    }
}

fn example(desk: &Desk, origin: &str) -> String {
    let word = match desk.environment.mode {
        Mode::Live => "live",
        Mode::Sandbox => "sandbox",
    };
    format!("curl {origin}/v1/customers \\\n  -H 'Authorization: Bearer sk_{word}_…'")
}
