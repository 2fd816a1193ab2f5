//! A customer and the person behind it.

use std::str::FromStr;

use jiff::Timestamp;
use kernel::{
    Currency, Error, Result, Zone,
    ids::{CustomerId, PersonId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::text;

/// An organisation that buys. Holds no name: that is its person's.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// The row with its name and address.
    pub person: PersonId,
    /// The merchant's own id for it, unique in the environment.
    pub external_id: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The region of the country, where taxes differ by it: ISO 3166-2 without the country, such as `NY`.
    pub region: Option<String>,
    /// Whether no tax is charged to it.
    pub tax_exempt: bool,
    /// The currency it is billed in unless a subscription says otherwise.
    pub currency: Currency,
    /// Where its days begin.
    pub zone: Zone,
    /// The merchant's own notes: up to 50 keys.
    pub metadata: Json,
    /// Since when, in business time.
    pub created: Timestamp,
}

/// Name and addresses; every field is blank after erasure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Name of the organisation or person.
    pub name: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
    /// Postal address, as printed.
    pub address: Option<String>,
    /// Its tax id, as printed, when it buys as a business.
    pub tax_id: Option<String>,
    /// When it was erased, in real time.
    pub erased: Option<Timestamp>,
}

impl Person {
    /// The name for pages.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or("(erased)")
    }
}

/// A party as printed on a document, frozen when it is issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Postal address.
    pub address: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// ISO 3166-2 without the country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Tax id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
}

/// A customer as the tax rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buyer {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// ISO 3166-2 without the country.
    pub region: Option<String>,
    /// Whether there is a tax id.
    pub has_tax_id: bool,
    /// Whether no tax is charged to it.
    pub exempt: bool,
}

impl Buyer {
    /// The same for [`tax::treat`].
    pub fn for_tax(&self) -> tax::Buyer<'_> {
        tax::Buyer {
            country: &self.country,
            region: self.region.as_deref(),
            has_tax_id: self.has_tax_id,
            exempt: self.exempt,
        }
    }
}

/// A customer to create.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// Name of the organisation or person, up to 200 characters.
    pub name: String,
    /// Where mail goes.
    pub email: Option<String>,
    /// Postal address, up to 500 characters in one line.
    pub address: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// ISO 3166-2 without the country, such as `NY`.
    pub region: Option<String>,
    /// Its tax id, when it buys as a business.
    pub tax_id: Option<String>,
    /// Whether no tax is charged to it.
    pub tax_exempt: bool,
    /// Billing currency.
    pub currency: Currency,
    /// Where its days begin; none: UTC.
    pub zone: Option<Zone>,
    /// The merchant's own id for it.
    pub external_id: Option<String>,
    /// The merchant's own notes.
    pub metadata: Json,
}

impl NewCustomer {
    /// The same with every text checked and trimmed.
    ///
    /// Errors: `text_invalid`, `email_malformed`, `country_unknown`, `region_unknown`, `tax_id_malformed`,
    /// `external_id_malformed`, `metadata_invalid`.
    pub fn checked(self) -> Result<Self> {
        let country = text::country(&self.country, "/country")?;
        Ok(Self {
            name: text::line(&self.name, 200, "/name")?,
            email: self.email.map(|email| text::email(&email, "/email")).transpose()?,
            address: self.address.map(|address| text::line(&address, 500, "/address")).transpose()?,
            region: self.region.map(|region| text::region(&country, &region)).transpose()?,
            tax_id: self.tax_id.map(|id| text::tax_id(&country, &id)).transpose()?,
            country,
            external_id: self.external_id.map(|id| text::external_id(&id, "/external_id")).transpose()?,
            metadata: metadata(self.metadata)?,
            ..self
        })
    }
}

/// What to change of a customer; what is none stays as it is, and `Some(None)` takes it away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// Name of the organisation or person.
    pub name: Option<String>,
    /// Where mail goes.
    pub email: Option<Option<String>>,
    /// Postal address.
    pub address: Option<Option<String>>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// ISO 3166-2 without the country.
    pub region: Option<Option<String>>,
    /// Its tax id.
    pub tax_id: Option<Option<String>>,
    /// Whether no tax is charged to it.
    pub tax_exempt: Option<bool>,
    /// Where its days begin. Subscriptions that run keep theirs.
    pub zone: Option<Zone>,
    /// The merchant's own notes, all of them.
    pub metadata: Option<Json>,
}

/// Metadata: an object of up to 50 texts, keys up to 40 and values up to 500 characters.
///
/// Errors: `metadata_invalid`.
pub fn metadata(metadata: Json) -> Result<Json> {
    let wrong = || {
        let detail = "Metadata is an object of up to 50 texts, with keys of up to 40 and values of up to 500 characters.";
        Error::invalid("metadata_invalid", detail).at("/metadata")
    };
    match &metadata {
        Json::Null => Ok(Json::Object(serde_json::Map::new())),
        Json::Object(fields) => {
            let fits = |text: &str, max: usize| text.chars().count() <= max && !text.contains('\0');
            let good = fields.len() <= 50
                && fields
                    .iter()
                    .all(|(key, value)| fits(key, 40) && value.as_str().is_some_and(|text| fits(text, 500)));
            if good { Ok(metadata) } else { Err(wrong()) }
        }
        _ => Err(wrong()),
    }
}

/// How a request names a customer: by our id, or by the merchant's own as `ext:…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerRef {
    /// Our id.
    Id(CustomerId),
    /// The merchant's.
    External(String),
}

impl FromStr for CustomerRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("ext:") {
            Some(external) => text::external_id(external, "/customer").map(Self::External),
            None => text.parse().map(Self::Id),
        }
    }
}
