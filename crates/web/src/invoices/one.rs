use std::collections::BTreeSet;

use axum::response::IntoResponse;
use billing::{
    invoice,
    invoice::{Invoice, Line, State, Transition},
    payment::{self, Payment, Settlement},
};
use identity::{LegalEntity, customer, customer::Party, environment, permission::may};
use kernel::{Error, Money, Result, ids};
use maud::{Markup, html};
use store::{Fact, View, facts};
use tax::Tax;

use super::{Document, Shown, document};
use crate::{
    credit_notes, customers, facts as history,
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Sheet, Staff},
    ledger::InLedger,
    parts::{self, FEW},
    payments, show, subscriptions, ui,
};

/// Everything on the page of an invoice.
struct Whole {
    invoice: Invoice,
    lines: Vec<Line>,
    /// The subscriptions it bills, with their names where there are few.
    billed: Vec<(ids::SubscriptionId, Option<String>)>,
    taxes: Vec<Tax>,
    /// As printed; for a draft, as it would be printed now.
    party: Party,
    entity: LegalEntity,
    /// The customer's name today.
    name: String,
    /// What corrects it, with the number of the invoice.
    corrections: Vec<credit_notes::Listed>,
    payments: Vec<(Payment, Settlement)>,
    posted: InLedger,
    facts: Vec<Fact>,
}

fn load(view: &mut View<'_>, id: ids::InvoiceId) -> Result<Whole> {
    let invoice = invoice::find(view, id)?;
    let now = customer::parties(view, vec![invoice.customer])?.pop().map(|(_, party)| party);
    let party = invoice.party.clone().or(now);
    let lines = invoice::lines(view, id)?;
    let billed: BTreeSet<_> = lines.iter().map(|line| line.subscription).collect();
    let few = billed.len() <= FEW as usize;
    let mut name = |id| few.then(|| subscriptions::Head::read(view, id)).transpose();
    let named = billed.into_iter().map(|id| Ok((id, name(id)?.map(|head| head.title()))));
    Ok(Whole {
        billed: named.collect::<Result<_>>()?,
        lines,
        taxes: invoice::taxes(view, id)?,
        party: party.ok_or_else(|| Error::internal("an invoice has no customer"))?,
        entity: environment::entity(view, Some(invoice.entity))?,
        name: customers::names(view, [invoice.customer])?.remove(&invoice.customer).unwrap_or_default(),
        corrections: credit_notes::of_invoices(view, std::slice::from_ref(&invoice))?,
        payments: payment::of_invoice(view, id)?,
        posted: InLedger::read(view, id.any())?,
        facts: facts::of_subject(view, id.uuid(), i64::MAX, FEW)?,
        invoice,
    })
}

pub(super) async fn page(
    staff: Staff<may::InvoiceRead>,
    Named(id): Named<ids::Invoice>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&staff, id, asked).await
}

pub(super) async fn finalize(
    staff: Staff<may::InvoiceWrite>,
    Named(id): Named<ids::Invoice>,
    Posted(answers): Posted,
) -> Answer {
    match staff.write(move |tx| invoice::finalize(tx, id)).await {
        Ok(_) => Ok(parts::done(&staff.at(&format!("/invoices/{id}")), "finalized")),
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(&staff, id, answers).await?).into_response())
        }
    }
}

async fn draw(desk: &Desk, id: ids::InvoiceId, answers: Answers) -> Answer<Markup> {
    let whole = desk.read(move |view| load(view, id)).await?;
    let title = whole.invoice.number.clone().unwrap_or_else(|| "Draft invoice".to_owned());
    let crumbs = [ui::Crumb { label: "Invoices", href: &desk.at("/invoices") }];
    let (total, due) = (whole.invoice.totals.total, whole.invoice.amount_due()?);
    let about = match whole.invoice.state {
        State::Void => format!("{total} for {}, void", whole.name),
        State::Uncollectible => format!("{total} for {}, given up", whole.name),
        _ if total == due => format!("{total} for {}", whole.name),
        _ => format!("{total} for {}, of which {due} is due", whole.name),
    };
    let (shown, path) = (Shown::of(&answers, whole.lines.len()), desk.at(&format!("/invoices/{id}")));
    let body = html! {
        (ui::header(&title, &about, actions(desk, &whole.invoice)))
        (parts::was_done(&answers))
        (answers.summary(&[]))
        (ui::split(html! { (sheet(&whole, shown)) (shown.ways(&path)) }, details(desk, &whole)))
        @if !whole.taxes.is_empty() { (ui::anchored("tax", ui::section("Tax", html! {}, super::taxes(&whole.taxes)))) }
        @if !whole.corrections.is_empty() {
            (ui::section("Corrected by", html! {}, credit_notes::table(desk, &whole.corrections)))
        }
        @if !whole.payments.is_empty() {
            (ui::anchored("payments", ui::section("Payments", html! {}, payments::of_invoice(desk, &whole.payments))))
        }
        (ui::anchored("ledger", ui::section("In the ledger", html! {}, postings(desk, &whole))))
        (ui::section("What happened", html! {}, history::timeline_here(desk, &whole.facts, "Nothing has happened yet.")))
    };
    Ok(desk.page(Sheet::new(ui::Section::Invoices, &title).below(&crumbs), body))
}

/// How an invoice can end, with the address and what is on the button.
const ENDS: [(Transition, &str, &str); 2] =
    [(Transition::GiveUp, "uncollectible", "Mark uncollectible"), (Transition::Void, "void", "Void")];

fn actions(desk: &Desk, invoice: &Invoice) -> Markup {
    let path = desk.at(&format!("/invoices/{}/finalize", invoice.id));
    html! {
        @if invoice.state == State::Draft && desk.may::<may::InvoiceWrite>() {
            (ui::post_button(ui::Button::Primary, "Finalize", &path, desk.csrf()))
        }
        @if desk.may::<may::InvoiceWrite>() {
            @for (transition, word, label) in ENDS {
                @if transition.from(invoice.state).is_some() {
                    (ui::button_link(ui::Button::Plain, label, &desk.at(&format!("/invoices/{}/{word}", invoice.id))))
                }
            }
        }
        @if invoice.state == State::Finalized && desk.may::<may::PaymentWrite>() {
            (ui::button_link(ui::Button::Primary, "Record a payment", &desk.at(&format!("/payments/new?invoice={}", invoice.id))))
        }
    }
}

fn sheet(whole: &Whole, shown: Shown) -> Markup {
    let Whole { invoice, lines, party, entity, .. } = whole;
    let mut particulars = Vec::new();
    if let Some(date) = invoice.issued {
        particulars.push(("Issued", show::date(date)));
    }
    particulars.push(("Fell due", show::date(entity.zone.date_of(invoice.due))));
    particulars.push(("Currency", invoice.totals.total.currency().to_string()));
    let note = match invoice.state {
        State::Draft if invoice.carried.is_some() => {
            "It is over so little that it waits: what it bills comes onto the next invoice."
        }
        State::Draft => "A draft: it has no number, is not in the ledger, and may still change.",
        State::Void => "Void: nothing is owed for it.",
        _ => "",
    };
    let seller = invoice.seller.clone().unwrap_or_else(|| entity.party());
    let notes: Vec<&str> = Some(note).filter(|note| !note.is_empty()).into_iter().collect();
    document(&Document {
        title: "Invoice",
        number: invoice.number.as_deref(),
        state: invoice.state.word(),
        seller: &seller,
        buyer: party,
        particulars: &particulars,
        lines: shown.part(lines),
        explained: shown.explained(),
        totals: &invoice.totals,
        taxes: &whole.taxes,
        credit: invoice.credit,
        paid: invoice.paid,
        notes: &notes,
        leads: true,
    })
}

/// An amount that leads to the part of the page that says why.
fn leads(to: &str, amount: Money) -> Markup {
    html! { a href=(to) { (show::money(amount)) } }
}

fn details(desk: &Desk, whole: &Whole) -> Markup {
    let invoice = &whole.invoice;
    let theirs = desk.at(&format!("/subscriptions?customer={}", invoice.customer));
    let billed = html! {
        @if whole.billed.len() > FEW as usize {
            a href=(theirs) { (show::count(whole.billed.len() as i128, "subscription")) }
        }
        @for (id, title) in &whole.billed {
            @if let Some(title) = title { p { a href=(desk.at(&format!("/subscriptions/{id}"))) { (title) } } }
        }
    };
    let customer = desk.at(&format!("/customers/{}", invoice.customer));
    let mut state = vec![("State", ui::state(invoice.state.word()))];
    if let Some(end) = &invoice.end {
        state.push(("Because of", html! { (show::sentence(&end.reason)) }));
        state.push(("Since", desk.time(end.at)));
    }
    let others = [
        ("Customer", html! { a href=(customer) { (whole.name) } }),
        ("Bills", billed),
        ("Paid by credit", leads("#ledger", invoice.credit)),
        ("Paid", leads(if whole.payments.is_empty() { "#ledger" } else { "#payments" }, invoice.paid)),
        ("Amount due", invoice.amount_due().map_or_else(|_| ui::optional(None), |due| leads("#ledger", due))),
        ("Fell due", desk.time(invoice.due)),
        ("Id", ui::copyable(&invoice.id.to_string())),
    ];
    ui::definition_list(&state.into_iter().chain(others).collect::<Vec<_>>())
}

fn postings(desk: &Desk, whole: &Whole) -> Markup {
    if whole.posted.is_empty() {
        let why = "A draft is not posted. Finalizing it makes the customer owe its total.";
        return ui::empty("Not in the ledger", why, html! {});
    }
    whole.posted.draw(desk)
}
