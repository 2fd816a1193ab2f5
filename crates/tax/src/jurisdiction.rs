//! Names of places that levy tax, and what a seller is registered for.

use std::{fmt, str::FromStr};

use kernel::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::places;

/// A place that levies tax: a country such as `DE`, or a subdivision of one such as `US-NY` (ISO 3166).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jurisdiction(String);

impl Jurisdiction {
    /// Reads `DE` or `US-NY`. Errors: `jurisdiction_malformed`.
    pub fn parse(text: &str) -> Result<Self> {
        let (country, region) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let country_fits = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        if country_fits && region.is_none_or(|region| (1..=3).contains(&region.len()) && plain(region)) {
            return Ok(Self(text.to_owned()));
        }
        let detail =
            "This names no place. Write a country such as DE, or a country and its region such as US-NY.";
        Err(Error::invalid("jurisdiction_malformed", detail))
    }

    /// Of a code that was checked where it came from.
    pub(crate) fn known(code: &str) -> Self {
        Self(code.to_owned())
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What people call it: `Germany`, `New York`; the code where the table has no name.
    pub fn name(&self) -> &str {
        places::by_code(&self.0).map_or(&self.0, |place| place.name)
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl FromStr for Jurisdiction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
impl Serialize for Jurisdiction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Jurisdiction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.detail))
    }
}

/// Something a seller is registered for: a place of the table, or the One-Stop-Shop.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registration(String);

impl Registration {
    /// The One-Stop-Shop of the European Union, within it or from outside: tax of the consumer's country is
    /// declared in one place.
    pub const OSS: &str = "OSS";

    /// Reads `DE`, `US-NY` or `OSS`. Errors: `registration_unknown`.
    pub fn parse(text: &str) -> Result<Self> {
        if text == Self::OSS || places::by_code(text).is_some() {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(40).collect();
        let detail = format!(
            "\"{shown}\" is no place of the tax table. Name a country such as DE, a state such as US-NY, or OSS."
        );
        Err(Error::invalid("registration_unknown", detail))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        places::by_code(&self.0).map_or("One-Stop-Shop of the European Union", |place| place.name)
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl FromStr for Registration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
impl Serialize for Registration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Registration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_codes_and_names() {
        for (code, name) in [("DE", "Germany"), ("US-NY", "New York"), ("BR", "BR"), ("PT-20", "the Azores")]
        {
            assert_eq!(Jurisdiction::parse(code).unwrap().name(), name);
        }
        for bad in ["", "de", "D", "DEU", "DE-", "US-NEWYORK", "US-ny", "US NY"] {
            assert_eq!(Jurisdiction::parse(bad).unwrap_err().code, "jurisdiction_malformed", "{bad}");
        }
    }

    #[test]
    fn registrations_are_places_of_the_table() {
        for code in ["DE", "US-NY", "OSS", "CA-QC"] {
            assert_eq!(Registration::parse(code).unwrap().as_str(), code);
        }
        for bad in ["BR", "US", "oss", "US-XX", ""] {
            assert_eq!(Registration::parse(bad).unwrap_err().code, "registration_unknown", "{bad}");
        }
    }
}
