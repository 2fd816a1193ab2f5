//! Customers with subscriptions, to have something to bill.

use std::collections::BTreeMap;

use billing::{
    subscription::{BillFrom, Start, Started, start_all},
    usage::{self, Figure, Posted},
};
use identity::{Customer, NewCustomer, customer};
use kernel::{Currency, Cycle, Exact, Result};
use store::{Db, Scope, Tx};

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

/// What is subscribed to, and of which price book.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    pub book: &'static str,
    plan: &'static str,
    seats: Option<i64>,
    addons: &'static [(&'static str, i64)],
    /// What was measured by the end of the first period, by meter.
    usage: &'static [(&'static str, i64)],
}

/// A plan and two add-ons in advance.
pub const FEES: Offer = Offer {
    book: include_str!("../../../books/unison.toml"),
    plan: "starter",
    seats: None,
    addons: &[("extra_user", 3), ("extra_storage", 5)],
    usage: &[],
};

/// A plan by seats and an add-on in advance, and two meters in arrears, beyond what is included.
pub const FEES_AND_USAGE: Offer = Offer {
    book: include_str!("../../../books/frontier.toml"),
    plan: "growth",
    seats: Some(5),
    addons: &[("premium_support", 5)],
    usage: &[("ai_operations", 62_500), ("storage", 742)],
};

/// A plan with meters and a limit nobody reaches.
pub const METERED: Offer =
    Offer { book: crate::metering::BOOK, plan: "one", seats: None, addons: &[], usage: &[] };

/// A plan with ten limits, each of a meter of its own.
pub const TEN_LIMITS: Offer =
    Offer { book: crate::crowd::BOOK, plan: "one", seats: None, addons: &[], usage: &[] };

impl Offer {
    fn command(&self, customer: &Customer, bill_from: BillFrom, external_id: Option<String>) -> Start {
        Start {
            quantity: self.seats,
            addons: self.addons.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect(),
            bill_from,
            external_id,
            ..Start::of(customer.id, self.plan, Cycle::MONTH)
        }
    }

    /// Start subscriptions and say what they will have used.
    fn start(&self, tx: &mut Tx<'_>, starts: Vec<(Customer, Start)>) -> Result<()> {
        let started = start_all(tx, starts)?;
        let figures = started.iter().flat_map(|Started { subscription, .. }| {
            self.usage.iter().map(move |(key, measured)| (subscription, key, Exact::from(*measured)))
        });
        let now = tx.now();
        let posted: Vec<Posted> = figures
            .map(|(subscription, key, measured)| Posted {
                subscription: subscription.id,
                start: subscription.arrears_from.at,
                key: (*key).to_owned(),
                groups: BTreeMap::from([(String::new(), Figure::Quantity(measured.into()))]),
                watermark: None,
                posted: now,
                late: false,
            })
            .collect();
        if posted.is_empty() { Ok(()) } else { usage::post_all(tx, &posted) }
    }
}

/// So many customers with a subscription each, named `sub-0`, `sub-1` … by the merchant.
pub fn with_one_each(
    db: &Db,
    scope: &Scope,
    offer: &'static Offer,
    customers: usize,
    bill_from: BillFrom,
) -> Result<()> {
    for first in (0..customers).step_by(AT_ONCE) {
        let count = AT_ONCE.min(customers - first);
        let start = move |tx: &mut Tx<'_>| {
            let made = customer::create_all(tx, vec![new_customer()?; count])?;
            let named = made.into_iter().zip(first..);
            let starts = named.map(|(customer, number)| {
                let start = offer.command(&customer, bill_from, Some(format!("sub-{number}")));
                (customer, start)
            });
            offer.start(tx, starts.collect())
        };
        db.write(scope, start).wait()?;
    }
    Ok(())
}

/// One customer with so many subscriptions.
pub fn one_with(db: &Db, scope: &Scope, offer: &'static Offer, subscriptions: usize) -> Result<()> {
    let acme = db.write(scope, |tx| customer::create(tx, new_customer()?)).wait()?;
    for first in (0..subscriptions).step_by(AT_ONCE) {
        let (acme, count) = (acme.clone(), AT_ONCE.min(subscriptions - first));
        let start = move |tx: &mut Tx<'_>| {
            customer::lock(tx, acme.id)?;
            let command = offer.command(&acme, BillFrom::NextPeriod, None);
            offer.start(tx, vec![(acme.clone(), command); count])
        };
        db.write(scope, start).wait()?;
    }
    Ok(())
}
