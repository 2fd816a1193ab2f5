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
            currency: entity.currency.code(),
            zone: entity.zone.name(),
            series: entity.series,
        }
    }
}
