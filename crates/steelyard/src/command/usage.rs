//! `steelyard usage post | send | meters | metered | rejected | show`

use std::{collections::BTreeMap, path::Path};

use billing::{
    credit_note, invoice, subscription,
    usage::{self, Figure, Groups, Open, Post, Posted, Standing},
};
use identity::text;
use kernel::{Exact, Result};
use rating::Number;

use super::{
    book::read_file,
    check::instant_or_date,
    explain::{money, say_sentences},
    metered,
    subscription::billed,
};
use crate::{
    arguments::{PostUsage, Usage},
    failure::{Failure, Outcome},
    output,
    place::Place,
    table::{Side, Table},
};

pub fn run(place: &Place, asked: Usage) -> Outcome {
    match asked {
        Usage::Post(asked) => post(place, asked),
        Usage::Send(asked) => metered::send(place, &asked),
        Usage::Meters => metered::meters(place),
        Usage::Metered(asked) => metered::show(place, asked),
        Usage::Rejected(shown) => metered::rejected(place, &shown),
        Usage::Show { subscription, limit } => show(place, subscription, limit),
    }
}

fn post(place: &Place, asked: PostUsage) -> Outcome {
    let groups = groups(&asked)?;
    let start = asked.period_start.as_deref().map(instant_or_date).transpose()?;
    let watermark = asked.watermark.map(|watermark| text::line(&watermark, 200, "")).transpose()?;
    let post = Post { key: asked.key, groups, start, watermark };
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let reference = asked.subscription;
    let taken = db.write(&chosen.scope, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let zone = subscription::find(tx, id)?.schedule.zone;
        let taken = usage::post(tx, id, &post)?;
        let invoice = taken.invoice.map(|id| invoice::find(tx, id)).transpose()?;
        let notes =
            taken.credit_notes.iter().map(|id| credit_note::find(tx, *id)).collect::<Result<Vec<_>>>()?;
        Ok((taken.figure, zone, invoice, notes))
    });
    let (figure, zone, invoice, notes) = taken.wait()?;
    let from = zone.date_of(figure.start);
    output::say(format!("{} from {from} on: {}.", figure.key, figures(&figure.groups)));
    for note in &notes {
        output::say(format!("Credit note {}: {}.", note.number, money(note.totals.total)));
    }
    match invoice {
        Some(invoice) => output::say(billed(&invoice)?),
        None if figure.late && notes.is_empty() => {
            output::say("It is billed already; the difference comes onto the next invoice.");
        }
        None => {}
    }
    Ok(())
}

/// What was measured, as the arguments say it.
fn groups(asked: &PostUsage) -> Outcome<Groups> {
    let number = |text: &str| Exact::parse_decimal(text).map(Number::from);
    let single = match asked {
        PostUsage { quantity: Some(quantity), .. } => Figure::Quantity(number(quantity)?),
        PostUsage { amount: Some(amount), events: Some(events), .. } => {
            Figure::Amount { total: number(amount)?, events: *events }
        }
        PostUsage { transactions: Some(file), .. } => Figure::Transactions(transactions(file)?),
        PostUsage { incomplete: true, .. } => Figure::Incomplete,
        _ => {
            let figure =
                |(name, quantity): &(String, String)| Ok((name.clone(), Figure::Quantity(number(quantity)?)));
            return Ok(asked.groups.iter().map(figure).collect::<Result<_>>()?);
        }
    };
    Ok(BTreeMap::from([(String::new(), single)]))
}

/// The amounts of a file, a line each.
fn transactions(file: &Path) -> Outcome<Vec<Number>> {
    let text = read_file(file)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(place, line)| {
            Exact::parse_decimal(line.trim()).map(Number::from).map_err(|_| {
                let what = format!("Line {} of {} is not a number: {line:?}.", place + 1, file.display());
                Failure::new(what, "Write one plain decimal on each line, such as 19.90.")
            })
        })
        .collect()
}

fn show(place: &Place, reference: String, limit: u32) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let id = subscription::resolve(view, &reference)?;
        Ok((usage::standing(view, id)?, usage::history(view, id, limit.into())?))
    });
    let (standing, history) = found.wait()?;
    let Standing { subscription, billable, open } = &standing;
    if open.is_empty() {
        output::say(format!("{} is {}; nothing is counted.", subscription.id, subscription.state.word()));
    } else if !billable {
        output::say("What is used in the trial is not billed.");
    }
    open.iter().for_each(say_open);
    if !open.is_empty() && *billable {
        output::say(format!("\nSo far {}, before coupons and tax", money(standing.so_far()?)));
    }
    if !history.is_empty() {
        output::say("");
        table(&standing, history).say("");
    }
    Ok(())
}

fn say_open(open: &Open) {
    let (start, end) = (open.period.start.date, open.period.end.date);
    let figure = match &open.posted {
        None => "nothing posted yet".to_owned(),
        Some(Posted { groups, watermark: Some(watermark), .. }) => {
            format!("{} up to {watermark}", figures(groups))
        }
        Some(posted) => figures(&posted.groups),
    };
    output::say(format!("\n{} ({}), {start} to {end}: {figure}", open.name, open.key));
    for line in &open.lines {
        let group = if line.group.is_empty() { String::new() } else { format!("{}: ", line.group) };
        output::say(format!("  {group}{}", money(line.amount)));
        say_sentences(line.explanation.sentences());
    }
}

fn table(standing: &Standing, history: Vec<Posted>) -> Table<6> {
    let mut table = Table::new([
        ("from", Side::Left),
        ("key", Side::Left),
        ("figure", Side::Left),
        ("up to", Side::Left),
        ("posted", Side::Left),
        ("", Side::Left),
    ]);
    for one in history {
        let late = if one.late { "late, waits for the next invoice" } else { "" };
        table.row([
            standing.subscription.schedule.zone.date_of(one.start).to_string(),
            one.key,
            figures(&one.groups),
            one.watermark.unwrap_or_default(),
            format!("{:.0}", one.posted),
            late.to_owned(),
        ]);
    }
    table
}

/// Figures in words: `5200`, `1234.5 in 17 transactions`, `eu 300, us 5`.
fn figures(groups: &Groups) -> String {
    let parts = groups.iter().map(|(group, figure)| {
        let figure = figure_in_words(figure);
        if group.is_empty() { figure } else { format!("{group} {figure}") }
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn figure_in_words(figure: &Figure) -> String {
    let total = figure.total().map(|total| total.to_string()).unwrap_or_default();
    match figure {
        Figure::Quantity(_) => total,
        Figure::Amount { events, .. } => format!("{total} in {events} transactions"),
        Figure::Transactions(all) => format!("{total} in {} transactions", all.len()),
        Figure::Each(each) => format!("{total} in {} transactions", each.events()),
        Figure::Incomplete => "incomplete".to_owned(),
    }
}
