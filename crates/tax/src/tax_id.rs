//! Tax ids as far as one can tell without asking an authority.

use kernel::{Error, Result};

/// A tax id of a business in `country`: its shape is checked where the table knows it. Written as documents print
/// it: capitals, and without the signs between groups where the country's ids begin with letters (`DE123456789`).
///
/// Errors: `tax_id_malformed`.
pub fn tax_id(country: &str, text: &str) -> Result<String> {
    let text = text.trim().to_uppercase();
    let compact: String = text.chars().filter(|letter| !" .-/".contains(*letter)).collect();
    let Some(shape) = SHAPES.iter().find(|shape| shape.country == country) else {
        let good = (3..=30).contains(&compact.len())
            && text.len() <= 40
            && compact.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && compact.bytes().any(|byte| byte.is_ascii_digit());
        let detail = "This is no tax id. It has 3 to 30 letters and digits, with at least one digit.";
        return if good { Ok(text) } else { Err(Error::invalid("tax_id_malformed", detail)) };
    };
    if shape.patterns.split(' ').any(|pattern| fits(pattern, &compact)) {
        return Ok(if shape.compact { compact } else { text });
    }
    let detail = format!("This is no tax id of {country}. Write it like {}.", shape.example);
    Err(Error::invalid("tax_id_malformed", detail))
}

/// `9` stands for a digit, `@` for a letter, `*` for either; anything else for itself.
fn fits(pattern: &str, text: &str) -> bool {
    pattern.len() == text.len()
        && pattern.bytes().zip(text.bytes()).all(|(sign, byte)| match sign {
            b'9' => byte.is_ascii_digit(),
            b'@' => byte.is_ascii_uppercase(),
            b'*' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            sign => sign == byte,
        })
}

/// What the ids of a country look like.
struct Shape {
    country: &'static str,
    /// Without the signs between groups.
    patterns: &'static str,
    example: &'static str,
    /// Whether documents print it without signs between groups.
    compact: bool,
}

const fn vat(country: &'static str, patterns: &'static str, example: &'static str) -> Shape {
    Shape { country, patterns, example, compact: true }
}
const fn own(country: &'static str, patterns: &'static str, example: &'static str) -> Shape {
    Shape { country, patterns, example, compact: false }
}

const SHAPES: &[Shape] = &[
    vat("AT", "ATU99999999", "ATU12345678"),
    vat("BE", "BE9999999999", "BE0123456789"),
    vat("BG", "BG999999999 BG9999999999", "BG123456789"),
    vat("CY", "CY99999999@", "CY12345678X"),
    vat("CZ", "CZ99999999 CZ999999999 CZ9999999999", "CZ12345678"),
    vat("DE", "DE999999999", "DE123456789"),
    vat("DK", "DK99999999", "DK12345678"),
    vat("EE", "EE999999999", "EE123456789"),
    vat("ES", "ES*9999999*", "ESB12345678"),
    vat("FI", "FI99999999", "FI12345678"),
    vat("FR", "FR**999999999", "FR12345678901"),
    vat("GR", "EL999999999", "EL123456789"),
    vat("HR", "HR99999999999", "HR12345678901"),
    vat("HU", "HU99999999", "HU12345678"),
    vat("IE", "IE9999999@ IE9999999@@ IE9*99999@", "IE1234567X"),
    vat("IT", "IT99999999999", "IT12345678901"),
    vat("LT", "LT999999999 LT999999999999", "LT123456789"),
    vat("LU", "LU99999999", "LU12345678"),
    vat("LV", "LV99999999999", "LV12345678901"),
    vat("MC", "FR**999999999", "FR12345678901"),
    vat("MT", "MT99999999", "MT12345678"),
    vat("NL", "NL*********B99", "NL123456789B01"),
    vat("PL", "PL9999999999", "PL1234567890"),
    vat("PT", "PT999999999", "PT123456789"),
    vat(
        "RO",
        "RO99 RO999 RO9999 RO99999 RO999999 RO9999999 RO99999999 RO999999999 RO9999999999",
        "RO12345678",
    ),
    vat("SE", "SE999999999999", "SE123456789001"),
    vat("SI", "SI99999999", "SI12345678"),
    vat("SK", "SK9999999999", "SK1234567890"),
    vat("GB", "GB999999999 GB999999999999 GBGD999 GBHA999 XI999999999 XI999999999999", "GB123456789"),
    vat("IM", "GB999999999 GB999999999999", "GB123456789"),
    vat("CH", "CHE999999999 CHE999999999MWST CHE999999999TVA CHE999999999IVA", "CHE123456789"),
    vat("NO", "999999999 999999999MVA NO999999999 NO999999999MVA", "123456789MVA"),
    own("AU", "99999999999", "51 824 753 556"),
    own("CA", "999999999 999999999RT9999", "123456789 RT0001"),
    own("IN", "99@@@@@9999@***", "22AAAAA0000A1Z5"),
    own("JP", "T9999999999999", "T1234567890123"),
    own("NZ", "99999999 999999999", "123-456-789"),
    own("SG", "99999999@ 999999999@ @99@@9999@ M99999999* M*99999999*", "201234567A"),
    own("US", "999999999", "12-3456789"),
    own("ZA", "4999999999", "4123456789"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_one() {
        for shape in SHAPES {
            assert!(tax_id(shape.country, shape.example).is_ok(), "{}", shape.country);
        }
    }

    #[test]
    fn ids_are_written_as_documents_print_them() {
        for (country, typed, printed) in [
            ("DE", " de 123 456 789 ", "DE123456789"),
            ("AT", "ATU12345678", "ATU12345678"),
            ("GR", "EL 123456789", "EL123456789"),
            ("CH", "CHE-123.456.789 MWST", "CHE123456789MWST"),
            ("US", "12-3456789", "12-3456789"),
            ("AU", "51 824 753 556", "51 824 753 556"),
            ("BR", "12.345.678/0001-95", "12.345.678/0001-95"),
        ] {
            assert_eq!(tax_id(country, typed).unwrap(), printed);
        }
    }

    #[test]
    fn what_is_none_is_refused_with_an_example() {
        for (country, bad) in [
            ("DE", "123456789"),
            ("DE", "DE12345678"),
            ("DE", "FR12345678901"),
            ("GR", "GR123456789"),
            ("US", "1234"),
            ("BR", ""),
            ("BR", "none"),
            ("BR", "1; DROP TABLE"),
            ("AT", "ATÜ12345678"),
        ] {
            let error = tax_id(country, bad).unwrap_err();
            assert_eq!(error.code, "tax_id_malformed", "{country} {bad}");
        }
        assert!(tax_id("DE", "1").unwrap_err().detail.contains("DE123456789"));
    }
}
