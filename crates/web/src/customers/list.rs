use std::collections::HashMap;

use axum::response::{IntoResponse, Redirect};
use billing::{
    customers::{self, Filter, Having, Listed},
    subscription::{self, State},
};
use catalog::version::{self, Version};
use identity::{
    CustomerRef, customer,
    customer::{Find, Found, SHORTEST_WORD, Sort},
    permission::may,
};
use kernel::{Currency, Kind, Result, ids::CustomerId};
use maud::{Markup, html};
use store::View;

use crate::{
    country,
    gate::{Answer, Answers, Asked, Desk, Sheet, Staff},
    parts::{self, ALL, PAGE},
    show, ui,
};

/// What customers may be asked to have, in words.
const HAVING: [(&str, &str); 7] = [
    ("active", "Active"),
    ("trialing", "In trial"),
    ("past_due", "Past due"),
    ("paused", "Paused"),
    ("suspended", "Suspended"),
    ("canceled", "Canceled"),
    ("none", "None that goes on"),
];

const SORTS: [(&str, &str); 3] =
    [("newest", "Newest first"), ("oldest", "Oldest first"), ("name", "By name")];

pub(super) async fn page(staff: Staff<may::CustomerRead>, Asked(asked): Asked) -> Answer {
    // An id as it is, ours or the merchant's, leads to its customer.
    if let Some(found) = named(&staff, &asked).await? {
        return Ok(Redirect::to(&found).into_response());
    }
    let filter = filter(&asked)?;
    let after = asked.some("after").map(str::parse).transpose()?;
    let read = staff.read(move |view| {
        let listed = customers::list(view, &filter, after.as_ref(), PAGE as usize)?;
        let ids = listed.found.iter().map(|found| found.customer.id).collect();
        Ok((subscription::states_of(view, ids)?, listed, customer::count(view)?, version::newest(view)?))
    });
    let (states, Listed { found, next }, count, newest) = read.await?;
    let create = ui::button_link(ui::Button::Primary, "New customer", &staff.at("/customers/new"));
    let import = ui::button_link(ui::Button::Plain, "Import", &staff.at("/import"));
    let create = html! {
        @if staff.may::<may::CustomerWrite>() && staff.may::<may::SubscriptionWrite>() { (import) }
        @if staff.may::<may::CustomerWrite>() { (create) }
    };
    let about = match count {
        0 => "The organisations that buy.".to_owned(),
        count => format!("The organisations that buy: {}.", show::count(count, "customer")),
    };
    let path = staff.at("/customers");
    let body = html! {
        (ui::header("Customers", &about, create.clone()))
        @if count > 0 { (filters(&path, &asked, newest.as_deref())) }
        (table(&staff, &found, &states, &if count == 0 { nobody(create) } else { no_match(&path, &asked) }))
        (parts::pages(&path, &asked, next.map(|place| place.to_string())))
    };
    Ok(staff.page(Sheet::new(ui::Section::Customers, "Customers"), body).into_response())
}

/// What an address asks for. What is none of the choices asks for nothing.
fn filter(asked: &Answers) -> Result<Filter> {
    let having = match asked.get("subscription") {
        "none" => Some(Having::Nothing),
        word => State::parse(word).map(Having::Subscription),
    };
    let find = Find {
        search: asked.some("search").map(str::to_owned),
        country: asked.narrowed("country").map(str::to_owned),
        currency: asked.narrowed("currency").map(Currency::parse).transpose()?,
        sort: Sort::parse(asked.get("sort")).unwrap_or_default(),
    };
    Ok(Filter { find, having })
}

/// The page of the customer whose id was looked for.
async fn named(desk: &Desk, asked: &Answers) -> Answer<Option<String>> {
    let wanted = asked.get("search");
    // One word: names have several, or are found by the list.
    if wanted.is_empty() || wanted.contains(char::is_whitespace) {
        return Ok(None);
    }
    let own = wanted.starts_with("cus_") || wanted.starts_with("ext:");
    let reference = if own { wanted.to_owned() } else { format!("ext:{wanted}") };
    let Ok(reference) = reference.parse::<CustomerRef>() else { return Ok(None) };
    let found = desk.read(move |view| {
        let id = customer::resolve(view, &reference)?;
        customer::find(view, id).map(|found| found.id)
    });
    match found.await {
        Ok(id) => Ok(Some(desk.at(&format!("/customers/{id}")))),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn filters(path: &str, asked: &Answers, newest: Option<&Version>) -> Markup {
    let countries = parts::every("Every country", country::ALL.iter().copied());
    let having = parts::every("Any or none", HAVING.into_iter());
    let currencies = parts::currencies(newest, asked);
    let sorts: Vec<ui::Choice> = SORTS.iter().map(|(value, label)| ui::Choice { value, label }).collect();
    let select = |label, name, choices, unasked| {
        let value = asked.some(name).unwrap_or(unasked);
        ui::field(&ui::Field::new(label, name, ui::Input::Select(choices)).value(value))
    };
    let search =
        ui::Field::new("Name, e-mail address or id", "search", ui::Input::Text).value(asked.get("search"));
    let fields = html! {
        div class="search" { (ui::field(&search)) }
        (select("Country", "country", &countries, ALL))
        (select("Currency", "currency", &currencies, ALL))
        (select("Subscription", "subscription", &having, ALL))
        (select("Order", "sort", &sorts, "newest"))
    };
    ui::filters(path, fields, "Show")
}

fn nobody(create: Markup) -> Markup {
    ui::empty(
        "No customers yet",
        "A customer is an organisation that buys from you. Create the first one here, by the API, or import a list \
         with `steelyard import customers`.",
        create,
    )
}

fn no_match(path: &str, asked: &Answers) -> Markup {
    let short = asked.some("search").is_some_and(|text| text.chars().count() < SHORTEST_WORD);
    let why = match (short, asked.some("search")) {
        (true, _) => "Write at least two letters of a word.",
        (false, Some(_)) => {
            "A search finds the beginnings of words: of names, e-mail addresses and your own ids. Try fewer words, or fewer filters."
        }
        (false, None) => "Nobody is all of this. Try fewer filters.",
    };
    ui::empty("No customer matches", why, ui::button_link(ui::Button::Plain, "Show all customers", path))
}

type States = HashMap<CustomerId, Vec<(State, i64)>>;

fn table(desk: &Desk, found: &[Found], states: &States, empty: &Markup) -> Markup {
    let rows = found.iter().map(|Found { customer, person, .. }| {
        ui::Row::link(
            desk.at(&format!("/customers/{}", customer.id)),
            vec![
                html! { (person.shown()) },
                has(states.get(&customer.id).map_or(&[], Vec::as_slice)),
                ui::optional(person.email.as_deref()),
                html! { (country::name(&customer.country)) },
                html! { (customer.currency) },
                ui::optional(customer.external_id.as_deref()),
                html! { (show::date(desk.zone.date_of(customer.created))) },
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Customers",
        columns: &[
            ui::Column::text("Name"),
            ui::Column::text("Subscriptions").lead(),
            ui::Column::text("E-mail"),
            ui::Column::text("Country").spare(),
            ui::Column::text("Currency").spare(),
            ui::Column::text("Your id").spare(),
            ui::Column::text("Since"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: empty.clone(),
    })
}

/// States of subscriptions, the liveliest of them; an ended one only where there is no other.
fn has(states: &[(State, i64)]) -> Markup {
    let running: Vec<_> =
        customers::RUNNING.iter().filter_map(|state| states.iter().find(|(one, _)| one == state)).collect();
    let shown: Vec<_> = if running.is_empty() { states.iter().collect() } else { running };
    html! {
        @if shown.is_empty() { (ui::optional(None)) }
        @for (state, count) in shown {
            (ui::state(state.word()))
            @if *count > 1 { span class="aside" { "× " (show::grouped(*count)) " " } } @else { " " }
        }
    }
}

/// Names and ids to choose from, by the beginning of their words.
pub(crate) fn matching(
    view: &mut View<'_>,
    text: Option<&str>,
    limit: i64,
) -> Result<Vec<(CustomerId, String)>> {
    let find = Find { search: text.map(str::to_owned), ..Find::default() };
    let found = customer::search(view, &find, None, limit)?.into_iter();
    Ok(found.filter_map(|one| Some((one.customer.id, one.person.name?))).collect())
}
