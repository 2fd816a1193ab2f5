//! Figures, histories and the events behind them, from what is stored. Runs in any process, not only the owner's.

use std::collections::{BTreeMap, HashMap};

use catalog::Aggregation;
use jiff::Timestamp;
use kernel::{
    Result, Zone,
    ids::{CustomerId, SubscriptionId},
};
use store::{View, params};
use uuid::Uuid;

use super::{
    Addressed, Figure, Grain, Sample, Span, Tally, Total,
    window::{HOUR, hour},
    windows,
};
use crate::{event::Meter, log, sql};

/// Values of dimensions, by dimension.
pub type Dimensions = BTreeMap<String, String>;

/// Which events a figure is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Whose.
    pub customer: CustomerId,
    /// Only those sent for this subscription or for none; none: all of the customer's.
    pub subscription: Option<SubscriptionId>,
    /// Only in these parts of time those sent for none count, in order; none: at any time.
    pub unnamed: Option<&'a [Span]>,
    /// Of which meter.
    pub meter: &'a Meter,
}

/// A figure of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's values of the dimensions it was grouped by.
    pub by: Dimensions,
    /// The figure.
    pub figure: Figure,
}

/// One set of dimension values of a customer's meter.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) id: i64,
    /// Whether its events name a subscription.
    pub(super) named: bool,
    dimensions: Dimensions,
}

/// An hour of a series as stored.
pub(super) struct Hour {
    pub(super) start: i64,
    /// Its last chunk.
    pub(super) head: i64,
    tally: Tally,
}

/// The last chunk there is: what a figure read now is complete up to. 0 when nothing was ever accepted.
pub fn watermark(view: &mut View<'_>) -> Result<i64> {
    Ok(view.opt(&sql::OWNER, params![], |row| row.get::<i64>(3))?.map_or(0, |next| next - 1))
}

/// The figure of a span, grouped by dimensions (none: one figure, also when there was nothing).
///
/// `select` says which dimension values count. A value that stands (time-weighted) stands until `until`, which is
/// now for a span that has not ended. `as_of` leaves out what was accepted later than that chunk: the same figure
/// again, whatever came since.
pub fn figures(
    view: &mut View<'_>,
    subject: Subject<'_>,
    select: impl Fn(&Dimensions) -> bool,
    group_by: &[String],
    span: Span,
    until: Timestamp,
    as_of: Option<i64>,
) -> Result<Vec<Group>> {
    let series = series(view, subject, &select)?;
    let meter = subject.meter;
    let mut groups: BTreeMap<Dimensions, Vec<(i64, bool)>> = BTreeMap::new();
    if group_by.is_empty() {
        groups.insert(Dimensions::new(), Vec::new());
    }
    for Series { id, named, dimensions } in series {
        let by = dimensions.into_iter().filter(|(name, _)| group_by.contains(name)).collect();
        groups.entry(by).or_default().push((id, named));
    }
    let (until, as_of) = (until.as_microsecond(), as_of.unwrap_or(i64::MAX));
    let reading = Reading { meter, span, unnamed: subject.unnamed, until, as_of };
    let mut out = Vec::new();
    for (by, series) in groups {
        let ids: Vec<i64> = series.iter().map(|(id, _)| *id).collect();
        let hours = hours(view, meter, &ids, span)?;
        out.push(Group { by, figure: reading.total(view, &series, &hours)?.figure(meter.decimals, span) });
    }
    Ok(out)
}

/// The figures of a span of some parts of a meter, each the sum of its series. `until` as in [`figures`].
pub(crate) fn figures_of_series(
    view: &mut View<'_>,
    meter: &Meter,
    parts: &[&[i64]],
    span: Span,
    until: Timestamp,
) -> Result<Vec<Figure>> {
    let all: Vec<i64> = parts.iter().copied().flatten().copied().collect();
    let hours = hours(view, meter, &all, span)?;
    let reading = Reading { meter, span, unnamed: None, until: until.as_microsecond(), as_of: i64::MAX };
    let figure = |ids: &&[i64]| {
        let series: Vec<(i64, bool)> = ids.iter().map(|id| (*id, true)).collect();
        Ok(reading.total(view, &series, &hours)?.figure(meter.decimals, span))
    };
    parts.iter().map(figure).collect()
}

/// The one figure of a span.
pub fn figure(view: &mut View<'_>, subject: Subject<'_>, span: Span, now: Timestamp) -> Result<Figure> {
    let groups = figures(view, subject, |_| true, &[], span, now, None)?;
    let nothing = || Total::new(subject.meter.aggregation).figure(0, span);
    Ok(groups.into_iter().next().map_or_else(nothing, |group| group.figure))
}

/// The figures of the parts of a time, one after the other, in the customer's zone.
///
/// Errors: `history_too_long`.
pub fn history(
    view: &mut View<'_>,
    subject: Subject<'_>,
    grain: Grain,
    zone: &Zone,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<Vec<(Span, Figure)>> {
    let parts = windows(grain, zone, from, to)?;
    let figures = figures_of_spans(view, subject, &parts, now)?;
    Ok(parts.into_iter().zip(figures).collect())
}

/// The figure of each of some spans, in the order of time.
pub fn figures_of_spans(
    view: &mut View<'_>,
    subject: Subject<'_>,
    spans: &[Span],
    now: Timestamp,
) -> Result<Vec<Figure>> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Ok(Vec::new()) };
    let whole = Span { start: first.start, end: last.end };
    let Subject { meter, unnamed, .. } = subject;
    let series = series(view, subject, &|_| true)?;
    let series: Vec<(i64, bool)> = series.into_iter().map(|series| (series.id, series.named)).collect();
    let ids: Vec<i64> = series.iter().map(|(id, _)| *id).collect();
    let hours = hours(view, meter, &ids, whole)?;
    let figure = |span: &Span| {
        let reading = Reading { meter, span: *span, unnamed, until: now.as_microsecond(), as_of: i64::MAX };
        Ok(reading.total(view, &series, &hours)?.figure(meter.decimals, *span))
    };
    spans.iter().map(figure).collect()
}

/// The series of a customer's meter that are selected.
pub(super) fn series(
    view: &mut View<'_>,
    subject: Subject<'_>,
    select: &impl Fn(&Dimensions) -> bool,
) -> Result<Vec<Series>> {
    let Subject { customer, subscription, unnamed, meter } = subject;
    let rows = view.all(&sql::SERIES_OF_METER, params![customer, meter.key, meter.kind], |row| {
        let subscription: Uuid = row.get(0)?;
        let dimensions: String = row.get(1)?;
        Ok((subscription, dimensions, row.get::<i64>(2)?))
    })?;
    let never = unnamed.is_some_and(<[Span]>::is_empty);
    let wanted =
        |id: &Uuid| subscription.is_none_or(|wanted| (id.is_nil() && !never) || *id == wanted.uuid());
    let rows = rows.into_iter().filter(|(subscription, ..)| wanted(subscription));
    let series = rows.map(|(subscription, dimensions, id)| Series {
        id,
        named: !subscription.is_nil(),
        dimensions: read_dimensions(&dimensions),
    });
    Ok(series.filter(|series| select(&series.dimensions)).collect())
}

/// Dimensions from their canonical JSON.
pub(crate) fn read_dimensions(json: &str) -> Dimensions {
    serde_json::from_str(json).unwrap_or_default()
}

/// The hours of some series that touch a span, by series and in order of time.
pub(super) fn hours(
    view: &mut View<'_>,
    meter: &Meter,
    series: &[i64],
    span: Span,
) -> Result<HashMap<i64, Vec<Hour>>> {
    let mut hours: HashMap<i64, Vec<Hour>> = HashMap::new();
    if series.is_empty() || span.end <= span.start {
        return Ok(hours);
    }
    view.each(&sql::TALLIES_OF, params![series.to_vec(), span.start - HOUR, span.end], |row| {
        let bytes: Vec<u8> = row.get(3)?;
        let tally = Tally::decode(meter.aggregation, &bytes)?;
        hours.entry(row.get(0)?).or_default().push(Hour { start: row.get(1)?, head: row.get(2)?, tally });
        Ok(())
    })?;
    Ok(hours)
}

/// Those of sorted hours that touch a span.
fn touching(hours: &[Hour], span: Span) -> &[Hour] {
    let from = hours.partition_point(|stored| stored.start + HOUR <= span.start);
    let to = hours.partition_point(|stored| stored.start < span.end);
    hours.get(from..to).unwrap_or_default()
}

impl Subject<'_> {
    /// When within a span the events of a series count.
    pub(super) fn spans(&self, span: Span, named: bool) -> Vec<Span> {
        match self.unnamed.filter(|_| !named) {
            None => vec![span],
            Some(parts) => parts.iter().filter_map(|part| part.within(span)).collect(),
        }
    }
}

/// One figure being read.
struct Reading<'a> {
    meter: &'a Meter,
    span: Span,
    /// As in [`Subject`].
    unnamed: Option<&'a [Span]>,
    until: i64,
    as_of: i64,
}

impl Reading<'_> {
    /// Of series, each with whether its events name a subscription.
    fn total(
        &self,
        view: &mut View<'_>,
        series: &[(i64, bool)],
        hours: &HashMap<i64, Vec<Hour>>,
    ) -> Result<Total> {
        let mut total = Total::new(self.meter.aggregation);
        for (id, named) in series {
            let hours = hours.get(id).map_or(&[][..], Vec::as_slice);
            match self.unnamed.filter(|_| !named) {
                None => self.add(view, *id, hours, self.span, &mut total)?,
                Some(parts) => {
                    for part in parts.iter().filter_map(|part| part.within(self.span)) {
                        self.add(view, *id, hours, part, &mut total)?;
                    }
                }
            }
        }
        Ok(total)
    }

    /// Add what a series has in a part of time.
    fn add(
        &self,
        view: &mut View<'_>,
        series: i64,
        hours: &[Hour],
        span: Span,
        total: &mut Total,
    ) -> Result<()> {
        let aggregation = self.meter.aggregation;
        let (mut tallies, mut whole) = (Vec::new(), Vec::new());
        for stored in touching(hours, span) {
            if span.covers(hour(stored.start)) && stored.head <= self.as_of {
                whole.push(stored.start);
                tallies.push(stored.tally.clone());
            } else {
                let part = self.part(view, stored, span)?;
                total.add_distinct(log::values(&part).into_keys());
                tallies.push(Tally::of(aggregation, log::samples(&part)));
            }
        }
        let carry = self.carry(view, series, span)?;
        total.add_series(span, self.until, carry, &tallies);
        if aggregation == Aggregation::Unique && !whole.is_empty() {
            self.distinct(view, series, whole, total)?;
        }
        Ok(())
    }

    /// The events of an hour that count here: an edge of the span cuts it, or something came later.
    fn part(&self, view: &mut View<'_>, stored: &Hour, span: Span) -> Result<Addressed> {
        let mut entries = log::standing(log::hour_entries(view, stored.head, self.as_of)?);
        entries.retain(|(_, entry)| span.contains(entry.at));
        Ok(entries)
    }

    /// The different values of whole hours.
    fn distinct(&self, view: &mut View<'_>, series: i64, hours: Vec<i64>, total: &mut Total) -> Result<()> {
        let mut values = Vec::new();
        view.each(&sql::VALUES_AT, params![hours, series], |row| {
            let bytes: Vec<u8> = row.get(0)?;
            values.extend(<[u8; 16]>::try_from(bytes).map(u128::from_be_bytes));
            Ok(())
        })?;
        total.add_distinct(values);
        Ok(())
    }

    /// The value that stood when the span began: the last one before it.
    fn carry(&self, view: &mut View<'_>, series: i64, span: Span) -> Result<Option<i64>> {
        if self.meter.aggregation != Aggregation::TimeWeighted {
            return Ok(None);
        }
        let mut before = span.start;
        loop {
            let hour = view.opt(&sql::TALLY_BEFORE, params![series, before], |row| {
                Ok((row.get::<i64>(0)?, row.get::<i64>(1)?))
            })?;
            let Some((start, head)) = hour else { return Ok(None) };
            let entries = log::standing(log::hour_entries(view, head, self.as_of)?);
            let samples = log::samples(&entries).into_iter().filter(|sample| sample.at < span.start);
            if let Some(Sample { value, .. }) = samples.max() {
                return Ok(Some(value));
            }
            before = start;
        }
    }
}
