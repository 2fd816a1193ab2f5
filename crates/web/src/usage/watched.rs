//! What is watched beside limits: sudden jumps, and the double entry of critical meters.

use jobs::Job;
use maud::{Markup, html};
use metering::jump::Jump;

use super::bars::number;
use crate::{facts::Names, gate::Desk, show, ui};

/// Days on which a customer used far more than usual; with the names of customers where they are of several.
pub(super) fn jumps(
    desk: &Desk,
    jumps: &[Jump],
    called: &dyn Fn(&str) -> String,
    names: Option<&Names>,
) -> Markup {
    let rows = jumps.iter().map(|jump| {
        let customer = jump.customer;
        let name = names.and_then(|names| names.get(&customer)).map_or("A customer", String::as_str);
        let (used, usual) = (jump.used.to_string(), jump.usual.round_half_even_to(2).to_string());
        let mut cells = vec![
            html! { (called(&jump.meter)) },
            html! { (number(&used)) },
            html! { (number(&usual)) },
            html! { (jump.times) " times" },
            html! { (show::date(jump.day)) },
        ];
        if names.is_some() {
            cells.insert(0, html! { a href=(desk.at(&format!("/usage/{customer}"))) { (name) } });
        }
        ui::Row::new(cells)
    });
    let all = [
        ui::Column::text("Customer"),
        ui::Column::text("Meter"),
        ui::Column::number("Used").lead(),
        ui::Column::number("Usual in a day"),
        ui::Column::text("Told above"),
        ui::Column::text("Day"),
    ];
    ui::table(ui::Table {
        caption: "Sudden jumps",
        columns: if names.is_some() { &all } else { &all[1..] },
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No sudden jumps",
            "A day on which a customer uses many times as much as in the week before is told here, for meters whose price book says how many times.",
            html! {},
        ),
    })
}

/// The accounts of critical meters, as they came out of the last comparison; nothing where no meter is critical.
pub(super) fn double_entry(job: Option<&Job>, called: &dyn Fn(&str) -> String) -> Markup {
    let accounts = job.and_then(|job| job.result.as_ref()?["critical"].as_array().cloned());
    let Some(accounts) = accounts.filter(|accounts| !accounts.is_empty()) else { return html! {} };
    let rows = accounts.iter().map(|one| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let figure = |name: &str| html! { (number(&text(name))) };
        ui::Row::new(vec![
            html! { (called(&text("meter"))) },
            figure("source"),
            figure("usage"),
            figure("billed"),
            figure("sum"),
        ])
    });
    let table = ui::table(ui::Table {
        caption: "Double entry",
        columns: &[
            ui::Column::text("Meter"),
            ui::Column::number("Taken in"),
            ui::Column::number("Not billed"),
            ui::Column::number("Billed"),
            ui::Column::number("Together").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    });
    ui::section("Double entry of critical meters", html! {}, table)
}
