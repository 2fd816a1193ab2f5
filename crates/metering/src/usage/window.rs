//! Spans of time, the hours events are kept in, and the windows figures are shown in.

use catalog::{Window, WindowUnit};
use jiff::{SignedDuration, Timestamp, civil::Date};
use kernel::{Error, Result, Zone};

/// Half-open: microseconds since 1970, from `start` up to and without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first instant in it.
    pub start: i64,
    /// The first instant after it.
    pub end: i64,
}

impl Span {
    /// Between two instants.
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start: start.as_microsecond(), end: end.as_microsecond() }
    }

    /// Whether the instant falls in it.
    pub const fn contains(self, at: i64) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether they have an instant in common.
    pub const fn touches(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// What of it is in the other; none when they have nothing in common.
    pub fn within(self, other: Self) -> Option<Self> {
        let both = Self { start: self.start.max(other.start), end: self.end.min(other.end) };
        (both.start < both.end).then_some(both)
    }

    /// Whether all of the other is in it.
    pub const fn covers(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// Microseconds of an hour.
pub const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;

/// The hour an event is kept in, as its first microsecond. `shift` is by how many minutes the hours of a zone begin
/// later than those of UTC: 30 in India.
pub const fn hour_of(at: i64, shift: u8) -> i64 {
    let shift = shift as i64 * MINUTE;
    (at - shift).div_euclid(HOUR) * HOUR + shift
}

/// The hour that begins there.
pub const fn hour(start: i64) -> Span {
    Span { start, end: start + HOUR }
}

/// By how many minutes, 0 to 59, the hours of `zone` begin later than those of UTC at `at`.
///
/// It only decides which events are kept together: a figure is right wherever its edges fall, and cheap where they
/// are edges of kept hours.
pub fn shift_of(zone: &Zone, at: Timestamp) -> u8 {
    let seconds = zone.rules().to_offset(at).seconds();
    (-seconds).div_euclid(60).rem_euclid(60) as u8
}

/// The lengths of time a history is shown in, in the customer's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Hours of the local clock.
    Hour,
    /// Local days.
    Day,
    /// Local months.
    Month,
}

impl Grain {
    /// `hour`, `day` or `month`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "hour" => Some(Self::Hour),
            "day" => Some(Self::Day),
            "month" => Some(Self::Month),
            _ => None,
        }
    }

    const fn unit(self) -> WindowUnit {
        match self {
            Self::Hour => WindowUnit::Hour,
            Self::Day => WindowUnit::Day,
            Self::Month => WindowUnit::Month,
        }
    }
}

/// The most windows a history can have.
pub const MAX_WINDOWS: usize = 2_000;

/// The windows of a span, one after the other without a gap; the first begins and the last ends with the span.
///
/// Errors: `history_too_long` for more than 2,000.
pub fn windows(grain: Grain, zone: &Zone, from: Timestamp, to: Timestamp) -> Result<Vec<Span>> {
    let mut windows = Vec::new();
    let mut start = from;
    while start < to {
        let end = calendar(grain.unit(), zone, start).1.min(to);
        if windows.len() == MAX_WINDOWS {
            return Err(Error::invalid(
                "history_too_long",
                "The history would have more than 2,000 parts. Ask for a shorter time or for longer parts.",
            ));
        }
        windows.push(Span::new(start, end));
        start = end;
    }
    Ok(windows)
}

/// The calendar window of `unit` that `at` falls in: its first instant, and the first one after it.
pub fn calendar(unit: WindowUnit, zone: &Zone, at: Timestamp) -> (Timestamp, Timestamp) {
    let date = zone.date_of(at);
    match unit {
        WindowUnit::Minute => of_clock(zone, at, 60),
        WindowUnit::Hour => of_clock(zone, at, 3_600),
        WindowUnit::Day => days(zone, at, date, |date| date.tomorrow().ok()),
        WindowUnit::Week => {
            let back = i64::from(date.weekday().to_monday_zero_offset());
            let monday = date.saturating_sub(jiff::Span::new().days(back));
            days(zone, at, monday, |date| date.checked_add(jiff::Span::new().days(7)).ok())
        }
        WindowUnit::Month => {
            days(zone, at, date.first_of_month(), |date| date.checked_add(jiff::Span::new().months(1)).ok())
        }
        WindowUnit::Year => {
            days(zone, at, date.first_of_year(), |date| date.checked_add(jiff::Span::new().years(1)).ok())
        }
    }
}

/// From the first instant of a local date to that of another.
fn days(
    zone: &Zone,
    at: Timestamp,
    date: Date,
    next: impl Fn(Date) -> Option<Date>,
) -> (Timestamp, Timestamp) {
    let start = zone.start_of_day(date);
    let mut end = next(date);
    // A date that the zone left out has no length: the window goes on to the one after it.
    while let Some(date) = end.filter(|date| zone.start_of_day(*date) <= at.max(start)) {
        end = next(date);
    }
    (start, end.map_or(Timestamp::MAX, |date| zone.start_of_day(date)))
}

/// A part of the local clock of so many seconds; shorter where the clock was moved within it.
fn of_clock(zone: &Zone, at: Timestamp, length: i64) -> (Timestamp, Timestamp) {
    let time = zone.time_of(at);
    let into = time.duration_since(jiff::civil::Time::midnight());
    let into = SignedDuration::from_micros(i64::try_from(into.as_micros()).unwrap_or(0));
    let part = SignedDuration::from_secs(length);
    let into = SignedDuration::from_micros((into.as_micros() % part.as_micros()) as i64);
    let (mut start, mut end) = (at - into, at - into + part);
    if let Some(moved) = zone.rules().preceding(at + SignedDuration::from_micros(1)).next() {
        start = start.max(moved.timestamp());
    }
    if let Some(moved) = zone.rules().following(at).next() {
        end = end.min(moved.timestamp());
    }
    (start, end)
}

/// The fixed window of a limit at `at`: `period` is that of the meter's price. None for a rolling one.
pub fn fixed(window: Window, zone: &Zone, period: Span, at: Timestamp) -> Option<Span> {
    match window {
        Window::Period => Some(period),
        Window::Calendar(unit) => {
            let (start, end) = calendar(unit, zone, at);
            Some(Span::new(start, end))
        }
        Window::Rolling { .. } => None,
    }
}

/// The second an instant is in, since 1970.
pub fn second_of(at: Timestamp) -> i64 {
    at.as_microsecond().div_euclid(1_000_000)
}
