//! What moving subscriptions comes to: in sums, and one by one.

use billing::migration::{Moved, Outlook, Standing};
use kernel::{Currency, Cycle};
use maud::{Markup, html};

use super::migrate::Found;
use crate::{gate::Desk, show, ui};

/// Everybody together: how many, what they pay before and after, and what is not possible.
pub(super) fn figures(found: &Found, all: &Outlook) -> Markup {
    let count = |number: u64| show::grouped(i128::from(number));
    let refused: u64 = all.refused.values().sum();
    let [moved, more, less, same, stay] = [all.moved, all.more, all.less, all.same, refused].map(count);
    let mut tiles = vec![
        ui::Stat { label: "Would be moved", value: &moved, note: "subscriptions" },
        ui::Stat { label: "Pay more", value: &more, note: "than now" },
        ui::Stat { label: "Pay less", value: &less, note: "than now" },
        ui::Stat { label: "Pay the same", value: &same, note: "" },
    ];
    if refused > 0 {
        tiles.push(ui::Stat { label: "Cannot be moved", value: &stay, note: "they stay as they are" });
    }
    html! {
        (ui::stats(&tiles))
        @if !all.fees.is_empty() { (ui::section("Fees of a period", html! {}, sums(all))) }
        @if all.plans.keys().any(|(from, to)| from != to) {
            (ui::section("From plan to plan", html! {}, plans(found, all)))
        }
        @if refused > 0 { (ui::section("What is not possible", html! {}, reasons(found, all))) }
    }
}

/// Before coupons, usage and tax, by how often they are paid.
fn sums(all: &Outlook) -> Markup {
    let rows = all.fees.iter().map(|((currency, cycle), (before, after))| {
        let every = Cycle::parse(cycle).map_or_else(|_| cycle.clone(), show::every);
        ui::Row::new(vec![
            html! { (currency) ", " (every) },
            ui::amount(&show::bare(*before, *currency)),
            ui::amount(&show::bare(*after, *currency)),
            difference(after - before, *currency),
        ])
    });
    html! {
        (ui::table(ui::Table {
            caption: "Fees of a period, before coupons, usage and tax",
            columns: &[
                ui::Column::text("Paid"),
                ui::Column::number("Now"),
                ui::Column::number("Then"),
                ui::Column::number("Difference").lead(),
            ],
            rows: rows.collect(),
            total: None,
            narrow: ui::Narrow::Stack,
            empty: html! {},
        }))
        p class="hint" { "Before coupons, usage and tax." }
    }
}

/// `+ 12.00`, `− 3.00`.
fn difference(minor: i128, currency: Currency) -> Markup {
    let text = show::bare(minor, currency);
    if minor > 0 { ui::amount(&format!("+{text}")) } else { ui::amount(&text) }
}

fn plans(found: &Found, all: &Outlook) -> Markup {
    let rows = all.plans.iter().map(|((from, to), count)| {
        ui::Row::new(vec![
            html! { (found.plan(from)) },
            html! { (found.plan(to)) },
            html! { (show::grouped(i128::from(*count))) },
        ])
    });
    ui::table(ui::Table {
        caption: "From plan to plan",
        columns: &[
            ui::Column::text("Now"),
            ui::Column::text("Then").lead(),
            ui::Column::number("Subscriptions"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

/// Each reason in the words of one whom it is about, where the list has one.
fn reasons(found: &Found, all: &Outlook) -> Markup {
    html! {
        ul class="changes" {
            @for (code, count) in &all.refused {
                li {
                    (show::count(i128::from(*count), "subscription")) ": "
                    @match found.moved.iter().find_map(|one| one.after.as_ref().err().filter(|error| error.code == *code)) {
                        Some(error) => { (error.detail) }
                        None => { (show::sentence(code).to_lowercase()) "." }
                    }
                }
            }
        }
    }
}

/// Each subscription as it is and as it would be.
pub(super) fn table(desk: &Desk, found: &Found) -> Markup {
    ui::table(ui::Table {
        caption: "Who would pay what in a period",
        columns: &[
            ui::Column::text("Customer"),
            ui::Column::text("Plan"),
            ui::Column::number("Now"),
            ui::Column::number("Then"),
            ui::Column::number("Difference").lead(),
        ],
        rows: found.moved.iter().map(|one| row(desk, found, one)).collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    })
}

fn row(desk: &Desk, found: &Found, one: &Moved) -> ui::Row {
    let plan =
        |standing: &Standing| format!("{}, {}", found.plan(&standing.plan), show::every(standing.cycle));
    let (before, currency) = (&one.before, one.before.fees.currency());
    let name = found.names.get(&one.customer).map_or("", String::as_str);
    let cells = match &one.after {
        Ok(after) => {
            let minor = i128::from(after.fees.minor()) - i128::from(before.fees.minor());
            vec![
                html! { (name) },
                html! {
                    (plan(before))
                    @if (&after.plan, after.cycle) != (&before.plan, before.cycle) {
                        span class="under" { "then " (plan(after)) }
                    }
                },
                show::money(before.fees),
                show::money(after.fees),
                difference(minor, currency),
            ]
        }
        Err(error) => vec![
            html! { (name) },
            html! { (plan(before)) span class="under" { (error.detail) } },
            show::money(before.fees),
            ui::optional(None),
            ui::badge(ui::Tone::Ended, "Stays"),
        ],
    };
    ui::Row::link(desk.at(&format!("/subscriptions/{}", one.subscription)), cells)
}
