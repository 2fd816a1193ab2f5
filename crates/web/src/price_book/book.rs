//! What a book says: its plans side by side.

use catalog::{
    Addon, Book, Feature, FeatureKind, Included, Limit, LimitPolicy, LimitScope, Plan, PriceKind, Window,
};
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
    let texts: Vec<[String; 2]> = book.plans.iter().map(|plan| of_plan(book, plan)).collect();
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

fn of_plan(book: &Book, plan: &Plan) -> [String; 2] {
    let mut prices = plan.prices.iter().filter_map(|price| Some((price, price.when.cycle()?)));
    let Some((first, cycle)) = prices.next() else { return ["–".to_owned(), String::new()] };
    if let PriceKind::LesserOf { amount, rate, of } = &first.kind {
        let of = book.meter(of).map_or(of.as_str(), |meter| meter.name.as_str());
        let note = format!("{}, or {rate} % of {of} where that is less", show::per(cycle));
        return [show::unit_price(*amount, first.currency), note];
    }
    let nothing = first.amount().exact().is_zero();
    if plan.negotiated && nothing {
        return ["As agreed".to_owned(), "with each customer".to_owned()];
    }
    let unit = first.unit().map(|unit| format!("per {unit}, ")).unwrap_or_default();
    let others: Vec<String> =
        prices.map(|(price, cycle)| format!("or {} {}", show::price(price), show::per(cycle))).collect();
    let note = format!("{unit}{} {}", show::per(cycle), others.join(" "));
    let note = note.trim_end();
    let note = if plan.negotiated { format!("{note}, or as agreed") } else { note.to_owned() };
    [show::unit_price(first.amount(), first.currency), note]
}

fn matrix(book: &Book) -> Markup {
    let rows = book.features.iter().map(|feature| {
        let mut cells = vec![html! { (feature.name) }];
        cells.extend(book.plans.iter().map(|plan| included(feature, plan)));
        ui::Row::new(cells)
    });
    let limited =
        book.meters.iter().filter(|meter| book.plans.iter().any(|plan| plan.limits.contains_key(&meter.key)));
    let limits = limited.map(|meter| {
        let mut cells = vec![html! { (meter.name) }];
        let limit = |plan: &Plan| plan.limits.get(&meter.key).map(|limit| limited_to(limit, &meter.unit));
        cells.extend(book.plans.iter().map(|plan| match limit(plan) {
            Some([most, how]) => html! { (most) span class="under" { (how) } },
            None => ui::optional(None),
        }));
        ui::Row::new(cells)
    });
    let rows = rows.chain(limits);
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
        (FeatureKind::Limit { unit }, None) if plan.prices.iter().any(|price| price.unit() == Some(unit)) => {
            html! { "As many as bought" }
        }
        (FeatureKind::Limit { .. }, Some(Included::Unlimited)) => html! { "Unlimited" },
        (_, Some(Included::Value(text))) => html! { (text) },
        (_, _) => ui::optional(None),
    }
}

/// `10,000 operations per user`, and `each period; what goes beyond is billed`.
fn limited_to(limit: &Limit, unit: &str) -> [String; 2] {
    let per = limit.per.as_ref().map(|per| format!(" per {per}")).unwrap_or_default();
    let window = match limit.window {
        Window::Period => "each period".to_owned(),
        Window::Calendar(unit) => format!("each {}", Window::Calendar(unit)),
        window => format!("in {}", window.to_string().trim_start_matches("rolling ")),
    };
    let whose = match limit.scope {
        LimitScope::Customer => "",
        LimitScope::User => ", for each user",
        LimitScope::Seat => ", for each seat",
        LimitScope::Key => ", for each API key",
    };
    let then = match limit.policy {
        LimitPolicy::Hard => "; beyond it refused",
        LimitPolicy::Soft => "; beyond it billed",
        LimitPolicy::Warn => "; beyond it reported",
    };
    [format!("{}{per}", show::units(&usage::figure(&limit.amount), unit)), format!("{window}{whose}{then}")]
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
            _ => match book.meter(key) {
                Some(meter) => amount(*count, &meter.unit),
                None => format!("{count} {key}"),
            },
        });
    let features = addon
        .features
        .iter()
        .map(|key| book.feature(key).map_or_else(|| key.clone(), |known| known.name.clone()));
    limits.chain(features).collect::<Vec<_>>().join(", ")
}
