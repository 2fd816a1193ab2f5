//! The events behind figures.

use std::collections::HashMap;

use kernel::Result;
use store::View;

use super::{
    Dimensions, Span, Subject,
    read::{hours, series},
    window::hour,
};
use crate::log::{self, Address, Entry};

/// Entries of the log with their addresses.
pub type Addressed = Vec<(Address, Entry)>;

/// Where a page of events ended: the next one begins after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The hour.
    pub hour: i64,
    /// The series in it.
    pub series: i64,
}

/// The events behind a figure that stand, in the order of their hours: at least `limit` of them when there are so
/// many (an hour of a series comes whole), and where to go on. `as_of` as in [`figures`].
pub fn events(
    view: &mut View<'_>,
    subject: Subject<'_>,
    select: impl Fn(&Dimensions) -> bool,
    span: Span,
    as_of: Option<i64>,
    after: Option<Cursor>,
    limit: usize,
) -> Result<(Addressed, Option<Cursor>)> {
    let later =
        |cursor: Cursor| after.is_none_or(|after| (cursor.hour, cursor.series) > (after.hour, after.series));
    let mut found = Vec::new();
    for Part { cursor, head, spans } in parts(view, subject, select, span)? {
        if !later(cursor) {
            continue;
        }
        let entries = log::standing(log::hour_entries(view, head, as_of.unwrap_or(i64::MAX))?);
        let counts = |at: i64| spans.iter().any(|span| span.contains(at));
        found.extend(entries.into_iter().filter(|(_, entry)| counts(entry.at)));
        if found.len() >= limit {
            return Ok((found, Some(cursor)));
        }
    }
    Ok((found, None))
}

/// An hour of a series with something that may count.
struct Part {
    cursor: Cursor,
    /// Its last chunk.
    head: i64,
    /// Only events in these times count.
    spans: Vec<Span>,
}

/// The hours of the series of a subject that touch a span, in order of time.
fn parts(
    view: &mut View<'_>,
    subject: Subject<'_>,
    select: impl Fn(&Dimensions) -> bool,
    span: Span,
) -> Result<Vec<Part>> {
    let series = series(view, subject, &select)?;
    let ids: Vec<i64> = series.iter().map(|series| series.id).collect();
    let named: HashMap<i64, bool> = series.iter().map(|series| (series.id, series.named)).collect();
    let mut parts: Vec<Part> = Vec::new();
    for (series, hours) in hours(view, subject.meter, &ids, span)? {
        let spans = subject.spans(span, named.get(&series).copied().unwrap_or_default());
        let hours = hours.into_iter().filter(|one| spans.iter().any(|span| span.touches(hour(one.start))));
        parts.extend(hours.map(|hour| {
            let cursor = Cursor { hour: hour.start, series };
            Part { cursor, head: hour.head, spans: spans.clone() }
        }));
    }
    parts.sort_unstable_by_key(|part| (part.cursor.hour, part.cursor.series));
    Ok(parts)
}

/// An event that counts.
pub(crate) struct Counted {
    /// Its hour.
    pub hour: i64,
    /// When it happened, in microseconds.
    pub at: i64,
    /// Where it stands.
    pub address: Address,
    /// What it brings.
    pub amount: i64,
}

/// Every event behind a figure that stands, hour by hour, within an hour in no order: a few chunks of them are in memory.
pub(crate) fn counted(
    view: &mut View<'_>,
    subject: Subject<'_>,
    select: impl Fn(&Dimensions) -> bool,
    span: Span,
    as_of: i64,
    mut with: impl FnMut(Counted),
) -> Result<()> {
    for Part { cursor, head, spans } in parts(view, subject, select, span)? {
        log::each_standing(view, head, as_of, |address, entry| {
            if spans.iter().any(|span| span.contains(entry.at)) {
                let amount = entry.reading.amount();
                with(Counted { hour: cursor.hour, at: entry.at, address, amount });
            }
        })?;
    }
    Ok(())
}

/// So many entries of an hour are read for its last events.
const MOST_OF_AN_HOUR: usize = 1_000;

/// The last events of a span that stand, the newest first: `limit` of them when there are so many. Of an hour with very
/// many these are among those that were accepted last.
pub fn last_events(view: &mut View<'_>, subject: Subject<'_>, span: Span, limit: usize) -> Result<Addressed> {
    let ids: Vec<i64> = series(view, subject, &|_| true)?.into_iter().map(|series| series.id).collect();
    let mut heads: Vec<(i64, i64)> = Vec::new();
    for hours in hours(view, subject.meter, &ids, span)?.into_values() {
        heads.extend(hours.into_iter().map(|hour| (hour.start, hour.head)));
    }
    heads.sort_unstable_by(|one, other| other.cmp(one));
    let (mut found, mut hour) = (Addressed::new(), i64::MAX);
    for (start, head) in heads {
        if found.len() >= limit && start < hour {
            break;
        }
        hour = start;
        let entries = log::standing(log::last_entries(view, head, MOST_OF_AN_HOUR)?);
        found.extend(entries.into_iter().filter(|(_, entry)| span.contains(entry.at)));
    }
    found.sort_unstable_by_key(|(address, entry)| std::cmp::Reverse((entry.at, address.0)));
    found.truncate(limit);
    Ok(found)
}
