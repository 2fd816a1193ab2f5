//! Writing to the terminal. A reader that has gone (`| head`) ends the program quietly.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

/// A line on standard output.
pub fn say(line: impl Display) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// A line on standard error. Where nobody can read it, nothing can be done about that.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A value as JSON on standard output.
pub fn say_json(value: &impl Serialize) {
    // Our values have text keys and finite numbers.
    say(serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Whether a person reads standard output.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// `1 fact`, `2 facts`.
pub fn count(number: impl Into<i64>, noun: &str) -> String {
    let number = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// `1,234,567`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 user`, `9 users`, `10 GB`: only a unit that is a word has a plural.
pub fn units(amount: &str, unit: &str) -> String {
    let word = unit.ends_with(|last: char| last.is_ascii_lowercase() && last != 's');
    let plural = if word && amount != "1" { "s" } else { "" };
    format!("{amount} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        let shown = [("9", "user"), ("1", "plant"), ("10", "GB")].map(|(amount, unit)| units(amount, unit));
        assert_eq!(shown, ["9 users", "1 plant", "10 GB"]);
        assert_eq!((count(1, "fact"), count(2, "fact")), ("1 fact".to_owned(), "2 facts".to_owned()));
    }
}
