//! The clock of a sandbox.

use ::jobs::Job;
use axum::{Router, response::IntoResponse, routing::get};
use identity::permission::may;
use jiff::{Timestamp, ToSpan, civil::Time};
use kernel::{Error, Result, Zone, time};
use maud::{Markup, html};
use store::clock::Standing;

use crate::{
    App,
    gate::{Answer, Answers, Asked, Desk, Member, Posted, Sheet, Staff},
    jobs as work, parts, show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/clock", get(page).post(advance))
}

/// Strides offered as buttons.
const STRIDES: [(&str, &str); 4] =
    [("day", "A day"), ("week", "A week"), ("month", "A month"), ("quarter", "Three months")];

async fn page(member: Member, Asked(asked): Asked) -> Answer<Markup> {
    draw(&member, asked).await
}

async fn draw(desk: &Desk, answers: Answers) -> Answer<Markup> {
    let standing = desk.sandbox_clock()?;
    let newest = desk.read(|view| ::jobs::list(view, None, 20)).await?;
    let advance = newest.into_iter().find(|job| job.kind == billing::clock::ADVANCE);
    let path = desk.at("/clock");
    let about = "A sandbox lives by its own clock. It stands still until you move it on; then everything that falls \
                 due on the way runs in order, at its own time.";
    let body = html! {
        (ui::header("Clock", about, html! {}))
        (work::live("clock", &path, standing.target.is_some(), state(desk, standing, advance.as_ref())))
        @if standing.target.is_none() && desk.may::<may::ClockWrite>() {
            (ui::section("Move it on", html! {}, forms(desk, standing, &answers)))
        }
    };
    Ok(desk.page(Sheet { title: "Clock", section: None, crumbs: &[] }, body))
}

fn state(desk: &Desk, standing: Standing, job: Option<&Job>) -> Markup {
    let figure = show::instant(standing.at, &desk.zone);
    let of_job = job.map(|job| html! { a href=(desk.at(&format!("/jobs/{}", job.id))) { "See the job" } });
    html! {
        (ui::stats(&[ui::Stat {
            label: "It stands at",
            value: &figure,
            note: &format!("{} exactly, shown in {}", standing.at, desk.zone),
        }]))
        @if let Some(target) = standing.target {
            (ui::notice(ui::Kind::Info, "The clock is moving", html! {
                "It is on its way to " (desk.time(target)) ". Until it arrives, nothing else can be changed here. "
                @if let Some(link) = &of_job { (link) "." }
            }))
            @if let Some(job) = job { (work::progress(job)) }
        } @else if let Some(job) = job.filter(|job| job.result.is_some()) {
            @let ran = job.result.as_ref().and_then(|result| result["ran"].as_i64()).unwrap_or_default();
            p {
                "Its last move ran " (show::count(ran, "due item")) ". "
                @if let Some(link) = &of_job { (link) "." }
            }
        }
    }
}

fn forms(desk: &Desk, standing: Standing, answers: &Answers) -> Markup {
    let (local_date, local_time) = (desk.zone.date_of(standing.at), desk.zone.time_of(standing.at));
    let answers =
        answers.clone().or("to", local_date.to_string()).or("time", local_time.strftime("%H:%M").to_string());
    let zone = desk.zone.name();
    let fields = html! {
        (ui::field(&ui::Field::new("Day", "to", ui::Input::Date).value(answers.get("to")).required().error(answers.error("to"))))
        (ui::field(&ui::Field::new("Time", "time", ui::Input::Text).value(answers.get("time")).unit(zone)
            .hint("From 00:00 to 23:59.").required().error(answers.error("time"))))
    };
    html! {
        div class="actions" {
            @for (stride, label) in STRIDES {
                (ui::post_button_with(ui::Button::Plain, label, &desk.at("/clock"), desk.csrf(), ui::hidden_field("by", stride)))
            }
        }
        p { "Or to an instant of your own:" }
        (answers.summary(&[("to", "Day"), ("time", "Time")]))
        (ui::form(&desk.at("/clock"), desk.csrf(), fields, "Move the clock"))
    }
}

async fn advance(
    axum::extract::State(app): axum::extract::State<App>,
    staff: Staff<may::ClockWrite>,
    Posted(answers): Posted,
) -> Answer {
    let standing = staff.sandbox_clock()?;
    let asked = match target(&answers, standing.at, &staff.zone) {
        Ok(to) => {
            let bell = app.bell.clone();
            let moved = staff.write(move |tx| {
                bell.ring_after(tx);
                billing::clock::request_advance(tx, to)
            });
            moved.await
        }
        Err(error) => Err(error),
    };
    match asked {
        Ok(_) => Ok(parts::done(&staff.at("/clock"), "moving")),
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(&staff, answers).await?).into_response())
        }
    }
}

/// The instant a form asks for: a stride from where the clock stands, or a local day and time.
fn target(answers: &Answers, from: Timestamp, zone: &Zone) -> Result<Timestamp> {
    let stride = match answers.get("by") {
        "" => return chosen(answers, zone),
        "day" => 1.day(),
        "week" => 1.week(),
        "month" => 1.month(),
        "quarter" => 3.months(),
        _ => return Err(Error::invalid("stride_unknown", "The clock has no such stride.")),
    };
    let local = from.to_zoned(zone.rules().clone());
    time::in_range(local.checked_add(stride).map_or(Timestamp::MAX, |then| then.timestamp()))
}

fn chosen(answers: &Answers, zone: &Zone) -> Result<Timestamp> {
    let day = time::date(answers.get("to")).map_err(|error| error.at("/to"))?;
    let clock = answers.get("time");
    let wall: Option<Time> = Some(clock).filter(|text| text.len() == 5).and_then(|text| text.parse().ok());
    let wall = wall.ok_or_else(|| {
        Error::invalid("time_malformed", "This is not a time of day. Write it like 09:30.").at("/time")
    })?;
    Ok(zone.at_time(day, wall))
}
