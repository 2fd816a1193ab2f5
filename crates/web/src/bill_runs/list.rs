use axum::response::{IntoResponse, Response};
use billing::bill_run;
use identity::permission::may;
use maud::{Markup, html};

use super::{is_running, table};
use crate::{
    App,
    gate::{Answer, Answers, Asked, Desk, Posted, Sheet, Staff},
    jobs::live,
    parts::{self, PAGE},
    ui,
};

pub(super) async fn page(staff: Staff<may::InvoiceRead>, Asked(asked): Asked) -> Answer<Markup> {
    draw(&staff, asked).await
}

async fn draw(desk: &Desk, asked: Answers) -> Answer<Markup> {
    let before = asked.some("before").map(str::parse).transpose()?;
    let mut found = desk.read(move |view| bill_run::list(view, before, PAGE + 1)).await?;
    let path = desk.at("/bill-runs");
    let pages = parts::pagination(&path, &asked, &mut found, |run| format!("before={}", run.id));
    let moving = found.iter().any(is_running);
    let actions = html! {
        (ui::button_link(ui::Button::Plain, "What lies ahead", &desk.at("/bill-runs/ahead")))
        @if desk.may::<may::InvoiceWrite>() {
            (ui::post_button(ui::Button::Plain, "Bill what is due now", &desk.at("/bill-runs/now"), desk.csrf()))
        }
    };
    let body = html! {
        (ui::header("Bill runs", "What fell due together and was billed in one go.", actions))
        (parts::was_done(&asked))
        (asked.summary(&[]))
        (live("runs", &asked.link(&path), moving, table(desk, &found)))
        (pages)
    };
    Ok(desk.page(Sheet::new(ui::Section::BillRuns, "Bill runs"), body))
}

/// Let everything be billed that is due: the clock does so by itself, this does not wait for it.
pub(super) async fn bill_now(
    axum::extract::State(app): axum::extract::State<App>,
    staff: Staff<may::InvoiceWrite>,
    Posted(answers): Posted,
) -> Answer<Response> {
    let bell = app.bell.clone();
    let asked = staff.write(move |tx| {
        bell.ring_after(tx);
        bill_run::request(tx, None)
    });
    match asked.await {
        Ok(job) => Ok(parts::done(&staff.at(&format!("/jobs/{job}")), "billing")),
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(&staff, answers).await?).into_response())
        }
    }
}
