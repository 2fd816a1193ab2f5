use std::{collections::HashMap, sync::Arc};

use axum::response::{IntoResponse, Redirect};
use billing::{
    credit_note,
    invoice::{self, Filter, Invoice, Place, State},
};
use catalog::version::{self, Version};
use identity::permission::may;
use kernel::{Currency, Kind, Result, ids::CustomerId};
use maud::{Markup, html};
use store::View;

use crate::{
    customers,
    gate::{Answer, Answers, Asked, Desk, Sheet, Staff},
    parts::{self, ALL, PAGE},
    ui,
};

const STATES: [(&str, &str); 5] = [
    ("draft", "Draft"),
    ("finalized", "Finalized"),
    ("paid", "Paid"),
    ("void", "Void"),
    ("uncollectible", "Uncollectible"),
];

/// Everything on the page.
struct Whole {
    invoices: Vec<Invoice>,
    names: HashMap<CustomerId, String>,
    /// The price book whose currencies can be chosen from.
    newest: Option<Arc<Version>>,
}

fn load(view: &mut View<'_>, filter: &Filter, after: Option<Place>) -> Result<Whole> {
    let invoices = invoice::search(view, filter, after, PAGE + 1)?;
    let customers = invoices.iter().map(|invoice| invoice.customer).chain(filter.customer);
    Ok(Whole { names: customers::names(view, customers)?, invoices, newest: version::newest(view)? })
}

pub(super) async fn page(staff: Staff<may::InvoiceRead>, Asked(asked): Asked) -> Answer {
    let missed = match asked.some("number") {
        None => false,
        Some(number) => match numbered(&staff, number).await? {
            Some(found) => return Ok(Redirect::to(&found).into_response()),
            None => true,
        },
    };
    let (filter, asked) = match filter(&asked) {
        Ok(filter) => (filter, asked),
        Err(error) => (Filter::default(), asked.refused(error)?),
    };
    let after = asked.some("after").map(str::parse).transpose()?;
    let (customer, everything) = (filter.customer, filter == Filter::default());
    let Whole { mut invoices, names, newest } = staff.read(move |view| load(view, &filter, after)).await?;
    let path = staff.at("/invoices");
    let next = parts::cut(&mut invoices, |invoice| Place::of(invoice).to_string());
    let begun = !everything || !invoices.is_empty();
    let of = customer.and_then(|id| names.get(&id));
    let body = html! {
        (ui::header("Invoices", "What was billed. A draft may still change; a finalized invoice never does.", html! {}))
        (asked.summary(&[("from", "Issued from"), ("to", "Issued until")]))
        @if begun { (filters(&path, &asked, newest.as_deref())) (chosen(&path, &asked, of)) }
        @if missed {
            (ui::notice(ui::Kind::Info, "No document has this number", html! {
                "Write a number as it is printed, such as INV-000001 or INV-CN-000001."
            }))
        }
        @if begun && invoices.is_empty() { (no_match(&path)) } @else { (super::table(&staff, &invoices, Some(&names))) }
        (parts::pages(&path, &asked, next))
    };
    let page = staff.page(Sheet::new(ui::Section::Invoices, "Invoices"), body);
    Ok((asked.status(), page).into_response())
}

/// What an address asks for. Errors: those of misspelt days, currencies and ids.
fn filter(asked: &Answers) -> Result<Filter> {
    Ok(Filter {
        state: State::parse(asked.get("state")),
        customer: asked.some("customer").map(str::parse).transpose()?,
        currency: asked.narrowed("currency").map(Currency::parse).transpose()?,
        issued: parts::days(asked, "from", "to")?,
    })
}

/// The page of the invoice or credit note of a number.
async fn numbered(desk: &Desk, number: &str) -> Answer<Option<String>> {
    let number = number.to_uppercase();
    let found = desk.read(move |view| match invoice::resolve(view, &number) {
        Ok(id) => invoice::find(view, id).map(|found| format!("/invoices/{}", found.id)),
        Err(_) => credit_note::resolve(view, &number).map(|id| format!("/credit-notes/{id}")),
    });
    match found.await {
        Ok(path) => Ok(Some(desk.at(&path))),
        Err(error) if matches!(error.kind, Kind::NotFound | Kind::Invalid) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn filters(path: &str, asked: &Answers, newest: Option<&Version>) -> Markup {
    let states = parts::every("Every state", STATES.into_iter());
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
        (ui::field(&ui::Field::new("Number", "number", ui::Input::Text).value(asked.get("number"))))
        (select("State", "state", &states))
        (select("Currency", "currency", &currencies))
        (day("Issued from", "from"))
        (day("Issued until", "to"))
        @if let Some(id) = asked.some("customer") { (ui::hidden_field("customer", id)) }
    };
    ui::filters(path, fields, "Show")
}

fn chosen(path: &str, asked: &Answers, customer: Option<&String>) -> Markup {
    let Some(name) = customer else { return html! {} };
    let without = asked.clone().without(&["customer", "after"]).link(path);
    ui::chosen(&[(&format!("Customer: {name}"), &without)])
}

fn no_match(path: &str) -> Markup {
    let all = ui::button_link(ui::Button::Plain, "Show all invoices", path);
    ui::empty("No invoice matches", "None is all of this. Try fewer filters.", all)
}
