use axum::response::{IntoResponse, Response};
use billing::subscription::{self, Filter, Place, State};
use catalog::version::{self, Version};
use identity::permission::may;
use kernel::{Currency, Result, Zone};
use maud::{Markup, html};
use std::sync::Arc;
use store::View;

use super::Listed;
use crate::{
    customers,
    gate::{Answer, Answers, Asked, Desk, Sheet, Staff},
    parts::{self, ALL, PAGE},
    show, ui,
};

const STATES: [(&str, &str); 9] = [
    ("scheduled", "Scheduled"),
    ("active", "Active"),
    ("trialing", "Trialing"),
    ("past_due", "Past due"),
    ("paused", "Paused"),
    ("suspended", "Suspended"),
    ("incomplete", "Incomplete"),
    ("canceled", "Canceled"),
    ("expired", "Expired"),
];

/// Everything on the page.
struct Whole {
    found: Vec<(Listed, Place)>,
    /// The price book whose plans can be chosen from.
    newest: Option<Arc<Version>>,
    /// What the list is narrowed to that no field shows.
    customer: Option<String>,
    book: Option<i64>,
}

fn load(view: &mut View<'_>, filter: &Filter, after: Option<Place>) -> Result<Whole> {
    let found = subscription::search(view, filter, after, PAGE + 1)?;
    let (subscriptions, places): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let customer = match filter.customer {
        Some(id) => customers::names(view, [id])?.remove(&id),
        None => None,
    };
    Ok(Whole {
        found: super::listed(view, subscriptions)?.into_iter().zip(places).collect(),
        newest: version::newest(view)?,
        book: filter.book.map(|id| version::find(view, id).map(|version| version.number)).transpose()?,
        customer,
    })
}

pub(super) async fn page(staff: Staff<may::SubscriptionRead>, Asked(asked): Asked) -> Answer {
    let (filter, asked) = match filter(&asked, &staff.zone) {
        Ok(filter) => (filter, asked),
        Err(error) => (Filter::default(), asked.refused(error)?),
    };
    let after = asked.some("after").map(str::parse).transpose()?;
    let everything = filter == Filter::default();
    let whole = staff.read(move |view| load(view, &filter, after)).await?;
    Ok(draw(&staff, &asked, whole, everything))
}

/// What an address asks for. Errors: those of misspelt days, currencies and ids.
fn filter(asked: &Answers, zone: &Zone) -> Result<Filter> {
    Ok(Filter {
        state: State::parse(asked.get("state")),
        plan: asked.narrowed("plan").map(str::to_owned),
        customer: asked.some("customer").map(str::parse).transpose()?,
        currency: asked.narrowed("currency").map(Currency::parse).transpose()?,
        book: asked.some("book").map(str::parse).transpose()?,
        due: parts::days(asked, "due_from", "due_to")?.map(|span| span.map(|day| zone.start_of_day(day))),
    })
}

fn draw(desk: &Desk, asked: &Answers, whole: Whole, everything: bool) -> Response {
    let path = desk.at("/subscriptions");
    let start = ui::button_link(ui::Button::Primary, "Start a subscription", &desk.at("/subscriptions/new"));
    let start = html! { @if desk.may::<may::SubscriptionWrite>() { (start) } };
    let mut found = whole.found;
    let next = parts::cut(&mut found, |(_, place)| place.to_string());
    let listed: Vec<Listed> = found.into_iter().map(|(listed, _)| listed).collect();
    let begun = !everything || !listed.is_empty();
    let none = if begun { no_match(&path) } else { nothing(start.clone()) };
    let order = if asked.some("due_from").or(asked.some("due_to")).is_some() {
        "What falls due first comes first."
    } else {
        "Who is on which plan, newest first."
    };
    let body = html! {
        (ui::header("Subscriptions", order, start))
        (asked.summary(&[("due_from", "Due from"), ("due_to", "Due until")]))
        @if begun { (filters(&path, asked, whole.newest.as_deref())) (chosen(&path, asked, whole.customer, whole.book)) }
        (super::table(desk, &listed, true, none))
        (parts::pages(&path, asked, next))
        @if begun { p { a href=(desk.at("/cancellations")) { "Why customers leave" } } }
    };
    let page = desk.page(Sheet::new(ui::Section::Subscriptions, "Subscriptions"), body);
    (asked.status(), page).into_response()
}

fn plans(version: &Version) -> Vec<(String, String)> {
    version.book.plans.iter().map(|plan| (plan.key.clone(), plan.name.clone())).collect()
}

fn filters(path: &str, asked: &Answers, newest: Option<&Version>) -> Markup {
    let plans = newest.map(plans).unwrap_or_default();
    let states = parts::every("Every state", STATES.into_iter());
    let mut known = parts::every("Every plan", plans.iter().map(|(key, name)| (key.as_str(), name.as_str())));
    // A plan that is sold no more is still asked for by its key.
    if let Some(key) = asked.narrowed("plan").filter(|key| plans.iter().all(|(known, _)| known != key)) {
        known.push(ui::Choice { value: key, label: key });
    }
    let currencies = parts::currencies(newest, asked);
    let select = |label, name, choices| {
        let value = asked.some(name).unwrap_or(ALL);
        ui::field(&ui::Field::new(label, name, ui::Input::Select(choices)).value(value))
    };
    let day = |label, name| {
        ui::field(
            &ui::Field::new(label, name, ui::Input::Date).value(asked.get(name)).error(asked.error(name)),
        )
    };
    let fields = html! {
        (select("State", "state", &states))
        (select("Plan", "plan", &known))
        (select("Currency", "currency", &currencies))
        (day("Due from", "due_from"))
        (day("Due until", "due_to"))
        @for name in ["customer", "book"] {
            @if let Some(id) = asked.some(name) { (ui::hidden_field(name, id)) }
        }
    };
    ui::filters(path, fields, "Show")
}

fn chosen(path: &str, asked: &Answers, customer: Option<String>, book: Option<i64>) -> Markup {
    let without = |name: &str| asked.clone().without(&[name, "after"]).link(path);
    let all: Vec<(String, String)> = [
        customer.map(|name| (format!("Customer: {name}"), without("customer"))),
        book.map(|number| (format!("Price book version {}", show::grouped(number)), without("book"))),
    ]
    .into_iter()
    .flatten()
    .collect();
    ui::chosen(&all.iter().map(|(what, href)| (what.as_str(), href.as_str())).collect::<Vec<_>>())
}

fn nothing(start: Markup) -> Markup {
    ui::empty(
        "No subscriptions yet",
        "A subscription joins a customer to a plan of the price book. You see its first invoice before it starts.",
        start,
    )
}

fn no_match(path: &str) -> Markup {
    let all = ui::button_link(ui::Button::Plain, "Show all subscriptions", path);
    ui::empty("No subscription matches", "None is all of this. Try fewer filters.", all)
}
