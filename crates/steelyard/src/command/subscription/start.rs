//! `steelyard subscriptions start`, and prices as the command line says them.

use std::collections::BTreeMap;

use billing::{
    charge::NewCharge,
    invoice,
    subscription::{self, AgreedPrice, Agreement, NewTerm, Start},
};
use entitlements::switch::{self, Switch};
use identity::customer::{self, CustomerRef};
use kernel::{Rate, Result, UnitPrice, ids::CustomerId};

use super::{billed, say_draft, sentence};
use crate::{
    arguments::{Prices, StartSubscription},
    command::check::instant_or_date,
    failure::Outcome,
    output,
    place::Place,
};

/// The prices agreed. Errors: `price_malformed`, `price_out_of_range`, `rate_malformed`, `rate_out_of_range`.
pub fn prices(asked: Prices) -> Result<BTreeMap<String, AgreedPrice>> {
    let mut prices: BTreeMap<String, AgreedPrice> = BTreeMap::new();
    for (key, amount) in asked.amounts {
        prices.entry(key).or_default().amount = Some(UnitPrice::parse(&amount)?);
    }
    for (key, percent) in asked.percents {
        prices.entry(key).or_default().percent = Some(Rate::parse_percent(&percent)?);
    }
    Ok(prices)
}

pub fn run(place: &Place, asked: StartSubscription) -> Outcome {
    let customer: CustomerRef = asked.customer.parse()?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let customer = db.read(&chosen.scope, move |view| customer::resolve(view, &customer)).wait()?;
    let dry_run = asked.dry_run;
    let command = command(asked, customer)?;
    if dry_run {
        let preview = db.read(&chosen.scope, move |view| subscription::preview(view, &command)).wait()?;
        output::say("Nothing was started.");
        output::say(sentence(&preview.subscription, "would be"));
        if let Some((draft, totals)) = preview.invoice {
            say_draft(draft, totals);
        }
        return Ok(());
    }
    let started = db.write(&chosen.scope, move |tx| {
        if command.trial {
            switch::open(tx, Switch::Trial, Some(command.customer))?;
        }
        let started = subscription::start(tx, &command)?;
        let invoice = started.invoice.map(|id| invoice::find(tx, id)).transpose()?;
        Ok((started.subscription, invoice))
    });
    let (subscription, invoice) = started.wait()?;
    output::say(sentence(&subscription, "is"));
    if let Some(invoice) = invoice {
        output::say(billed(&invoice)?);
    }
    Ok(())
}

fn command(asked: StartSubscription, customer: CustomerId) -> Result<Start> {
    let minimum = asked.minimum.as_deref().map(UnitPrice::parse).transpose()?;
    let renews = asked.renews;
    let charge =
        |(key, quantity)| NewCharge { key: Some(key), quantity: Some(quantity), ..NewCharge::default() };
    Ok(Start {
        charges: asked.charges.into_iter().map(charge).collect(),
        quantity: asked.quantity,
        addons: asked.addons.into_iter().collect(),
        start: asked.start.as_deref().map(instant_or_date).transpose()?,
        external_id: asked.external_id,
        trial: asked.trial,
        trial_again: asked.again,
        fingerprint: asked.fingerprint,
        has_method: asked.has_method,
        coupons: asked.coupons,
        agreement: Agreement { prices: prices(asked.prices)?, minimum },
        term: asked.term.map(|months| NewTerm { months, renews }),
        ..Start::of(customer, asked.plan, asked.cycle)
    })
}
