//! Customers with subscriptions, to have something to bill.

use std::collections::BTreeMap;

use billing::subscription::{BillFrom, Start, start_all};
use identity::{Customer, NewCustomer, customer};
use kernel::{Currency, Cycle, Result};
use store::{Db, Scope};

/// Subscriptions started in one transaction.
const AT_ONCE: usize = 500;

/// How many subscriptions the large figures have, unless the variable says otherwise.
pub fn number() -> usize {
    let said = std::env::var("STEELYARD_BENCH_SUBSCRIPTIONS").ok().and_then(|text| text.parse().ok());
    said.unwrap_or(100_000)
}

/// A customer as plain as one can be.
pub fn new_customer() -> Result<NewCustomer> {
    Ok(NewCustomer {
        name: "Acme".into(),
        email: None,
        address: None,
        country: "US".into(),
        region: None,
        tax_id: None,
        tax_exempt: false,
        currency: Currency::parse("USD")?,
        zone: None,
        external_id: None,
        metadata: serde_json::Value::Null,
    })
}

/// A plan with two add-ons.
fn command(customer: &Customer, bill_from: BillFrom, external_id: Option<String>) -> Start {
    Start {
        addons: BTreeMap::from([("extra_user".into(), 3), ("extra_storage".into(), 5)]),
        bill_from,
        external_id,
        ..Start::of(customer.id, "starter", Cycle::MONTH)
    }
}

/// So many customers with a subscription each, named `sub-0`, `sub-1` … by the merchant.
pub fn with_one_each(db: &Db, scope: &Scope, customers: usize, bill_from: BillFrom) -> Result<()> {
    for first in (0..customers).step_by(AT_ONCE) {
        let count = AT_ONCE.min(customers - first);
        let start = move |tx: &mut store::Tx<'_>| {
            let made = customer::create_all(tx, vec![new_customer()?; count])?;
            let named = made.into_iter().zip(first..);
            let starts = named.map(|(customer, number)| {
                let start = command(&customer, bill_from, Some(format!("sub-{number}")));
                (customer, start)
            });
            start_all(tx, starts.collect()).map(drop)
        };
        db.write(scope, start).wait()?;
    }
    Ok(())
}

/// One customer with so many subscriptions.
pub fn one_with(db: &Db, scope: &Scope, subscriptions: usize) -> Result<()> {
    let acme = db.write(scope, |tx| customer::create(tx, new_customer()?)).wait()?;
    for first in (0..subscriptions).step_by(AT_ONCE) {
        let (acme, count) = (acme.clone(), AT_ONCE.min(subscriptions - first));
        let start = move |tx: &mut store::Tx<'_>| {
            customer::lock(tx, acme.id)?;
            start_all(tx, vec![(acme.clone(), command(&acme, BillFrom::NextPeriod, None)); count]).map(drop)
        };
        db.write(scope, start).wait()?;
    }
    Ok(())
}
