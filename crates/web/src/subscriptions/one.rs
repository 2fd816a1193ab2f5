use billing::{
    invoice,
    invoice::Invoice,
    subscription,
    subscription::{Item, ItemKind, State, Subscription},
};
use catalog::{Book, version, version::Version};
use identity::{LegalEntity, environment, permission::may};
use kernel::{Exact, Result, ids};
use maud::{Markup, html};
use store::{Fact, View, facts};

use crate::{
    customers, facts as history,
    gate::{Answer, Asked, Desk, Named, Sheet, Staff},
    invoices,
    parts::{self, FEW},
    show, ui,
};

/// Everything on the page of a subscription.
struct Whole {
    subscription: Subscription,
    customer: String,
    version: Version,
    entity: LegalEntity,
    invoices: Vec<Invoice>,
    facts: Vec<Fact>,
}

fn load(view: &mut View<'_>, id: ids::SubscriptionId) -> Result<Whole> {
    let subscription = subscription::find(view, id)?;
    let customer = subscription.customer;
    Ok(Whole {
        customer: customers::names(view, [customer])?.remove(&customer).unwrap_or_default(),
        version: version::find(view, subscription.book)?,
        entity: environment::entity(view, Some(subscription.entity))?,
        invoices: invoice::of_subscription(view, id, None, FEW)?,
        facts: facts::of_subject(view, id.uuid(), i64::MAX, FEW)?,
        subscription,
    })
}

pub(super) async fn page(
    staff: Staff<may::SubscriptionRead>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let whole = staff.read(move |view| load(view, id)).await?;
    let plan = super::plan_name(Some(&whole.version), whole.subscription.plan());
    let title = format!("{plan}, {}", show::every(whole.subscription.schedule.cycle));
    let crumbs = [ui::Crumb { label: "Subscriptions", href: &staff.at("/subscriptions") }];
    let customer = staff.at(&format!("/customers/{}", whole.subscription.customer));
    let body = html! {
        (ui::header(&title, &whole.customer, ui::button_link(ui::Button::Plain, "Customer", &customer)))
        (parts::was_done(&asked))
        (ui::split_above(main(&staff, &whole), details(&staff, &whole, &customer), happened(&staff, &whole)))
    };
    Ok(staff.page(Sheet::new(ui::Section::Subscriptions, &title).below(&crumbs), body))
}

fn happened(desk: &Desk, whole: &Whole) -> Markup {
    let timeline = history::timeline(desk, &whole.facts, "Nothing has happened yet.");
    ui::section("What happened", html! {}, timeline)
}

fn main(desk: &Desk, whole: &Whole) -> Markup {
    let price = format!("Price {}", show::per(whole.subscription.schedule.cycle));
    let rows = whole.subscription.active_items().map(|item| {
        let (name, price) = named(&whole.version.book, item, &whole.subscription);
        ui::Row::new(vec![html! { (name) }, html! { (show::grouped(item.quantity)) }, ui::amount(&price)])
    });
    let items = ui::table(ui::Table {
        caption: "Items",
        columns: &[ui::Column::text("Item"), ui::Column::number("Quantity"), ui::Column::number(&price)],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Scroll,
        empty: html! {},
    });
    html! {
        (ui::section("Items", html! {}, items))
        (ui::section("Invoices", html! {}, invoices::table(desk, &whole.invoices, None)))
    }
}

/// What an item is called and what one costs in one period.
fn named(book: &Book, item: &Item, subscription: &Subscription) -> (String, String) {
    let (cycle, currency) = (subscription.schedule.cycle, subscription.currency);
    let shown = |price: &catalog::Price, months: u32| {
        let exact = price.amount().exact() * Exact::from(i64::from(months));
        let amount = show::decimal(&exact.to_string(), currency);
        price.unit().map_or_else(|| amount.clone(), |unit| format!("{amount} per {unit}"))
    };
    let found = match item.kind {
        ItemKind::Plan => book
            .plan(&item.key)
            .map(|plan| (plan.name.clone(), plan.price_for(cycle, currency).map(|price| shown(price, 1)))),
        ItemKind::Addon => book.addon(&item.key).map(|addon| {
            let price = addon.price_for(cycle, currency);
            (addon.name.clone(), price.map(|found| shown(found.price, found.months_factor)))
        }),
    };
    let (name, price) = found.unwrap_or_else(|| (item.key.clone(), None));
    (name, price.unwrap_or_else(|| "–".to_owned()))
}

/// When it is billed next, or ends.
fn next(subscription: &Subscription) -> (&'static str, Markup) {
    match subscription.ends {
        Some(at) => ("Ends", show::time(at, &subscription.schedule.zone)),
        None if matches!(subscription.state, State::Canceled | State::Expired) => {
            ("Next invoice", ui::optional(None))
        }
        None => ("Next invoice", html! { (show::date(subscription.billed_through.date)) }),
    }
}

fn details(desk: &Desk, whole: &Whole, customer: &str) -> Markup {
    let Whole { subscription, version, entity, .. } = whole;
    let zone = &subscription.schedule.zone;
    let book = desk.at(&format!("/price-book/versions/{}", version.id));
    ui::definition_list(&[
        ("State", ui::state(subscription.state.word())),
        ("Customer", html! { a href=(customer) { (whole.customer) } }),
        ("Billed", html! { (show::every(subscription.schedule.cycle)) ", in " (subscription.currency) }),
        ("Period", html! { (show::period(&subscription.period)) }),
        next(subscription),
        ("Started", show::time(subscription.started, zone)),
        ("Days begin in", html! { (zone) }),
        ("Price book", html! { a href=(book) { "Version " (version.number) } }),
        ("Invoiced by", html! { (entity.name) }),
        ("Your id", subscription.external_id.as_deref().map_or_else(|| ui::optional(None), ui::copyable)),
        ("Id", ui::copyable(&subscription.id.to_string())),
    ])
}
