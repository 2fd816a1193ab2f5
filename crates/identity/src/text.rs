//! Limits on text from outside.

use kernel::{Error, Result};

/// A line of text for people: trimmed, not empty, at most `max` characters, no control characters.
///
/// Errors: `text_invalid` at `pointer`.
pub fn line(text: &str, max: usize, pointer: &str) -> Result<String> {
    let text = text.trim();
    let wrong = |detail: String| Err(Error::invalid("text_invalid", detail).at(pointer));
    if text.is_empty() {
        return wrong("This must not be empty.".to_owned());
    }
    if text.chars().count() > max {
        return wrong(format!("This is longer than {max} characters."));
    }
    if text.chars().any(char::is_control) {
        return wrong("This has a control character in it, such as a line break.".to_owned());
    }
    Ok(text.to_owned())
}

/// An e-mail address, as far as one can tell without writing to it.
///
/// Errors: `email_malformed` at `pointer`.
pub fn email(text: &str, pointer: &str) -> Result<String> {
    let text = line(text, 254, pointer)?;
    let good = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    }) && !text.contains(char::is_whitespace)
        && text.matches('@').count() == 1;
    if good {
        Ok(text)
    } else {
        Err(Error::invalid("email_malformed", "This is not an e-mail address.").at(pointer))
    }
}

/// A country as its ISO 3166-1 alpha-2 code, in capitals.
///
/// Errors: `country_unknown` at `pointer`.
pub fn country(text: &str, pointer: &str) -> Result<String> {
    if COUNTRIES.split(' ').any(|code| code == text) {
        return Ok(text.to_owned());
    }
    let detail = "This is not a country code. Use two capital letters as in ISO 3166-1, such as DE or US.";
    Err(Error::invalid("country_unknown", detail).at(pointer))
}

/// A region of a country, as [`tax::region`] reads it.
///
/// Errors: `region_unknown` at `/region`.
pub fn region(country: &str, text: &str) -> Result<String> {
    tax::region(country, text).map_err(|error| error.at("/region"))
}

/// A tax id of a country, as [`tax::tax_id`] reads it.
///
/// Errors: `tax_id_malformed` at `/tax_id`.
pub fn tax_id(country: &str, text: &str) -> Result<String> {
    tax::tax_id(country, text).map_err(|error| error.at("/tax_id"))
}

/// An id the merchant chose: 1 to 100 visible ASCII characters.
///
/// Errors: `external_id_malformed` at `pointer`.
pub fn external_id(text: &str, pointer: &str) -> Result<String> {
    if (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') {
        return Ok(text.to_owned());
    }
    let detail = "An external id has 1 to 100 letters, digits or signs, without spaces and slashes.";
    Err(Error::invalid("external_id_malformed", detail).at(pointer))
}

/// A name in URLs: lower-case letters, digits and hyphens, and none of the words that addresses begin with.
///
/// Errors: `slug_malformed`.
pub fn slug(text: &str) -> Result<String> {
    const RESERVED: [&str; 9] =
        ["assets", "environments", "sign-in", "sign-out", "design", "docs", "v1", "health", "ready"];
    if RESERVED.contains(&text) {
        let detail = format!("{text:?} is an address of the program itself. Choose another name.");
        return Err(Error::invalid("slug_malformed", detail));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = (1..=40).contains(&text.len())
        && text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-');
    if good {
        return Ok(text.to_owned());
    }
    Err(Error::invalid(
        "slug_malformed",
        format!(
            "{text:?} cannot stand in a URL. Use up to 40 lower-case letters, digits and hyphens, a letter first."
        ),
    ))
}

/// The slug closest to a name: "Unison ERP" → `unison-erp`.
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(40);
    slug.trim_matches('-').to_owned()
}

/// ISO 3166-1 alpha-2, officially assigned codes, and XK as the EU and banks use it.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY \
HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ \
NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_checked() {
        assert_eq!(line("  Müller & Söhne ", 200, "/name").unwrap(), "Müller & Söhne");
        for bad in ["", "   ", "a\nb", "nul\0", &"x".repeat(201)] {
            assert_eq!(line(bad, 200, "/name").unwrap_err().fields[0].pointer, "/name");
        }
        assert!(email("ann@example.com", "/email").is_ok());
        for bad in ["ann", "@example.com", "ann@example", "ann@@example.com", "a nn@example.com", "ann@.com"]
        {
            assert!(email(bad, "/email").is_err(), "{bad}");
        }
        assert!(country("DE", "/country").is_ok());
        for bad in ["de", "Germany", "ZZ", "", "D", "AD AE"] {
            assert!(country(bad, "/country").is_err(), "{bad}");
        }
        assert!(external_id("A-2e4581", "/external_id").is_ok());
        for bad in ["", "a b", "a/b", "ü", &"x".repeat(101)] {
            assert!(external_id(bad, "/external_id").is_err(), "{bad}");
        }
        assert_eq!(slug_of("Unison ERP, Ltd."), "unison-erp-ltd");
        assert!(slug("unison-erp").is_ok() && slug("-x").is_err() && slug("A").is_err() && slug("").is_err());
        let own =
            ["assets", "environments", "sign-in", "sign-out", "design", "docs", "v1", "health", "ready"];
        for reserved in own {
            assert!(slug(reserved).unwrap_err().detail.contains("Choose another"), "{reserved}");
        }
        assert!(slug("v1-shop").is_ok() && slug("documents").is_ok());
    }
}
