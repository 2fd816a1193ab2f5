//! Words, numbers and dates as files write them.

use jiff::{
    Timestamp,
    civil::{DateTime, Time},
    fmt::strtime,
};
use kernel::{Error, Result, Zone, time};

use super::mapping::Dates;
use crate::subscription::rules::MAX_QUANTITY;

/// Yes or no.
pub(super) fn truth(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "on" => Ok(true),
        "false" | "f" | "no" | "n" | "0" | "off" => Ok(false),
        _ => Err(Error::invalid("text_invalid", "This is neither true nor false.")),
    }
}

/// A whole number, also one written `14.0`.
pub(super) fn whole_number(text: &str) -> Result<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let zero = fraction.bytes().all(|digit| digit == b'0');
    let number = whole.parse().ok().filter(|count| zero && (0..=MAX_QUANTITY).contains(count));
    number
        .ok_or_else(|| Error::invalid("quantity_invalid", "This is not a whole number from 0 to 1000000000."))
}

impl Dates {
    /// The instant of a text. A date is its first instant, and a time without an offset is, in the mapping's zone
    /// or else in `zone`.
    ///
    /// Errors: `time_malformed`, `time_out_of_range`.
    pub(super) fn instant(&self, text: &str, zone: &Zone) -> Result<Timestamp> {
        let zone = self.zone.as_ref().unwrap_or(zone);
        let read = if self.formats.is_empty() {
            iso(text, zone)
        } else {
            self.formats.iter().find_map(|format| formatted(format, text, zone))
        };
        let Some(at) = read else { return Err(self.misspelt()) };
        let micros = time::from_micros(at.as_microsecond())?;
        time::in_range(micros)
    }

    fn misspelt(&self) -> Error {
        let example = if self.formats.is_empty() {
            "2026-01-31 or 2026-01-31T09:30:00Z".to_owned()
        } else {
            self.formats.join(" or ")
        };
        Error::invalid(
            "time_malformed",
            format!("This is not a date that exists and is written like {example}."),
        )
    }
}

/// `2026-01-31`, `2026-01-31 09:30[:00[.25]]` or `2026-01-31T09:30:00Z`, with an offset or without.
fn iso(text: &str, zone: &Zone) -> Option<Timestamp> {
    if text.len() == 10 {
        return time::date(text).ok().map(|date| zone.start_of_day(date));
    }
    let (text, zone) = match text.strip_suffix(" UTC") {
        Some(text) => (text, Zone::utc()),
        None => (text, zone.clone()),
    };
    let (date, clock) = text.split_once([' ', 'T'])?;
    time::date(date).ok()?;
    let offset = clock.find(['Z', '+', '-']);
    let (clock, offset) = clock.split_at(offset.unwrap_or(clock.len()));
    let clock: Time = clock.parse().ok()?;
    let local: DateTime = date.parse::<jiff::civil::Date>().ok()?.to_datetime(clock);
    match offset {
        "" => Some(zone.at_time(local.date(), local.time())),
        offset => format!("{local}{}", full_offset(offset)).parse().ok(),
    }
}

/// `+00` and `+0000` as `+00:00`.
fn full_offset(offset: &str) -> String {
    match offset.len() {
        3 => format!("{offset}:00"),
        5 if !offset.contains(':') => format!("{}:{}", &offset[..3], &offset[3..]),
        _ => offset.to_owned(),
    }
}

fn formatted(format: &str, text: &str, zone: &Zone) -> Option<Timestamp> {
    match format {
        "unix" => return Timestamp::from_second(text.parse().ok()?).ok(),
        "unix_ms" => return Timestamp::from_millisecond(text.parse().ok()?).ok(),
        _ => {}
    }
    let parsed = strtime::parse(format, text).ok()?;
    if parsed.offset().is_some() {
        return parsed.to_timestamp().ok();
    }
    let date = parsed.to_date().ok()?;
    match parsed.to_time() {
        Ok(clock) if parsed.hour().is_some() => Some(zone.at_time(date, clock)),
        _ => Some(zone.start_of_day(date)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_many_spellings_are_one_instant() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let read = |formats: &[&str], text: &str| {
            let formats = formats.iter().map(|&format| format.to_owned()).collect();
            Dates { formats, zone: None }.instant(text, &berlin).map(|at| at.to_string()).map_err(|e| e.code)
        };
        for (formats, text, instant) in [
            (&[][..], "2026-01-31", "2026-01-30T23:00:00Z"),
            (&[], "2026-01-31 09:30", "2026-01-31T08:30:00Z"),
            (&[], "2026-01-31 09:30:15", "2026-01-31T08:30:15Z"),
            (&[], "2026-01-31T09:30:15Z", "2026-01-31T09:30:15Z"),
            (&[], "2026-01-31 09:30:15 UTC", "2026-01-31T09:30:15Z"),
            (&[], "2026-01-31 09:30:15.123456+00", "2026-01-31T09:30:15.123456Z"),
            (&[], "2026-01-31T09:30:15+0200", "2026-01-31T07:30:15Z"),
            (&["unix"], "1769851815", "2026-01-31T09:30:15Z"),
            (&["unix_ms"], "1769851815123", "2026-01-31T09:30:15.123Z"),
            (&["%d/%m/%Y"], "31/01/2026", "2026-01-30T23:00:00Z"),
            (&["%Y-%m-%d", "%d-%b-%Y %H:%M:%S"], "31-Jan-2026 09:30:15", "2026-01-31T08:30:15Z"),
            (&["%d.%m.%Y %H:%M %z"], "31.01.2026 09:30 +0000", "2026-01-31T09:30:00Z"),
        ] {
            assert_eq!(read(formats, text).as_deref(), Ok(instant), "{text}");
        }
        for (formats, text) in [
            (&[][..], "31/01/2026"),
            (&[], "2026-02-30"),
            (&[], "2026-01-31 25:00"),
            (&[], "2026-01-31 "),
            (&[], "tomorrow"),
            (&[], "2026-01-31T09:30:15+99:99"),
            (&["unix"], "soon"),
            (&["%d/%m/%Y"], "01/31/2026"),
        ] {
            assert_eq!(read(formats, text).unwrap_err(), "time_malformed", "{text}");
        }
        assert_eq!(read(&["unix"], "99999999999"), Err("time_out_of_range"));
        assert_eq!(read(&["%d/%m/%Y"], "31/01/26"), Err("time_out_of_range"), "the year 26");
    }

    #[test]
    fn words_for_yes_and_whole_numbers() {
        assert_eq!((truth("True"), truth("no")), (Ok(true), Ok(false)));
        assert!(truth("maybe").is_err());
        assert_eq!((whole_number("14"), whole_number("14.00"), whole_number("0")), (Ok(14), Ok(14), Ok(0)));
        for bad in ["", "-1", "1.5", "1e3", "1,000", "nine", "1000000001"] {
            assert!(whole_number(bad).is_err(), "{bad}");
        }
    }
}
