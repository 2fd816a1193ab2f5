use std::collections::HashMap;

use billing::payment::{self, Payment};
use identity::permission::may;
use kernel::{
    Result,
    ids::{CustomerId, PaymentId},
};
use maud::{Markup, html};
use store::View;

use crate::{
    customers,
    gate::{Answer, Answers, Asked, Desk, Sheet, Staff},
    parts::{self, PAGE},
    ui,
};

/// Everything on the page.
struct Whole {
    payments: Vec<Payment>,
    names: HashMap<CustomerId, String>,
}

fn load(view: &mut View<'_>, customer: Option<CustomerId>, after: Option<PaymentId>) -> Result<Whole> {
    let payments = payment::list(view, customer, after, PAGE + 1)?;
    let customers = payments.iter().map(|payment| payment.customer).chain(customer);
    Ok(Whole { names: customers::names(view, customers)?, payments })
}

pub(super) async fn page(staff: Staff<may::PaymentRead>, Asked(asked): Asked) -> Answer<Markup> {
    let customer = asked.some("customer").map(str::parse::<CustomerId>).transpose()?;
    let after = asked.some("after").map(str::parse::<PaymentId>).transpose()?;
    let Whole { mut payments, names } = staff.read(move |view| load(view, customer, after)).await?;
    let path = staff.at("/payments");
    let next = parts::cut(&mut payments, |payment| payment.id.to_string());
    let empty = ui::empty(
        "No payments yet",
        "When money comes by transfer, cheque or wire, record it on the page of the invoice it pays.",
        html! {},
    );
    let body = html! {
        (ui::header("Payments", "Money that came, the last recorded first.", record(&staff, customer)))
        (parts::was_done(&asked))
        (chosen(&path, &asked, customer.and_then(|id| names.get(&id))))
        (super::table(&staff, &payments, Some(&names), empty))
        (parts::pages(&path, &asked, next))
    };
    Ok(staff.page(Sheet::new(ui::Section::Payments, "Payments"), body))
}

fn record(desk: &Desk, customer: Option<CustomerId>) -> Markup {
    html! {
        @if let Some(id) = customer && desk.may::<may::PaymentWrite>() {
            (ui::button_link(ui::Button::Primary, "Record a payment", &desk.at(&format!("/payments/new?customer={id}"))))
        }
    }
}

fn chosen(path: &str, asked: &Answers, customer: Option<&String>) -> Markup {
    let Some(name) = customer else { return html! {} };
    let without = asked.clone().without(&["customer", "after"]).link(path);
    ui::chosen(&[(&format!("Customer: {name}"), &without)])
}
