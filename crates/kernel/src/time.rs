//! Instants and dates as they come in: strict spelling, microseconds, years 1970 to 2999.

use jiff::{Timestamp, civil::Date};

use crate::{Error, Result};

/// The first instant accepted anywhere: 1970-01-01T00:00:00Z.
pub const FIRST_INSTANT: Timestamp = Timestamp::UNIX_EPOCH;
/// The first instant that is too late: 3000-01-01T00:00:00Z.
pub const END_INSTANT: Timestamp = Timestamp::constant(32_503_680_000, 0);
/// The first date accepted anywhere.
pub const FIRST_DATE: Date = jiff::civil::date(1970, 1, 1);
/// The first date that is too late.
pub const END_DATE: Date = jiff::civil::date(3000, 1, 1);

/// An RFC 3339 instant with its offset, such as `2026-01-31T09:30:00.25+01:00`. Digits beyond the
/// microsecond are cut off. Errors: `time_malformed`, `time_out_of_range`.
pub fn instant(text: &str) -> Result<Timestamp> {
    let (head, fraction, offset) = split_rfc3339(text).ok_or_else(malformed)?;
    let fraction = fraction.get(..6).unwrap_or(fraction);
    let point = if fraction.is_empty() { "" } else { "." };
    let exact = format!("{head}{point}{fraction}{offset}");
    // The last days of the year 9999 are beyond what the library holds; they are no misspelling.
    let refused = || if head > "9999" { out_of_range() } else { malformed() };
    in_range(exact.parse().map_err(|_| refused())?)
}

/// A date such as `2026-01-31`. Errors: `time_malformed`, `time_out_of_range`.
pub fn date(text: &str) -> Result<Date> {
    let malformed = || Error::invalid("time_malformed", "This is not a date. Write it like 2026-01-31.");
    if !matches(text, "0000-00-00") {
        return Err(malformed());
    }
    let date: Date = text.parse().map_err(|_| malformed())?;
    if (FIRST_DATE..END_DATE).contains(&date) { Ok(date) } else { Err(out_of_range()) }
}

/// Microseconds since 1970-01-01T00:00:00Z, as stored.
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The instant of stored microseconds. Error: `time_out_of_range`.
pub fn from_micros(micros: i64) -> Result<Timestamp> {
    in_range(Timestamp::from_microsecond(micros).map_err(|_| out_of_range())?)
}

/// `at` itself when it lies in the years 1970 to 2999. Error: `time_out_of_range`.
pub fn in_range(at: Timestamp) -> Result<Timestamp> {
    if (FIRST_INSTANT..END_INSTANT).contains(&at) { Ok(at) } else { Err(out_of_range()) }
}

pub(crate) fn out_of_range() -> Error {
    Error::invalid("time_out_of_range", "The time is outside the years 1970 to 2999. Use one inside them.")
}

fn malformed() -> Error {
    Error::invalid(
        "time_malformed",
        "This is not an instant. Write it with its offset, like 2026-01-31T09:30:00Z or \
         2026-01-31T09:30:00+01:00.",
    )
}

/// Date and time, digits of the fraction (perhaps none), offset; `None` when the shape is wrong.
fn split_rfc3339(text: &str) -> Option<(&str, &str, &str)> {
    let (head, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit())?),
        None => ("", rest),
    };
    let shaped = matches(head, "0000-00-00T00:00:00")
        && (fraction.len() <= 30 && rest.starts_with('.') != fraction.is_empty())
        && (matches(offset, "Z") || matches(offset, "+00:00") || matches(offset, "-00:00"));
    shaped.then_some((head, fraction, offset))
}

/// Is `text` of the shape of `pattern`, where `0` stands for any digit and letters ignore case?
fn matches(text: &str, pattern: &str) -> bool {
    let same = |(byte, wanted): (u8, u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        _ => byte.eq_ignore_ascii_case(&wanted),
    };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_their_offset_and_cut_to_the_microsecond() {
        for (text, shown) in [
            ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
            ("2026-01-31T09:30:00+01:00", "2026-01-31T08:30:00Z"),
            ("2026-01-31T09:30:00-00:00", "2026-01-31T09:30:00Z"),
            ("2026-01-31t09:30:00z", "2026-01-31T09:30:00Z"),
            ("2026-01-31T09:30:00.1234567Z", "2026-01-31T09:30:00.123456Z"),
            ("2026-01-31T09:30:00.999999999999999999Z", "2026-01-31T09:30:00.999999Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("1970-01-01T05:30:00+05:30", "1970-01-01T00:00:00Z"),
            ("2999-12-31T23:59:59.9999999Z", "2999-12-31T23:59:59.999999Z"),
        ] {
            let at = instant(text).unwrap();
            assert_eq!(at.to_string(), shown, "{text}");
            assert_eq!(from_micros(micros(at)).unwrap(), at);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "",
            "2026-01-31",
            "2026-01-31T09:30:00",
            "2026-01-31T09:30Z",
            "2026-01-31 09:30:00Z",
            "20260131T093000Z",
            "2026-01-31T09:30:00.Z",
            "2026-01-31T09:30:00+0100",
            "2026-01-31T09:30:00+01",
            "2026-01-31T09:30:00+01:00[Europe/Berlin]",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T09:60:00Z",
            "+002026-01-31T09:30:00Z",
            " 2026-01-31T09:30:00Z",
            "2026-01-31T09:30:00Zé",
            "é026-01-31T09:30:00Z",
            "2026-01-31T09:30:00,5Z",
            "1769850000",
        ] {
            assert_eq!(instant(bad).unwrap_err().code, "time_malformed", "{bad}");
        }
        for bad in
            ["", "2026-2-1", "2026-02-30", "20260201", "2026-02-01T00:00:00Z", "01/02/2026", "２026-02-01"]
        {
            assert_eq!(date(bad).unwrap_err().code, "time_malformed", "{bad}");
        }
    }

    #[test]
    fn times_before_1970_and_after_2999_are_refused() {
        for bad in [
            "1969-12-31T23:59:59.999999Z",
            "1970-01-01T00:00:00+00:01",
            "3000-01-01T00:00:00Z",
            "9999-12-31T00:00:00Z",
            "0000-01-01T00:00:00Z",
        ] {
            assert_eq!(instant(bad).unwrap_err().code, "time_out_of_range", "{bad}");
        }
        for bad in ["1969-12-31", "3000-01-01", "0001-01-01"] {
            assert_eq!(date(bad).unwrap_err().code, "time_out_of_range", "{bad}");
        }
        for bad in [-1, micros(END_INSTANT), i64::MAX, i64::MIN] {
            assert_eq!(from_micros(bad).unwrap_err().code, "time_out_of_range", "{bad}");
        }
        assert_eq!(date("2999-12-31").unwrap().tomorrow().unwrap(), END_DATE);
        assert_eq!(END_INSTANT.to_string(), "3000-01-01T00:00:00Z");
    }
}
