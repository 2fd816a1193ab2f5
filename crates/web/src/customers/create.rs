use axum::response::{IntoResponse, Response};
use billing::customers;
use identity::{NewCustomer, permission::may, text};
use kernel::{Currency, Error, Result, Zone};
use maud::{Markup, html};
use store::Tx;

use super::form;
use crate::{
    gate::{Answer, Answers, Asked, Desk, Mistakes, Posted, Sheet, Staff},
    parts, ui,
};

/// Names and labels, in order.
const FIELDS: [(&str, &str); 10] = [
    ("name", "Name"),
    ("email", "E-mail"),
    ("address", "Address"),
    ("country", "Country"),
    ("region", "Region"),
    ("tax_id", "Tax id"),
    ("tax_exempt", "Exempt from tax"),
    ("currency", "Currency"),
    ("zone", "Time zone"),
    ("external_id", "Your id"),
];

pub(super) async fn page(staff: Staff<may::CustomerWrite>, Asked(asked): Asked) -> Markup {
    draw(&staff, asked)
}

pub(super) async fn post(staff: Staff<may::CustomerWrite>, Posted(answers): Posted) -> Answer {
    let created = match read(&answers) {
        Ok(new) => {
            let create = move |tx: &mut Tx<'_>| customers::create(tx, new.clone(), None);
            staff.write(create).await.map(|created| created.customer)
        }
        Err(error) => Err(error),
    };
    match created {
        Ok(customer) => Ok(parts::done(&staff.at(&format!("/customers/{}", customer.id)), "created")),
        Err(error) => refused(&staff, answers, error),
    }
}

fn refused(desk: &Desk, answers: Answers, error: Error) -> Answer<Response> {
    let answers = answers.refused(error)?;
    Ok((answers.status(), draw(desk, answers)).into_response())
}

/// The customer a form describes, or everything that is wrong with it.
fn read(answers: &Answers) -> Result<NewCustomer> {
    let mut mistakes = Mistakes::default();
    let currency = mistakes.at("/currency", Currency::parse(answers.get("currency")));
    let zone = mistakes.at("/zone", answers.some("zone").map(Zone::parse).transpose());
    // These by themselves, because the check of the whole stops at the first mistake.
    let shaped = form::shaped(answers, &mut mistakes);
    let own = answers.some("external_id").map(|id| text::external_id(id, "/external_id"));
    let external_id = mistakes.keep(own.transpose());
    let new = NewCustomer {
        name: answers.get("name").to_owned(),
        email: shaped.email,
        address: answers.some("address").map(str::to_owned),
        country: answers.get("country").to_owned(),
        region: shaped.region,
        tax_id: shaped.tax_id,
        tax_exempt: answers.ticked("tax_exempt"),
        currency: currency.map_or_else(|| Currency::parse("USD"), Ok)?,
        zone: zone.flatten(),
        external_id: external_id.flatten(),
        metadata: serde_json::Value::Null,
    };
    let checked = mistakes.keep(new.checked());
    checked.filter(|_| mistakes.is_empty()).ok_or_else(|| mistakes.into_error())
}

fn draw(desk: &Desk, answers: Answers) -> Markup {
    let entity = desk.entities.first();
    let answers = answers
        .or("country", entity.map_or("", |entity| entity.country.as_str()))
        .or("currency", entity.map_or("USD", |entity| entity.currency.code()))
        .or("zone", desk.zone.name());
    let fields = html! {
        (form::who(&answers))
        (form::currency(&answers))
        (form::zone(&answers, "Where its days begin, such as Europe/Berlin. Without one: UTC."))
        (form::external_id(&answers))
    };
    let crumbs = [ui::Crumb { label: "Customers", href: &desk.at("/customers") }];
    let body = html! {
        (ui::header("New customer", "An organisation that buys. Its name and addresses can be erased later; figures stay.", html! {}))
        (answers.summary(&FIELDS))
        (ui::form(&desk.at("/customers"), desk.csrf(), fields, "Create the customer"))
    };
    desk.page(Sheet::new(ui::Section::Customers, "New customer").below(&crumbs), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_said_at_once() {
        let pairs = [
            ("currency", "usd"),
            ("zone", "Mars"),
            ("country", "DE"),
            ("tax_id", "FR12345678901"),
            ("region", "Bavaria"),
            ("name", ""),
            ("email", "x"),
        ];
        let answers: Answers =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let fields: Vec<String> =
            read(&answers).unwrap_err().fields.into_iter().map(|field| field.pointer).collect();
        assert_eq!(fields, ["/currency", "/zone", "/email", "/region", "/tax_id", "/name"]);
    }
}
