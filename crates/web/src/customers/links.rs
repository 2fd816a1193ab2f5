//! Links that open a customer's own page: making one, and ending it.

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use identity::{CustomerLink, customer, link, permission::may};
use kernel::{Error, Result, ids, ids::CustomerId};
use maud::{Markup, html};

use crate::{
    App, api,
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};

pub(super) async fn page(
    staff: Staff<may::CustomerRead>,
    Named(id): Named<ids::Customer>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&staff, id, asked, None).await
}

pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    staff: Staff<may::CustomerWrite>,
    Named(id): Named<ids::Customer>,
    Posted(answers): Posted,
) -> Answer<Response> {
    let secret = link::new_secret()?;
    let kept = secret.clone();
    let made: Result<CustomerLink> = match days(&answers) {
        Ok(days) => staff.write(move |tx| link::create(tx, id, days, &kept)).await,
        Err(error) => Err(error),
    };
    match made {
        // Shown in the answer itself: the secret is in no address of ours and is not kept.
        Ok(_) => {
            let address = link::address(&api::origin(&app, &headers), &secret);
            Ok(draw(&staff, id, Answers::default(), Some(&address)).await?.into_response())
        }
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(&staff, id, answers, None).await?).into_response())
        }
    }
}

fn days(answers: &Answers) -> Result<u16> {
    let wrong =
        || Error::invalid("link_days_invalid", "Write how many days it is to work, 1 to 90.").at("/days");
    answers.get("days").parse().map_err(|_| wrong())
}

pub(super) async fn revoke(
    staff: Staff<may::CustomerWrite>,
    Named(id): Named<ids::Customer>,
    Posted(answers): Posted,
) -> Answer<Response> {
    let link: ids::CustomerLinkId = answers.get("link").parse()?;
    staff.write(move |tx| link::revoke(tx, link)).await?;
    Ok(parts::done(&staff.at(&format!("/customers/{id}/links")), "link_revoked"))
}

async fn draw(desk: &Desk, id: CustomerId, answers: Answers, address: Option<&str>) -> Answer<Markup> {
    let read = desk.read(move |view| {
        let person = customer::find(view, id)?.person;
        let person = customer::person(view, person)?;
        Ok((person, link::of_customer(view, id, PAGE)?, view.recorded()))
    });
    let (person, links, now) = read.await?;
    let name = person.shown();
    let path = desk.at(&format!("/customers/{id}"));
    let crumbs = [
        ui::Crumb { label: "Customers", href: &desk.at("/customers") },
        ui::Crumb { label: name, href: &path },
    ];
    let may_make = desk.may::<may::CustomerWrite>() && person.erased.is_none();
    let about =
        format!("Links with which {name} sees its plan, next invoice and invoices, and changes its plan.");
    let body = html! {
        (ui::header("Own page", &about, html! {}))
        (parts::was_done(&answers))
        (answers.summary(&[("days", "Works for")]))
        @if let Some(address) = address { (made(address)) }
        @if may_make { (form(desk, id, &answers)) }
        (ui::section("Links", html! {}, table(desk, id, &links, now)))
    };
    Ok(desk.page(Sheet::new(ui::Section::Customers, "Own page").below(&crumbs), body))
}

fn made(address: &str) -> Markup {
    ui::notice(
        ui::Kind::Success,
        "Link made. Copy it now: it is not shown again.",
        html! {
            p { (ui::copyable(address)) }
            p { "Whoever has it sees this customer’s page, and may change what the price book lets customers change." }
        },
    )
}

fn form(desk: &Desk, id: CustomerId, answers: &Answers) -> Markup {
    let usual = link::USUAL_DAYS.to_string();
    let field = ui::Field::new("Works for", "days", ui::Input::Number)
        .value(answers.some("days").unwrap_or(&usual))
        .error(answers.error("days"))
        .unit("days")
        .required();
    ui::form(&desk.at(&format!("/customers/{id}/links")), desk.csrf(), ui::field(&field), "Make a link")
}

fn table(desk: &Desk, id: CustomerId, links: &[CustomerLink], now: jiff::Timestamp) -> Markup {
    let path = desk.at(&format!("/customers/{id}/links/revoke"));
    let may_end = desk.may::<may::CustomerWrite>();
    let rows = links.iter().map(|link| {
        let state = match (link.revoked, link.works(now)) {
            (Some(_), _) => ui::badge(ui::Tone::Ended, "Revoked"),
            (None, true) => ui::badge(ui::Tone::Good, "Works"),
            (None, false) => ui::badge(ui::Tone::Ended, "Expired"),
        };
        let hidden = ui::hidden_field("link", &link.id.to_string());
        ui::Row::new(vec![
            html! { "Made " (show::time(link.created, &desk.zone)) },
            state,
            desk.time(link.expires),
            html! {
                @if may_end && link.works(now) {
                    (ui::post_button_with(ui::Button::Danger, "Revoke", &path, desk.csrf(), hidden))
                }
            },
        ])
    });
    ui::table(ui::Table {
        caption: "Links",
        columns: &[
            ui::Column::text("Link"),
            ui::Column::text("State").lead(),
            ui::Column::text("Works until"),
            ui::Column::text("Revoke"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No links yet", "Make one and send it to the customer.", html! {}),
    })
}
