//! Whom events are about: every way to name somebody, all in one group.

use billing::subscription::{self, Start};
use identity::{NewCustomer, customer};
use kernel::{Cycle, Zone, ids::CustomerId};
use metering::event::{NewEvent, Receipt};
use server::CONTEXTS;
use testkit::on_both;

use crate::{BOOK, Ground};

/// Who receives events of these subjects, in their order: how much each counted afterwards, or why not.
fn told(ground: &Ground<'_>, subjects: &[String]) -> Vec<&'static str> {
    let event = |(n, subject): (usize, &String)| NewEvent {
        source: "test".into(),
        id: format!("{n} {subject}"),
        meter: "calls".into(),
        subject: subject.clone(),
        at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        data: None,
    };
    let events = subjects.iter().enumerate().map(event).collect();
    let receipts = ground.metering.ingest(&ground.scope, events, false, ground.now()).wait().unwrap();
    let word = |receipt: Receipt| match receipt {
        Receipt::Accepted => "accepted",
        Receipt::Duplicate { .. } => "duplicate",
        Receipt::Rejected(error) => error.code,
    };
    receipts.into_iter().map(word).collect()
}

#[test]
fn everybody_is_known_by_every_name_they_have() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::on(test, BOOK, |acme| Start {
            external_id: Some("contract".into()),
            ..Start::of(acme, "metered", Cycle::MONTH)
        });
        let elsewhere = Ground::on(test, BOOK, |acme| Start {
            external_id: Some("their-contract".into()),
            ..Start::of(acme, "metered", Cycle::MONTH)
        });
        let id = ground.id;
        // Another customer is called like the subscription, and a third one has none.
        let (acme, idle): (CustomerId, CustomerId) = test
            .db
            .write(&ground.scope, move |tx| {
                let acme = subscription::find(tx, id)?.customer;
                let like = customer::find(tx, acme)?;
                let new = |external: &str| NewCustomer {
                    name: external.into(),
                    email: None,
                    address: None,
                    country: "US".into(),
                    region: None,
                    tax_id: None,
                    tax_exempt: false,
                    currency: like.currency,
                    zone: Some(Zone::utc()),
                    external_id: Some(external.into()),
                    metadata: serde_json::Value::Null,
                };
                customer::create(tx, new("contract"))?;
                Ok((acme, customer::create(tx, new("idle"))?.id))
            })
            .wait()
            .unwrap();
        let known = [
            id.to_string(),
            "contract".into(),
            "ext:contract".into(),
            acme.to_string(),
            "acme".into(),
            "ext:acme".into(),
            idle.to_string(),
            "idle".into(),
        ];
        let strangers =
            [elsewhere.id.to_string(), "their-contract".into(), "nobody".into(), "sub_nothing".into()];
        let all: Vec<String> = known.iter().chain(&strangers).cloned().collect();
        let wanted: Vec<&str> = [["accepted"; 8].as_slice(), ["subject_unknown"; 4].as_slice()].concat();
        assert_eq!(told(&ground, &all), wanted);
        // Six of them are the subscription's: what names it, and what names its customer alone.
        ground.advance("2026-02-01T00:00:00Z");
        assert_eq!(ground.cents(), [300]);
    });
}
