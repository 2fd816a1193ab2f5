use billing::{
    credit_note::{self, Cause, Credit, CreditNote},
    invoice::{self, Invoice},
};
use identity::{LegalEntity, environment, permission::may};
use kernel::{
    Result,
    ids::{self, SubscriptionId},
};
use maud::{Markup, html};
use store::{Fact, View, facts};
use tax::Tax;

use super::sheet::{Document, document};
use crate::{
    customers, facts as history,
    gate::{Answer, Desk, Named, Sheet, Staff},
    invoices,
    ledger::InLedger,
    parts::{self, FEW},
    show, ui,
};

/// Everything on the page of a credit note.
struct Whole {
    note: CreditNote,
    credits: Vec<Credit>,
    taxes: Vec<Tax>,
    /// What it corrects.
    invoice: Invoice,
    /// What the credited lines billed.
    subscriptions: Vec<SubscriptionId>,
    entity: LegalEntity,
    /// The customer's name today.
    name: String,
    posted: InLedger,
    facts: Vec<Fact>,
}

fn load(view: &mut View<'_>, id: ids::CreditNoteId) -> Result<Whole> {
    let note = credit_note::find(view, id)?;
    let credits: Vec<Credit> = credit_note::lines(view, id)?.into_iter().map(|line| line.credit).collect();
    let billed = invoice::lines(view, note.invoice)?.into_iter();
    let credited = billed.filter(|line| credits.iter().any(|credit| credit.invoice_line == line.ordinal));
    let mut subscriptions: Vec<SubscriptionId> = credited.map(|line| line.subscription).collect();
    subscriptions.dedup();
    Ok(Whole {
        subscriptions,
        credits,
        taxes: credit_note::taxes(view, id)?,
        invoice: invoice::find(view, note.invoice)?,
        entity: environment::entity(view, Some(note.entity))?,
        name: customers::names(view, [note.customer])?.remove(&note.customer).unwrap_or_default(),
        posted: InLedger::read(view, id.any())?,
        facts: facts::of_subject(view, id.uuid(), i64::MAX, FEW)?,
        note,
    })
}

pub(super) async fn page(
    staff: Staff<may::InvoiceRead>,
    Named(id): Named<ids::CreditNote>,
) -> Answer<Markup> {
    let whole = staff.read(move |view| load(view, id)).await?;
    let Whole { note, invoice, .. } = &whole;
    let corrects = invoice.number.as_deref().unwrap_or_default();
    let invoice_path = staff.at(&format!("/invoices/{}", invoice.id));
    let crumbs = [
        ui::Crumb { label: "Invoices", href: &staff.at("/invoices") },
        ui::Crumb { label: corrects, href: &invoice_path },
    ];
    let about = format!("{} to the credit of {}", note.totals.total, whole.name);
    let reason = format!(
        "This credit note corrects invoice {corrects}{}: {}.",
        invoice.issued.map(|date| format!(" of {}", show::date(date))).unwrap_or_default(),
        because(note.cause),
    );
    let sheet = document(&Document {
        note,
        credits: &whole.credits,
        corrects,
        seller: &note.seller.clone().unwrap_or_else(|| whole.entity.party()),
        taxes: &whole.taxes,
        notes: &[
            &reason,
            "The amount is the customer’s credit. It pays the invoices that follow, the next one first.",
        ],
        leads: true,
    });
    let body = html! {
        (ui::header(&note.number, &about, ui::button_link(ui::Button::Plain, "Corrected invoice", &invoice_path)))
        (ui::split(sheet, details(&staff, &whole, corrects, &invoice_path)))
        @if !whole.taxes.is_empty() { (ui::anchored("tax", ui::section("Tax", html! {}, invoices::taxes(&whole.taxes)))) }
        (ui::anchored("ledger", ui::section("In the ledger", html! {}, whole.posted.draw(&staff))))
        (ui::section("What happened", html! {}, history::timeline_here(&staff, &whole.facts, "Nothing has happened yet.")))
    };
    Ok(staff.page(Sheet::new(ui::Section::Invoices, &note.number).below(&crumbs), body))
}

/// Why something was credited, as part of a sentence.
pub(crate) const fn because(cause: Cause) -> &'static str {
    match cause {
        Cause::Change => "the subscription was changed before all of it was used",
        Cause::Cancellation => "the subscription was canceled before all of it was used",
        Cause::Pause => "the subscription was paused before all of it was used",
        Cause::Usage => "less was used than was billed",
    }
}

fn details(desk: &Desk, whole: &Whole, corrects: &str, invoice: &str) -> Markup {
    let note = &whole.note;
    let customer = desk.at(&format!("/customers/{}", note.customer));
    let credited = html! { @for id in &whole.subscriptions { p { (parts::id_link(desk, id.any())) } } };
    ui::definition_list(&[
        ("Customer", html! { a href=(customer) { (whole.name) } }),
        ("Corrects", html! { a href=(invoice) { (corrects) } }),
        ("Because of", html! { (show::sentence(note.cause.word())) }),
        ("Subscription", credited),
        ("Issued", html! { (show::date(note.issued)) }),
        ("Effective", desk.time(note.effective)),
        ("Id", ui::copyable(&note.id.to_string())),
    ])
}
