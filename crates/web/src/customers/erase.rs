use axum::response::IntoResponse;
use identity::{customer, permission::may};
use kernel::ids;
use maud::{Markup, html};
use store::Tx;

use crate::{
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Sheet, Staff},
    parts, ui,
};

pub(super) async fn page(
    staff: Staff<may::CustomerWrite>,
    Named(id): Named<ids::Customer>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&staff, id, asked).await
}

/// Only with the box ticked: there is no way back.
pub(super) async fn post(
    staff: Staff<may::CustomerWrite>,
    Named(id): Named<ids::Customer>,
    Posted(answers): Posted,
) -> Answer {
    let erased = if answers.ticked("sure") {
        let erase = move |tx: &mut Tx<'_>| {
            billing::customers::erase(tx, id)?;
            entitlements::override_::forget_reasons(tx, id)
        };
        staff.write(erase).await
    } else {
        Err(kernel::Error::invalid("not_sure", "Tick the box if you are sure: there is no way back.")
            .at("/sure"))
    };
    match erased {
        Ok(()) => Ok(parts::done(&staff.at(&format!("/customers/{id}")), "erased")),
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(&staff, id, answers).await?).into_response())
        }
    }
}

async fn draw(desk: &Desk, id: ids::CustomerId, answers: Answers) -> Answer<Markup> {
    let person = desk.read(move |view| {
        let customer = customer::find(view, id)?;
        customer::person(view, customer.person)
    });
    let person = person.await?;
    let path = desk.at(&format!("/customers/{id}"));
    let crumbs = [
        ui::Crumb { label: "Customers", href: &desk.at("/customers") },
        ui::Crumb { label: person.shown(), href: &path },
    ];
    let body = html! {
        (ui::header("Erase personal data", person.shown(), html! {}))
        @if person.erased.is_some() {
            (ui::notice(ui::Kind::Info, "Already erased", html! { "There is nothing personal left of this customer." }))
            p { (ui::button_link(ui::Button::Plain, "Back to the customer", &path)) }
        } @else {
            (ui::notice(ui::Kind::Warning, "This cannot be undone", html! {
                p { "Name, e-mail address, postal address, tax id and your notes about this customer are blanked, for good." }
                p { "Subscriptions, figures, the ledger and the history stay: they hold ids and amounts only. Documents \
                     already issued keep the party as it was printed, as long as the law wants them kept." }
            }))
            (answers.summary(&[("sure", "Not erased")]))
            (ui::form_as(ui::Button::Danger, &format!("{path}/erase"), desk.csrf(), confirmation(&answers), "Erase for good"))
        }
    };
    Ok(desk.page(Sheet::new(ui::Section::Customers, "Erase personal data").below(&crumbs), body))
}

fn confirmation(answers: &Answers) -> Markup {
    ui::field(
        &ui::Field::new("I am sure, and know that nobody can bring it back", "sure", ui::Input::Checkbox)
            .value(answers.get("sure"))
            .required()
            .error(answers.error("sure")),
    )
}
