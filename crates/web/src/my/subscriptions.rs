//! All subscriptions of a customer, and each on a page of its own.

use axum::response::IntoResponse;
use billing::{
    renewal,
    subscription::{self, Filter, Place},
};
use catalog::version;
use identity::customer;
use kernel::ids;
use maud::{Markup, html};
use store::Tx;

use super::running::Running;
use crate::{
    gate::{Answer, Asked, Named, OWN, Sent, Visitor},
    parts::{self, PAGE},
    show,
    subscriptions::{Listed, listed, next},
    ui,
};

const PATH: &str = "/my/subscriptions";
const HOME: ui::Crumb<'static> = ui::Crumb { label: "Your account", href: OWN };

pub(super) async fn list(visitor: Visitor, Asked(asked): Asked) -> Answer {
    let customer = visitor.customer;
    let after = asked.some("after").map(str::parse::<Place>).transpose()?;
    let read = visitor.read(move |view| {
        let theirs = Filter { customer: Some(customer), ..Filter::default() };
        let mut found = subscription::search(view, &theirs, after, PAGE + 1)?;
        let next = parts::cut(&mut found, |(_, place)| place.to_string());
        let all = listed(view, found.into_iter().map(|(one, _)| one).collect())?;
        let person = customer::find(view, customer)?.person;
        Ok((all, next, customer::person(view, person)?.shown().to_owned()))
    });
    let (all, next, name) = read.await?;
    let body = html! {
        (ui::header("Subscriptions", "What you have and what you had, newest first.", html! {}))
        (table(&all))
        (parts::pages(PATH, &asked, next))
    };
    Ok(super::page(&visitor, &name, "Subscriptions", &[HOME], body).into_response())
}

fn table(all: &[Listed]) -> Markup {
    let rows = all.iter().map(|one| {
        ui::Row::link(
            format!("{PATH}/{}", one.subscription.id),
            vec![
                html! { (one.plan()) ", " (show::every(one.subscription.schedule.cycle)) },
                ui::state(one.state().word()),
                html! { (show::date(one.subscription.schedule.zone.date_of(one.subscription.started))) },
                next(&one.subscription),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Subscriptions",
        columns: &[
            ui::Column::text("Plan"),
            ui::Column::text("State").lead(),
            ui::Column::text("Started"),
            ui::Column::text("Next"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No subscription", "What you subscribe to stands here.", html! {}),
    })
}

/// Somebody else's looks like none at all.
pub(super) async fn page(visitor: Visitor, Named(id): Named<ids::Subscription>) -> Answer {
    let customer = visitor.customer;
    let read = visitor.read(move |view| {
        Visitor::check(view, customer, id)?;
        Ok((Running::read(view, id)?, version::in_force(view)?))
    });
    let (one, in_force) = read.await?;
    let title = one.title();
    let crumbs = [HOME, ui::Crumb { label: "Subscriptions", href: PATH }];
    let body = html! {
        (ui::header(&title, "", one.state()))
        (one.draw(&visitor, &in_force))
    };
    Ok(super::page(&visitor, one.head.customer(), &title, &crumbs, body).into_response())
}

/// Say yes or no to the terms that are offered for the time after.
pub(super) async fn answer(Named(id): Named<ids::Subscription>, Sent(visitor, answers): Sent) -> Answer {
    let (customer, accepts) = (visitor.customer, answers.get("answer") == "accept");
    let work = move |tx: &mut Tx<'_>| {
        Visitor::check(tx, customer, id)?;
        match accepts {
            true => renewal::accept(tx, id).map(drop),
            false => renewal::decline(tx, id).map(drop),
        }
    };
    visitor.write(work).await?;
    Ok(parts::done(OWN, if accepts { "renewal_accepted" } else { "renewal_declined" }))
}
