//! Taking an invoice back, and giving it up.

use axum::response::{IntoResponse, Response};
use billing::{
    credit_note,
    invoice::{self, Invoice, Transition},
};
use identity::permission::may;
use kernel::{Error, Money, Result, ids, ids::InvoiceId};
use maud::{Markup, html};
use store::{Reason, Tx};

use crate::{
    customers,
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Sheet, Staff},
    parts, show, ui,
};

/// One of the two ends.
struct Deed {
    transition: Transition,
    title: &'static str,
    button: &'static str,
    /// The last part of its address.
    path: &'static str,
    /// What the page after says.
    done: &'static str,
    reasons: &'static [ui::Choice<'static>],
    work: fn(&mut Tx<'_>, InvoiceId, &Reason) -> Result<Invoice>,
}

const fn reason(value: &'static str, label: &'static str) -> ui::Choice<'static> {
    ui::Choice { value, label }
}

const VOID: Deed = Deed {
    transition: Transition::Void,
    title: "Void the invoice",
    button: "Void for good",
    path: "void",
    done: "voided",
    reasons: &[
        reason("mistake", "It was a mistake"),
        reason("duplicate", "It was billed twice"),
        reason("agreed", "It was agreed with the customer"),
        reason("fraud", "It was fraud"),
        reason("other", "Something else"),
    ],
    work: invoice::void,
};

const GIVE_UP: Deed = Deed {
    transition: Transition::GiveUp,
    title: "Mark the invoice uncollectible",
    button: "Mark uncollectible",
    path: "uncollectible",
    done: "given_up",
    reasons: &[
        reason("insolvent", "The customer is insolvent"),
        reason("unreachable", "The customer cannot be reached"),
        reason("disputed", "The customer disputes it"),
        reason("too_small", "Collecting it costs more than it brings"),
        reason("other", "Something else"),
    ],
    work: invoice::give_up,
};

pub(super) async fn void_page(
    staff: Staff<may::InvoiceWrite>,
    Named(id): Named<ids::Invoice>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&staff, &VOID, id, asked).await
}

pub(super) async fn void(
    staff: Staff<may::InvoiceWrite>,
    Named(id): Named<ids::Invoice>,
    Posted(answers): Posted,
) -> Answer {
    carry_out(&staff, &VOID, id, answers).await
}

pub(super) async fn give_up_page(
    staff: Staff<may::InvoiceWrite>,
    Named(id): Named<ids::Invoice>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&staff, &GIVE_UP, id, asked).await
}

pub(super) async fn give_up(
    staff: Staff<may::InvoiceWrite>,
    Named(id): Named<ids::Invoice>,
    Posted(answers): Posted,
) -> Answer {
    carry_out(&staff, &GIVE_UP, id, answers).await
}

async fn carry_out(desk: &Desk, deed: &'static Deed, id: InvoiceId, answers: Answers) -> Answer<Response> {
    let chosen = answers.some("reason").ok_or_else(|| {
        Error::invalid("reason_malformed", "Say why, for whoever looks into it later.").at("/reason")
    });
    let done = match chosen.and_then(Reason::parse) {
        Ok(reason) => desk.write(move |tx| (deed.work)(tx, id, &reason)).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => Ok(parts::done(&desk.at(&format!("/invoices/{id}")), deed.done)),
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(desk, deed, id, answers).await?).into_response())
        }
    }
}

/// What the page of an end shows.
struct Seen {
    invoice: Invoice,
    /// The customer's name.
    name: String,
    /// Why it cannot end so.
    refused: Option<Error>,
}

async fn look(desk: &Desk, deed: &'static Deed, id: InvoiceId) -> Result<Seen> {
    desk.read(move |view| {
        let invoice = invoice::find(view, id)?;
        let names = customers::names(view, [invoice.customer])?;
        let mut refused = deed.transition.require(invoice.state).err();
        if deed.transition == Transition::Void && refused.is_none() {
            let note = credit_note::of_invoice(view, id)?.into_iter().next();
            refused = note.map(|note| invoice::credited(&invoice, &note.number));
        }
        Ok(Seen { name: names.get(&invoice.customer).cloned().unwrap_or_default(), refused, invoice })
    })
    .await
}

async fn draw(desk: &Desk, deed: &'static Deed, id: InvoiceId, answers: Answers) -> Answer<Markup> {
    let Seen { invoice, name, refused } = look(desk, deed, id).await?;
    let path = desk.at(&format!("/invoices/{id}"));
    let number = invoice.number.clone().unwrap_or_else(|| "Draft invoice".to_owned());
    let crumbs = [
        ui::Crumb { label: "Invoices", href: &desk.at("/invoices") },
        ui::Crumb { label: &number, href: &path },
    ];
    let about = format!("{number} over {} for {name}", invoice.totals.total);
    let action = format!("{path}/{}", deed.path);
    let body = html! {
        (ui::header(deed.title, &about, html! {}))
        @if let Some(error) = refused {
            (ui::notice(ui::Kind::Warning, "This is not possible", html! { (error.detail) }))
        } @else {
            (answers.summary(&[("reason", "Reason")]))
            (consequences(deed, &invoice, &path)?)
            (ui::form_as(ui::Button::Danger, &action, desk.csrf(), reasons(deed, &answers), deed.button))
        }
        p class="decide" { (ui::button_link(ui::Button::Plain, "Back to the invoice", &path)) }
    };
    Ok(desk.page(Sheet::new(ui::Section::Invoices, deed.title).below(&crumbs), body))
}

fn reasons(deed: &Deed, answers: &Answers) -> Markup {
    let field = ui::Field::new("Reason", "reason", ui::Input::Select(deed.reasons))
        .value(answers.get("reason"))
        .error(answers.error("reason"));
    ui::field(&field.required().hint("It stays with the invoice and in the history."))
}

/// What will happen, in sentences with figures.
fn consequences(deed: &Deed, invoice: &Invoice, path: &str) -> Result<Markup> {
    let due = invoice.amount_due()?;
    Ok(match deed.transition {
        Transition::Void => ui::notice(
            ui::Kind::Warning,
            "This cannot be undone",
            html! {
                p { "Everything it posted is posted back. " (given_back(invoice, path)?) }
                p { "Its number stays taken. What it billed is not billed again by itself, and the subscription goes on." }
            },
        ),
        _ => ui::notice(
            ui::Kind::Warning,
            "What is due becomes bad debt",
            html! {
                p { a href=(path) { (show::money(due)) } " is no longer expected from the customer. What it billed stays billed, and its tax stays owed." }
                p { "It can still be voided." }
            },
        ),
    })
}

fn given_back(invoice: &Invoice, path: &str) -> Result<Markup> {
    let due = invoice.amount_due()?;
    let back = invoice.amount_paid()?;
    let zero = Money::zero(due.currency());
    Ok(html! {
        @if due != zero { "The customer no longer owes " a href=(path) { (show::money(due)) } ". " }
        @if back != zero { a href=(path) { (show::money(back)) } " that was paid is to the customer’s credit again." }
    })
}
