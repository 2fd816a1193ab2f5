//! What a subscription consists of, as it reads on a page.

use std::borrow::Cow;

use billing::subscription::{Change, Item, ItemKind, Subscription};
use catalog::{Book, Price, PriceKind, version::Version};
use kernel::{Exact, UnitPrice};
use maud::{Markup, html};

use super::plan_name;
use crate::{show, ui};

/// What a subscription has now; each price leads to the price book's page, where that is given.
pub(crate) fn table(subscription: &Subscription, book: &Book, prices: Option<&str>) -> Markup {
    let price = format!("Price {}", show::per(subscription.schedule.cycle));
    let rows = subscription.active_items().map(|item| {
        let (name, price) = named(book, item, subscription);
        let agreed = subscription.agreement.prices.contains_key(&item.key);
        let name = html! { (name) @if agreed { span class="under" { "as agreed" } } };
        let cells = vec![name, html! { (show::grouped(item.quantity)) }, ui::amount(&price)];
        prices
            .map_or_else(|| ui::Row::new(cells.clone()), |href| ui::Row::link(href.to_owned(), cells.clone()))
    });
    ui::table(ui::Table {
        caption: "Items",
        columns: &[
            ui::Column::text("Item"),
            ui::Column::number("Quantity"),
            ui::Column::number(&price).lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

/// What it has before and after, side by side.
pub(crate) fn difference(
    (before, old): (&Subscription, Option<&Version>),
    (after, new): (&Subscription, Option<&Version>),
) -> Markup {
    let cell = |subscription: &Subscription, version: Option<&Version>, ordinal: i64| {
        let item = subscription.active_items().find(|item| item.ordinal == ordinal);
        let text = item.map(|item| described(subscription, version, item));
        html! {
            @match text {
                Some((what, price)) => { div { (what) span class="under" { (price) } } }
                None => { (ui::optional(None)) }
            }
        }
    };
    let mut ordinals: Vec<i64> = before.items.iter().chain(&after.items).map(|item| item.ordinal).collect();
    ordinals.sort_unstable();
    ordinals.dedup();
    let rows = ordinals.into_iter().filter_map(|ordinal| {
        let known = |one: &Subscription| one.active_items().find(|item| item.ordinal == ordinal).cloned();
        let item = known(after).or_else(|| known(before))?;
        let label = match item.kind {
            ItemKind::Plan => "Plan".to_owned(),
            ItemKind::Addon => addon_name([new, old], &item.key),
        };
        let (from, to) = (cell(before, old, ordinal), cell(after, new, ordinal));
        let same = from.0 == to.0;
        let to = html! { @if same { "stays" } @else { (to) } };
        Some(ui::Row::new(vec![html! { (label) }, from, to]))
    });
    ui::table(ui::Table {
        caption: "What changes",
        columns: &[ui::Column::text("Item"), ui::Column::text("Now"), ui::Column::text("Then")],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

/// What a change asks for, as part of a sentence: `Professional, yearly, 3 × Extra user, no Extra storage`.
pub(crate) fn asked(change: &Change, subscription: &Subscription, version: Option<&Version>) -> String {
    let plan = change.plan.as_deref().unwrap_or_else(|| subscription.plan());
    let mut parts = Vec::new();
    if change.renegotiates() {
        parts.push(plan_name(version, plan));
        parts.push(show::every(change.cycle.unwrap_or(subscription.schedule.cycle)));
    }
    parts.extend(change.quantity.map(|quantity| format!("a quantity of {}", show::grouped(quantity))));
    for (key, quantity) in &change.addons {
        let name = addon_name([version, None], key);
        parts.push(match quantity {
            0 => format!("no {name}"),
            quantity => format!("{} × {name}", show::grouped(*quantity)),
        });
    }
    parts.join(", ")
}

fn addon_name(versions: [Option<&Version>; 2], key: &str) -> String {
    let addon = versions.into_iter().flatten().find_map(|version| version.book.addon(key));
    addon.map_or_else(|| key.to_owned(), |addon| addon.name.clone())
}

/// `Starter, monthly` or `4`, and what one costs.
fn described(subscription: &Subscription, version: Option<&Version>, item: &Item) -> (String, String) {
    let cycle = subscription.schedule.cycle;
    let (name, price) = match version {
        Some(version) => named(&version.book, item, subscription),
        None => (item.key.clone(), "–".to_owned()),
    };
    let what = match (item.kind, item.quantity) {
        (ItemKind::Plan, 1) => format!("{name}, {}", show::every(cycle)),
        (ItemKind::Plan, quantity) => {
            format!("{name}, {}, × {}", show::every(cycle), show::grouped(quantity))
        }
        (ItemKind::Addon, quantity) => show::grouped(quantity),
    };
    (what, format!("{price} {}", show::per(cycle)))
}

/// What an item is called and what one costs in one period.
fn named(book: &Book, item: &Item, subscription: &Subscription) -> (String, String) {
    let (cycle, currency) = (subscription.schedule.cycle, subscription.currency);
    let shown = |price: &Price, amount: UnitPrice, months: u32| {
        if !matches!(price.kind, PriceKind::Flat { .. } | PriceKind::PerUnit { .. }) {
            return show::price(price);
        }
        let exact = amount.exact() * Exact::from(i64::from(months));
        let amount = show::decimal(&exact.to_string(), currency);
        price.unit().map_or_else(|| amount.clone(), |unit| format!("{amount} per {unit}"))
    };
    // What was agreed with the customer goes before what the book says.
    let agreed = |price| match subscription.agreement.price(&item.key, price) {
        Ok(agreed) => agreed,
        Err(_) => Cow::Borrowed(price),
    };
    let found = match item.kind {
        ItemKind::Plan => book.plan(&item.key).map(|plan| {
            let price = plan.price_for(cycle, currency).map(agreed);
            (plan.name.clone(), price.map(|price| shown(&price, price.amount(), 1)))
        }),
        ItemKind::Addon => book.addon(&item.key).map(|addon| {
            let price = addon.price_for(cycle, currency).map(|found| {
                let own = subscription.agreement.prices.contains_key(&item.key);
                let price = agreed(found.price);
                let amount = if own { price.amount() } else { found.unit_price };
                shown(&price, amount, found.months_factor)
            });
            (addon.name.clone(), price)
        }),
    };
    let (name, price) = found.unwrap_or_else(|| (item.key.clone(), None));
    (name, price.unwrap_or_else(|| "–".to_owned()))
}
