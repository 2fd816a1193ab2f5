//! Recording a payment: of one invoice, or of whatever its customer owes.

use axum::response::IntoResponse;
use billing::{
    invoice::{self, Invoice},
    payment::{self, Method, NewPayment, Received},
};
use identity::{customer, permission::may};
use kernel::{
    Currency, Error, Money, Result,
    ids::{CustomerId, InvoiceId},
    time,
};
use maud::{Markup, html};
use store::View;

use super::method;
use crate::{
    customers,
    gate::{Answer, Answers, Asked, Desk, Mistakes, Posted, Sheet, Staff},
    parts, ui,
};

/// Names and labels, in order.
const FIELDS: [(&str, &str); 5] = [
    ("amount", "Amount"),
    ("currency", "Currency"),
    ("received", "Received"),
    ("method", "By"),
    ("reference", "Reference"),
];

/// Whose payment it is, and of what.
struct Payer {
    customer: CustomerId,
    name: String,
    /// In which currency the customer is billed, or the invoice is.
    currency: Currency,
    invoice: Option<Invoice>,
}

fn load(view: &mut View<'_>, customer: Option<CustomerId>, invoice: Option<InvoiceId>) -> Result<Payer> {
    let invoice = invoice.map(|id| invoice::find(view, id)).transpose()?;
    let id = invoice.as_ref().map(|invoice| invoice.customer).or(customer);
    let customer = customer::find(view, id.ok_or_else(|| Error::not_found("customer"))?)?;
    Ok(Payer {
        name: customers::names(view, [customer.id])?.remove(&customer.id).unwrap_or_default(),
        customer: customer.id,
        currency: invoice.as_ref().map_or(customer.currency, |invoice| invoice.totals.total.currency()),
        invoice,
    })
}

async fn payer(desk: &Desk, answers: &Answers) -> Result<Payer> {
    let customer = answers.some("customer").map(str::parse).transpose()?;
    let invoice = answers.some("invoice").map(str::parse).transpose()?;
    desk.read(move |view| load(view, customer, invoice)).await
}

pub(super) async fn page(staff: Staff<may::PaymentWrite>, Asked(asked): Asked) -> Answer<Markup> {
    let payer = payer(&staff, &asked).await?;
    let due = payer.invoice.as_ref().map(Invoice::amount_due).transpose()?;
    let answers = asked
        .or("amount", due.map(|due| due.decimal()).unwrap_or_default())
        .or("currency", payer.currency.code())
        .or("received", staff.zone.date_of(staff.now).to_string())
        .or("method", Method::Transfer.word());
    Ok(draw(&staff, &payer, &answers))
}

pub(super) async fn post(staff: Staff<may::PaymentWrite>, Posted(answers): Posted) -> Answer {
    let payer = payer(&staff, &answers).await?;
    let recorded = match read(&answers, &payer) {
        Ok(new) => staff.write(move |tx| payment::record(tx, new.clone())).await,
        Err(error) => Err(error),
    };
    match recorded {
        Ok(recorded) => {
            let path = match &payer.invoice {
                Some(invoice) => format!("/invoices/{}", invoice.id),
                None => format!("/payments/{}", recorded.payment.id),
            };
            Ok(parts::done(&staff.at(&path), "payment_recorded"))
        }
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(&staff, &payer, &answers)).into_response())
        }
    }
}

/// The payment a form describes, or everything that is wrong with it.
fn read(answers: &Answers, payer: &Payer) -> Result<NewPayment> {
    let mut mistakes = Mistakes::default();
    let currency = match &payer.invoice {
        Some(_) => Some(payer.currency),
        None => mistakes.at("/currency", Currency::parse(answers.get("currency"))),
    };
    let amount =
        currency.and_then(|currency| mistakes.at("/amount", Money::parse(answers.get("amount"), currency)));
    let received = mistakes.at("/received", time::date(answers.get("received")));
    let how = Method::parse(answers.get("method"))
        .ok_or_else(|| Error::invalid("method_missing", "Say how the money came."));
    let method = mistakes.at("/method", how);
    let (Some(amount), Some(received), Some(method)) = (amount, received, method) else {
        return Err(mistakes.into_error());
    };
    Ok(NewPayment {
        customer: payer.customer,
        entity: payer.invoice.as_ref().map(|invoice| invoice.entity),
        amount,
        method,
        received: Some(Received::On(received)),
        reference: answers.some("reference").map(str::to_owned),
        invoices: payer.invoice.iter().map(|invoice| invoice.id).collect(),
    })
}

fn draw(desk: &Desk, payer: &Payer, answers: &Answers) -> Markup {
    let customer = desk.at(&format!("/customers/{}", payer.customer));
    let number = payer.invoice.as_ref().map(|one| one.number.clone().unwrap_or_else(|| "Draft".to_owned()));
    let of = payer.invoice.as_ref().map(|invoice| desk.at(&format!("/invoices/{}", invoice.id)));
    let (invoices, customers) = (desk.at("/invoices"), desk.at("/customers"));
    let crumbs = match (&number, &of) {
        (Some(number), Some(href)) => {
            [ui::Crumb { label: "Invoices", href: &invoices }, ui::Crumb { label: number, href }]
        }
        _ => [
            ui::Crumb { label: "Customers", href: &customers },
            ui::Crumb { label: &payer.name, href: &customer },
        ],
    };
    let (section, about) = match &number {
        Some(number) => (
            ui::Section::Invoices,
            format!("Of {} for invoice {number}. What is too much becomes their credit.", payer.name),
        ),
        None => (
            ui::Section::Customers,
            format!(
                "Of {}. It pays their open invoices, the oldest first; what is too much becomes their credit.",
                payer.name
            ),
        ),
    };
    let body = html! {
        (ui::header("Record a payment", &about, html! {}))
        (answers.summary(&FIELDS))
        (ui::form(&desk.at("/payments"), desk.csrf(), fields(payer, answers), "Record the payment"))
    };
    desk.page(Sheet::new(section, "Record a payment").below(&crumbs), body)
}

fn fields(payer: &Payer, answers: &Answers) -> Markup {
    let methods = Method::ALL.map(|one| ui::Choice { value: one.word(), label: method(one) });
    let currencies: Vec<ui::Choice<'_>> =
        Currency::all().map(|one| ui::Choice { value: one.code(), label: one.code() }).collect();
    let question = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    let amount = question("Amount", "amount", ui::Input::Number).required();
    html! {
        @match &payer.invoice {
            Some(invoice) => {
                (ui::hidden_field("invoice", &invoice.id.to_string()))
                (ui::field(&amount.unit(payer.currency.code())))
            }
            None => {
                (ui::hidden_field("customer", &payer.customer.to_string()))
                (ui::field(&amount))
                (ui::field(&question("Currency", "currency", ui::Input::Select(&currencies)).required()))
            }
        }
        (ui::field(&question("Received", "received", ui::Input::Date).required().hint("The day the money came, not later than today.")))
        (ui::field(&question("By", "method", ui::Input::Select(&methods)).required()))
        (ui::field(&question("Reference", "reference", ui::Input::Text)
            .hint("What the bank statement or the cheque says. The same one is refused, so that money is not taken twice.")))
    }
}
