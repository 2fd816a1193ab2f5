//! A served API over a test database, environments with something in them, and a client.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use api::{App, Parts};
use billing::{
    bill_run,
    charge::NewCharge,
    payment::{self, Method, NewPayment},
    renewal::{self, OfferedTerms},
    subscription::{self, BillFrom, Start, Timing},
};
use identity::{
    Permissions, customer,
    customer::NewCustomer,
    environment::{self, NewLegalEntity},
    key, merchant,
};
use jobs::Bell;
use kernel::{
    Currency, Cycle, Money, SystemIds, UnitPrice, Zone,
    ids::{
        BillRunId, BookVersionId, CreditNoteId, CustomerId, CustomerLinkId, EnvironmentId, HoldId, InvoiceId,
        JobId, LedgerAccountId, LegalEntityId, MerchantId, PaymentId, SubscriptionId,
    },
    new_id,
};
use metering::{
    Metering,
    event::{NewEvent, Receipt},
};
use serde_json::{Value as Json, json};
use store::{Actor, Context, Mode, Scope, Tx};
use testkit::TestDb;
use tokio::runtime::Runtime;

/// Every context below the API.
pub static CONTEXTS: &[&Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &identity::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &billing::CONTEXT,
    &metering::CONTEXT,
    &entitlements::CONTEXT,
    &metering::alert::CONTEXT,
];

/// Unison's price book, as it is shipped, with plans that are measured and coupons.
pub const BOOK: &str = concat!(include_str!("../../../../books/unison.toml"), include_str!("measured.toml"));

/// A served API.
pub struct Api<'t> {
    pub test: &'t TestDb,
    pub address: SocketAddr,
    pub metering: Metering,
    merchant: MerchantId,
    agent: ureq::Agent,
    _runtime: Runtime,
}

/// An answer, with its body as text.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The pointers of the wrong fields.
    pub fn pointers(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap_or_default().to_owned()).collect()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

/// A request being put together.
pub struct Call<'a> {
    api: &'a Api<'a>,
    request: ureq::http::request::Builder,
    body: Vec<u8>,
}

impl Call<'_> {
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, value.as_ref());
        self
    }

    pub fn key(self, secret: &str) -> Self {
        self.header("Authorization", format!("Bearer {secret}"))
    }

    pub fn json(self, body: &Json) -> Self {
        self.bytes(body.to_string())
    }

    /// A body whose kind is said in a header.
    pub fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", "application/json")
    }

    pub fn send(self) -> Answer {
        let Self { api, request, body } = self;
        let is_get = request.method_ref().is_some_and(|method| method == "GET");
        let answer = if is_get {
            api.agent.run(request.body(()).unwrap())
        } else {
            api.agent.run(request.body(body).unwrap())
        };
        let (parts, mut body) = answer.unwrap().into_parts();
        let text = body.with_config().limit(64 << 20).read_to_string().unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }
}

impl<'t> Api<'t> {
    /// Serve the API over this database.
    pub fn serve(test: &'t TestDb) -> Self {
        Self::serve_at(test, api::Rates::default())
    }

    /// Serve it to keys that may ask only so fast.
    pub fn serve_at(test: &'t TestDb, rates: api::Rates) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let metering = server::metering(&test.db, metering::Options::default());
        let entitlements = entitlements::Desk::new(&test.db);
        let (rates, db) = (rates.into(), test.db.clone());
        let (bell, keys) = (Bell::new(), api::Keys::new(&test.db));
        let app = App::new(Parts { db, bell, metering: metering.clone(), entitlements, keys, rates });
        let router = api::router(app);
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
        let installation = Scope::installation("set up a test");
        let merchant =
            test.db.write(&installation, |tx| merchant::create(tx, "unison", "Unison")).wait().unwrap().id;
        Self { test, address, metering, merchant, agent, _runtime: runtime }
    }

    pub fn call(&self, method: &str, path: &str) -> Call<'_> {
        let url = format!("http://{}{path}", self.address);
        Call { api: self, request: ureq::http::Request::builder().method(method).uri(url), body: Vec::new() }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call("GET", path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.call("POST", path)
    }

    /// A new environment of the merchant, with something of everything in it.
    pub fn environment(&self, mode: Mode) -> House {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let slug = format!("env-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let env: EnvironmentId = new_id(&SystemIds);
        let scope = Scope::environment(env, mode, Actor::CommandLine);
        let (merchant, start) = (self.merchant, testkit::START.parse().unwrap());
        let set_up = move |tx: &mut Tx<'_>| environment::create(tx, merchant, &slug, Some(start));
        self.test.db.write(&scope, set_up).wait().unwrap();
        let all = self.key(&scope, "all");
        let mut known = self.test.db.write(&scope, furnish).wait().unwrap();
        let Known { ending, paused, gone, .. } = known;
        let over = move |tx: &mut Tx<'_>| subscription::cancel(tx, gone, Timing::Now);
        self.test.db.write(&scope, over).wait().unwrap();
        let end = move |tx: &mut Tx<'_>| subscription::cancel(tx, ending, Timing::PeriodEnd);
        self.test.db.write(&scope, end).wait().unwrap();
        let terms =
            OfferedTerms { reprice: true, minimum: UnitPrice::parse("20").ok(), ..OfferedTerms::default() };
        let offer = move |tx: &mut Tx<'_>| renewal::offer(tx, ending, &terms, None);
        self.test.db.write(&scope, offer).wait().unwrap();
        let pause = self.test.db.write(&scope, move |tx| subscription::pause(tx, paused)).wait().unwrap();
        known.credit_note = Some(pause.credit_notes[0]);
        // In a currency of its own, so that it changes nothing else.
        let paid = NewPayment {
            customer: known.customer,
            entity: None,
            amount: Money::new(1, Currency::parse("ZAR").unwrap()).unwrap(),
            method: Method::Transfer,
            received: None,
            reference: None,
            invoices: Vec::new(),
        };
        let recorded =
            self.test.db.write(&scope, move |tx| payment::record(tx, paid.clone())).wait().unwrap();
        known.payment = Some(recorded.payment.id);
        let suspended = known.suspended;
        self.test.db.write(&scope, move |tx| subscription::suspend(tx, suspended)).wait().unwrap();
        let (due, now) = (scope.clone().for_due_work(), start);
        jobs::due::run(&self.test.db, &due, billing::DUE, now, None, jobs::due::MAX_BATCH).unwrap();
        let runs = self.test.db.read(&scope, |view| bill_run::list(view, None, 1)).wait().unwrap();
        known.bill_run = Some(runs[0].id);
        known.hold = Some(self.hold(&scope));
        known.metered = Some(self.metered(&all, &runs[0].id));
        House { scope, all, known }
    }

    /// The invoice of a bill run that charges usage, as its second line.
    fn metered(&self, secret: &str, run: &BillRunId) -> InvoiceId {
        let path = format!("/v1/bill-runs/{run}/invoices");
        let invoices = self.get(&path).key(secret).send().expect(200).json();
        let ids =
            invoices["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        let charges_usage = |id: &String| {
            let invoice = self.get(&format!("/v1/invoices/{id}")).key(secret).send().expect(200).json();
            invoice["lines"][1]["kind"] == "usage"
        };
        ids.into_iter().find(charges_usage).unwrap().parse().unwrap()
    }

    /// Calls of the subscription `measured` that are held and not used.
    fn hold(&self, scope: &Scope) -> HoldId {
        let event = |id: &str| NewEvent {
            source: "test".to_owned(),
            id: id.to_owned(),
            meter: "calls".to_owned(),
            subject: "measured".to_owned(),
            at: None,
            data: None,
        };
        let (time, now) = (jiff::SignedDuration::from_hours(1), testkit::START.parse().unwrap());
        let receipts = self.metering.ingest(scope, vec![event("known")], false, now).wait().unwrap();
        assert_eq!(receipts, [Receipt::Accepted]);
        self.metering.reserve(scope, event("held"), time, now).wait().unwrap().id.unwrap()
    }

    /// A new API key with these permissions.
    pub fn key(&self, scope: &Scope, permissions: &str) -> String {
        let secret = key::new_secret(scope.mode()).unwrap();
        let permissions = Permissions::parse(permissions).unwrap();
        let text = secret.clone();
        self.test.db.write(scope, move |tx| key::create(tx, "test", &permissions, &text)).wait().unwrap();
        secret
    }
}

/// An environment with something in it, and a key that may do everything there.
pub struct House {
    pub scope: Scope,
    pub all: String,
    pub known: Known,
}

/// Ids of one of each.
#[derive(Clone, Debug)]
pub struct Known {
    pub entity: LegalEntityId,
    pub customer: CustomerId,
    /// A link that opens its own page.
    pub link: CustomerLinkId,
    pub book: BookVersionId,
    /// Its first invoice is a draft.
    pub subscription: SubscriptionId,
    /// Billed, on an issued invoice.
    pub running: SubscriptionId,
    /// Canceled at the end of its period.
    pub ending: SubscriptionId,
    pub paused: SubscriptionId,
    /// In its trial.
    pub trying: SubscriptionId,
    pub suspended: SubscriptionId,
    /// Pays for calls and for the period at its end, with the coupon `spring`: billed up to 10 January.
    pub measured: SubscriptionId,
    /// Canceled.
    pub gone: SubscriptionId,
    /// A draft.
    pub invoice: InvoiceId,
    /// Issued, and corrected by nothing.
    pub issued: InvoiceId,
    /// To the customer's credit.
    pub payment: Option<PaymentId>,
    /// For what was paused.
    pub credit_note: Option<CreditNoteId>,
    /// What was due when the environment was made.
    pub bill_run: Option<BillRunId>,
    /// Its second line charges usage.
    pub metered: Option<InvoiceId>,
    /// Calls that are held.
    pub hold: Option<HoldId>,
    /// The receivable account of the customer.
    pub account: LedgerAccountId,
    pub job: JobId,
}

/// Subscriptions of one customer: three with a finalized invoice, one with a draft, three not billed yet, of which
/// one is due.
fn furnish(tx: &mut Tx<'_>) -> kernel::Result<Known> {
    let usd = Currency::parse("USD")?;
    let entity = environment::add_entity(
        tx,
        &NewLegalEntity {
            name: "Unison Inc.".to_owned(),
            country: "US".to_owned(),
            region: None,
            tax_id: None,
            registrations: Vec::new(),
            currency: usd,
            zone: Zone::utc(),
            series: "INV".to_owned(),
        },
    )?;
    let book = catalog::version::apply(tx, "unison.toml", BOOK)?.version.id;
    let whole = customer::create(tx, new_customer("Ada's Machines", "first"))?;
    let customer = whole.id;
    let flag = serde_json::from_value(crate::samples::flag()).expect("a flag");
    entitlements::flag::create(tx, "beta", true, &flag)?;
    entitlements::override_::set(tx, customer, "work_orders", &json!(false), None, Some("a test"))?;
    // Secrets of links are unique in the installation.
    let secret = tx.new_id::<kernel::ids::CustomerLink>().to_string();
    let link = identity::link::create(tx, customer, 7, &secret)?.id;
    let starts = [("running", true), ("ending", true), ("paused", true), ("draft", false)];
    let mut starts = starts.map(|(name, finalize)| start(customer, name, finalize)).to_vec();
    starts.push(Start { trial: true, ..start(customer, "trying", true) });
    let charges = vec![NewCharge { key: Some("setup".to_owned()), ..NewCharge::default() }];
    starts.push(Start { bill_from: BillFrom::NextPeriod, charges, ..start(customer, "suspended", true) });
    let coupons = vec!["spring".to_owned()];
    let since = Some("2025-12-10T00:00:00Z".parse().expect("an instant"));
    let plan = "metered".to_owned();
    starts.push(Start { plan, coupons, start: since, ..start(customer, "measured", true) });
    let later = Some("2026-02-10T00:00:00Z".parse().expect("an instant"));
    starts.push(Start { start: later, ..start(customer, "gone", true) });
    let starts = starts.into_iter().map(|start| (whole.clone(), start)).collect();
    let started = subscription::start_all(tx, starts)?;
    let [running, ending, paused, draft, trying, suspended, measured, gone] =
        <[_; 8]>::try_from(started).expect("eight subscriptions");
    let issued = running.invoice.expect("a first invoice");
    let [running, ending, paused, trying, suspended, measured, gone] =
        [running, ending, paused, trying, suspended, measured, gone].map(|started| started.subscription.id);
    let receivable = ledger::Account::owned(entity, ledger::AccountKind::Receivable, customer);
    let account = ledger::find_account(tx, &receivable)?.expect("the first invoice was posted");
    let job = jobs::enqueue(tx, jobs::NewJob::new("test", json!({})))?;
    let (subscription, invoice) = (draft.subscription.id, draft.invoice.expect("a first invoice"));
    Ok(Known {
        entity,
        customer,
        link,
        book,
        subscription,
        running,
        ending,
        paused,
        trying,
        suspended,
        measured,
        gone,
        invoice,
        issued,
        payment: None,
        credit_note: None,
        bill_run: None,
        metered: None,
        hold: None,
        account,
        job,
    })
}

fn new_customer(name: &str, external_id: &str) -> NewCustomer {
    NewCustomer {
        name: name.to_owned(),
        email: Some("ada@example.com".to_owned()),
        address: None,
        country: "DE".to_owned(),
        region: None,
        tax_id: None,
        tax_exempt: false,
        currency: Currency::parse("USD").unwrap(),
        zone: None,
        external_id: Some(external_id.to_owned()),
        metadata: json!({}),
    }
}

fn start(customer: CustomerId, external_id: &str, finalize: bool) -> Start {
    let external_id = Some(external_id.to_owned());
    Start { external_id, finalize, ..Start::of(customer, "starter", Cycle::MONTH) }
}

/// A sandbox served on both databases.
pub fn on_both(body: impl Fn(&Api<'_>)) {
    testkit::on_both(CONTEXTS, |test| body(&Api::serve(test)));
}
