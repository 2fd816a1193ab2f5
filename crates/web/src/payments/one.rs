//! A payment: what it paid, and undoing it.

use std::collections::HashMap;

use axum::response::IntoResponse;
use billing::{
    invoice::Invoice,
    payment::{self, Payment, Settlement},
};
use identity::permission::may;
use kernel::{
    Error, Result, ids,
    ids::{InvoiceId, PaymentId},
};
use maud::{Markup, html};
use store::{Fact, View, facts};

use super::{cause, method, state};
use crate::{
    customers, facts as history,
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Sheet, Staff},
    ledger::InLedger,
    parts::{self, FEW},
    show, ui,
};

/// Everything on the page of a payment.
struct Whole {
    payment: Payment,
    settlements: Vec<Settlement>,
    invoices: HashMap<InvoiceId, Invoice>,
    /// The customer's name today.
    name: String,
    posted: InLedger,
    facts: Vec<Fact>,
}

fn load(view: &mut View<'_>, id: PaymentId) -> Result<Whole> {
    let payment = payment::find(view, id)?;
    let settlements = payment::settlements(view, id)?;
    Ok(Whole {
        invoices: super::invoices(view, &settlements)?,
        name: customers::names(view, [payment.customer])?.remove(&payment.customer).unwrap_or_default(),
        posted: InLedger::read(view, id.any())?,
        facts: facts::of_subject(view, id.uuid(), i64::MAX, FEW)?,
        settlements,
        payment,
    })
}

pub(super) async fn page(
    staff: Staff<may::PaymentRead>,
    Named(id): Named<ids::Payment>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let whole = staff.read(move |view| load(view, id)).await?;
    let payment = &whole.payment;
    let title = format!("Payment of {}", payment.amount);
    let crumbs = [ui::Crumb { label: "Payments", href: &staff.at("/payments") }];
    let about = format!("{} from {} on {}", method(payment.method), whole.name, show::date(payment.day));
    let body = html! {
        (ui::header(&title, &about, actions(&staff, payment)))
        (parts::was_done(&asked))
        (ui::split(settlements(&staff, &whole), details(&staff, &whole)))
        (ui::anchored("ledger", ui::section("In the ledger", html! {}, whole.posted.draw(&staff))))
        (ui::section("What happened", html! {}, history::timeline_here(&staff, &whole.facts, "Nothing has happened yet.")))
    };
    Ok(staff.page(Sheet::new(ui::Section::Payments, &title).below(&crumbs), body))
}

fn actions(desk: &Desk, payment: &Payment) -> Markup {
    html! {
        @if payment.reversed.is_none() && desk.may::<may::PaymentWrite>() {
            (ui::button_link(ui::Button::Plain, "Reverse", &desk.at(&format!("/payments/{}/reverse", payment.id))))
        }
    }
}

fn settlements(desk: &Desk, whole: &Whole) -> Markup {
    let rows = whole.settlements.iter().map(|one| {
        let invoice = whole.invoices.get(&one.invoice);
        let cells = vec![
            html! { (invoice.and_then(|invoice| invoice.number.as_deref()).unwrap_or_default()) },
            html! { (cause(one.cause)) },
            desk.time(one.at),
            show::money(one.amount),
        ];
        ui::Row::link(desk.at(&format!("/invoices/{}", one.invoice)), cells)
    });
    let empty = ui::empty(
        "It paid no invoice",
        "All of it is the customer’s credit, which pays the invoices that follow.",
        html! {},
    );
    ui::table(ui::Table {
        caption: "What it did to invoices",
        columns: &[
            ui::Column::text("Invoice"),
            ui::Column::text("What it did"),
            ui::Column::text("When"),
            ui::Column::number("Amount").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty,
    })
}

fn details(desk: &Desk, whole: &Whole) -> Markup {
    let payment = &whole.payment;
    let customer = desk.at(&format!("/customers/{}", payment.customer));
    let entity = desk.entities.iter().find(|entity| entity.id == payment.entity);
    let mut all = vec![
        ("State", ui::state(state(payment))),
        ("Customer", html! { a href=(customer) { (whole.name) } }),
        ("To", html! { (entity.map_or("", |entity| entity.name.as_str())) }),
        ("Amount", html! { a href="#ledger" { (show::money(payment.amount)) } }),
        ("Left as credit", html! { a href="#ledger" { (show::money(payment.credit)) } }),
        ("By", html! { (method(payment.method)) }),
        ("Reference", ui::optional(payment.reference.as_deref())),
        ("Received", html! { (show::date(payment.day)) }),
    ];
    all.extend(payment.reversed.map(|at| ("Reversed", desk.time(at))));
    all.push(("Id", ui::copyable(&payment.id.to_string())));
    ui::definition_list(&all)
}

pub(super) async fn reverse_page(
    staff: Staff<may::PaymentWrite>,
    Named(id): Named<ids::Payment>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&staff, id, asked).await
}

pub(super) async fn reverse(
    staff: Staff<may::PaymentWrite>,
    Named(id): Named<ids::Payment>,
    Posted(answers): Posted,
) -> Answer {
    match staff.write(move |tx| payment::reverse(tx, id)).await {
        Ok(_) => Ok(parts::done(&staff.at(&format!("/payments/{id}")), "payment_reversed")),
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(&staff, id, answers).await?).into_response())
        }
    }
}

/// What reversing would do, found by doing it and taking it back.
struct Rehearsed {
    whole: Whole,
    /// The invoices due again, with what is due on them then.
    due: Result<Vec<Invoice>>,
}

async fn rehearse(desk: &Desk, id: PaymentId) -> Result<Rehearsed> {
    let whole = desk.read(move |view| load(view, id)).await?;
    let before = whole.settlements.len();
    let due = desk.rehearse(move |tx| {
        payment::reverse(tx, id)?;
        let after = payment::settlements(tx, id)?;
        let invoices = super::invoices(tx, &after[before.min(after.len())..])?;
        let mut invoices: Vec<Invoice> = invoices.into_values().collect();
        invoices.sort_unstable_by_key(|invoice| invoice.id);
        Ok(invoices)
    });
    let due = match due.await {
        Err(error) if error.kind != kernel::Kind::Conflict => return Err(error),
        due => due,
    };
    Ok(Rehearsed { whole, due })
}

async fn draw(desk: &Desk, id: PaymentId, answers: Answers) -> Answer<Markup> {
    let Rehearsed { whole, due } = rehearse(desk, id).await?;
    let path = desk.at(&format!("/payments/{id}"));
    let title = format!("Payment of {}", whole.payment.amount);
    let crumbs = [
        ui::Crumb { label: "Payments", href: &desk.at("/payments") },
        ui::Crumb { label: &title, href: &path },
    ];
    let about =
        format!("{} from {}, for a cheque that bounced or a payment that was mistyped", title, whole.name);
    let body = html! {
        (ui::header("Reverse the payment", &about, html! {}))
        (answers.summary(&[]))
        @match &due {
            Err(error) => (impossible(error)),
            Ok(due) => {
                (consequences(desk, due))
                (ui::form_as(ui::Button::Danger, &format!("{path}/reverse"), desk.csrf(), html! {}, "Reverse the payment"))
            }
        }
        p class="decide" { (ui::button_link(ui::Button::Plain, "Back to the payment", &path)) }
    };
    Ok(desk.page(Sheet::new(ui::Section::Payments, "Reverse the payment").below(&crumbs), body))
}

fn impossible(error: &Error) -> Markup {
    ui::notice(ui::Kind::Warning, "This is not possible", html! { (error.detail) })
}

/// What will happen, in sentences with figures.
fn consequences(desk: &Desk, due: &[Invoice]) -> Markup {
    ui::notice(
        ui::Kind::Warning,
        "The money counts as never received",
        html! {
            @for invoice in due {
                p {
                    "Of invoice " (invoice.number.as_deref().unwrap_or_default()) ", "
                    a href=(desk.at(&format!("/invoices/{}", invoice.id))) {
                        (invoice.amount_due().map_or_else(|_| ui::optional(None), show::money))
                    }
                    " is due then."
                }
            }
            p { "What of it is the customer’s credit is taken back. It cannot be undone; a payment that came after all is recorded again." }
        },
    )
}
