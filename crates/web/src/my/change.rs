//! A customer changes a subscription: asked for, shown to the cent, then done exactly so.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use billing::subscription::{Change, Subscription};
use catalog::{CustomerChanges, version};
use kernel::{
    Error, Kind, Result, ids,
    ids::{CustomerId, SubscriptionId},
};
use maud::{Markup, html};
use store::Tx;

use crate::{
    gate::{Answer, Answers, Asked, Named, OWN, Sent, Visitor},
    parts, show,
    subscriptions::{
        Head,
        act::{self, Act, Confirmed, Effect, OUTDATED},
        change::{Form, filled, form, nothing_yet, read},
        deed, items, outcome,
    },
    ui,
};

const CRUMBS: [ui::Crumb<'static>; 1] = [ui::Crumb { label: "Your account", href: OWN }];

pub(super) async fn page(
    visitor: Visitor,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer {
    draw(&visitor, id, asked).await
}

/// Nothing is shown for an address without its form, so back to it.
pub(super) async fn again(Named(id): Named<ids::Subscription>, Asked(asked): Asked) -> Redirect {
    Redirect::to(&asked.link(&format!("/my/subscriptions/{id}/change")))
}

pub(super) async fn preview(Named(id): Named<ids::Subscription>, Sent(visitor, answers): Sent) -> Answer {
    show_it(&visitor, id, answers, false).await
}

pub(super) async fn post(Named(id): Named<ids::Subscription>, Sent(visitor, answers): Sent) -> Answer {
    let confirmed = Confirmed::read(&answers, &format!("my {id}/change"))?;
    own(&visitor, id).await?;
    let (asked, customer) = (answers.clone(), visitor.customer);
    match act::carry_out(&visitor, id, confirmed, move |tx| wanted(tx, customer, id, &asked)).await {
        Ok(done) => Ok(parts::done(OWN, &format!("my_{done}"))),
        Err(error) if error.code == OUTDATED => show_it(&visitor, id, answers, true).await,
        Err(error) => refused(&visitor, id, answers, error).await,
    }
}

/// Nothing is measured for who asks about somebody else's. Errors: `not_found`.
async fn own(visitor: &Visitor, id: SubscriptionId) -> Result<()> {
    let customer = visitor.customer;
    visitor.read(move |view| Visitor::check(view, customer, id).map(drop)).await
}

/// The change a form asks for, as far as customers may ask for it.
///
/// Errors: `not_found` for somebody else's; `permission_missing`.
fn wanted(tx: &mut Tx<'_>, customer: CustomerId, id: SubscriptionId, answers: &Answers) -> Result<Act> {
    let subscription = Visitor::check(tx, customer, id)?;
    let may = super::changes(&subscription, &version::in_force(tx)?.book);
    let (change, timing) = read(answers, &subscription)?;
    allowed(&change, may)?;
    if change == Change::default() {
        let detail = "The subscription already is what this would make of it.";
        return Err(Error::conflict("nothing_changes", detail));
    }
    Ok(Act::Change(Box::new(change), timing))
}

fn allowed(change: &Change, may: CustomerChanges) -> Result<()> {
    let fits = match may {
        CustomerChanges::Plans => true,
        CustomerChanges::Quantities => !change.renegotiates(),
        CustomerChanges::None => false,
    };
    // Prices are the merchant's to agree, whatever a form says.
    if fits && change.prices.is_empty() && !change.reprice {
        return Ok(());
    }
    let detail = "This cannot be changed here. Ask whoever sent you the link.";
    Err(Error::new(Kind::Forbidden, "permission_missing", detail))
}

async fn refused(visitor: &Visitor, id: SubscriptionId, answers: Answers, error: Error) -> Answer {
    draw(visitor, id, answers.refused(error)?.beside("cycle", "plan")).await
}

async fn draw(visitor: &Visitor, id: SubscriptionId, answers: Answers) -> Answer {
    let customer = visitor.customer;
    let read = visitor.read(move |view| {
        Visitor::check(view, customer, id)?;
        Ok((Head::read(view, id)?, version::in_force(view)?))
    });
    let (head, in_force) = read.await?;
    let may = super::changes(&head.subscription, &in_force.book);
    allowed(&Change::default(), may)?;
    let status = answers.status();
    let answers = filled(answers, &head.subscription);
    let path = format!("/my/subscriptions/{id}/change/preview");
    let drawn =
        Form { path: &path, csrf: &visitor.csrf, plans: may == CustomerChanges::Plans, negotiates: false };
    let body = html! {
        (ui::header("Change", &head.title(), html! {}))
        p { "You see what is credited and what is charged, line by line, before anything happens." }
        (form(drawn, &head, &in_force, &answers))
    };
    Ok((status, super::page(visitor, head.customer(), "Change", &CRUMBS, body)).into_response())
}

async fn show_it(visitor: &Visitor, id: SubscriptionId, answers: Answers, stale: bool) -> Answer {
    own(visitor, id).await?;
    let (asked, customer) = (answers.clone(), visitor.customer);
    match act::rehearse(visitor, id, move |tx| wanted(tx, customer, id, &asked)).await {
        Ok(effect) => {
            let head = visitor.read(move |view| Head::read(view, id)).await?;
            let body = seen(visitor, &head, &answers.without(&["once", "seen"]), &effect, stale)?;
            let status = if stale { StatusCode::CONFLICT } else { StatusCode::OK };
            Ok((status, super::page(visitor, head.customer(), "Preview", &CRUMBS, body)).into_response())
        }
        Err(error) => refused(visitor, id, answers, error).await,
    }
}

fn seen(visitor: &Visitor, head: &Head, answers: &Answers, effect: &Effect, stale: bool) -> Result<Markup> {
    let path = format!("/my/subscriptions/{}/change", head.subscription.id);
    let confirm = html! { (answers.hidden()) (deed::confirmation(effect)?) };
    let label = if effect.later.is_some() { "Schedule the change" } else { "Make the change" };
    let actions = html! {
        (ui::button_link(ui::Button::Plain, "Change something", &answers.link(&path)))
        (ui::post_button_with(ui::Button::Primary, label, &path, &visitor.csrf, confirm))
    };
    // What is scheduled comes about later; anything else has come about in the rehearsal.
    let then = effect.later.as_ref().map_or(&effect.after, |later| &later.renewal.subscription);
    let before = (&effect.before, effect.version(effect.before.book));
    Ok(html! {
        (ui::header("Preview of the change", &head.title(), actions))
        @if stale { (deed::changed_since()) } @else { (nothing_yet(effect)) }
        (outcome::unsure(effect))
        (outcome::figures(effect)?)
        (ui::section("What changes", html! {}, items::difference(before, (then, effect.version(then.book)))))
        (ui::section("When", html! {}, html! { p { (when(effect, then)) } }))
        (outcome::sections(effect)?)
        (outcome::later(effect))
    })
}

fn when(effect: &Effect, then: &Subscription) -> String {
    let start = match effect.later {
        Some(_) => format!("From {} on", show::date(effect.after.billed_through.date)),
        None => "At once".to_owned(),
    };
    format!(
        "{start}. It is billed {}, next on {}.",
        show::every(then.schedule.cycle),
        show::date(then.billed_through.date)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_change_what_the_book_lets_them() {
        let plan = Change { plan: Some("max".into()), ..Change::default() };
        let seats = Change { quantity: Some(4), ..Change::default() };
        let priced = Change { prices: [("pro".to_owned(), Default::default())].into(), ..seats.clone() };
        let ok = |change: &Change, may| allowed(change, may).is_ok();
        assert!(ok(&plan, CustomerChanges::Plans) && ok(&seats, CustomerChanges::Plans));
        assert!(!ok(&plan, CustomerChanges::Quantities) && ok(&seats, CustomerChanges::Quantities));
        assert!(!ok(&plan, CustomerChanges::None) && !ok(&seats, CustomerChanges::None));
        assert!(!ok(&priced, CustomerChanges::Plans), "a price is the merchant's to agree");
    }
}
