//! Choosing a merchant and one of its environments.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect},
    routing::get,
};
use identity::{Environment, Merchant, customer, environment, user, user::Role};
use kernel::{Result, ids::UserId};
use maud::{Markup, html};
use store::{Actor, Mode, Scope, View};

use crate::{
    App,
    gate::{Answer, Session},
    show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(start)).route("/environments", get(choose))
}

/// One merchant of this person's, with what they are there.
struct Place {
    merchant: Merchant,
    role: Role,
    environments: Vec<Counted>,
}

/// An environment, and how many customers it has: which one holds the data is what somebody looks for here.
struct Counted {
    environment: Environment,
    customers: i64,
}

/// Straight to work where there is nothing to choose.
async fn start(State(app): State<App>, session: Session) -> Answer {
    let places = places(&app, &session).await?;
    let mut all = places.iter().flat_map(|place| place.environments.iter().map(move |one| (place, one)));
    match (all.next(), all.next()) {
        (Some((place, only)), None) => {
            Ok(Redirect::to(&address(&place.merchant, &only.environment)).into_response())
        }
        _ => Ok(page(&places, &session).into_response()),
    }
}

async fn choose(State(app): State<App>, session: Session) -> Answer<Markup> {
    Ok(page(&places(&app, &session).await?, &session))
}

async fn places(app: &App, session: &Session) -> Answer<Vec<Place>> {
    let user = session.user.id;
    let read = move |view: &mut View<'_>| -> Result<Vec<(Merchant, Role, Vec<Environment>)>> {
        let merchants = user::merchants(view, user)?.into_iter();
        let places = merchants.map(|merchant| {
            let role = user::role(view, user, merchant.id)?.unwrap_or(Role::Viewer);
            let environments = environment::of_merchant(view, merchant.id)?;
            Ok((merchant, role, environments))
        });
        places.collect()
    };
    let mut places = Vec::new();
    for (merchant, role, environments) in
        app.db.read(&Scope::installation("merchants of a person"), read).await?
    {
        let environments = counted(app, user, environments).await?;
        places.push(Place { merchant, role, environments });
    }
    Ok(places)
}

async fn counted(app: &App, user: UserId, environments: Vec<Environment>) -> Answer<Vec<Counted>> {
    let count = |one: &Environment| {
        app.db.read(&Scope::environment(one.id, one.mode, Actor::User(user)), customer::count)
    };
    // All are asked before the first is waited for.
    let counts: Vec<_> = environments.iter().map(count).collect();
    let mut counted = Vec::with_capacity(environments.len());
    for (environment, customers) in environments.into_iter().zip(counts) {
        counted.push(Counted { environment, customers: customers.await? });
    }
    Ok(counted)
}

fn address(merchant: &Merchant, environment: &Environment) -> String {
    format!("/{}/{}/", merchant.slug, environment.slug)
}

fn page(places: &[Place], session: &Session) -> Markup {
    let body = html! {
        h1 { "Where to?" }
        @for place in places { (of_merchant(place)) }
        @if places.is_empty() {
            (ui::empty("No merchant yet", "You are signed in, but work for no merchant of this installation. \
                Whoever runs it can add you.", html! {}))
        }
        p { "Signed in as " (session.user.email) "." }
        (ui::post_button(ui::Button::Plain, "Sign out", "/sign-out", &session.csrf))
    };
    ui::bare_page("Choose an environment", body)
}

fn of_merchant(place: &Place) -> Markup {
    let rows = place.environments.iter().map(|Counted { environment, customers }| {
        let clock = match environment.mode {
            Mode::Live => ui::badge(ui::Tone::Good, "Real time"),
            Mode::Sandbox => ui::badge(ui::Tone::Attention, "Sandbox clock"),
        };
        ui::Row::link(
            address(&place.merchant, environment),
            vec![
                html! { (show::sentence(&environment.slug)) },
                html! { (show::count(*customers, "customer")) },
                clock,
            ],
        )
    });
    let table = ui::table(ui::Table {
        caption: "Environments",
        columns: &[
            ui::Column::text("Environment"),
            ui::Column::text("Customers"),
            ui::Column::text("Clock").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No environment yet",
            "This merchant has neither a live environment nor a sandbox.",
            html! {},
        ),
    });
    ui::section(&place.merchant.name, html! { (crate::gate::role(place.role)) }, table)
}
