//! What usage costs, and what coupons take off.

use catalog::{Book, Coupon, Discount, Lasts, Limit, Plan, UsagePrice};
use kernel::{Currency, Exact, UnitPrice};
use maud::{Markup, html};

use crate::{show, ui};

/// The usage prices of each plan; nothing when the book has none.
pub(super) fn prices(book: &Book) -> Markup {
    let rows: Vec<ui::Row> =
        book.plans.iter().flat_map(|plan| plan.usage.iter().map(|usage| row(book, plan, usage))).collect();
    html! {
        @if !rows.is_empty() {
            (ui::section("Usage", html! {}, table(rows)))
        }
    }
}

fn table(rows: Vec<ui::Row>) -> Markup {
    ui::table(ui::Table {
        caption: "Usage prices",
        columns: &[
            ui::Column::text("Usage"),
            ui::Column::text("Plan").lead(),
            ui::Column::text("Price"),
            ui::Column::text("Included"),
        ],
        rows,
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

fn row(book: &Book, plan: &Plan, usage: &UsagePrice) -> ui::Row {
    let prices: Vec<String> = usage.prices.iter().map(show::price).collect();
    let only: Vec<String> =
        usage.filter.iter().map(|(dimension, value)| format!("{dimension} {value}")).collect();
    let unit = book.meter(&usage.meter).map_or("", |meter| meter.unit.as_str());
    let included = plan.included(usage).map(|limit| included(limit, unit));
    let free = usage.free.as_ref().map(|free| show::units(&figure(free), unit));
    ui::Row::new(vec![
        html! { (usage.name) @if !only.is_empty() { " (" (only.join(", ")) ")" } },
        html! { (plan.name) },
        html! { (prices.join(", or ")) },
        ui::optional(included.or(free).as_deref()),
    ])
}

/// "10,000 calls per user".
fn included(limit: &Limit, unit: &str) -> String {
    let per = limit.per.as_ref().map(|per| format!(" per {per}")).unwrap_or_default();
    format!("{}{per}", show::units(&figure(&limit.amount), unit))
}

/// Grouped where it is whole.
pub(super) fn figure(amount: &Exact) -> String {
    let whole = amount.floor().ok().filter(|_| amount.is_integer());
    whole.map_or_else(|| amount.to_string(), show::grouped)
}

/// The coupons; nothing when the book has none.
pub(super) fn coupons(book: &Book) -> Markup {
    let rows: Vec<ui::Row> = book.coupons.iter().map(|coupon| coupon_row(book, coupon)).collect();
    html! {
        @if !rows.is_empty() {
            (ui::section("Coupons", html! {}, ui::table(ui::Table {
                caption: "Coupons",
                columns: &[
                    ui::Column::text("Coupon"),
                    ui::Column::text("Takes off").lead(),
                    ui::Column::text("Of"),
                    ui::Column::text("Who may redeem it"),
                ],
                rows,
                total: None,
                narrow: ui::Narrow::Stack,
                empty: html! {},
            })))
        }
    }
}

fn coupon_row(book: &Book, coupon: &Coupon) -> ui::Row {
    let name = |key: &String| {
        let plan = book.plan(key).map(|plan| plan.name.clone());
        plan.or_else(|| book.addon(key).map(|addon| addon.name.clone())).unwrap_or_else(|| key.clone())
    };
    let of = coupon
        .applies_to
        .as_ref()
        .map_or_else(|| "Everything".to_owned(), |keys| keys.iter().map(name).collect::<Vec<_>>().join(", "));
    ui::Row::new(vec![
        html! { (coupon.name) @if let Some(code) = &coupon.code { " " code { (code) } } },
        html! { (taken_off(coupon)) },
        html! { (of) },
        html! { (redeemed(coupon)) },
    ])
}

/// "20 %, for 3 periods".
fn taken_off(coupon: &Coupon) -> String {
    let what = match &coupon.discount {
        Discount::Percent { rate } => format!("{rate} %"),
        Discount::Amount { amounts } => money(amounts),
        Discount::FreeMonths { months } => return format!("{} free", show::count(*months, "month")),
    };
    let lasts = match coupon.lasts {
        Lasts::Once => "once".to_owned(),
        Lasts::Forever => "for ever".to_owned(),
        Lasts::Periods(count) => format!("for {}", show::count(count, "period")),
    };
    let minimum = match coupon.minimum.as_slice() {
        [] => String::new(),
        minimum => format!(", from {} on", money(minimum)),
    };
    format!("{what}, {lasts}{minimum}")
}

fn money(amounts: &[(Currency, UnitPrice)]) -> String {
    amounts
        .iter()
        .map(|(currency, amount)| show::unit_price(*amount, *currency))
        .collect::<Vec<_>>()
        .join(" or ")
}

/// "New customers, 100 times in all, before 31 Jan 2027".
fn redeemed(coupon: &Coupon) -> String {
    let mut words = Vec::new();
    let who = if coupon.new_customers_only { "New customers" } else { "Everybody" };
    let by = if coupon.code.is_some() { "" } else { ", given by staff" };
    words.push(format!("{who}{by}"));
    if coupon.per_customer > 1 {
        words.push(format!("{} each", show::count(coupon.per_customer, "time")));
    }
    if let Some(most) = coupon.redemptions {
        words.push(format!("{} in all", show::count(most, "time")));
    }
    if let Some(starts) = coupon.starts {
        words.push(format!("from {} on", show::date(starts)));
    }
    if let Some(expires) = coupon.expires {
        words.push(format!("before {}", show::date(expires)));
    }
    if coupon.stacks {
        words.push("together with other coupons".to_owned());
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_and_coupons_are_in_words() {
        let text = r#"
            book = 1
            name = "B"
            currency = "USD"
            meters = { calls = { name = "Calls", unit = "call", dimensions = ["region"] } }
            [plans.pro]
            name = "Pro"
            price = { month = 1 }
            limits = { calls = { amount = 5_000, policy = "soft" } }
            usage = { calls = { package = 100, price = "2" } }
            [plans.max]
            name = "Max"
            price = { month = 1 }
            usage = { calls = { price = "0.5", where = { region = "eu" }, free = 1 } }
            [coupons.welcome]
            name = "Welcome"
            code = "HI"
            percent = "20"
            lasts = "3 periods"
            applies_to = ["pro", "calls"]
            minimum = 50
            new_customers_only = true
            redemptions = 100
            starts = 2027-01-01
            expires = 2027-02-01
            [coupons.thanks]
            name = "Thanks"
            free_months = 1
            per_customer = 3
            stacks = true
        "#;
        let book = catalog::read("book.toml", text).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
        let page = prices(&book).into_string() + &coupons(&book).into_string();
        for words in [
            "USD 2 per package of 100 (unit: call)",
            "5,000 calls",
            "Calls (region eu)",
            "USD 0.50 per call",
            "1 call",
            "20 %, for 3 periods, from USD 50.00 on",
            "New customers, 100 times in all, from 1 Jan 2027 on, before 1 Feb 2027",
            "1 month free",
            "Everybody, given by staff, 3 times each, together with other coupons",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let plain = catalog::read(
            "b.toml",
            "book = 1\nname = \"B\"\ncurrency = \"USD\"\nplans.a = { name = \"A\", price = { month = 1 } }",
        );
        let plain = plain.unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
        assert_eq!(prices(&plain).into_string() + &coupons(&plain).into_string(), "", "no empty sections");
    }
}
