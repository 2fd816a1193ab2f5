//! Somebody to sell to, for tests of the whole program.

use billing::subscription::{self, Start};
use identity::{NewCustomer, customer, environment};
use jiff::Timestamp;
use kernel::{
    Currency, Result, Zone,
    ids::{CustomerId, SubscriptionId},
};
use store::{Mode, Tx};

/// Set up an environment on a price book at `at`, with the customer `acme` and a subscription.
pub fn set_up(
    tx: &mut Tx<'_>,
    at: Timestamp,
    book: &str,
    start: impl FnOnce(CustomerId) -> Start,
) -> Result<SubscriptionId> {
    let name = if tx.scope().mode() == Mode::Live { "live" } else { "sandbox" };
    environment::create(tx, kernel::new_id(&kernel::SystemIds), name, Some(at))?;
    let entity = environment::NewLegalEntity {
        name: "Test".into(),
        country: "US".into(),
        region: None,
        tax_id: None,
        registrations: Vec::new(),
        currency: Currency::parse("USD")?,
        zone: Zone::utc(),
        series: "INV".into(),
    };
    environment::add_entity(tx, &entity)?;
    catalog::version::apply(tx, "test.toml", book)?;
    let acme = customer::create(
        tx,
        NewCustomer {
            name: "Acme".into(),
            email: None,
            address: None,
            country: "US".into(),
            region: None,
            tax_id: None,
            tax_exempt: false,
            currency: Currency::parse("USD")?,
            zone: None,
            external_id: Some("acme".into()),
            metadata: serde_json::Value::Null,
        },
    )?;
    Ok(subscription::start(tx, &start(acme.id))?.subscription.id)
}
