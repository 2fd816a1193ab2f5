use std::collections::BTreeMap;

use ::ledger::{self, AccountKind};
use billing::{invoice, invoice::Invoice, subscription};
use identity::{Customer, customer, customer::Person, permission::may};
use kernel::{Currency, Result, ids};
use maud::{Markup, html};
use store::{Fact, View, facts};

use crate::{
    country, credit_notes, facts as history,
    gate::{Answer, Asked, Desk, Named, Sheet, Staff},
    invoices,
    parts::{self, FEW},
    show, subscriptions, ui,
};

/// Everything on the page of a customer.
struct Whole {
    customer: Customer,
    person: Person,
    subscriptions: Vec<subscriptions::Listed>,
    invoices: Vec<Invoice>,
    /// What corrects these invoices.
    corrections: Vec<credit_notes::Listed>,
    /// What the customer owes and what is to their credit, by currency, in minor units.
    standing: BTreeMap<Currency, [i128; 2]>,
    facts: Vec<Fact>,
}

fn load(view: &mut View<'_>, id: ids::CustomerId) -> Result<Whole> {
    let customer = customer::find(view, id)?;
    let subscriptions = subscription::of_customer(view, id)?;
    let invoices = invoice::of_customer(view, id, None, FEW)?;
    Ok(Whole {
        person: customer::person(view, customer.person)?,
        customer,
        subscriptions: subscriptions::listed(view, subscriptions)?,
        corrections: credit_notes::of_invoices(view, &invoices)?,
        invoices,
        standing: standing(view, id)?,
        facts: facts::of_customer(view, id, i64::MAX, FEW)?,
    })
}

fn standing(view: &mut View<'_>, id: ids::CustomerId) -> Result<BTreeMap<Currency, [i128; 2]>> {
    let mut standing: BTreeMap<Currency, [i128; 2]> = BTreeMap::new();
    // A receivable is a debit balance, a credit is what we owe.
    for (place, kind, sign) in [(0, AccountKind::Receivable, 1), (1, AccountKind::CustomerCredit, -1)] {
        for (_, currency, balance) in ledger::held_by(view, kind, vec![id.to_string()])? {
            standing.entry(currency).or_default()[place] += sign * i128::from(balance);
        }
    }
    Ok(standing)
}

pub(super) async fn page(
    staff: Staff<may::CustomerRead>,
    Named(id): Named<ids::Customer>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let whole = staff.read(move |view| load(view, id)).await?;
    let name = whole.person.shown();
    let crumbs = [ui::Crumb { label: "Customers", href: &staff.at("/customers") }];
    let body = html! {
        (ui::header(name, whole.person.email.as_deref().unwrap_or_default(), actions(&staff, &whole)))
        (parts::was_done(&asked))
        @if let Some(at) = whole.person.erased {
            (ui::notice(ui::Kind::Info, "Personal data erased", html! { "Name, addresses and tax id were erased on " (staff.time(at)) "." }))
        }
        (ui::split_above(main(&staff, &whole), details(&staff, &whole), happened(&staff, &whole)))
    };
    Ok(staff.page(Sheet::new(ui::Section::Customers, name).below(&crumbs), body))
}

fn actions(desk: &Desk, whole: &Whole) -> Markup {
    let id = whole.customer.id;
    html! {
        @if desk.may::<may::CustomerWrite>() && whole.person.erased.is_none() {
            (ui::button_link(ui::Button::Plain, "Change", &desk.at(&format!("/customers/{id}/edit"))))
            (ui::button_link(ui::Button::Plain, "Erase personal data", &desk.at(&format!("/customers/{id}/erase"))))
        }
        @if desk.may::<may::SubscriptionWrite>() { (start(desk, id)) }
    }
}

fn start(desk: &Desk, id: ids::CustomerId) -> Markup {
    let path = desk.at(&format!("/subscriptions/new?customer={id}"));
    ui::button_link(ui::Button::Primary, "Start a subscription", &path)
}

fn happened(desk: &Desk, whole: &Whole) -> Markup {
    let timeline = history::timeline(desk, &whole.facts, "Nothing has happened yet.");
    ui::section("What happened", html! {}, timeline)
}

fn main(desk: &Desk, whole: &Whole) -> Markup {
    let none = ui::empty(
        "No subscriptions yet",
        "A subscription joins this customer to a plan of the price book.",
        html! {},
    );
    html! {
        (figures(whole))
        (ui::section("Subscriptions", html! {}, subscriptions::table(desk, &whole.subscriptions, false, none)))
        (ui::section("Invoices", html! {}, invoices::table(desk, &whole.invoices, None)))
        @if !whole.corrections.is_empty() {
            (ui::section("Credit notes", html! {}, credit_notes::table(desk, &whole.corrections)))
        }
    }
}

/// What the customer owes and has to their credit, once anything was billed.
fn figures(whole: &Whole) -> Markup {
    let tiles: Vec<_> =
        whole.standing.iter().map(|(currency, sums)| sums.map(|sum| show::minor(sum, *currency))).collect();
    let stats: Vec<ui::Stat> = tiles
        .iter()
        .flat_map(|[owed, credit]| {
            [
                ui::Stat { label: "Owes", value: owed, note: "on finalized invoices" },
                ui::Stat { label: "Credit balance", value: credit, note: "pays the invoices that follow" },
            ]
        })
        .collect();
    html! { @if !stats.is_empty() { (ui::stats(&stats)) } }
}

fn details(desk: &Desk, whole: &Whole) -> Markup {
    let Whole { customer, person, .. } = whole;
    let notes = customer.metadata.as_object().filter(|notes| !notes.is_empty());
    html! {
        (ui::definition_list(&[
            ("Address", ui::optional(person.address.as_deref())),
            ("Country", html! { (country::name(&customer.country)) @if let Some(region) = &customer.region { ", " (region) } }),
            ("Tax id", ui::optional(person.tax_id.as_deref())),
            ("Tax", html! { (if customer.tax_exempt { "Exempt" } else { "By country and region" }) }),
            ("Currency", html! { (customer.currency) }),
            ("Time zone", html! { (customer.zone) }),
            ("Since", desk.time(customer.created)),
            ("Your id", customer.external_id.as_deref().map_or_else(|| ui::optional(None), ui::copyable)),
            ("Id", ui::copyable(&customer.id.to_string())),
        ]))
        @if let Some(notes) = notes {
            (ui::section("Notes", html! {}, html! {
                dl class="pairs" {
                    @for (name, value) in notes { div { dt { (show::sentence(name)) } dd { (value.as_str().unwrap_or_default()) } } }
                }
            }))
        }
    }
}
