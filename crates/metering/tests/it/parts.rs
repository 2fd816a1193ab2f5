//! What the tests of this crate share.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use catalog::Book;
use jiff::{SignedDuration, Timestamp};
use kernel::{
    Currency, Cycle, Exact, Id, Result, Schedule, Zone,
    ids::{CustomerId, SubscriptionId},
};
use metering::{
    Account, Agreement, Changes, Directory, Metering, Options, Resolved,
    event::{Meter, Meters, NewEvent, Receipt},
    usage::{self, Figure, Span, Subject},
};
use store::{Context, Db, Mode, Scope};
use testkit::TestDb;

pub const CONTEXTS: &[&Context] = &[&store::CONTEXT, &metering::CONTEXT, &metering::alert::CONTEXT];

/// A price book with a meter of each aggregation, and limits.
pub const BOOK: &str = r#"
book = 1
name = "Test"
currency = "USD"

[meters]
calls = { name = "Calls", unit = "call", dimensions = ["region"] }
traffic = { name = "Traffic", unit = "GB", aggregation = "sum", property = "gb", decimals = 3, dimensions = ["region"] }
peak = { name = "Peak", unit = "GB", aggregation = "max", property = "gb", decimals = 3 }
low = { name = "Low", unit = "GB", aggregation = "min", property = "gb", decimals = 3 }
people = { name = "People", unit = "person", aggregation = "unique", property = "who" }
last = { name = "Last", unit = "GB", aggregation = "latest", property = "gb", decimals = 3 }
stored = { name = "Stored", unit = "GB", aggregation = "time_weighted", property = "gb", decimals = 3 }
runs = { name = "Runs", unit = "run" }
doses = { name = "Doses", unit = "mg", aggregation = "sum", decimals = 3, critical = true, min = 0, max = "1000.5" }
spikes = { name = "Spikes", unit = "x", aggregation = "sum", jump = { times = 3, floor = 20 } }
credits = { name = "Credits", unit = "credit", aggregation = "sum", decimals = 2 }

[plans.small]
name = "Small"
price = { month = "10" }
limits = { runs = { amount = 3, window = "rolling 5 hours", scope = "user" }, credits = 10 }

[plans.large]
name = "Large"
price = { month = "50" }
limits = { runs = { amount = 100, window = "rolling 5 hours", scope = "user" }, credits = { amount = 100, policy = "soft", alerts = [50, 100] } }
usage = { credits = "0.10" }
"#;

/// One customer for each name `customer-…`, on the plan `small` until it is moved.
pub struct Customers {
    book: Arc<Book>,
    known: Mutex<BTreeMap<String, Arc<Account>>>,
    /// Whether the price book calls the meter `traffic` critical.
    pub critical: AtomicBool,
    /// The log of changes: whom each of them was about.
    pub log: Mutex<Vec<CustomerId>>,
    /// After which places of the log it was read.
    pub read: Mutex<Vec<i64>>,
    /// Subjects somebody asked for.
    pub resolved: Mutex<Vec<String>>,
}

impl Customers {
    pub fn new() -> Self {
        let book = catalog::read("test.toml", BOOK).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let (critical, book) = (AtomicBool::new(false), Arc::new(book));
        let (log, read, resolved) = Default::default();
        Self { book, known: Mutex::default(), critical, log, read, resolved }
    }

    pub fn account(&self, name: &str) -> Arc<Account> {
        let mut known = self.known.lock().unwrap();
        let account = known.entry(name.to_owned()).or_insert_with(|| Arc::new(self.make(name, Zone::utc())));
        Arc::clone(account)
    }

    pub fn id(&self, name: &str) -> CustomerId {
        self.account(name).customer
    }

    /// Change what a customer is and agreed to.
    pub fn alter(&self, name: &str, change: impl FnOnce(&mut Account)) {
        let mut account = (*self.account(name)).clone();
        change(&mut account);
        self.known.lock().unwrap().insert(name.to_owned(), Arc::new(account));
    }

    /// The same ids for the same name, in every process.
    fn make(&self, name: &str, zone: Zone) -> Account {
        let id = uuid::Uuid::from_u128(name.bytes().fold(1, |id, byte| (id << 7) ^ u128::from(byte)));
        let started: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let schedule = Schedule::anniversary(started, Cycle::MONTH, zone.clone());
        let agreement = Agreement {
            subscription: SubscriptionId::from_uuid(id),
            book: Arc::clone(&self.book),
            plan: "small".to_owned(),
            cycle: Cycle::MONTH,
            currency: Currency::parse("USD").unwrap(),
            quantity: Exact::one(),
            raises: BTreeMap::new(),
            period: schedule.period_at(started).unwrap(),
            schedule,
            access: true,
        };
        Account { customer: Id::from_uuid(id), zone, agreements: vec![agreement], beside: Default::default() }
    }

    pub fn meter(&self, key: &str) -> Arc<Meter> {
        Arc::clone(Meters::of(&self.book).get(key).unwrap())
    }
}

impl Directory for Customers {
    fn meters(&self, _: &Scope) -> Result<Arc<Meters>> {
        let mut book = (*self.book).clone();
        for meter in book.meters.iter_mut().filter(|meter| meter.key == "traffic") {
            meter.critical = self.critical.load(Ordering::SeqCst);
        }
        Ok(Arc::new(Meters::of(&book)))
    }

    fn resolve(&self, _: &Scope, subjects: &[String]) -> Result<Vec<Option<Resolved>>> {
        self.resolved.lock().unwrap().extend_from_slice(subjects);
        let by_id = |id: &str| {
            let known = self.known.lock().unwrap();
            known.values().find(|account| account.customer.to_string() == id).cloned()
        };
        let resolve = |subject: &String| match subject.split_once('/') {
            Some((name, _)) => {
                let account = self.account(name);
                let subscription = Some(account.agreements[0].subscription);
                Some(Resolved { account, subscription })
            }
            None if subject.starts_with("customer-") => {
                Some(Resolved { account: self.account(subject), subscription: None })
            }
            None => by_id(subject).map(|account| Resolved { account, subscription: None }),
        };
        Ok(subjects.iter().map(resolve).collect())
    }

    fn changes(&self, _: &Scope, after: Option<i64>) -> Result<(i64, Changes)> {
        let log = self.log.lock().unwrap();
        let mut changes = Changes::default();
        if let Some(after) = after {
            self.read.lock().unwrap().push(after);
            changes.customers.extend(&log[after as usize..]);
        }
        Ok((log.len() as i64, changes))
    }
}

/// Metering over a test database, in an environment of its own.
pub struct Ground {
    pub metering: Metering,
    pub customers: Arc<Customers>,
    pub scope: Scope,
    pub db: Db,
    pub clock: Arc<kernel::FixedClock>,
}

impl Ground {
    pub fn new(test: &TestDb) -> Self {
        Self::with(test, Options::default())
    }

    pub fn with(test: &TestDb, options: Options) -> Self {
        let customers = Arc::new(Customers::new());
        let metering = Metering::new(&test.db, customers.clone(), options);
        let scope = test.environment(Mode::Live);
        Self { metering, customers, scope, db: test.db.clone(), clock: Arc::clone(&test.clock) }
    }

    /// The same environment in another process of this name.
    pub fn other(&self, db: &Db, holder: &str, options: Options) -> Metering {
        Metering::new(db, self.customers.clone(), Options { holder: holder.to_owned(), ..options })
    }

    pub fn now(&self) -> Timestamp {
        self.db.real_now()
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub fn send(&self, events: Vec<NewEvent>) -> Vec<Receipt> {
        self.metering.ingest(&self.scope, events, false, self.now()).wait().unwrap()
    }

    /// The figure of a customer's meter between two instants.
    pub fn figure(&self, name: &str, meter: &str, from: &str, to: &str) -> Figure {
        self.figure_of(name, None, meter, Span::new(from.parse().unwrap(), to.parse().unwrap()))
    }

    pub fn figure_of(
        &self,
        name: &str,
        subscription: Option<SubscriptionId>,
        meter: &str,
        span: Span,
    ) -> Figure {
        let (customer, meter) = (self.customers.id(name), self.customers.meter(meter));
        let now = Timestamp::from_microsecond(span.end).unwrap();
        let read = move |view: &mut store::View<'_>| {
            usage::figure(view, Subject { customer, subscription, unnamed: None, meter: &meter }, span, now)
        };
        self.db.usage().read(&self.scope, read).wait().unwrap()
    }
}

/// An event of a source called `test`.
pub fn event(meter: &str, id: &str, subject: &str, at: Option<&str>, data: &str) -> NewEvent {
    NewEvent {
        source: "test".to_owned(),
        id: id.to_owned(),
        meter: meter.to_owned(),
        subject: subject.to_owned(),
        at: at.map(|at| at.parse().unwrap()),
        data: Some(serde_json::from_str(data).unwrap()),
    }
}

/// A rejection's code, or `accepted` and `duplicate`.
pub fn word(receipt: &Receipt) -> &str {
    match receipt {
        Receipt::Accepted => "accepted",
        Receipt::Duplicate { differs: false } => "duplicate",
        Receipt::Duplicate { differs: true } => "differs",
        Receipt::Rejected(error) => error.code,
    }
}

pub fn exact(text: &str) -> Exact {
    Exact::parse_decimal(text).unwrap()
}
