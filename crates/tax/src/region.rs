//! Regions of a country.

use kernel::{Error, Result};

/// A region of a country as its code in ISO 3166-2 without the country: `NY`, `BY`, `20`.
///
/// The codes of the United States, Canada and Australia are checked, elsewhere only the shape.
///
/// Errors: `region_unknown`.
pub fn region(country: &str, text: &str) -> Result<String> {
    let known = match country {
        "US" => Some(STATES),
        "CA" => Some(PROVINCES),
        "AU" => Some("ACT NSW NT QLD SA TAS VIC WA"),
        _ => None,
    };
    let has_shape = (1..=3).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if has_shape && known.is_none_or(|known| known.split(' ').any(|code| code == text)) {
        return Ok(text.to_owned());
    }
    let example = match country {
        "US" => "NY for New York",
        "CA" => "ON for Ontario",
        "AU" => "NSW for New South Wales",
        _ => "BY for Bavaria",
    };
    let detail = format!(
        "This is no region of {country}. Write its code of ISO 3166-2 without the country, such as {example}."
    );
    Err(Error::invalid("region_unknown", detail))
}

/// The states, the District of Columbia, and the territories that have no country code in use.
const STATES: &str = "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY \
NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR UM VI";

const PROVINCES: &str = "AB BC MB NB NL NS NT NU ON PE QC SK YT";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_codes() {
        for (country, code) in
            [("US", "NY"), ("CA", "QC"), ("AU", "NSW"), ("DE", "BY"), ("PT", "20"), ("BR", "SP")]
        {
            assert_eq!(region(country, code).unwrap(), code);
        }
        for (country, bad) in [
            ("US", "XX"),
            ("US", "New York"),
            ("US", "ny"),
            ("CA", "NY"),
            ("DE", ""),
            ("DE", "BAYE"),
            ("US", "US-NY"),
        ] {
            let error = region(country, bad).unwrap_err();
            assert_eq!(error.code, "region_unknown", "{country} {bad}");
        }
        assert!(region("US", "XX").unwrap_err().detail.contains("NY for New York"));
    }
}
