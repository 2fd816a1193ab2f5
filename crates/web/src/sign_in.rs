//! Signing in by a one-time link, and out again.

use axum::{
    Form, Router,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use identity::user;
use kernel::{Error, Kind};
use maud::{Markup, html};
use store::Scope;

use crate::{
    App,
    gate::{Answer, Asked, COOKIE, Posted, session_secret},
    ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/sign-in", get(ask).post(enter)).route("/sign-out", post(leave))
}

/// A button rather than the deed itself: a program that previews links must not use this one up.
async fn ask(Asked(asked): Asked) -> Markup {
    match asked.some("token") {
        Some(token) => ui::bare_page("Sign in", with_link(token)),
        None => ui::bare_page("Sign in", without_link()),
    }
}

fn with_link(token: &str) -> Markup {
    html! {
        h1 { "Sign in" }
        p { "This link opens Steelyard once, in this browser. You stay signed in for 14 days." }
        form class="form" method="post" action="/sign-in" {
            (ui::hidden_field("token", token))
            div class="actions" { button class="button primary" { "Sign in" } }
        }
    }
}

fn without_link() -> Markup {
    html! {
        h1 { "Sign in" }
        p { "Steelyard has no passwords. You sign in with a link that works once, for 30 minutes." }
        p { "Whoever runs this installation makes one on the server:" }
        (ui::code_block("On the server", "steelyard sign-in you@example.com"))
        p { "Then open the link it prints in this browser." }
    }
}

/// Use up the link and keep the session in a cookie.
async fn enter(State(app): State<App>, form: Result<Form<Vec<(String, String)>>, FormRejection>) -> Answer {
    let pairs = form.map(|Form(pairs)| pairs).unwrap_or_default();
    let token =
        pairs.into_iter().find(|(name, _)| name == "token").map(|(_, value)| value).unwrap_or_default();
    let secret = user::new_secret()?;
    let link = app
        .db
        .write(&Scope::installation("sign in"), move |tx| user::sign_in(tx, token.trim(), &secret))
        .await;
    match link {
        Ok(session) => {
            let life = user::SESSION_LIFE.as_secs();
            Ok(([(header::SET_COOKIE, cookie(&app, &session.secret, life)?)], Redirect::to("/"))
                .into_response())
        }
        Err(error) if error.kind == Kind::Unauthenticated => Ok(refused(&error)),
        Err(error) => Err(error.into()),
    }
}

fn refused(error: &Error) -> Response {
    let body = html! {
        (ui::notice(ui::Kind::Error, "This link does not work any more", html! { (error.detail) }))
        (without_link())
    };
    (axum::http::StatusCode::UNAUTHORIZED, ui::bare_page("Sign in", body)).into_response()
}

/// End the session here and on the server.
async fn leave(State(app): State<App>, headers: HeaderMap, Posted(_): Posted) -> Answer {
    if let Some(secret) = session_secret(&headers).map(str::to_owned) {
        app.db.write(&Scope::installation("sign out"), move |tx| user::sign_out(tx, &secret)).await?;
    }
    Ok(([(header::SET_COOKIE, cookie(&app, "", 0)?)], Redirect::to("/sign-in")).into_response())
}

fn cookie(app: &App, secret: &str, seconds: i64) -> Answer<HeaderValue> {
    let secure = if app.secure_cookies { "; Secure" } else { "" };
    let text = format!("{COOKIE}={secret}; HttpOnly; SameSite=Lax; Path=/; Max-Age={seconds}{secure}");
    Ok(HeaderValue::from_str(&text)
        .map_err(|error| Error::internal(format!("a session makes no cookie: {error}")))?)
}
