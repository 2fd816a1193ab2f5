//! Work in the background.

use ::jobs::{Job, Run, State};
use axum::{Router, routing::get};
use identity::permission::may;
use kernel::{Kind, ids, ids::JobId};
use maud::{Markup, html};

use crate::{
    App,
    gate::{Answer, Asked, Desk, Named, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/jobs", get(list)).route("/jobs/{id}", get(one))
}

async fn list(staff: Staff<may::JobRead>, Asked(asked): Asked) -> Answer<Markup> {
    let before = asked.some("before").map(str::parse).transpose()?;
    let mut found = staff.read(move |view| ::jobs::list(view, before, PAGE + 1)).await?;
    let path = staff.at("/jobs");
    let pages = parts::pagination(&path, &asked, &mut found, |job| format!("before={}", job.id));
    let moving = found.iter().any(is_moving);
    let body = html! {
        (ui::header("Jobs", "Work in the background: what waits, what runs, what is done.", html! {}))
        (live("jobs", &asked.link(&path), moving, table(&staff, &found)))
        (pages)
    };
    Ok(staff.page(Sheet::new(ui::Section::Jobs, "Jobs"), body))
}

async fn one(staff: Staff<may::JobRead>, Named(id): Named<ids::Job>, Asked(asked): Asked) -> Answer<Markup> {
    let found = staff.read(move |view| Ok((::jobs::find(view, id)?, ::jobs::runs(view, id)?))).await;
    let (job, runs) = match found {
        Err(error) if error.kind == Kind::NotFound => return Ok(gone(&staff, id)),
        found => found?,
    };
    let path = staff.at(&format!("/jobs/{id}"));
    let title = show::sentence(&job.kind);
    let crumbs = [ui::Crumb { label: "Jobs", href: &staff.at("/jobs") }];
    let body = html! {
        (ui::header(&title, "", html! {}))
        (parts::was_done(&asked))
        (live("job", &path, is_moving(&job), html! {
            @if let Some(error) = &job.error { (failure(&job, error)) }
            (progress(&job))
            (details(&staff, &job))
            (ui::section("Attempts", html! {}, attempts(&staff, &runs)))
        }))
        @if let Some(result) = &job.result {
            (ui::section("Result", html! {}, ui::code_block("Result", &format!("{result:#}"))))
        }
        (ui::section("What it was told", html! {}, ui::code_block("Payload", &format!("{:#}", job.payload))))
    };
    Ok(staff.page(Sheet::new(ui::Section::Jobs, &title).below(&crumbs), body))
}

/// Facts outlive the jobs they name, and work that never ends goes by the name of a job that is in no list.
fn gone(desk: &Desk, id: JobId) -> Markup {
    let crumbs = [ui::Crumb { label: "Jobs", href: &desk.at("/jobs") }];
    let why = "Jobs are kept for some time only, and what the server does all the time, such as counting usage, goes \
               by the name of a job without being one. What it did stands in the facts.";
    let body = html! {
        (ui::header("Job", "", html! {}))
        (ui::empty("Nothing more is known of this job", why, ui::button_link(ui::Button::Plain, "Facts", &desk.at("/facts"))))
        p { "Job " (ui::copyable(&id.to_string())) }
    };
    desk.page(Sheet::new(ui::Section::Jobs, "Job").below(&crumbs), body)
}

fn failure(job: &Job, error: &str) -> Markup {
    match job.state {
        State::Failed => ui::notice(ui::Kind::Error, "This job has failed", html! { (error) }),
        _ => ui::notice(ui::Kind::Warning, "The last attempt failed; another one follows", html! { (error) }),
    }
}

/// Whether a job is still to change.
pub(crate) const fn is_moving(job: &Job) -> bool {
    matches!(job.state, State::Queued | State::Running)
}

/// A part that renews itself every second while something moves.
pub(crate) fn live(id: &str, url: &str, moving: bool, body: Markup) -> Markup {
    if moving {
        ui::refreshing(id, url, 1, body)
    } else {
        html! { div class="live" id=(id) { (body) } }
    }
}

/// How far a job is: a bar when the whole is known.
pub(crate) fn progress(job: &Job) -> Markup {
    let figure = |number: i64| u64::try_from(number).unwrap_or_default();
    match job.total {
        Some(total) if total > 0 => {
            let label = format!("{} of {}", show::grouped(job.done), show::grouped(total));
            ui::progress(figure(job.done), figure(total), &label)
        }
        _ if job.done > 0 => html! { p { (show::count(job.done, "step")) " done" } },
        _ => html! {},
    }
}

fn details(desk: &Desk, job: &Job) -> Markup {
    ui::definition_list(&[
        ("State", ui::state(job.state.word())),
        ("Id", ui::copyable(&job.id.to_string())),
        ("Attempts", html! { (job.attempts) " of at most " (show::grouped(job.max_attempts)) }),
        ("Enqueued", desk.time(job.created)),
        ("Not before", desk.time(job.run_at)),
        ("Ended", job.finished.map_or_else(|| ui::optional(None), |at| desk.time(at))),
    ])
}

fn table(desk: &Desk, jobs: &[Job]) -> Markup {
    let rows = jobs.iter().map(|job| {
        let done = match job.total {
            Some(total) => format!("{} of {}", show::grouped(job.done), show::grouped(total)),
            None => show::grouped(job.done),
        };
        ui::Row::link(
            desk.at(&format!("/jobs/{}", job.id)),
            vec![
                html! { (show::sentence(&job.kind)) },
                ui::state(job.state.word()),
                html! { (done) },
                html! { (job.attempts) },
                desk.time(job.created),
                job.finished.map_or_else(|| ui::optional(None), |at| desk.time(at)),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Jobs",
        columns: &[
            ui::Column::text("Job"),
            ui::Column::text("State").lead(),
            ui::Column::number("Progress"),
            ui::Column::number("Attempts"),
            ui::Column::text("Enqueued"),
            ui::Column::text("Ended"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No jobs yet",
            "A job appears here when something runs in the background, such as moving a sandbox's clock.",
            html! {},
        ),
    })
}

fn attempts(desk: &Desk, runs: &[Run]) -> Markup {
    let rows = runs.iter().map(|run| {
        ui::Row::new(vec![
            html! { (run.attempt) },
            ui::state(run.outcome.word()),
            desk.time(run.started),
            run.finished.map_or_else(|| ui::optional(None), |at| desk.time(at)),
            ui::optional(run.detail.as_deref()),
        ])
    });
    ui::table(ui::Table {
        caption: "Attempts",
        columns: &[
            ui::Column::text("Attempt"),
            ui::Column::text("Outcome").lead(),
            ui::Column::text("Started"),
            ui::Column::text("Ended"),
            ui::Column::text("What went wrong"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("Not tried yet", "A runner takes the job when its time has come.", html! {}),
    })
}
