//! A legal entity in answers.

use identity::LegalEntity;
use serde::Serialize;
use utoipa::ToSchema;

/// A company that issues documents.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LegalEntity)]
pub(crate) struct LegalEntityOut {
    #[schema(examples("ent_01jdd7w000e008000000000001"))]
    id: String,
    /// Registered name, as printed.
    name: String,
    /// ISO 3166-1 alpha-2.
    country: String,
    /// ISO 3166-2 without the country.
    region: Option<String>,
    /// Its tax id, as printed.
    tax_id: Option<String>,
    /// Where it collects tax.
    #[schema(examples(json!(["DE", "OSS"])))]
    registrations: Vec<String>,
    /// Functional currency, ISO 4217.
    currency: &'static str,
    /// IANA time zone its dates are in.
    zone: &'static str,
    /// What its invoice numbers begin with.
    series: String,
}

impl From<LegalEntity> for LegalEntityOut {
    fn from(entity: LegalEntity) -> Self {
        Self {
            id: entity.id.to_string(),
            name: entity.name,
            country: entity.country,
            region: entity.region,
            tax_id: entity.tax_id,
            registrations: entity.registrations.iter().map(ToString::to_string).collect(),
            currency: entity.currency.code(),
            zone: entity.zone.name(),
            series: entity.series,
        }
    }
}
