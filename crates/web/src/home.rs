//! The front page of an environment.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ::ledger::AccountKind;
use billing::{invoice, invoice::Invoice, subscription};
use catalog::version::{self, Version};
use identity::{customer, permission::may};
use kernel::{Currency, Result, ids::CustomerId};
use maud::{Markup, html};
use store::{Fact, View, facts};

use crate::{
    customers, facts as history,
    gate::{Answer, Desk, Sheet, Staff},
    invoices,
    parts::FEW,
    show, ui,
};

/// Counted no further: beyond it the figure says so.
const COUNTED: i64 = 1_000;

/// Everything on the page.
struct Whole {
    customers: usize,
    subscriptions: usize,
    version: Option<Arc<Version>>,
    invoices: Vec<Invoice>,
    names: HashMap<CustomerId, String>,
    facts: Vec<Fact>,
    /// Owed by customers, and billed in advance, in minor units.
    sums: BTreeMap<Currency, [i128; 2]>,
}

fn load(view: &mut View<'_>) -> Result<Whole> {
    let invoices = invoice::list(view, None, FEW)?;
    Ok(Whole {
        customers: customer::list(view, None, COUNTED + 1)?.len(),
        subscriptions: subscription::list(view, None, COUNTED + 1)?.len(),
        version: version::newest(view)?,
        names: customers::names(view, invoices.iter().map(|invoice| invoice.customer))?,
        invoices,
        facts: facts::latest(view, i64::MAX, FEW)?,
        sums: sums(view)?,
    })
}

fn sums(view: &mut View<'_>) -> Result<BTreeMap<Currency, [i128; 2]>> {
    let mut sums: BTreeMap<Currency, [i128; 2]> = BTreeMap::new();
    for balance in ::ledger::trial_balance(view, None)? {
        let [owed, ahead] = sums.entry(balance.currency).or_default();
        match balance.account.kind {
            AccountKind::Receivable => *owed += i128::from(balance.balance),
            AccountKind::DeferredRevenue => *ahead -= i128::from(balance.balance),
            _ => {}
        }
    }
    Ok(sums)
}

pub(crate) async fn page(staff: Staff<may::InvoiceRead>) -> Answer<Markup> {
    let whole = staff.read(load).await?;
    let begun = whole.version.is_some() && whole.customers > 0 && whole.subscriptions > 0;
    let about =
        format!("{} · {}", show::sentence(&staff.environment.slug), show::instant(staff.now, &staff.zone));
    let body = html! {
        (ui::header(&staff.merchant.name, &about, actions(&staff, begun)))
        @if begun { (figures(&whole)) } @else { (first_steps(&staff, &whole)) }
        @if begun {
            (ui::section("Newest invoices", html! { a href=(staff.at("/invoices")) { "All invoices" } },
                invoices::table(&staff, &whole.invoices, Some(&whole.names))))
        }
        (ui::section("What happened", html! { a href=(staff.at("/facts")) { "All facts" } },
            history::timeline(&staff, &whole.facts, "Nothing has happened yet.")))
    };
    Ok(staff.page(Sheet::new(ui::Section::Home, "Home"), body))
}

fn actions(desk: &Desk, begun: bool) -> Markup {
    html! {
        @if begun && desk.may::<may::CustomerWrite>() {
            (ui::button_link(ui::Button::Plain, "New customer", &desk.at("/customers/new")))
        }
        @if begun && desk.may::<may::SubscriptionWrite>() {
            (ui::button_link(ui::Button::Primary, "Start a subscription", &desk.at("/subscriptions/new")))
        }
    }
}

fn counted(number: usize) -> String {
    let number = number as i64;
    if number > COUNTED { format!("{}+", show::grouped(COUNTED)) } else { show::grouped(number) }
}

fn figures(whole: &Whole) -> Markup {
    let (customers, subscriptions) = (counted(whole.customers), counted(whole.subscriptions));
    let of = |place: usize| -> (String, String) {
        let mut texts = whole.sums.iter().map(|(currency, sums)| show::minor(sums[place], *currency));
        let first = texts.next().unwrap_or_else(|| "–".to_owned());
        let rest: Vec<String> = texts.collect();
        (first, if rest.is_empty() { String::new() } else { format!("and {}", rest.join(", ")) })
    };
    let ((owed, owed_too), (ahead, ahead_too)) = (of(0), of(1));
    let or =
        |note: &str, otherwise: &str| if note.is_empty() { otherwise.to_owned() } else { note.to_owned() };
    ui::stats(&[
        ui::Stat { label: "Customers", value: &customers, note: "" },
        ui::Stat { label: "Subscriptions", value: &subscriptions, note: "" },
        ui::Stat { label: "Owed by customers", value: &owed, note: &or(&owed_too, "on finalized invoices") },
        ui::Stat {
            label: "Billed in advance",
            value: &ahead,
            note: &or(&ahead_too, "revenue still to be earned"),
        },
    ])
}

/// The way from nothing to a first invoice.
fn first_steps(desk: &Desk, whole: &Whole) -> Markup {
    let steps = [
        (
            "Apply a price book",
            "Your plans, their prices and what they contain, in one file.",
            "/price-book/apply",
            whole.version.is_some(),
        ),
        ("Create a customer", "An organisation that buys from you.", "/customers/new", whole.customers > 0),
        (
            "Start a subscription",
            "See the first invoice, line by line, before it starts.",
            "/subscriptions/new",
            whole.subscriptions > 0,
        ),
    ];
    let next = steps.iter().position(|(.., done)| !done);
    let list = html! {
        ol class="steps" {
            @for (at, (title, about, path, done)) in steps.into_iter().enumerate() {
                li class=[done.then_some("done")] {
                    div {
                        p class="title" { (title) @if done { span class="unseen" { " (done)" } } }
                        p { (about) }
                    }
                    @if next == Some(at) { (ui::button_link(ui::Button::Primary, title, &desk.at(path))) }
                }
            }
        }
    };
    ui::section("Three steps to a first invoice", html! {}, list)
}
