//! `steelyard usage send | meters | metered | rejected`

use std::{io::Read, str::FromStr};

use billing::subscription;
use catalog::version;
use identity::customer::{self, CustomerRef};
use jiff::SignedDuration;
use kernel::{Error, Result, time};
use metering::{
    Options,
    event::{
        Meter, NewEvent, Receipt,
        wire::{self, Unread},
        word,
    },
    reject::{self, Rejected},
    usage::{self, Grain, Subject},
};
use store::View;

use super::{book::read_file, check::instant_or_date};
use crate::{
    arguments::{Metered, Part, SendEvents, Shown},
    failure::{Failure, Outcome},
    output,
    place::{Chosen, Place},
    table::{Side, Table},
};

/// Events that are taken in at once.
const AT_ONCE: usize = 1_000;
/// Events that were refused are shown up to so many.
const SHOWN: usize = 20;

/// Take in the events of a file, in this process: it must own the environment's metering.
pub fn send(place: &Place, asked: &SendEvents) -> Outcome {
    let text = match asked.file.to_str() {
        Some("-") => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::new(format!("Nothing can be read: {error}."), "Send UTF-8 text."))?;
            text
        }
        _ => read_file(&asked.file)?,
    };
    let events =
        if text.trim_start().starts_with('[') { wire::cloud_events(&text)? } else { wire::lines(&text) };
    let db = place.open()?;
    let Chosen { scope, .. } = place.choose(&db)?;
    let holder = format!("command line, process {}", std::process::id());
    let metering = server::metering(&db, Options { holder, ..Options::default() });
    let now = db.read(&scope, |view| Ok(view.now())).wait()?;
    let (mut accepted, mut duplicates, mut refused) = (0_u64, 0_u64, Vec::new());
    let numbered: Vec<(usize, Result<NewEvent, Unread>)> = events.into_iter().enumerate().collect();
    for part in numbered.chunk_by(|(one, _), (other, _)| one / AT_ONCE == other / AT_ONCE) {
        let (mut numbers, mut good) = (Vec::new(), Vec::new());
        for (number, event) in part {
            match event {
                Ok(event) => {
                    numbers.push(*number);
                    good.push(event.clone());
                }
                Err(unread) => {
                    metering.note_unread(&scope, unread, now);
                    refused.push(fault(*number, &unread.error));
                }
            }
        }
        let receipts = metering.ingest(&scope, good, asked.backfill, now).wait()?;
        for (number, receipt) in numbers.into_iter().zip(receipts) {
            match receipt {
                Receipt::Accepted => accepted += 1,
                Receipt::Duplicate { .. } => duplicates += 1,
                Receipt::Rejected(error) => refused.push(fault(number, &error)),
            }
        }
    }
    metering.keep_rejected()?;
    output::say(format!("{accepted} counted, {duplicates} known before, {} refused.", refused.len()));
    if refused.is_empty() {
        return Ok(());
    }
    refused.truncate(SHOWN);
    let advice = "Correct these and send the file again: what was counted is not counted twice.";
    Err(Failure::new("Some events were not counted.", advice).with_details(refused))
}

fn fault(number: usize, error: &Error) -> String {
    format!("event {}: {}", number + 1, error.detail)
}

/// Events that were rejected, by reason.
pub fn rejected(place: &Place, shown: &Shown) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let limit = i64::from(shown.limit);
    let found = db.usage().read(&chosen.scope, move |view| reject::list(view, None, limit)).wait()?;
    if shown.json {
        let list = found.iter().map(as_json).collect::<Result<Vec<_>>>()?;
        output::say_json(&list);
        return Ok(());
    }
    let mut table = Table::new([
        ("Last seen", Side::Left),
        ("Events", Side::Right),
        ("Reason", Side::Left),
        ("Meter", Side::Left),
        ("Subject", Side::Left),
        ("Last event", Side::Left),
        ("What is wrong", Side::Left),
    ]);
    for one in found {
        table.row([
            time::from_micros(one.last)?.to_string(),
            one.events.to_string(),
            one.sort.code,
            one.sort.meter,
            one.sort.subject,
            one.event,
            one.detail,
        ]);
    }
    table.say("No event was rejected.");
    Ok(())
}

fn as_json(one: &Rejected) -> Result<serde_json::Value> {
    let sort = &one.sort;
    Ok(serde_json::json!({
        "code": sort.code, "pointer": sort.pointer, "type": sort.meter, "source": sort.source, "subject": sort.subject,
        "event": one.event, "detail": one.detail, "content": one.content, "cut": one.cut, "count": one.events,
        "first_seen": time::from_micros(one.first)?, "last_seen": time::from_micros(one.last)?,
    }))
}

/// The meters of the price book in force, and of older ones that subscriptions still agree to.
pub fn meters(place: &Place) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    db.read(&chosen.scope, version::in_force).wait()?;
    let meters = db.read(&chosen.scope, subscription::agreed_meters).wait()?;
    let mut table = Table::new([
        ("Meter", Side::Left),
        ("Name", Side::Left),
        ("Unit", Side::Left),
        ("Counts by", Side::Left),
        ("Dimensions", Side::Left),
    ]);
    for meter in &meters {
        table.row([
            meter.key.clone(),
            meter.name.clone(),
            meter.unit.clone(),
            word(meter.aggregation).to_owned(),
            meter.dimensions.join(", "),
        ]);
    }
    table.say("The price book has no meters.");
    Ok(())
}

/// How much was used, in parts of the customer's zone.
pub fn show(place: &Place, asked: Metered) -> Outcome {
    let db = place.open()?;
    let Chosen { scope, .. } = place.choose(&db)?;
    let (from, to) = (asked.from.as_deref().map(instant_or_date), asked.to.as_deref().map(instant_or_date));
    let (from, to) = (from.transpose()?, to.transpose()?);
    let (key, of, part) = (asked.meter, (asked.customer, asked.subscription), asked.by);
    let (customer, subscription, meter, unit, now) = db
        .read(&scope, move |view| {
            let (customer, subscription) = whose(view, &of)?;
            let version = version::in_force(view)?;
            let meter = version.book.meter(&key).ok_or_else(|| Error::not_found("meter"))?;
            let unit = meter.unit.clone();
            Ok((customer, subscription, Meter::of(&version.book, meter), unit, view.now()))
        })
        .wait()?;
    // What happens at this very moment is part of it: a sandbox's clock stands still.
    let to = to.unwrap_or(now.checked_add(SignedDuration::from_secs(1)).unwrap_or(now));
    let from = from.unwrap_or(to.checked_sub(SignedDuration::from_hours(24 * 31)).unwrap_or(to));
    let grain = match part {
        Part::Hour => Grain::Hour,
        Part::Day => Grain::Day,
        Part::Month => Grain::Month,
    };
    let zone = customer.zone.clone();
    let parts = db.usage().read(&scope, move |view| {
        let subject = Subject { customer: customer.id, subscription, unnamed: None, meter: &meter };
        usage::history(view, subject, grain, &zone, (from, to), now)
    });
    let mut table = Table::new([
        ("From", Side::Left),
        ("Used", Side::Right),
        ("Unit", Side::Left),
        ("Events", Side::Right),
    ]);
    for (span, figure) in parts.wait()? {
        let start = time::from_micros(span.start)?;
        table.row([start.to_string(), figure.value.to_string(), unit.clone(), figure.events.to_string()]);
    }
    table.say("There was no time between these.");
    Ok(())
}

fn whose(
    view: &mut View<'_>,
    (customer, subscription): &(Option<String>, Option<String>),
) -> Result<(identity::Customer, Option<kernel::ids::SubscriptionId>)> {
    if let Some(reference) = subscription {
        let id = subscription::resolve(view, reference)?;
        let found = subscription::find(view, id)?;
        return Ok((customer::find(view, found.customer)?, Some(id)));
    }
    let reference = CustomerRef::from_str(customer.as_deref().unwrap_or_default())?;
    let id = customer::resolve(view, &reference)?;
    Ok((customer::find(view, id)?, None))
}
