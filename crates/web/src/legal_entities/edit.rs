use axum::response::{IntoResponse, Response};
use identity::{
    LegalEntity,
    environment::{self, EntityEdit},
    permission::may,
    text,
};
use kernel::{Error, Result, ids};
use maud::{Markup, html};
use tax::Registration;

use crate::{
    country,
    gate::{Answer, Answers, Asked, Desk, Mistakes, Named, Posted, Sheet, Staff},
    parts, ui,
};

/// Names and labels, in order.
const FIELDS: [(&str, &str); 5] = [
    ("name", "Name"),
    ("country", "Country"),
    ("region", "Region"),
    ("tax_id", "Tax id"),
    ("registrations", "Collects tax in"),
];

pub(super) async fn page(
    staff: Staff<may::BookWrite>,
    Named(id): Named<ids::LegalEntity>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let entity = find(&staff, id)?;
    let codes: Vec<&str> = entity.registrations.iter().map(Registration::as_str).collect();
    let answers = asked
        .or("name", entity.name.clone())
        .or("country", entity.country.clone())
        .or("region", entity.region.clone().unwrap_or_default())
        .or("tax_id", entity.tax_id.clone().unwrap_or_default())
        .or("registrations", codes.join(", "));
    Ok(draw(&staff, entity, answers))
}

pub(super) async fn post(
    staff: Staff<may::BookWrite>,
    Named(id): Named<ids::LegalEntity>,
    Posted(answers): Posted,
) -> Answer {
    let changed = match read(&answers) {
        Ok(edit) => staff.write(move |tx| environment::change_entity(tx, id, edit.clone())).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(parts::done(&staff.at("/legal-entities"), "entity_changed")),
        Err(error) => refused(&staff, id, answers, error),
    }
}

fn refused(desk: &Desk, id: ids::LegalEntityId, answers: Answers, error: Error) -> Answer<Response> {
    let answers = answers.refused(error)?;
    Ok((answers.status(), draw(desk, find(desk, id)?, answers)).into_response())
}

fn find(desk: &Desk, id: ids::LegalEntityId) -> Result<&LegalEntity> {
    let found = desk.entities.iter().find(|entity| entity.id == id);
    found.ok_or_else(|| Error::not_found("legal entity"))
}

/// The change a form describes, or everything that is wrong with it. What was left empty is taken away.
fn read(answers: &Answers) -> Result<EntityEdit> {
    let mut mistakes = Mistakes::default();
    mistakes.keep(text::line(answers.get("name"), 200, "/name"));
    let country = mistakes.keep(text::country(answers.get("country"), "/country"));
    let of_country = |name| country.as_deref().zip(answers.some(name));
    let region = of_country("region").map(|(country, region)| text::region(country, &region.to_uppercase()));
    let tax_id = of_country("tax_id").map(|(country, id)| text::tax_id(country, id));
    let (region, tax_id) = (mistakes.keep(region.transpose()), mistakes.keep(tax_id.transpose()));
    let codes = answers.get("registrations").split([',', ' ']).filter(|code| !code.is_empty());
    let registrations: Result<Vec<Registration>> = codes.map(|code| code.to_uppercase().parse()).collect();
    let registrations = mistakes.at("/registrations", registrations);
    match registrations.filter(|_| mistakes.is_empty()) {
        None => Err(mistakes.into_error()),
        Some(registrations) => Ok(EntityEdit {
            name: Some(answers.get("name").to_owned()),
            country,
            region: Some(region.flatten()),
            tax_id: Some(tax_id.flatten()),
            registrations: Some(registrations),
        }),
    }
}

fn draw(desk: &Desk, entity: &LegalEntity, answers: Answers) -> Markup {
    let crumbs = [ui::Crumb { label: "Legal entities", href: &desk.at("/legal-entities") }];
    let about = format!(
        "Numbers its documents {}, in {} and {}. Issued documents stay as printed.",
        entity.series, entity.currency, entity.zone
    );
    let body = html! {
        (ui::header(&entity.name, &about, html! {}))
        (answers.summary(&FIELDS))
        (ui::form(&desk.at(&format!("/legal-entities/{}", entity.id)), desk.csrf(), fields(&answers), "Save the changes"))
    };
    desk.page(Sheet::new(ui::Section::LegalEntities, &entity.name).below(&crumbs), body)
}

fn fields(answers: &Answers) -> Markup {
    let countries: Vec<_> = country::ALL.iter().map(|(value, label)| ui::Choice { value, label }).collect();
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    html! {
        (ui::field(&field("Name", "name", ui::Input::Text).required().hint("Registered name, as printed on invoices.")))
        (ui::field(&field("Country", "country", ui::Input::Select(&countries)).required()))
        (ui::field(&field("Region", "region", ui::Input::Text)
            .hint("Its code without the country, such as CA for California.")))
        (ui::field(&field("Tax id", "tax_id", ui::Input::Text)
            .hint("Your VAT id or the like, such as DE123456789. It is printed on invoices.")))
        (ui::field(&field("Collects tax in", "registrations", ui::Input::Text)
            .hint("Where you are registered: DE, a state such as US-NY, OSS for the One-Stop-Shop; commas between. \
                Elsewhere no tax is charged.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pairs: &[(&str, &str)]) -> Answers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn registrations_are_read_as_people_write_them() {
        let edit =
            read(&answers(&[("name", "Unison GmbH"), ("country", "DE"), ("registrations", "de,us-ny  OSS")]));
        let codes: Vec<String> =
            edit.unwrap().registrations.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(codes, ["DE", "US-NY", "OSS"]);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let wrong =
            answers(&[("country", "DE"), ("tax_id", "1"), ("region", "Bavaria"), ("registrations", "Mars")]);
        let fields: Vec<String> =
            read(&wrong).unwrap_err().fields.into_iter().map(|field| field.pointer).collect();
        assert_eq!(fields, ["/name", "/region", "/tax_id", "/registrations"]);
    }
}
