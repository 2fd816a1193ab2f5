//! Periods and the schedules that cut time into them.

use jiff::{
    Span, Timestamp, ToSpan,
    civil::{Date, Time},
};

use crate::{Cycle, CycleUnit, Error, Result, Zone, cycle::Length, time};

/// One end of a period: a local date and the instant it means, fixed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The local date, as the schedule counts it.
    pub date: Date,
    /// The instant. Its local date is `date`, except where the zone left that date out.
    pub at: Timestamp,
}

impl Edge {
    /// The edge at any instant, with its local date in `zone`.
    pub fn at(at: Timestamp, zone: &Zone) -> Self {
        Self { date: zone.date_of(at), at }
    }

    /// The edge at the first instant of a local date.
    pub fn of_date(date: Date, zone: &Zone) -> Self {
        Self { date, at: zone.start_of_day(date) }
    }
}

/// Half-open: from the start up to and without the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    /// The first instant of the period.
    pub start: Edge,
    /// The first instant after it.
    pub end: Edge,
}

impl Period {
    /// Does the instant fall in it?
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start.at <= at && at < self.end.at
    }

    /// Whether no instant falls in it: the "day" a zone left out.
    pub fn is_empty(&self) -> bool {
        self.end.at <= self.start.at
    }

    /// Local calendar days from the start's date to the end's; a day of 23 or 25 hours is one.
    pub fn days(&self) -> i64 {
        days_between(self.start.date, self.end.date)
    }
}

/// Calendar days from one date to another.
pub(crate) fn days_between(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

/// Cuts time into periods: edge `n` is the anchor and `n` cycles, for every whole `n`.
///
/// Every edge is computed from the anchor, never from the edge before it, so a month too short for
/// the anchor's day clamps (31 Jan → 28 Feb) and the next long one returns to it (→ 31 Mar).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// The local date of edge 0. It may lie long before the first period.
    pub anchor: Date,
    /// The distance between edges.
    pub cycle: Cycle,
    /// Whose calendar it is.
    pub zone: Zone,
    /// Wall time of every edge, with per-second billing; otherwise edges are the first instant of
    /// their date.
    pub wall_time: Option<Time>,
}

impl Schedule {
    /// Periods counted from the local date of the start. With per-second billing, add
    /// [`Schedule::at_wall_time`] with the start's local time.
    pub fn anniversary(start: Timestamp, cycle: Cycle, zone: Zone) -> Self {
        Self { anchor: zone.date_of(start), cycle, zone, wall_time: None }
    }

    /// Periods of the calendar: weeks from Monday; months, quarters, half years and other parts of a
    /// year from the 1st of January on; years from 1 January. Cycles of several weeks, several years,
    /// or months that do not divide a year are counted from the unit the start falls in.
    pub fn calendar(start: Timestamp, cycle: Cycle, zone: Zone) -> Self {
        let date = zone.date_of(start);
        let anchor = match cycle.unit() {
            CycleUnit::Day => date,
            CycleUnit::Week => date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days()),
            CycleUnit::Month => {
                let count = cycle.count() as i8;
                let month = date.month() - 1;
                let first = if 12 % count == 0 { month / count * count } else { month };
                Date::constant(date.year(), first + 1, 1)
            }
            CycleUnit::Year => Date::constant(date.year(), 1, 1),
        };
        Self { anchor, cycle, zone, wall_time: None }
    }

    /// Periods that end on the given day of the month, clamped in short months. The first period ends
    /// on the first such day after the start that is in the start's month or whole cycles after it.
    /// Error: `anchor_day_invalid` when the day is not 1 to 31 or the cycle is not of months or years.
    pub fn with_anchor_day(start: Timestamp, day: u8, cycle: Cycle, zone: Zone) -> Result<Self> {
        let months = cycle.months().filter(|_| (1..=31).contains(&day)).ok_or_else(|| {
            Error::invalid(
                "anchor_day_invalid",
                "The billing day is a day of the month, 1 to 31, and needs a cycle of months or years.",
            )
        })?;
        let local = zone.date_of(start);
        let anchor = anchor_on_day(local, day as i8, i64::from(months)).ok_or_else(time::out_of_range)?;
        Ok(Self { anchor, cycle, zone, wall_time: None })
    }

    /// The same schedule with its edges at a wall time (per-second billing).
    #[must_use]
    pub fn at_wall_time(mut self, time: Time) -> Self {
        self.wall_time = Some(time);
        self
    }

    /// Edge `n`, which may be negative. Error: `time_out_of_range` outside the years 1970 to 2999.
    pub fn edge(&self, n: i64) -> Result<Edge> {
        let edge = self.raw_edge(n).ok_or_else(time::out_of_range)?;
        time::in_range(edge.at)?;
        Ok(edge)
    }

    /// The `n` with `edge(n).at <= at < edge(n + 1).at`, in constant time. Error: `time_out_of_range`.
    pub fn index_at(&self, at: Timestamp) -> Result<i64> {
        time::in_range(at)?;
        let date = self.zone.date_of(at);
        let guess = match self.cycle.length() {
            Length::Months(months) => (month_number(date) - month_number(self.anchor)).div_euclid(months),
            Length::Days(days) => days_between(self.anchor, date).div_euclid(days),
        };
        // The date alone is close but not sure. The index is one more where midnight comes twice and
        // the new day has begun before; one less where the edge lies later in this month or on this
        // day; two less where that happens after a date the zone left out.
        (guess - 2..=guess + 1)
            .rev()
            .find(|n| self.raw_edge(*n).is_some_and(|edge| edge.at <= at))
            .ok_or_else(time::out_of_range)
    }

    /// From edge `n` to edge `n + 1`. Error: `time_out_of_range`.
    pub fn period(&self, n: i64) -> Result<Period> {
        let next = n.checked_add(1).ok_or_else(time::out_of_range)?;
        Ok(Period { start: self.edge(n)?, end: self.edge(next)? })
    }

    /// The period the instant falls in. Error: `time_out_of_range`.
    pub fn period_at(&self, at: Timestamp) -> Result<Period> {
        self.period(self.index_at(at)?)
    }

    /// The first edge after the instant. Error: `time_out_of_range`.
    pub fn next_edge_after(&self, at: Timestamp) -> Result<Edge> {
        self.edge(self.index_at(at)? + 1)
    }

    /// The edge that follows `edge`, which may be one of another zone: then the next date counts, so that a change of
    /// the zone makes no short period of its own. Error: `time_out_of_range`.
    pub fn next_edge_from(&self, edge: Edge) -> Result<Edge> {
        if self.zone.date_of(edge.at) != edge.date {
            let mut n = self.index_at(edge.at)? - 1;
            while self.edge(n)?.date <= edge.date {
                n += 1;
            }
            let next = self.edge(n)?;
            if next.at > edge.at {
                return Ok(next);
            }
        }
        self.next_edge_after(edge.at)
    }

    /// From the start itself to the first edge after it: a whole period when the start is on an edge,
    /// a stub otherwise. Error: `time_out_of_range`.
    pub fn first_period(&self, start: Timestamp) -> Result<Period> {
        Ok(Period { start: Edge::at(start, &self.zone), end: self.next_edge_after(start)? })
    }

    /// Edge `n` wherever it lies, or `None` beyond the calendar.
    fn raw_edge(&self, n: i64) -> Option<Edge> {
        let date = match self.cycle.length() {
            Length::Months(months) => add_months(self.anchor, n.checked_mul(months)?)?,
            Length::Days(days) => add_days(self.anchor, n.checked_mul(days)?)?,
        };
        let at = match self.wall_time {
            Some(time) => self.zone.at_time(date, time),
            None => self.zone.start_of_day(date),
        };
        Some(Edge { date, at })
    }
}

/// Months since the year 0.
fn month_number(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

/// The same day `months` later, or the month's last when it is too short.
fn add_months(date: Date, months: i64) -> Option<Date> {
    let month = month_number(date).checked_add(months)?;
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let first = Date::new(year, month.rem_euclid(12) as i8 + 1, 1).ok()?;
    Some(with_day(first, date.day()))
}

fn add_days(date: Date, days: i64) -> Option<Date> {
    date.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// The given day in the month of `date`, or that month's last.
fn with_day(date: Date, day: i8) -> Date {
    Date::constant(date.year(), date.month(), day.min(date.days_in_month()))
}

/// A date of the billing day in the month of `local`, or whole cycles before it where that month is
/// too short to remember the day: the nearest of those that come closest to it.
fn anchor_on_day(local: Date, day: i8, months: i64) -> Option<Date> {
    // Twelve steps meet every month of the year, and every leap February, the cycle can meet.
    let candidates = (0..12).map(|step| {
        let first = add_months(local.first_of_month(), -step * months)?;
        Some(with_day(first, day))
    });
    candidates.collect::<Option<Vec<_>>>()?.into_iter().rev().max_by_key(|date| date.day())
}

#[cfg(test)]
mod tests;
