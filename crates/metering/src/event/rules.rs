//! Whether an event is in order. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use kernel::{Error, Result, time};
use serde_json::value::RawValue;

use super::{
    Checked, EventName, Meter, Meters, NewEvent, Reading,
    data::{self, MAX_DATA},
    fingerprint::Fingerprints,
};

/// The longest source and id, in bytes.
const MAX_NAME: usize = 256;
/// The data of an event that brings none.
const EMPTY: &str = "{}";

/// Read an event and check everything that can be checked without its customer.
///
/// Errors: `event_name_malformed`, `meter_unknown`, `time_out_of_range`, `data_too_large`, and those of
/// [`data::read`].
pub fn check(event: NewEvent, meters: &Meters, fingerprints: &Fingerprints) -> Result<Checked> {
    check_or_keep(event, meters, fingerprints).map_err(|(error, _)| error)
}

/// The same; an event that is not in order comes back with what is wrong with it.
pub(crate) fn check_or_keep(
    event: NewEvent,
    meters: &Meters,
    fingerprints: &Fingerprints,
) -> Result<Checked, (Error, Box<NewEvent>)> {
    match look(&event, meters, fingerprints) {
        Ok(seen) => Ok(seen.checked(event)),
        Err(error) => Err((error, Box::new(event))),
    }
}

/// What was seen in an event that is in order.
struct Seen {
    meter: Arc<Meter>,
    at: Option<i64>,
    identity: u128,
    content: u64,
    reading: Reading,
    dimensions: String,
}

impl Seen {
    fn checked(self, event: NewEvent) -> Checked {
        let Self { meter, at, identity, content, reading, dimensions } = self;
        Checked {
            name: EventName { source: event.source, id: event.id },
            identity,
            content,
            meter,
            subject: event.subject,
            at,
            reading,
            dimensions,
            data: event.data.map_or_else(|| EMPTY.to_owned(), |data| Box::<str>::from(data).into_string()),
        }
    }
}

fn look(event: &NewEvent, meters: &Meters, fingerprints: &Fingerprints) -> Result<Seen> {
    name(&event.source, "/source")?;
    name(&event.id, "/id")?;
    name(&event.subject, "/subject")?;
    let meter = meters.get(&event.meter).ok_or_else(|| {
        let shown: String = event.meter.chars().take(64).collect();
        let detail = format!("The price book has no meter \"{shown}\". An event's type is a meter's key.");
        Error::invalid("meter_unknown", detail).at("/type")
    })?;
    let at = event.at.map(time::in_range).transpose().map_err(|error| error.at("/time"))?;
    let at = at.map(|at| at.as_microsecond());
    let data = event.data.as_deref().map_or(EMPTY, RawValue::get);
    if data.len() > MAX_DATA {
        let detail = "The data of an event is at most 16 KiB. Keep what is measured and leave out the rest.";
        return Err(Error::invalid("data_too_large", detail).at("/data"));
    }
    let (reading, dimensions) = data::read(meter, data, fingerprints)?;
    Ok(Seen {
        identity: fingerprints.identity(&event.source, &event.id),
        content: fingerprints.content(&event.meter, &event.subject, at, data),
        meter: Arc::clone(meter),
        at,
        reading,
        dimensions,
    })
}

fn name(text: &str, pointer: &str) -> Result<()> {
    if !text.is_empty() && text.len() <= MAX_NAME && !text.contains(char::is_control) {
        return Ok(());
    }
    let detail = "Source, id and subject of an event are texts of 1 to 256 bytes without control characters.";
    Err(Error::invalid("event_name_malformed", detail).at(pointer))
}

/// Which event times are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Events before it are too old, unless staff send them as backfill.
    pub late: i64,
    /// Events before it are refused in any case: their month may be gone, and their names with it.
    pub kept: i64,
    /// Events at or after it claim to be from the future.
    pub future: i64,
}

/// How long an event's time may lie ahead of the clock here: clocks of others are not always right.
const AHEAD: i64 = 24 * 3_600_000_000;

impl Horizon {
    /// At `now`, with a late window and a retention of so many days. Event times are kept by whole days.
    pub fn at(now: Timestamp, late_days: u16, kept_days: u16) -> Self {
        let now = now.as_microsecond();
        let days = |days: u16| now - i64::from(days) * 24 * 3_600_000_000;
        Self { late: days(late_days.min(kept_days)), kept: days(kept_days), future: now + AHEAD }
    }

    /// Whether an event of that time is taken. Errors: `too_old`, `in_the_future`.
    pub fn admits(self, at: i64, backfill: bool) -> Result<()> {
        if at < self.kept {
            let detail = "The event is older than events are kept here. It was not counted.";
            return Err(Error::invalid("too_old", detail).at("/time"));
        }
        if at < self.late && !backfill {
            let detail = "The event is older than the late window. Send it as backfill if it is to count.";
            return Err(Error::invalid("too_old", detail).at("/time"));
        }
        if at >= self.future {
            let detail = "The event's time is more than a day ahead. Check the clock of the sender.";
            return Err(Error::invalid("in_the_future", detail).at("/time"));
        }
        Ok(())
    }
}
