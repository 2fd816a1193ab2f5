use ::ledger::{self, AccountKind};
use billing::{
    credit_note, invoice,
    invoice::Invoice,
    payment::{self, Payment},
    subscription,
};
use entitlements::{Context, Whom, feature::Decision};
use identity::{Customer, customer, customer::Person, permission::may};
use kernel::{Currency, Money, Result, ids, ids::LedgerAccountId};
use maud::{Markup, html};
use store::{Fact, View, facts};

use super::uses;
use crate::{
    advice::{self, Advised},
    country, credit_notes, facts as history,
    gate::{Answer, Asked, Desk, Named, Sheet, Staff},
    invoices,
    parts::{self, FEW},
    payments, show, subscriptions, ui,
};

/// Everything on the page of a customer.
struct Whole {
    customer: Customer,
    person: Person,
    subscriptions: Vec<subscriptions::Listed>,
    /// How many subscriptions there are in all.
    count: i64,
    invoices: Vec<Invoice>,
    credit_notes: Vec<credit_notes::Listed>,
    payments: Vec<Payment>,
    standing: Vec<Standing>,
    facts: Vec<Fact>,
    /// What it may use.
    features: Vec<Decision>,
    /// What is advised to it, for those who may see its subscriptions.
    advised: Option<Advised>,
}

/// What an account of the customer holds.
struct Standing {
    kind: AccountKind,
    currency: Currency,
    /// In the customer's view: what they owe, or what they have. In minor units.
    sum: i64,
    account: Option<LedgerAccountId>,
}

/// Invoices whose totals are drawn.
const DRAWN: i64 = 24;

fn load(view: &mut View<'_>, id: ids::CustomerId, advise: bool) -> Result<Whole> {
    let customer = customer::find(view, id)?;
    let theirs = subscription::Filter { customer: Some(id), ..Default::default() };
    let subscriptions = subscription::search(view, &theirs, None, FEW)?;
    let subscriptions = subscriptions.into_iter().map(|(subscription, _)| subscription).collect();
    let states = subscription::states_of(view, vec![id])?;
    let notes = credit_note::of_customer(view, id, None, FEW)?;
    let sight = entitlements::sight(view, &Whom::Customer(id))?;
    Ok(Whole {
        person: customer::person(view, customer.person)?,
        customer,
        subscriptions: subscriptions::listed(view, subscriptions)?,
        count: states.get(&id).into_iter().flatten().map(|(_, count)| count).sum(),
        credit_notes: credit_notes::listed(view, notes)?,
        invoices: invoice::of_customer(view, id, None, DRAWN)?,
        payments: payment::list(view, Some(id), None, FEW)?,
        standing: standing(view, id)?,
        facts: facts::of_customer(view, id, i64::MAX, FEW)?,
        features: sight.features(&Context::default()),
        advised: advise.then(|| advice::load(view, id, &sight)).transpose()?,
    })
}

fn standing(view: &mut View<'_>, id: ids::CustomerId) -> Result<Vec<Standing>> {
    let mut standing = Vec::new();
    // A receivable is a debit balance, a credit is what we owe.
    for (kind, sign) in [(AccountKind::Receivable, 1), (AccountKind::CustomerCredit, -1)] {
        for (account, currency, balance) in ledger::held_by(view, kind, vec![id.to_string()])? {
            let account = ledger::find_account(view, &account)?;
            standing.push(Standing { kind, currency, sum: sign * balance, account });
        }
    }
    Ok(standing)
}

pub(super) async fn page(
    staff: Staff<may::CustomerRead>,
    Named(id): Named<ids::Customer>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let advise = staff.may::<may::SubscriptionRead>();
    let mut whole = staff.read(move |view| load(view, id, advise)).await?;
    let advice = match whole.advised.take() {
        Some(advised) => advice::panel(&staff, advised).await?,
        None => html! {},
    };
    let name = whole.person.shown();
    let crumbs = [ui::Crumb { label: "Customers", href: &staff.at("/customers") }];
    let body = html! {
        (ui::header(name, whole.person.email.as_deref().unwrap_or_default(), actions(&staff, &whole)))
        (parts::was_done(&asked))
        @if let Some(at) = whole.person.erased {
            (ui::notice(ui::Kind::Info, "Personal data erased", html! { "Name, addresses and tax id were erased on " (staff.time(at)) "." }))
        }
        (ui::split_above(main(&staff, &whole, &advice), details(&staff, &whole), happened(&staff, &whole)))
    };
    Ok(staff.page(Sheet::new(ui::Section::Customers, name).below(&crumbs), body))
}

fn actions(desk: &Desk, whole: &Whole) -> Markup {
    let id = whole.customer.id;
    html! {
        @if whole.person.erased.is_none() {
            (ui::button_link(ui::Button::Plain, "Usage", &desk.at(&format!("/usage/{id}"))))
            (ui::button_link(ui::Button::Plain, "Own page", &desk.at(&format!("/customers/{id}/links"))))
        }
        @if desk.may::<may::CustomerWrite>() && whole.person.erased.is_none() {
            (ui::button_link(ui::Button::Plain, "Change", &desk.at(&format!("/customers/{id}/edit"))))
            (ui::button_link(ui::Button::Plain, "Erase personal data", &desk.at(&format!("/customers/{id}/erase"))))
        }
        @if desk.may::<may::PaymentWrite>() && whole.standing.iter().any(|one| one.sum != 0) {
            (ui::button_link(ui::Button::Plain, "Record a payment", &desk.at(&format!("/payments/new?customer={id}"))))
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
    let all = html! { a href=(desk.at(&format!("/facts?customer={}", whole.customer.id))) { "Everything" } };
    ui::section("What happened", all, timeline)
}

fn main(desk: &Desk, whole: &Whole, advice: &Markup) -> Markup {
    let none = ui::empty(
        "No subscriptions yet",
        "A subscription joins this customer to a plan of the price book.",
        html! {},
    );
    let all = |path: &str| desk.at(&format!("{path}?customer={}", whole.customer.id));
    let more = whole.count > whole.subscriptions.len() as i64;
    let every = html! {
        @if more { a href=(all("/subscriptions")) { "All " (show::count(whole.count, "subscription")) } }
    };
    let few = &whole.invoices[..whole.invoices.len().min(FEW as usize)];
    let invoices = html! {
        @if !few.is_empty() { span { (course(&whole.invoices)) " " a href=(all("/invoices")) { "All invoices" } } }
    };
    html! {
        (figures(desk, whole))
        (ui::section("Subscriptions", every, subscriptions::table(desk, &whole.subscriptions, false, none)))
        (advice)
        (uses::section(desk, whole.customer.id, &whole.features))
        (ui::section("Invoices", invoices, invoices::table(desk, few, None)))
        @if !whole.payments.is_empty() {
            (ui::section("Payments", html! { a href=(all("/payments")) { "All payments" } }, payments::table(desk, &whole.payments, None, html! {})))
        }
        @if !whole.credit_notes.is_empty() {
            (ui::section("Credit notes", html! {}, credit_notes::table(desk, &whole.credit_notes)))
        }
    }
}

/// How the totals of the newest invoices went, in the currency of the last one.
fn course(invoices: &[Invoice]) -> Markup {
    let currency = invoices.first().map(|invoice| invoice.totals.total.currency());
    let alike = invoices.iter().rev().filter(|one| Some(one.totals.total.currency()) == currency);
    let totals: Vec<Money> = alike.map(|invoice| invoice.totals.total).collect();
    let (Some(first), Some(last), true) = (totals.first(), totals.last(), totals.len() > 2) else {
        return html! {};
    };
    let label = format!("Totals of the last {} invoices, from {first} to {last}", totals.len());
    ui::spark(&totals.iter().map(|total| total.minor().into()).collect::<Vec<_>>(), &label)
}

/// What the customer owes and has to their credit, once anything was billed; each leads to its statement.
fn figures(desk: &Desk, whole: &Whole) -> Markup {
    let tiles: Vec<(&str, String, &str, Option<String>)> = whole
        .standing
        .iter()
        .map(|one| {
            let (label, note) = match one.kind {
                AccountKind::Receivable => ("Owes", "on finalized invoices"),
                _ => ("Credit balance", "pays the invoices that follow"),
            };
            let href = one.account.map(|id| desk.at(&format!("/ledger/accounts/{id}")));
            (label, show::minor(one.sum.into(), one.currency), note, href)
        })
        .collect();
    let figures: Vec<(ui::Stat, Option<&str>)> = tiles
        .iter()
        .map(|(label, value, note, href)| (ui::Stat { label, value, note }, href.as_deref()))
        .collect();
    html! { @if !figures.is_empty() { (ui::figures(&figures)) } }
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
