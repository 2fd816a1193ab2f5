//! Renewal offers: terms for the time after the term, and what the customer says to them.

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use billing::{
    renewal::{self, OfferedTerms, RenewalOffer, RenewalPreview},
    subscription::{AgreedPrice, Change, NewTerm, Subscription},
};
use catalog::version::{self, Version};
use identity::{permission::may, user};
use jiff::civil::Date;
use kernel::{Error, Result, UnitPrice, ids, ids::SubscriptionId, time};
use maud::{Markup, html};
use store::{Tx, View, idempotency};

use super::{
    Head,
    act::{OUTDATED, once},
    deed, extras, offers,
    wish::{offer, whole},
};
use crate::{
    App,
    gate::{Answer, Answers, Asked, Desk, Mistakes, Named, Posted, Staff},
    invoices, parts, show, ui,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/subscriptions/{id}/renewals", get(page).post(make))
        .route("/subscriptions/{id}/renewals/preview", get(again).post(preview))
        .route("/subscriptions/{id}/renewals/accept", post(accept))
        .route("/subscriptions/{id}/renewals/decline", post(decline))
        .route("/subscriptions/{id}/renewals/withdraw", post(withdraw))
}

/// Names and labels of the fields, in their order.
const FIELDS: [(&str, &str); 6] = [
    ("plan", "Plan"),
    ("quantity", "Quantity of the plan"),
    ("price", "Price of the plan"),
    ("months", "Next term"),
    ("coupon", "Coupon"),
    ("valid_until", "Good until"),
];

async fn page(
    staff: Staff<may::SubscriptionRead>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer {
    draw(&staff, id, asked).await
}

/// Nothing is shown for an address without its form, so back to it.
async fn again(
    staff: Staff<may::SubscriptionNegotiate>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Redirect {
    Redirect::to(&asked.link(&staff.at(&format!("/subscriptions/{id}/renewals"))))
}

async fn preview(
    staff: Staff<may::SubscriptionNegotiate>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    show_it(&staff, id, answers, false).await
}

async fn make(
    staff: Staff<may::SubscriptionNegotiate>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let request = once(&answers, &format!("{id}/renewals"))?;
    let asked = answers.clone();
    let make = move |tx: &mut Tx<'_>| {
        if idempotency::find(tx, &request)?.is_some() {
            return Ok(());
        }
        let head = Head::read(tx, id)?;
        let (terms, valid_until) = read(&asked, &head.subscription)?;
        if asked.get("seen") != essence(&renewal::preview(tx, id, &terms)?) {
            return Err(Error::conflict(OUTDATED, "It would come to something else now than was shown."));
        }
        renewal::offer(tx, id, &terms, valid_until)?;
        idempotency::record(tx, &request, &idempotency::Answer { status: 303, body: String::new() })
    };
    match staff.write(make).await {
        Ok(()) => Ok(parts::done(&staff.at(&format!("/subscriptions/{id}/renewals")), "renewal_offered")),
        Err(error) if error.code == OUTDATED => show_it(&staff, id, answers, true).await,
        Err(error) => refused(&staff, id, answers, error).await,
    }
}

async fn accept(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let done = staff.write(move |tx| renewal::accept(tx, id).map(drop)).await;
    answered(&staff, id, answers, done, "renewal_accepted").await
}

async fn decline(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let done = staff.write(move |tx| renewal::decline(tx, id).map(drop)).await;
    answered(&staff, id, answers, done, "renewal_declined").await
}

async fn withdraw(
    staff: Staff<may::SubscriptionNegotiate>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let done = staff.write(move |tx| renewal::withdraw(tx, id).map(drop)).await;
    answered(&staff, id, answers, done, "renewal_withdrawn").await
}

async fn answered(desk: &Desk, id: SubscriptionId, answers: Answers, done: Result<()>, word: &str) -> Answer {
    match done {
        Ok(()) => Ok(parts::done(&desk.at(&format!("/subscriptions/{id}/renewals")), word)),
        Err(error) => draw(desk, id, answers.refused(error)?).await,
    }
}

/// What the form offers and until when, or everything that is wrong with it.
fn read(answers: &Answers, subscription: &Subscription) -> Result<(OfferedTerms, Option<Date>)> {
    let mut mistakes = Mistakes::default();
    let chosen = answers.some("plan").map(|_| offer(answers)).transpose();
    let chosen = mistakes.at("/plan", chosen).flatten();
    let quantity = mistakes.at("/quantity", answers.some("quantity").map(whole).transpose()).flatten();
    let price = mistakes.at("/price", answers.some("price").map(UnitPrice::parse).transpose()).flatten();
    let months = mistakes.at("/months", answers.some("months").map(whole).transpose()).flatten();
    let until =
        mistakes.at("/valid_until", answers.some("valid_until").map(time::date).transpose()).flatten();
    if !mistakes.is_empty() {
        return Err(mistakes.into_error());
    }
    let own = (subscription.plan(), subscription.schedule.cycle);
    let plan = chosen.as_ref().map_or(own.0, |(plan, _)| plan.as_str()).to_owned();
    let agreed = price.map(|amount| (plan.clone(), AgreedPrice { amount: Some(amount), percent: None }));
    let terms = OfferedTerms {
        plan: Some(plan).filter(|plan| plan != own.0),
        cycle: chosen.map(|(_, cycle)| cycle).filter(|cycle| *cycle != own.1),
        quantity: quantity.filter(|quantity| *quantity != subscription.plan_quantity()),
        prices: agreed.into_iter().collect(),
        term: months.map(|months| NewTerm {
            months: u32::try_from(months).unwrap_or(u32::MAX),
            renews: answers.ticked("renews"),
        }),
        coupon: answers.some("coupon").map(str::to_owned),
        ..OfferedTerms::default()
    };
    Ok((terms, until))
}

/// The form again, with what an operation said of it beside the fields.
async fn refused(desk: &Desk, id: SubscriptionId, answers: Answers, error: Error) -> Answer {
    let answers = answers.refused(error)?.beside("cycle", "plan").beside("term.months", "months");
    draw(desk, id, answers.beside("coupons", "coupon")).await
}

/// What must be the same when it is confirmed: the day and what is billed then.
fn essence(preview: &RenewalPreview) -> String {
    let total =
        preview.invoice.as_ref().map_or_else(|| "nothing".to_owned(), |(_, totals)| totals.total.to_string());
    format!("{} {total}", preview.effective.date)
}

fn look(view: &mut View<'_>, id: SubscriptionId, answers: &Answers) -> Result<(Head, RenewalPreview)> {
    let head = Head::read(view, id)?;
    let (terms, _) = read(answers, &head.subscription)?;
    let preview = renewal::preview(view, id, &terms)?;
    Ok((head, preview))
}

async fn show_it(desk: &Desk, id: SubscriptionId, answers: Answers, stale: bool) -> Answer {
    let asked = answers.clone();
    match desk.read(move |view| look(view, id, &asked)).await {
        Ok((head, preview)) => {
            let body = seen(desk, &head, &answers.without(&["once", "seen"]), &preview, stale)?;
            let status = if stale { StatusCode::CONFLICT } else { StatusCode::OK };
            Ok((status, head.page(desk, "Preview", body)).into_response())
        }
        Err(error) => refused(desk, id, answers, error).await,
    }
}

fn seen(
    desk: &Desk,
    head: &Head,
    answers: &Answers,
    preview: &RenewalPreview,
    stale: bool,
) -> Result<Markup> {
    let path = desk.at(&format!("/subscriptions/{}/renewals", head.subscription.id));
    let confirm = html! {
        (answers.hidden())
        (ui::hidden_field("once", &user::new_secret()?))
        (ui::hidden_field("seen", &essence(preview)))
    };
    let actions = html! {
        (ui::button_link(ui::Button::Plain, "Change something", &answers.link(&path)))
        (ui::post_button_with(ui::Button::Primary, "Offer it", &path, desk.csrf(), confirm))
    };
    let day = show::date(preview.effective.date);
    Ok(html! {
        (ui::header("Preview of the offer", &head.about(), actions))
        @if stale { (deed::changed_since()) } @else {
            (ui::notice(ui::Kind::Info, "Nothing has happened yet", html! {
                "When it is accepted it counts from " (day) " on, and is worked out again then."
            }))
        }
        (coming(preview))
    })
}

/// The invoice of the day it begins.
pub(crate) fn coming(preview: &RenewalPreview) -> Markup {
    let day = show::date(preview.effective.date);
    match &preview.invoice {
        Some((draft, totals)) => ui::section(
            &format!("Invoice of {day}"),
            html! {},
            html! {
                (invoices::lines(&draft.lines))
                (ui::totals(
                    &invoices::Sums::of(totals, &draft.taxes).entries(),
                    &ui::Total { label: "Total before credit", amount: &totals.total.to_string(), href: None },
                ))
            },
        ),
        None => html! { p { "Nothing is billed on " (day) "." } },
    }
}

/// The page, with the form as it was answered.
async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers) -> Answer {
    let read = desk.read(move |view| {
        Ok((Head::read(view, id)?, version::in_force(view)?, renewal::of_subscription(view, id)?))
    });
    let (head, in_force, all) = read.await?;
    let status = answers.status();
    let may_offer = desk.may::<may::SubscriptionNegotiate>() && !head.subscription.is_over();
    let list = ui::section("Offers", html! {}, table(desk, &head, &in_force, &all));
    let body = html! {
        (ui::header("Renewal offers", &head.about(), html! {}))
        (parts::was_done(&answers))
        (answers.summary(&FIELDS))
        @if may_offer {
            (ui::split(list, ui::section("Offer the next term", html! {}, form(desk, &head, &in_force, &answers))))
        } @else { (list) }
    };
    Ok((status, head.page(desk, "Renewal offers", body)).into_response())
}

fn table(desk: &Desk, head: &Head, in_force: &Version, all: &[RenewalOffer]) -> Markup {
    let subscription = &head.subscription;
    let today = subscription.schedule.zone.date_of(desk.now);
    let path = desk.at(&format!("/subscriptions/{}/renewals", subscription.id));
    let act = |kind, label, word: &str| ui::post_button(kind, label, &format!("{path}/{word}"), desk.csrf());
    let rows = all.iter().map(|one| {
        ui::Row::new(vec![
            html! { (offered(&one.terms, subscription, in_force)) },
            ui::state(one.state(today)),
            desk.time(one.made),
            ui::optional(one.valid_until.map(show::date).as_deref()),
            html! {
                @if one.is_open(today) && desk.may::<may::SubscriptionWrite>() {
                    (act(ui::Button::Primary, "Accepted", "accept"))
                    (act(ui::Button::Plain, "Declined", "decline"))
                    @if desk.may::<may::SubscriptionNegotiate>() { (act(ui::Button::Danger, "Withdraw", "withdraw")) }
                }
            },
        ])
    });
    ui::table(ui::Table {
        caption: "Renewal offers, newest first",
        columns: &[
            ui::Column::text("What"),
            ui::Column::text("State").lead(),
            ui::Column::text("Made"),
            ui::Column::text("Good until"),
            ui::Column::text("What the customer says"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No offers yet",
            "Offer another price, plan or term for the time after the running one. Nothing changes until it is accepted.",
            html! {},
        ),
    })
}

/// `Scale, yearly, Scale at USD 249.00, a term of 12 months`.
pub(crate) fn offered(terms: &OfferedTerms, subscription: &Subscription, in_force: &Version) -> String {
    let change = Change {
        plan: terms.plan.clone(),
        cycle: terms.cycle,
        quantity: terms.quantity,
        addons: terms.addons.clone(),
        prices: terms.prices.clone(),
        ..Change::default()
    };
    let minimum =
        terms.minimum.map(|least| format!("at least {}", show::unit_price(least, subscription.currency)));
    let term = terms.term.map(|term| format!("a term of {}", show::count(term.months, "month")));
    let coupon = terms.coupon.as_ref().map(|key| {
        let name = in_force.book.coupons.iter().find(|one| one.key == *key).map(|one| one.name.clone());
        format!("with {}", name.unwrap_or_else(|| key.clone()))
    });
    let change = extras::step_text(&change, subscription, in_force);
    let all = [Some(change), minimum, term, coupon].into_iter().flatten().filter(|part| !part.is_empty());
    all.collect::<Vec<_>>().join(", ")
}

fn form(desk: &Desk, head: &Head, in_force: &Version, answers: &Answers) -> Markup {
    let subscription = &head.subscription;
    let plans = offers::offers(&in_force.book, subscription.currency);
    let plans: Vec<ui::Choice> = std::iter::once(ui::Choice { value: "", label: "As before" })
        .chain(plans.iter().map(|(value, label)| ui::Choice { value, label }))
        .collect();
    let coupons: Vec<ui::Choice> = std::iter::once(ui::Choice { value: "", label: "None" })
        .chain(in_force.book.coupons.iter().map(|one| ui::Choice { value: &one.key, label: &one.name }))
        .collect();
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    let fields = html! {
        (ui::field(&field("Plan", "plan", ui::Input::Select(&plans))))
        @if offers::per_unit(&in_force.book) { (ui::field(&field("Quantity of the plan", "quantity", ui::Input::Number))) }
        (ui::field(&field("Price of the plan", "price", ui::Input::Number).unit(subscription.currency.code())))
        (ui::field(&field("Next term", "months", ui::Input::Number).unit("months")))
        (ui::field(&field("Another term of the same length follows", "renews", ui::Input::Checkbox)))
        @if coupons.len() > 1 { (ui::field(&field("Coupon", "coupon", ui::Input::Select(&coupons)))) }
        (ui::field(&field("Good until", "valid_until", ui::Input::Date).hint("Left empty: until the term ends.")))
    };
    let path = desk.at(&format!("/subscriptions/{}/renewals/preview", subscription.id));
    html! {
        p { "What is left empty stays as it is." }
        (ui::form(&path, desk.csrf(), fields, "Preview"))
    }
}

/// The offer that waits, beside the page of a subscription.
pub(super) fn section(desk: &Desk, head: &Head, all: &[RenewalOffer], in_force: &Version) -> Markup {
    let subscription = &head.subscription;
    let may_offer = desk.may::<may::SubscriptionNegotiate>() && !subscription.is_over();
    if all.is_empty() && !(may_offer && subscription.term.is_some()) {
        return html! {};
    }
    let today = subscription.schedule.zone.date_of(desk.now);
    let path = desk.at(&format!("/subscriptions/{}/renewals", subscription.id));
    let label = if may_offer { "Offer the next term" } else { "All of them" };
    let waits = all.iter().find(|one| one.is_open(today));
    let body = match waits {
        Some(one) => {
            html! { p { (offered(&one.terms, subscription, in_force)) ". It waits for an answer." } }
        }
        None => html! { p { "Nothing is offered now." } },
    };
    ui::section("Renewal", html! { a href=(path) { (label) } }, body)
}
