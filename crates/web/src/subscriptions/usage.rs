//! Figures of usage: those that are open, those that were, and posting one by hand.

use axum::response::IntoResponse;
use billing::usage::{self, Figure, Groups, Open, Post, Posted, Standing};
use identity::permission::may;
use jiff::Timestamp;
use kernel::{Error, Exact, Result, ids, ids::SubscriptionId};
use maud::{Markup, html};
use rating::Number;
use store::{Tx, View};

use super::{Head, counted};
use crate::{
    gate::{Answer, Answers, Asked, Desk, Mistakes, Named, Posted as Form, Staff},
    parts::{self, PAGE},
    show, ui,
};

/// Everything on the page.
struct Whole {
    head: Head,
    standing: Standing,
    history: Vec<Posted>,
}

pub(super) async fn page(
    staff: Staff<may::SubscriptionRead>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer {
    draw(&staff, id, asked).await
}

pub(super) async fn post(
    staff: Staff<may::UsageWrite>,
    Named(id): Named<ids::Subscription>,
    Form(answers): Form,
) -> Answer {
    let asked = answers.clone();
    match staff.write(move |tx| take(tx, id, &asked)).await {
        Ok(_) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}/usage")), "usage_posted")),
        Err(error) => {
            let answers = answers.refused(error)?.beside("period_start", "start").beside("groups", "figure");
            draw(&staff, id, answers).await
        }
    }
}

fn take(tx: &mut Tx<'_>, id: SubscriptionId, answers: &Answers) -> Result<usage::Taken> {
    let mut mistakes = Mistakes::default();
    let figure = mistakes.keep(figure(answers));
    let start = answers.some("start").map(|text| {
        text.parse::<Timestamp>()
            .map_err(|_| Error::invalid("time_malformed", "Choose a stretch.").at("/start"))
    });
    let start = mistakes.keep(start.transpose());
    let (Some(figure), Some(start), true) = (figure, start, mistakes.is_empty()) else {
        return Err(mistakes.into_error());
    };
    let key = answers.get("key").to_owned();
    let group = answers.get("group").to_owned();
    // A figure of one group leaves those of the others as they are.
    let mut groups = if group.is_empty() { Groups::new() } else { standing_groups(tx, id, &key, start)? };
    groups.insert(group, figure);
    usage::post(tx, id, &Post { key, groups, start, watermark: None })
}

fn standing_groups(
    view: &mut View<'_>,
    id: SubscriptionId,
    key: &str,
    start: Option<Timestamp>,
) -> Result<Groups> {
    let known = match start {
        Some(start) => usage::of_stretch(view, id, start)?.into_iter().find(|figure| figure.key == key),
        None => usage::standing(view, id)?
            .open
            .into_iter()
            .find(|open| open.key == key)
            .and_then(|open| open.posted),
    };
    Ok(known.map(|figure| figure.groups).unwrap_or_default())
}

/// A quantity, or a sum and of how many transactions it is.
fn figure(answers: &Answers) -> Result<Figure> {
    let wrong = |field: &str, detail: &str| Err(Error::invalid("usage_invalid", detail).at(field));
    let Some(text) = answers.some("figure") else { return wrong("/figure", "Write what was counted.") };
    let total = match text.replace(',', "").parse::<Exact>() {
        Ok(total) if !text.contains('/') => Number::from(total),
        _ => return wrong("/figure", "Write a number, such as 5200 or 12.5."),
    };
    match answers.some("events").map(str::parse) {
        None => Ok(Figure::Quantity(total)),
        Some(Ok(events)) => Ok(Figure::Amount { total, events }),
        Some(Err(_)) => wrong("/events", "Write a whole number."),
    }
}

async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers) -> Answer {
    let whole = desk
        .read(move |view| {
            Ok(Whole {
                head: Head::read(view, id)?,
                standing: usage::standing(view, id)?,
                history: usage::history(view, id, PAGE)?,
            })
        })
        .await?;
    let status = answers.status();
    let Whole { head, standing, history } = &whole;
    let may_post = desk.may::<may::UsageWrite>() && !standing.open.is_empty();
    let main = html! {
        (ui::section("Not billed yet", html! {}, html! {
            (counted::table(standing, &head.version, Some("#worked")))
            (ui::anchored("worked", counted::worked(standing)))
        }))
        (ui::section("Figures, newest first", html! {}, table(desk, standing, history)))
    };
    let body = html! {
        (ui::header("Usage", &head.about(), html! {}))
        (parts::was_done(&answers))
        @if may_post {
            (ui::split(main, ui::section("Post a figure", html! {}, form(desk, &whole, &answers))))
        } @else { (main) }
    };
    Ok((status, head.page(desk, "Usage", body)).into_response())
}

/// What was measured, stretch by stretch.
fn table(desk: &Desk, standing: &Standing, history: &[Posted]) -> Markup {
    let zone = &standing.subscription.schedule.zone;
    let rows = history.iter().map(|posted| {
        let open = standing.open.iter().find(|open| open.key == posted.key);
        let name = open.map_or_else(|| show::sentence(&posted.key), |open| open.name.clone());
        let is_open = open.is_some_and(|open| open.period.start.at == posted.start);
        let state = match (posted.late, is_open) {
            (true, _) => ui::badge(ui::Tone::Attention, "Came late"),
            (false, true) => ui::badge(ui::Tone::Good, "Open"),
            (false, false) => ui::badge(ui::Tone::Ended, "Billed"),
        };
        let used = counted::used(posted);
        let groups = posted.groups.len();
        ui::Row::new(vec![
            html! { (name) },
            html! { "from " (show::date(zone.date_of(posted.start))) },
            html! {
                @match used { Some(used) => { (counted::figure(&used)) } None => { "not complete" } }
                @if groups > 1 { span class="under" { "in " (show::count(groups as i128, "group")) } }
            },
            desk.time(posted.posted),
            state,
        ])
    });
    ui::table(ui::Table {
        caption: "Figures, newest first",
        columns: &[
            ui::Column::text("Usage"),
            ui::Column::text("Stretch"),
            ui::Column::number("Figure"),
            ui::Column::text("Posted"),
            ui::Column::text("State").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No figures yet",
            "What a stretch was used for is counted from events, or posted by a program or by hand.",
            html! {},
        ),
    })
}

fn form(desk: &Desk, whole: &Whole, answers: &Answers) -> Markup {
    let Whole { head, standing, history } = whole;
    let keys: Vec<ui::Choice> =
        standing.open.iter().map(|open| ui::Choice { value: &open.key, label: &open.name }).collect();
    let starts = starts(standing, history);
    let starts: Vec<ui::Choice> = starts.iter().map(|(value, label)| ui::Choice { value, label }).collect();
    let plan = head.version.book.plan(head.subscription.plan());
    let grouped = plan.is_some_and(|plan| plan.usage.iter().any(|price| !price.group_by.is_empty()));
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    let first = keys.first().map_or("", |choice| choice.value);
    let fields = html! {
        (ui::field(&field("Usage", "key", ui::Input::Select(&keys)).required().value(answers.some("key").unwrap_or(first))))
        (ui::field(&field("Figure", "figure", ui::Input::Number).required()
            .hint("All that was counted in the stretch: it replaces the figure there is.")))
        @if grouped {
            (ui::field(&field("Group", "group", ui::Input::Text).hint("The value it is grouped by; figures of other groups stay.")))
        }
        (ui::more("More", "an earlier stretch, transactions", answers.some("events").is_some() || answers.some("start").is_some(), html! {
            (ui::field(&field("Stretch", "start", ui::Input::Select(&starts))
                .hint("One that is billed already is corrected by the difference, on the next invoice.")))
            (ui::field(&field("Transactions", "events", ui::Input::Number)
                .hint("Of how many the figure is the sum, for prices that look at each.")))
        }))
    };
    html! {
        (answers.summary(&[("key", "Usage"), ("figure", "Figure"), ("group", "Group"), ("start", "Stretch"), ("events", "Transactions")]))
        (ui::form(&desk.at(&format!("/subscriptions/{}/usage", head.subscription.id)), desk.csrf(), fields, "Post the figure"))
    }
}

/// Stretches a figure can be posted for: the open one, and those that have figures.
fn starts(standing: &Standing, history: &[Posted]) -> Vec<(String, String)> {
    let zone = &standing.subscription.schedule.zone;
    let is_open = |open: &Open, at: Timestamp| open.period.start.at == at;
    let mut all: Vec<(String, String)> = vec![(String::new(), "The one that is open".to_owned())];
    for posted in history.iter().filter(|one| !standing.open.iter().any(|open| is_open(open, one.start))) {
        let value = posted.start.to_string();
        if all.iter().all(|(known, _)| *known != value) {
            all.push((value, format!("From {}", show::date(zone.date_of(posted.start)))));
        }
    }
    all
}
