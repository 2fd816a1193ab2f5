//! What a book says: its plans side by side.

use catalog::{Addon, Book, Feature, FeatureKind, Included, Plan};
use maud::{Markup, html};

use super::{rules, usage};
use crate::{gate::Desk, show, ui};

/// The whole book: prices, comparison, add-ons, usage, coupons, rules. What belongs to the plans stands behind their
/// prices.
pub(super) fn drawn(desk: &Desk, book: &Book, of_plans: Markup) -> Markup {
    html! {
        (plans(desk, book))
        (of_plans)
        (ui::section("What is in a plan", html! {}, matrix(book)))
        (ui::section("Add-ons", html! {}, addons(book)))
        (usage::prices(book))
        (usage::coupons(book))
        (ui::section("Rules", html! {}, rules::drawn(book)))
    }
}

/// A price and the other prices of each plan, leading to who pays them.
fn plans(desk: &Desk, book: &Book) -> Markup {
    let texts: Vec<[String; 2]> = book.plans.iter().map(of_plan).collect();
    let hrefs: Vec<String> =
        book.plans.iter().map(|plan| desk.at(&format!("/subscriptions?plan={}", plan.key))).collect();
    let tiles: Vec<_> = book
        .plans
        .iter()
        .zip(&texts)
        .zip(&hrefs)
        .map(|((plan, [value, note]), href)| {
            (ui::Stat { label: &plan.name, value, note }, Some(href.as_str()))
        })
        .collect();
    ui::figures(&tiles)
}

fn of_plan(plan: &Plan) -> [String; 2] {
    let mut prices = plan.prices.iter().filter_map(|price| Some((price, price.when.cycle()?)));
    let Some((first, cycle)) = prices.next() else { return ["–".to_owned(), String::new()] };
    let unit = first.unit().map(|unit| format!("per {unit}, ")).unwrap_or_default();
    let others: Vec<String> =
        prices.map(|(price, cycle)| format!("or {} {}", show::price(price), show::per(cycle))).collect();
    let note = format!("{unit}{} {}", show::per(cycle), others.join(" "));
    [show::unit_price(first.amount(), first.currency), note.trim_end().to_owned()]
}

fn matrix(book: &Book) -> Markup {
    let rows = book.features.iter().map(|feature| {
        let mut cells = vec![html! { (feature.name) }];
        cells.extend(book.plans.iter().map(|plan| included(feature, plan)));
        ui::Row::new(cells)
    });
    let mut columns = vec![ui::Column::text("Feature")];
    columns.extend(book.plans.iter().map(|plan| ui::Column::text(&plan.name)));
    ui::table(ui::Table {
        caption: "Features of the plans",
        columns: &columns,
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Scroll,
        empty: ui::empty("No features", "This book names no features.", html! {}),
    })
}

fn included(feature: &Feature, plan: &Plan) -> Markup {
    match (&feature.kind, plan.includes.get(&feature.key)) {
        (FeatureKind::Boolean, _) if plan.has(&feature.key) => {
            html! { span class="yes" { (ui::icon(ui::Icon::Check)) span class="unseen" { "included" } } }
        }
        (FeatureKind::Boolean, _) => ui::optional(None),
        (FeatureKind::Limit { unit }, Some(Included::UpTo(count))) => html! { (amount(*count, unit)) },
        (FeatureKind::Limit { .. }, Some(Included::Unlimited)) => html! { "Unlimited" },
        (_, Some(Included::Value(text))) => html! { (text) },
        (_, _) => ui::optional(None),
    }
}

fn amount(count: u64, unit: &str) -> String {
    show::units(&show::grouped(count), unit)
}

fn addons(book: &Book) -> Markup {
    let rows = book.addons.iter().map(|addon| {
        let plans: Vec<&str> =
            book.plans.iter().filter(|plan| addon.fits(plan)).map(|plan| plan.name.as_str()).collect();
        ui::Row::new(vec![
            html! { (addon.name) },
            html! { (prices(addon)) },
            html! { (raises(book, addon)) },
            html! { (plans.join(", ")) },
        ])
    });
    ui::table(ui::Table {
        caption: "Add-ons",
        columns: &[
            ui::Column::text("Add-on"),
            ui::Column::text("Price").lead(),
            ui::Column::text("Each one adds"),
            ui::Column::text("With"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No add-ons", "This book sells plans only.", html! {}),
    })
}

fn prices(addon: &Addon) -> String {
    let text = |price: &catalog::Price| {
        let when = price.when.cycle().map_or_else(|| "once".to_owned(), show::per);
        format!("{} {when}", show::price(price))
    };
    addon.prices.iter().map(text).collect::<Vec<_>>().join(", or ")
}

fn raises(book: &Book, addon: &Addon) -> String {
    let limits =
        addon.raises.iter().map(|(key, count)| match book.feature(key).map(|feature| &feature.kind) {
            Some(FeatureKind::Limit { unit }) => amount(*count, unit),
            _ => format!("{count} {key}"),
        });
    let features = addon
        .features
        .iter()
        .map(|key| book.feature(key).map_or_else(|| key.clone(), |known| known.name.clone()));
    limits.chain(features).collect::<Vec<_>>().join(", ")
}
