use axum::response::{IntoResponse, Redirect};
use identity::{Customer, CustomerRef, customer, customer::Person, permission::may};
use kernel::Kind;
use maud::{Markup, html};

use crate::{
    country,
    gate::{Answer, Answers, Asked, Desk, Sheet, Staff},
    parts::{self, PAGE},
    ui,
};

pub(super) async fn page(staff: Staff<may::CustomerRead>, Asked(asked): Asked) -> Answer {
    let missed = match asked.some("find") {
        None => false,
        Some(wanted) => match find(&staff, wanted).await? {
            Some(found) => return Ok(Redirect::to(&found).into_response()),
            None => true,
        },
    };
    let before = asked.some("before").map(str::parse).transpose()?;
    let mut found = staff.read(move |view| customer::list(view, before, PAGE + 1)).await?;
    let path = staff.at("/customers");
    let pages = parts::pagination(&path, &asked, &mut found, |(one, _)| format!("before={}", one.id));
    let create = ui::button_link(ui::Button::Primary, "New customer", &staff.at("/customers/new"));
    let may_create = staff.may::<may::CustomerWrite>();
    let body = html! {
        (ui::header("Customers", "The organisations that buy, newest first.", html! { @if may_create { (create) } }))
        @if !found.is_empty() { (finder(&path, &asked, missed)) }
        (table(&staff, &found, html! { @if may_create { (create) } }))
        (pages)
    };
    Ok(staff.page(Sheet::new(ui::Section::Customers, "Customers"), body).into_response())
}

/// The page of the customer with this id, ours or the merchant's.
async fn find(desk: &Desk, wanted: &str) -> Answer<Option<String>> {
    let own = if wanted.starts_with("cus_") || wanted.starts_with("ext:") {
        wanted.to_owned()
    } else {
        format!("ext:{wanted}")
    };
    let Ok(reference) = own.parse::<CustomerRef>() else { return Ok(None) };
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

fn finder(path: &str, asked: &Answers, missed: bool) -> Markup {
    let field = ui::Field::new("Find by id", "find", ui::Input::Text).value(asked.get("find"));
    html! {
        (ui::filters(path, ui::field(&field), "Find"))
        @if missed {
            (ui::notice(ui::Kind::Info, "No customer has this id", html! {
                "Write an id as it is shown here (cus_…) or your own one, exactly as it was given."
            }))
        }
    }
}

fn table(desk: &Desk, found: &[(Customer, Person)], create: Markup) -> Markup {
    let rows = found.iter().map(|(customer, person)| {
        ui::Row::link(
            desk.at(&format!("/customers/{}", customer.id)),
            vec![
                html! { (person.shown()) },
                ui::optional(person.email.as_deref()),
                html! { (country::name(&customer.country)) },
                html! { (customer.currency) },
                ui::optional(customer.external_id.as_deref()),
                desk.time(customer.created),
            ],
        )
    });
    ui::table(ui::Table {
        caption: "Customers",
        columns: &[
            ui::Column::text("Name"),
            ui::Column::text("E-mail"),
            ui::Column::text("Country"),
            ui::Column::text("Currency").lead(),
            ui::Column::text("Your id"),
            ui::Column::text("Since"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No customers yet",
            "A customer is an organisation that buys from you. Create the first one here, by the API, or import a list \
             with `steelyard import customers`.",
            create,
        ),
    })
}
