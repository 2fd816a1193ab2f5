//! What every test stands on.

use std::collections::BTreeMap;

use billing::subscription::{self, Start, State, Subscription};
use entitlements::{
    Context, Desk, Sight, Whom,
    feature::Decision,
    flag::{Condition, Definition, Kind, Op, Percent, Rule, Share},
};
use identity::{NewCustomer, customer, environment};
use jobs::Runner;
use kernel::{
    Currency, Cycle, Result, SystemIds, Zone,
    ids::{CustomerId, SubscriptionId},
    new_id,
};
use serde_json::json;
use store::{Actor, Mode, Scope, Tx, facts};
use testkit::TestDb;

pub const CONTEXTS: &[&store::Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &identity::CONTEXT,
    &billing::CONTEXT,
    &metering::CONTEXT,
    &entitlements::CONTEXT,
];

pub const BOOK: &str = r#"
book = 1
name = "Test"
currency = "USD"

[trial]
days = 7
plan = "team"
card_required = false
at_end = { with_method = "convert", without = "suspend" }

[features]
chat = "Chat"
export = "Export"
storage = { name = "Storage", kind = "limit", unit = "GB" }
models = { name = "Models", kind = "value" }

[meters]
runs = { name = "Runs", unit = "run" }

[plans.free]
name = "Free"
price = { month = 0 }
features = ["chat"]
includes = { storage = 1, models = "small" }
limits = { runs = 3 }

[plans.team]
name = "Team"
builds_on = "free"
price = { month = "10" }
features = ["export"]
includes = { storage = 100, models = "large" }
limits = { runs = 100 }
"#;

/// A sandbox with the book and the customer `acme` on the plan Free.
pub struct Ground<'t> {
    pub test: &'t TestDb,
    pub scope: Scope,
    pub acme: CustomerId,
    pub subscription: SubscriptionId,
    pub desk: Desk,
}

impl<'t> Ground<'t> {
    pub fn new(test: &'t TestDb) -> Self {
        let scope = Scope::environment(new_id(&SystemIds), Mode::Sandbox, Actor::CommandLine);
        let made = test.db.write(&scope, |tx| {
            let at = testkit::START.parse().unwrap();
            environment::create(tx, new_id(&SystemIds), "sandbox", Some(at))?;
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
            catalog::version::apply(tx, "book.toml", BOOK)?;
            let acme = customer::create(tx, new_customer("acme"))?.id;
            Ok((acme, subscription::start(tx, &Start::of(acme, "free", Cycle::MONTH))?.subscription.id))
        });
        let (acme, subscription) = made.wait().unwrap();
        Self { test, scope, acme, subscription, desk: Desk::new(&test.db) }
    }

    pub fn write<T: Send + 'static>(&self, work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> T {
        self.test.db.write(&self.scope, work).wait().unwrap()
    }

    pub fn refused<T: std::fmt::Debug + Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> &'static str {
        self.test.db.write(&self.scope, work).wait().unwrap_err().code
    }

    /// What a desk sees, in this process or another.
    pub fn seen(&self, desk: &Desk, whom: &Whom) -> Sight {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(desk.sight(&self.scope, whom.clone()))
            .unwrap()
    }

    /// What acme may use of a feature, as its desk says; and that reading it anew says the same.
    pub fn feature(&self, key: &str) -> Decision {
        let whom = Whom::Customer(self.acme);
        let kept = self.seen(&self.desk, &whom).feature(key, &Context::default()).unwrap();
        let read =
            self.test.db.read(&self.scope, move |view| entitlements::sight(view, &whom)).wait().unwrap();
        assert_eq!(read.feature(key, &Context::default()).unwrap(), kept);
        kept
    }

    /// `reason value` of a feature of acme.
    pub fn says(&self, key: &str) -> String {
        let decision = self.feature(key);
        format!("{} {:?}", decision.reason.word(), decision.value)
    }

    pub fn advance(&self, to: &str) {
        let to = to.parse().unwrap();
        self.write(move |tx| billing::clock::request_advance(tx, to));
        let runner = Runner::new(self.test.db.clone(), vec![billing::clock::advance_job_kind()], vec![]);
        runner.run_until_idle().unwrap();
    }

    pub fn found(&self) -> Subscription {
        let id = self.subscription;
        self.test.db.read(&self.scope, move |view| subscription::find(view, id)).wait().unwrap()
    }

    pub fn state(&self) -> State {
        self.found().state
    }

    /// The types of all facts.
    pub fn facts(&self) -> Vec<String> {
        let facts = self.test.db.read(&self.scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
        facts.into_iter().map(|fact| fact.kind).collect()
    }
}

pub fn new_customer(external_id: &str) -> NewCustomer {
    NewCustomer {
        name: "Acme".into(),
        email: None,
        address: None,
        country: "DE".into(),
        region: None,
        tax_id: None,
        tax_exempt: false,
        currency: Currency::parse("USD").unwrap(),
        zone: None,
        external_id: Some(external_id.into()),
        metadata: serde_json::Value::Null,
    }
}

/// A boolean flag with rules that serve `on`.
pub fn boolean(default: Option<&str>, rules: Vec<Rule>) -> Definition {
    Definition {
        name: "A flag".into(),
        description: String::new(),
        kind: Kind::Boolean,
        variants: BTreeMap::from([("on".to_owned(), json!(true)), ("off".to_owned(), json!(false))]),
        default: default.map(str::to_owned),
        off: "off".into(),
        rules,
        browser: false,
    }
}

/// Serve `on` to so many percent of those with an attribute.
pub fn on_for(attribute: &str, values: serde_json::Value, percent: &str) -> Rule {
    let values = values.as_array().cloned().unwrap_or_default();
    let when = Condition { attribute: attribute.into(), is: Op::In, values, not: false };
    let serve = Share { variant: "on".into(), percent: Percent::parse(percent).unwrap() };
    Rule { when: vec![when], serve: vec![serve], ..Rule::default() }
}
