//! What lies ahead: `steelyard bill --dry-run` and `steelyard day --dry-run`.

use std::collections::HashMap;

use billing::bill_run::{self, Document, Event, Forecast};
use identity::environment;
use jiff::{SignedDuration, Span, Timestamp};
use kernel::{Currency, Edge, Result, Zone, ids::CustomerId, time};
use store::{Db, View};

use super::{check::decimal, explain::money, list::names};
use crate::{
    arguments::Day,
    failure::Outcome,
    output::{self, count},
    place::{Chosen, Place},
    table::{Side, Table},
};

type Names = HashMap<CustomerId, String>;

/// What would be billed at an instant (none: now).
pub fn bill(db: &Db, chosen: &Chosen, at: Option<Timestamp>, limit: u32) -> Outcome {
    let found = db.read(&chosen.scope, move |view| {
        let until = at.unwrap_or(view.now());
        let foreseen = bill_run::forecast(view, Timestamp::MIN, until, limit as usize)?;
        Ok((until, named(view, foreseen)?))
    });
    let (until, (foreseen, names)) = found.wait()?;
    if foreseen.event_count == 0 {
        output::say(format!("Nothing is due in {} at {until}.", chosen.shown()));
        return Ok(());
    }
    output::say(format!("Nothing was billed. Due at {until}:\n"));
    say_documents(&foreseen, &names, &Zone::utc());
    say_totals(&foreseen);
    Ok(())
}

/// Everything that would fall due on a day.
pub fn day(place: &Place, asked: &Day) -> Outcome {
    let (date, limit) = (time::date(&asked.at)?, asked.limit);
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let zone =
            environment::entities(view)?.into_iter().next().map_or_else(Zone::utc, |entity| entity.zone);
        // Business time ends long before the calendar does.
        let next = date.checked_add(Span::new().days(1)).unwrap_or(date);
        let (start, end) = (Edge::of_date(date, &zone).at, Edge::of_date(next, &zone).at);
        let last = end.checked_sub(SignedDuration::from_micros(1)).unwrap_or(end);
        let foreseen = bill_run::forecast(view, start, last, limit as usize)?;
        Ok((zone, named(view, foreseen)?))
    });
    let (zone, (foreseen, names)) = found.wait()?;
    if foreseen.event_count == 0 {
        output::say(format!("Nothing falls due on {date} ({}).", zone.name()));
        return Ok(());
    }
    output::say(format!("Nothing was done. On {date} ({}):\n", zone.name()));
    say_events(&foreseen, &names, &zone);
    if foreseen.document_count > 0 {
        output::say("");
        say_documents(&foreseen, &names, &zone);
    }
    say_totals(&foreseen);
    Ok(())
}

/// A forecast, and what the customers in it are called.
fn named(view: &mut View<'_>, foreseen: Forecast) -> Result<(Forecast, Names)> {
    let events = foreseen.events.iter().map(|event| event.customer);
    let documents = foreseen.documents.iter().map(|document| document.customer);
    let names = names(view, events.chain(documents))?;
    Ok((foreseen, names))
}

fn name(names: &Names, customer: CustomerId) -> String {
    names.get(&customer).cloned().unwrap_or_default()
}

/// An instant as the clocks of a zone show it.
fn local(at: Timestamp, zone: &Zone) -> String {
    let time = zone.time_of(at);
    format!("{} {:02}:{:02}", zone.date_of(at), time.hour(), time.minute())
}

fn say_events(foreseen: &Forecast, names: &Names, zone: &Zone) {
    let mut table = Table::new([
        ("at", Side::Whole),
        ("what", Side::Left),
        ("customer", Side::Left),
        ("subscription", Side::Spare),
        ("billed", Side::Right),
        ("credited", Side::Right),
    ]);
    for Event { at, what, subscription, customer, billed, credited, .. } in &foreseen.events {
        table.row([
            local(*at, zone),
            what.word().replace('_', " "),
            name(names, *customer),
            subscription.to_string(),
            money(*billed),
            if credited.is_zero() { String::new() } else { money(*credited) },
        ]);
    }
    table.say("");
    say_rest(foreseen.event_count, foreseen.events.len());
}

fn say_documents(foreseen: &Forecast, names: &Names, zone: &Zone) {
    let mut table = Table::new([
        ("invoice at", Side::Whole),
        ("customer", Side::Left),
        ("lines", Side::Right),
        ("before tax", Side::Right),
        ("tax", Side::Right),
        ("total", Side::Right),
        ("credit", Side::Right),
    ]);
    for Document { at, customer, lines, totals, credit, .. } in &foreseen.documents {
        table.row([
            local(*at, zone),
            name(names, *customer),
            lines.to_string(),
            money(totals.subtotal),
            money(totals.tax),
            money(totals.total),
            if credit.is_zero() { String::new() } else { money(*credit) },
        ]);
    }
    table.say("No invoice.");
    say_rest(foreseen.document_count, foreseen.documents.len());
}

fn say_rest(all: usize, shown: usize) {
    if all > shown {
        let rest = i64::try_from(all - shown).unwrap_or(i64::MAX);
        output::say(format!("… and {} more", output::grouped(rest)));
    }
}

fn say_totals(foreseen: &Forecast) {
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let amount = |minor: i128, currency: Currency| {
        format!("{} {}", currency.code(), decimal(i64::try_from(minor).unwrap_or(i64::MAX), currency))
    };
    let sums: Vec<String> = foreseen
        .totals
        .iter()
        .map(|(currency, sum)| {
            let (total, due) = (amount(sum.total, *currency), amount(sum.total - sum.credit, *currency));
            let due = if sum.credit == 0 { String::new() } else { format!(", {due} of it left to pay") };
            format!("{} before tax, {total} with it{due}", amount(sum.subtotal, *currency))
        })
        .collect();
    let sums = if sums.is_empty() { "nothing".to_owned() } else { sums.join("; ") };
    output::say(format!(
        "\n{}, {}: {sums}. Usage that is not measured yet counts as nothing.",
        count(number(foreseen.event_count), "event"),
        count(number(foreseen.document_count), "invoice"),
    ));
}
