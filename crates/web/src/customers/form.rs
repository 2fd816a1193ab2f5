//! The questions about a customer, when it is created and when it is changed.

use identity::text;
use kernel::Currency;
use maud::{Markup, html};

use crate::{
    country,
    gate::{Answers, Mistakes},
    ui,
};

/// What has a shape of its own, each checked by itself: the check of the whole stops at the first mistake.
pub(super) struct Shaped {
    pub(super) email: Option<String>,
    pub(super) region: Option<String>,
    pub(super) tax_id: Option<String>,
}

/// Read what has a shape of its own.
pub(super) fn shaped(answers: &Answers, mistakes: &mut Mistakes) -> Shaped {
    let country = answers.get("country");
    let email = mistakes.keep(answers.some("email").map(|email| text::email(email, "/email")).transpose());
    // Without a country, neither can be told right or wrong.
    let known = text::country(country, "/country").is_ok();
    let of_country = |name| answers.some(name).filter(|_| known);
    let region = of_country("region").map(|region| text::region(country, &region.to_uppercase())).transpose();
    let tax_id = of_country("tax_id").map(|id| text::tax_id(country, id)).transpose();
    Shaped {
        email: email.flatten(),
        region: mistakes.keep(region).flatten(),
        tax_id: mistakes.keep(tax_id).flatten(),
    }
}

/// Name, addresses, and where taxes are concerned.
pub(super) fn who(answers: &Answers) -> Markup {
    let countries: Vec<_> = country::ALL.iter().map(|(value, label)| ui::Choice { value, label }).collect();
    html! {
        (ui::field(&field(answers, "Name", "name", ui::Input::Text).required().hint("As it should stand on invoices.").autocomplete("organization")))
        (ui::field(&field(answers, "E-mail", "email", ui::Input::Email).hint("Where invoices and questions about them go.")))
        (ui::field(&field(answers, "Address", "address", ui::Input::Text).hint("In one line; commas become line breaks on invoices.")))
        (ui::field(&field(answers, "Country", "country", ui::Input::Select(&countries)).required()))
        (ui::field(&field(answers, "Region", "region", ui::Input::Text)
            .hint("Its code without the country, such as NY for New York. In the United States and Canada taxes depend on it.")))
        (ui::field(&field(answers, "Tax id", "tax_id", ui::Input::Text)
            .hint("When it buys as a business: its VAT id or the like, such as DE123456789. It is printed on invoices.")))
        (ui::field(&field(answers, "Exempt from tax", "tax_exempt", ui::Input::Checkbox)
            .hint("No tax is ever charged to it: an embassy, a reseller with a certificate.")))
    }
}

/// Where its days begin.
pub(super) fn zone(answers: &Answers, hint: &str) -> Markup {
    ui::field(&field(answers, "Time zone", "zone", ui::Input::Text).hint(hint))
}

/// What it is billed in.
pub(super) fn currency(answers: &Answers) -> Markup {
    let codes: Vec<&str> = Currency::all().map(Currency::code).collect();
    let currencies: Vec<_> = codes.iter().map(|code| ui::Choice { value: code, label: code }).collect();
    ui::field(
        &field(answers, "Currency", "currency", ui::Input::Select(&currencies))
            .required()
            .hint("Billed in this, unless a subscription says otherwise."),
    )
}

/// The merchant's own id for it.
pub(super) fn external_id(answers: &Answers) -> Markup {
    ui::field(
        &field(answers, "Your id", "external_id", ui::Input::Text)
            .hint("Its id in your own systems. The API then finds it as ext: and this id."),
    )
}

fn field<'a>(answers: &'a Answers, label: &'a str, name: &'a str, input: ui::Input<'a>) -> ui::Field<'a> {
    ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
}
