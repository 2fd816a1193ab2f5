//! A customer in answers.

use identity::customer::{self, Customer, Person};
use jiff::Timestamp;
use kernel::{
    Currency, Result,
    ids::{CustomerId, LegalEntityId},
};
use ledger::Account;
use serde::Serialize;
use serde_json::Value as Json;
use store::View;
use utoipa::ToSchema;

use crate::shape::AmountOut;

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
    /// ISO 3166-2 without the country.
    region: Option<String>,
    /// Its tax id, when it buys as a business.
    tax_id: Option<String>,
    /// Whether no tax is charged to it.
    tax_exempt: bool,
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
            region: customer.region,
            tax_id: person.tax_id,
            tax_exempt: customer.tax_exempt,
            currency: customer.currency.code(),
            zone: customer.zone.name(),
            metadata: customer.metadata,
            created: customer.created,
            erased: person.erased,
        }
    }
}

/// What a customer has to its credit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerCredit)]
pub(crate) struct CreditBalancesOut {
    /// Whose credit.
    customer: String,
    /// By legal entity and currency; empty when there never was any.
    balances: Vec<CreditBalanceOut>,
}

/// Credit with one legal entity in one currency; it pays only invoices of both.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerCreditBalance)]
pub(crate) struct CreditBalanceOut {
    /// Who owes it.
    legal_entity: String,
    /// What is left of it.
    balance: AmountOut,
}

impl CreditBalanceOut {
    pub(super) fn new(entity: LegalEntityId, balance: AmountOut) -> Self {
        Self { legal_entity: entity.to_string(), balance }
    }
}

impl CreditBalancesOut {
    pub(super) fn new(customer: CustomerId, mut held: Vec<(Account, Currency, i64)>) -> Self {
        held.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        // A credit balance is negative: it is what the legal entity owes.
        let balance = |(account, currency, balance): (Account, Currency, i64)| {
            CreditBalanceOut::new(account.entity, AmountOut::sum(-balance, currency))
        };
        Self { customer: customer.to_string(), balances: held.into_iter().map(balance).collect() }
    }
}
