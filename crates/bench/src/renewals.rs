//! Advancing a sandbox over a month of renewals: invoices, lines, postings and facts.

use std::collections::BTreeMap;

use billing::subscription::{BillFrom, Start, start_all};
use identity::{NewCustomer, customer};
use jobs::Runner;
use kernel::{Currency, Cycle, Result};
use store::Mode;

use crate::{
    Figure,
    ground::{on_both, seconds},
};

const SUBSCRIPTIONS: usize = 20_000;

pub fn run() -> Result<Vec<Figure>> {
    on_both(|ground| {
        let start = "2026-01-31T00:00:00Z".parse().unwrap_or_default();
        let scope = ground.environment(Mode::Sandbox, start)?;
        let currency = Currency::parse("USD")?;
        for _ in 0..SUBSCRIPTIONS / 500 {
            ground
                .db
                .write(&scope, move |tx| {
                    let new = NewCustomer {
                        name: "Acme".into(),
                        email: None,
                        address: None,
                        country: "US".into(),
                        region: None,
                        tax_id: None,
                        tax_exempt: false,
                        currency,
                        zone: None,
                        external_id: None,
                        metadata: serde_json::Value::Null,
                    };
                    let customers = customer::create_all(tx, vec![new; 500])?;
                    let starts = customers.into_iter().map(|customer| {
                        let command = Start {
                            customer: customer.id,
                            plan: "starter".into(),
                            cycle: Cycle::MONTH,
                            quantity: None,
                            addons: BTreeMap::from([("extra_user".into(), 3), ("extra_storage".into(), 5)]),
                            start: None,
                            bill_from: BillFrom::NextPeriod,
                            zone: None,
                            currency: None,
                            entity: None,
                            external_id: None,
                            metadata: serde_json::Value::Null,
                            finalize: true,
                            trial: false,
                            has_method: false,
                            coupons: Vec::new(),
                            agreement: Default::default(),
                            term: None,
                            ramp: Vec::new(),
                        };
                        (customer, command)
                    });
                    start_all(tx, starts.collect()).map(drop)
                })
                .wait()?;
        }
        let to = "2026-03-01T00:00:00Z".parse().unwrap_or_default();
        ground.db.write(&scope, move |tx| billing::clock::request_advance(tx, to)).wait()?;
        let runner = Runner::new(ground.db.clone(), vec![billing::clock::advance_job_kind()], vec![]);
        let (_, took) = seconds(|| runner.run_until_idle())?;
        let rate = SUBSCRIPTIONS as f64 / took.as_secs_f64();
        Ok(vec![Figure::new("renewal invoices issued (3 lines)", ground.engine, rate, "inv/s")])
    })
}
