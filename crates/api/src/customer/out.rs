//! A customer in answers.

use identity::customer::{self, Customer, Person};
use jiff::Timestamp;
use kernel::Result;
use serde::Serialize;
use serde_json::Value as Json;
use store::View;
use utoipa::ToSchema;

/// An organisation or person that buys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
pub(crate) struct CustomerOut {
    #[schema(examples("cus_01jdd7w000e008000000000001"))]
    id: String,
    /// Your own id for it.
    external_id: Option<String>,
    /// Null after erasure, like every other personal field.
    name: Option<String>,
    email: Option<String>,
    address: Option<String>,
    /// ISO 3166-1 alpha-2.
    country: String,
    /// What it is billed in unless a subscription says otherwise, ISO 4217.
    currency: &'static str,
    /// IANA time zone its days begin in.
    zone: &'static str,
    /// Your own notes.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    metadata: Json,
    /// Since when, in business time.
    created: Timestamp,
    /// Real time its personal data was erased.
    erased: Option<Timestamp>,
}

impl CustomerOut {
    /// With the person behind it.
    pub(crate) fn load(view: &mut View<'_>, customer: Customer) -> Result<Self> {
        let person = customer::person(view, customer.person)?;
        Ok(Self::from((customer, person)))
    }
}

impl From<(Customer, Person)> for CustomerOut {
    fn from((customer, person): (Customer, Person)) -> Self {
        Self {
            id: customer.id.to_string(),
            external_id: customer.external_id,
            name: person.name,
            email: person.email,
            address: person.address,
            country: customer.country,
            currency: customer.currency.code(),
            zone: customer.zone.name(),
            metadata: customer.metadata,
            created: customer.created,
            erased: person.erased,
        }
    }
}
