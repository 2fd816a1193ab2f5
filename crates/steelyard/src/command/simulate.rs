//! `steelyard simulate`

use std::{cmp::Reverse, collections::BTreeMap};

use billing::simulate::{Ask, OfCustomer, Simulation, Sums, simulate};
use identity::customer;
use kernel::Money;
use serde_json::{Value as Json, json};

use super::{
    book::{read_book, refuse},
    check::instant_or_date,
};
use crate::{
    arguments::Simulate,
    failure::Outcome,
    output::{self, count},
    place::{Chosen, Place},
    table::{Side, Table},
};

/// Rate the past again under another price book, and say what would have been billed.
pub fn run(place: &Place, asked: Simulate) -> Outcome {
    let (_, book) = read_book(&asked.book)?;
    let book = book.map_err(|mistakes| refuse(&asked.book, &mistakes))?;
    let from = instant_or_date(&asked.from)?;
    let to = asked.to.as_deref().map(instant_or_date).transpose()?;
    let db = place.open()?;
    let Chosen { scope, .. } = place.choose(&db)?;
    let now = db.read(&scope, |view| Ok(view.now())).wait()?;
    let plans = asked.plan_map.into_iter().collect();
    let ask = Ask { book: &book, plans, from, to: to.unwrap_or(now) };
    let mut simulation = simulate(&db, &scope, &ask)?;
    simulation.customers.sort_by_key(|one| (Reverse(difference(&one.sums).unsigned_abs()), one.customer));
    if asked.json {
        output::say(json_of(&simulation));
        return Ok(());
    }
    let shown = simulation.customers.iter().take(asked.limit as usize);
    let ids = shown.clone().map(|one| one.customer).collect();
    let names = db.read(&scope, move |view| customer::parties(view, Vec::clone(&ids))).wait()?;
    let names: BTreeMap<_, _> = names.into_iter().collect();
    let mut table = Table::new([
        ("Customer", Side::Left),
        ("Billed", Side::Right),
        ("Would be", Side::Right),
        ("Difference", Side::Right),
    ]);
    for OfCustomer { customer, sums, .. } in shown {
        let name = names.get(customer).and_then(|party| party.name.clone());
        table.row(row(name.unwrap_or_else(|| customer.to_string()), sums));
    }
    let more = simulation.customers.len().saturating_sub(asked.limit as usize);
    if more > 0 {
        table.row([format!("and {more} more"), String::new(), String::new(), String::new()]);
    }
    for sums in simulation.totals.values() {
        table.row(row("All".to_owned(), sums));
    }
    table.say("Nothing was billed for these periods.");
    output::say(sentence(&simulation));
    Ok(())
}

fn difference(sums: &Sums) -> i64 {
    sums.would_be.minor() - sums.billed.minor()
}

fn row(name: String, sums: &Sums) -> [String; 4] {
    let difference = sums.would_be.checked_sub(sums.billed);
    let difference = difference.as_ref().map_or_else(|_| String::new(), Money::to_string);
    [name, sums.billed.to_string(), sums.would_be.to_string(), difference]
}

fn sentence(simulation: &Simulation) -> String {
    let number = |number: u64, noun| count(i64::try_from(number).unwrap_or(i64::MAX), noun);
    let kept: Vec<String> = simulation
        .kept
        .iter()
        .map(|(reason, lines)| match *reason {
            "agreed" => format!("{} agreed apart from the book", number(*lines, "line")),
            _ => format!("{} without a price in this book", number(*lines, "line")),
        })
        .collect();
    let kept =
        if kept.is_empty() { String::new() } else { format!(" {} stand as they were.", kept.join(" and ")) };
    format!(
        "{} rated again, before coupons and tax, less what was credited.{kept}",
        number(simulation.lines, "line")
    )
}

fn json_of(simulation: &Simulation) -> Json {
    let sums = |sums: &Sums| json!({ "billed": sums.billed, "would_be": sums.would_be });
    let customers = simulation.customers.iter().map(|one| {
        let mut out = sums(&one.sums);
        out["customer"] = json!(one.customer);
        out["kept"] = json!(one.kept);
        out
    });
    json!({
        "customers": customers.collect::<Vec<_>>(), "lines": simulation.lines, "kept": simulation.kept,
        "totals": simulation.totals.values().map(sums).collect::<Vec<_>>(),
    })
}
