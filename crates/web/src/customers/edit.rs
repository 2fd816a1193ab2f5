use axum::response::{IntoResponse, Response};
use identity::{
    customer::{self, Customer, Edit, Person},
    permission::may,
};
use kernel::{Error, Result, Zone, ids};
use maud::{Markup, html};

use super::form;
use crate::{
    gate::{Answer, Answers, Asked, Desk, Mistakes, Named, Posted, Sheet, Staff},
    parts, ui,
};

/// Names and labels, in order.
const FIELDS: [(&str, &str); 8] = [
    ("name", "Name"),
    ("email", "E-mail"),
    ("address", "Address"),
    ("country", "Country"),
    ("region", "Region"),
    ("tax_id", "Tax id"),
    ("tax_exempt", "Exempt from tax"),
    ("zone", "Time zone"),
];

pub(super) async fn page(
    staff: Staff<may::CustomerWrite>,
    Named(id): Named<ids::Customer>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let (customer, person) = load(&staff, id).await?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let answers = asked
        .or("name", text(&person.name))
        .or("email", text(&person.email))
        .or("address", text(&person.address))
        .or("country", customer.country.clone())
        .or("region", text(&customer.region))
        .or("tax_id", text(&person.tax_id))
        .or("tax_exempt", if customer.tax_exempt { "true" } else { "" })
        .or("zone", customer.zone.name());
    Ok(draw(&staff, &customer, &person, answers))
}

pub(super) async fn post(
    staff: Staff<may::CustomerWrite>,
    Named(id): Named<ids::Customer>,
    Posted(answers): Posted,
) -> Answer {
    let changed = match read(&answers) {
        Ok(edit) => staff.write(move |tx| billing::customers::change(tx, id, edit.clone())).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(parts::done(&staff.at(&format!("/customers/{id}")), "customer_changed")),
        Err(error) => refused(&staff, id, answers, error).await,
    }
}

async fn refused(desk: &Desk, id: ids::CustomerId, answers: Answers, error: Error) -> Answer<Response> {
    let answers = answers.refused(error)?;
    let (customer, person) = load(desk, id).await?;
    Ok((answers.status(), draw(desk, &customer, &person, answers)).into_response())
}

async fn load(desk: &Desk, id: ids::CustomerId) -> Result<(Customer, Person)> {
    desk.read(move |view| {
        let customer = customer::find(view, id)?;
        let person = customer::person(view, customer.person)?;
        Ok((customer, person))
    })
    .await
}

/// The change a form describes, or everything that is wrong with it. What was left empty is taken away.
fn read(answers: &Answers) -> Result<Edit> {
    let mut mistakes = Mistakes::default();
    let zone = mistakes.at("/zone", answers.some("zone").map(Zone::parse).transpose()).flatten();
    let shaped = form::shaped(answers, &mut mistakes);
    mistakes.keep(identity::text::line(answers.get("name"), 200, "/name"));
    mistakes.keep(identity::text::country(answers.get("country"), "/country"));
    if !mistakes.is_empty() {
        return Err(mistakes.into_error());
    }
    Ok(Edit {
        name: Some(answers.get("name").to_owned()),
        email: Some(shaped.email),
        address: Some(answers.some("address").map(str::to_owned)),
        country: Some(answers.get("country").to_owned()),
        region: Some(shaped.region),
        tax_id: Some(shaped.tax_id),
        tax_exempt: Some(answers.ticked("tax_exempt")),
        zone,
        metadata: None,
    })
}

fn draw(desk: &Desk, customer: &Customer, person: &Person, answers: Answers) -> Markup {
    let path = desk.at(&format!("/customers/{}", customer.id));
    let crumbs = [
        ui::Crumb { label: "Customers", href: &desk.at("/customers") },
        ui::Crumb { label: person.shown(), href: &path },
    ];
    let about = "What is billed from now on is made out to it and taxed as it says then. Issued documents stay as printed.";
    let fields = html! {
        (form::who(&answers))
        (form::zone(&answers, "Where its days begin, such as Europe/Berlin. Subscriptions that run keep theirs."))
    };
    let body = html! {
        (ui::header("Change the customer", about, html! {}))
        (answers.summary(&FIELDS))
        (ui::form(&format!("{path}/edit"), desk.csrf(), fields, "Save the changes"))
    };
    desk.page(Sheet::new(ui::Section::Customers, "Change the customer").below(&crumbs), body)
}
