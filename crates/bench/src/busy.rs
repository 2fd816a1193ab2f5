//! What else a business to look at has: another price book, those who leave, flags, usage, a customer's own page.

use std::{thread, time::Duration};

use billing::{
    cancellation::{self, Cancel},
    subscription::{self, Filter, State, Subscription, Timing},
};
use catalog::version;
use demo::Dice;
use entitlements::flag;
use identity::{Permissions, key, link};
use kernel::{
    Result,
    ids::{CustomerId, SubscriptionId},
};
use serde_json::{Value as Json, json};
use store::{Db, Mode, Scope, Tx};

use crate::{business, ground::raw};

/// Customers that are metered, and events of each; one of them sends many more.
const METERED: usize = 2_000;
const EVENTS: usize = 20;
const OF_THE_BUSIEST: usize = 20_000;
/// Subscriptions that are canceled with a reason.
const LEAVING: usize = 1_000;
const FLAGS: usize = 100;
/// Events in a request.
const AT_ONCE: usize = 1_000;

/// The price book after a rise, with limits and usage, and with reasons to leave.
fn book() -> String {
    let metered = "limits = { storage_used = { amount = 5, policy = \"soft\" } }\n\
                   usage = { storage_used = \"0.50\" }\n";
    let reasons = "[cancellation.reasons]\ntoo_expensive = \"It costs too much\"\n\
                   unused = \"It is not used\"\n\n[plans.starter]";
    let book = business::BOOK.replacen(
        "price = { month = \"49\"",
        &format!("{metered}price = {{ month = \"59\""),
        1,
    );
    book.replacen("[plans.starter]", reasons, 1)
}

/// What opens the pages of a busy business.
pub struct Opened {
    /// The customer that uses most.
    pub busiest: CustomerId,
    /// The path that opens its own page.
    pub own: String,
    secret: String,
    metered: Vec<CustomerId>,
}

/// Apply another price book, let customers come on it and others leave, and make flags.
pub fn furnish(db: &Db, scope: &Scope, customers: usize) -> Result<()> {
    let text = book();
    db.write(scope, move |tx| version::apply(tx, "unison.toml", &text).map(drop)).wait()?;
    let mut dice = Dice::of(43, &[]);
    business::start(db, scope, customers, METERED, &mut dice)?;
    for id in running(db, scope)? {
        let reason = dice.percent(70).then(|| (*dice.one(&["too_expensive", "unused"])).to_owned());
        let cancel = Cancel { reason, ..Cancel::at(Timing::PeriodEnd) };
        // One that is over or in trial does not end again.
        let _ = db.write(scope, move |tx| cancellation::cancel(tx, id, &cancel).map(drop)).wait();
    }
    db.write(scope, flags).wait()
}

/// Subscriptions that may be canceled.
fn running(db: &Db, scope: &Scope) -> Result<Vec<SubscriptionId>> {
    db.read(scope, |view| {
        let filter = Filter { state: Some(State::Active), ..Filter::default() };
        let found = subscription::search(view, &filter, None, LEAVING as i64)?;
        Ok(found.into_iter().map(|(one, _)| one.id).collect())
    })
    .wait()
}

fn flags(tx: &mut Tx<'_>) -> Result<()> {
    for number in 0..FLAGS {
        let definition = json!({
            "name": format!("Flag {number}"), "kind": "boolean", "variants": { "on": true, "off": false },
            "default": "on", "off": "off",
        });
        let definition = serde_json::from_value(definition).map_err(raw)?;
        flag::create(tx, &format!("flag_{number}"), number % 3 > 0, &definition)?;
    }
    Ok(())
}

/// Make a key, and a link for the customer that is to use most.
pub fn open(db: &Db, scope: &Scope) -> Result<Opened> {
    let (secret, link) = (key::new_secret(Mode::Sandbox)?, link::new_secret()?);
    let (kept, shown) = (secret.clone(), link::path(&link));
    let work = move |tx: &mut Tx<'_>| {
        key::create(tx, "bench", &Permissions::All, &kept)?;
        let filter = Filter { plan: Some("starter".to_owned()), ..Filter::default() };
        let newest = subscription::search(tx, &filter, None, METERED as i64)?;
        // One that may still be changed.
        let goes_on = |one: &Subscription| one.state == State::Active && one.ends.is_none();
        let busiest = newest.iter().find(|(one, _)| goes_on(one)).map(|(one, _)| one.customer);
        let busiest = busiest.ok_or_else(|| raw("nobody is metered"))?;
        let metered: Vec<CustomerId> = newest.into_iter().map(|(one, _)| one.customer).collect();
        link::create(tx, busiest, 1, &link)?;
        Ok((busiest, metered))
    };
    let (busiest, metered) = db.write(scope, work).wait()?;
    Ok(Opened { busiest, own: shown, secret, metered })
}

impl Opened {
    /// Send what was used, and wait until it was followed.
    pub fn use_it(&self, address: &str) -> Result<()> {
        let each = self.metered.iter().flat_map(|customer| (0..EVENTS).map(move |_| *customer));
        let all: Vec<CustomerId> = each.chain((0..OF_THE_BUSIEST).map(|_| self.busiest)).collect();
        for (place, some) in all.chunks(AT_ONCE).enumerate() {
            let event = |(number, customer): (usize, &CustomerId)| {
                json!({
                    "specversion": "1.0", "source": "bench", "id": format!("{place}-{number}"),
                    "type": "storage_used", "subject": customer, "data": { "value": (number % 9_000) as f64 / 1_000.0 },
                })
            };
            let body = Json::Array(some.iter().enumerate().map(event).collect());
            let request = ureq::post(format!("http://{address}/v1/events"))
                .header("authorization", format!("Bearer {}", self.secret))
                .header("content-type", "application/cloudevents-batch+json");
            request.send(body.to_string()).map_err(raw)?;
        }
        // The jobs that look at the log come every ten seconds.
        thread::sleep(Duration::from_secs(25));
        Ok(())
    }
}
