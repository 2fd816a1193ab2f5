//! A migration that was started: how far it is, and what came of it.

use ::jobs::{Job, State};
use axum::{
    extract,
    response::{IntoResponse, Response},
};
use billing::{
    migration::{self, Migration},
    subscription::Timing,
};
use catalog::version;
use identity::permission::may;
use kernel::{Error, ids};
use maud::{Markup, html};

use super::migrate;
use crate::{
    App,
    gate::{Answer, Asked, Desk, Named, Posted, Sheet, Staff},
    jobs::{is_moving, live, progress},
    parts, show, ui,
};

pub(super) async fn start(
    extract::State(app): extract::State<App>,
    staff: Staff<may::SubscriptionWrite>,
    Posted(answers): Posted,
) -> Answer<Response> {
    let (wanted, bell) = (migrate::asked_for(&answers)?, app.bell.clone());
    let asked = staff.write(move |tx| {
        bell.ring_after(tx);
        migration::request(tx, &wanted)
    });
    match asked.await {
        Ok(job) => Ok(parts::done(&staff.at(&format!("/price-book/migrate/{job}")), "moved")),
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), migrate::draw(&staff, answers).await?).into_response())
        }
    }
}

pub(super) async fn page(
    staff: Staff<may::SubscriptionRead>,
    Named(id): Named<ids::Job>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let (job, number) = staff
        .read(move |view| Ok((::jobs::find(view, id)?, version::newest(view)?.map(|newest| newest.number))))
        .await?;
    // Another job has a page of its own.
    let migration: Migration = match serde_json::from_value(job.payload.clone()) {
        Ok(migration) if job.kind == migration::JOB => migration,
        _ => return Err(Error::not_found("page").into()),
    };
    let path = staff.at(&format!("/price-book/migrate/{id}"));
    let moving = is_moving(&job);
    let crumbs = [
        ui::Crumb { label: "Price book", href: &staff.at("/price-book") },
        ui::Crumb { label: "Move subscriptions", href: &staff.at("/price-book/migrate") },
    ];
    // Afterwards another version may be in force.
    let about = number.filter(|_| moving).map(|number| format!("To version {number}, which is in force"));
    let about = about.unwrap_or_default();
    let actions = html! { @if moving { (ui::button_link(ui::Button::Plain, "Look again", &path)) } };
    let body = html! {
        (ui::header("Migration", &about, actions))
        @if moving { (parts::was_done(&asked)) }
        (live("migration", &path, moving, html! {
            (told(&job, &migration))
            (progress(&job))
            (details(&staff, &job, &migration))
        }))
    };
    Ok(staff.page(Sheet::new(ui::Section::PriceBook, "Migration").below(&crumbs), body))
}

/// What came of it, or why it stands still.
fn told(job: &Job, migration: &Migration) -> Markup {
    match (job.state, &job.error, &job.result) {
        (State::Failed, error, _) => {
            let error = error.as_deref().unwrap_or_default();
            let go_on = "Those that were moved stay so. Start it again: it goes on with the others.";
            ui::notice(ui::Kind::Error, "The migration has failed", html! { p { (error) } p { (go_on) } })
        }
        (_, Some(error), _) => {
            ui::notice(ui::Kind::Warning, "The last attempt failed; another one follows", html! { (error) })
        }
        (State::Done, _, Some(result)) => {
            let moved = result["moved"].as_i64().unwrap_or_default();
            let title = match migration.timing {
                Timing::Now => format!("{} moved", show::count(moved, "subscription")),
                Timing::PeriodEnd => {
                    format!("{} to move when their periods end", show::count(moved, "subscription"))
                }
            };
            let refused: Vec<(&String, i64)> = result["refused"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(code, count)| (code, count.as_i64().unwrap_or_default()))
                .collect();
            ui::notice(
                if refused.is_empty() { ui::Kind::Success } else { ui::Kind::Warning },
                &title,
                html! {
                    @if refused.is_empty() { p { "Everybody who was meant." } }
                    @for (code, count) in refused {
                        p { (show::count(count, "subscription")) " stayed: " (show::sentence(code).to_lowercase()) "." }
                    }
                },
            )
        }
        _ => html! {},
    }
}

fn details(desk: &Desk, job: &Job, migration: &Migration) -> Markup {
    let plans: Vec<String> = match migration.plans.is_empty() {
        true => vec!["Every plan".to_owned()],
        false => migration.plans.iter().map(|plan| show::sentence(plan)).collect(),
    };
    let when = match migration.timing {
        Timing::Now => "Now",
        Timing::PeriodEnd => "When each period ends",
    };
    let job_page = desk.at(&format!("/jobs/{}", job.id));
    ui::definition_list(&[
        ("State", ui::state(job.state.word())),
        (
            "From",
            html! {
                @if migration.books.is_empty() { "Every earlier version" }
                @for book in &migration.books {
                    a href=(desk.at(&format!("/price-book/versions/{book}"))) { "An earlier version" }
                }
            },
        ),
        ("Plans", html! { (plans.join(", ")) }),
        ("Takes effect", html! { (when) }),
        ("Started", desk.time(job.created)),
        ("Ended", job.finished.map_or_else(|| ui::optional(None), |at| desk.time(at))),
        ("Still on earlier versions", html! { a href=(desk.at("/price-book/migrate")) { "Who they are" } }),
        ("Job", html! { a href=(job_page) { code { (job.id) } } }),
    ])
}
