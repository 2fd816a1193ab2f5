//! Processes that bill are killed at any moment, twice in a row, on PostgreSQL two of them at once. What is billed in
//! the end is what a run gives that nobody disturbed: the same documents under the same numbers.
//!
//! The processes are this test program again, started with the variables below, so that no lease has to run out.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use billing::{
    charge::{self, BillWith, NewCharge},
    invoice,
    subscription::{self, Start},
    usage::{self, Figure, Post},
};
use catalog::version;
use identity::{NewCustomer, customer, environment, merchant};
use jiff::{Timestamp, ToSpan};
use kernel::{Currency, Cycle, Exact, Zone, ids::EnvironmentId};
use store::{Actor, Db, Location, Mode, Options, Scope, Tx};

use crate::program::Installation;

const DATABASE: &str = "STEELYARD_TEST_DATABASE";
const ENVIRONMENT: &str = "STEELYARD_TEST_ENVIRONMENT";
const CUSTOMERS: usize = 60;
/// Months that are billed in one go.
const MONTHS: i64 = 5;

const BOOK: &str = r#"
book = 1
name = "Runs"
currency = "USD"

[features]
users = { name = "Users", kind = "limit", unit = "user" }

[meters]
calls = { name = "Calls", unit = "call" }
traffic = { name = "Traffic", unit = "GB", aggregation = "sum", decimals = 3 }

[plans.team]
name = "Team"
price = { per = "user", month = "9.99" }
usage = { calls = { graduated = [{ up_to = 100, price = "0.10" }, { price = "0.05" }] }, traffic = "0.0213" }
minimum = { month = "20" }

[addons.setup]
name = "Setup"
price = { once = "250" }
"#;

#[test]
fn killed_runs_bill_the_same_on_sqlite() {
    same_documents(Installation::sqlite);
}

#[test]
fn killed_runs_bill_the_same_on_postgres() {
    if Installation::postgres().is_some() {
        same_documents(|| Installation::postgres().expect("it was there"));
    }
}

/// One of the processes, when it is started as such; nothing in a run of all tests.
#[test]
fn a_process_that_bills() {
    let (Ok(database), Ok(id)) = (std::env::var(DATABASE), std::env::var(ENVIRONMENT)) else { return };
    let (db, scope) = (open(&database), scope(id.parse().unwrap()));
    jobs::due::run(&db, &scope, billing::DUE, until(), None, jobs::due::MAX_BATCH).unwrap();
}

fn open(database: &str) -> Db {
    let options = Options { migrate: false, ..Options::default() };
    Db::open(&Location::parse(database), server::CONTEXTS, &options).unwrap()
}

const fn scope(environment: EnvironmentId) -> Scope {
    Scope::environment(environment, Mode::Sandbox, Actor::CommandLine)
}

fn start() -> Timestamp {
    "2030-01-03T10:00:00Z".parse().unwrap()
}

fn until() -> Timestamp {
    let zone = jiff::tz::TimeZone::UTC;
    (start().to_zoned(zone) + MONTHS.months()).timestamp()
}

fn same_documents(new: impl Fn() -> Installation) {
    let (calm, disturbed) = (new(), new());
    let expected = {
        let (db, scope) = fill(&calm);
        jobs::due::run(&db, &scope, billing::DUE, until(), None, jobs::due::MAX_BATCH).unwrap();
        documents(&db, &scope)
    };
    let environment = fill(&disturbed).1.env().unwrap();
    let alone = !disturbed.database().starts_with("postgres");
    let mut killed = 0;
    for round in 0..2 {
        let mut processes: Vec<Child> =
            (0..if alone { 1 } else { 2 }).map(|_| process(&disturbed, environment)).collect();
        // Long enough to be at work, and not to have finished.
        thread::sleep(Duration::from_millis(250 + 130 * round));
        for process in &mut processes {
            killed += usize::from(process.try_wait().unwrap().is_none());
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
    let db = open(disturbed.database());
    let scope = scope(environment);
    let before = documents(&db, &scope).len();
    jobs::due::run(&db, &scope, billing::DUE, until(), None, jobs::due::MAX_BATCH).unwrap();
    let found = documents(&db, &scope);
    eprintln!("{killed} processes killed, {before} of {} documents before the last run", found.len());
    assert_eq!(found, expected);
    assert!(expected.len() >= CUSTOMERS * MONTHS as usize, "{}", expected.len());
    drop(db);
    disturbed.run(&["facts", "verify", "--all"]).good();
    disturbed.run(&["ledger", "check", "--all"]).good();
}

fn process(installation: &Installation, environment: EnvironmentId) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "bill_run::a_process_that_bills", "--nocapture"]);
    command.env(DATABASE, installation.database()).env(ENVIRONMENT, environment.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A sandbox with customers whose periods end at instants of their own, with usage of the first month.
fn fill(installation: &Installation) -> (Db, Scope) {
    installation.set_up();
    let db = open(installation.database());
    let environments = db.read(&Scope::installation("choose environment"), |view| {
        let merchant = merchant::list(view)?.remove(0);
        environment::of_merchant(view, merchant.id)
    });
    let sandbox = environments.wait().unwrap().into_iter().find(|one| one.slug == "sandbox").unwrap();
    let scope = scope(sandbox.id);
    db.write(&scope, |tx| version::apply(tx, "runs.toml", BOOK).map(drop)).wait().unwrap();
    db.write(&scope, |tx| (0..CUSTOMERS).try_for_each(|number| begin(tx, number))).wait().unwrap();
    let begun = start() + (CUSTOMERS as i64 * 7).hours();
    jobs::due::run(&db, &scope, billing::DUE, begun, None, jobs::due::MAX_BATCH).unwrap();
    db.write(&scope, use_some).wait().unwrap();
    (db, scope)
}

fn begin(tx: &mut Tx<'_>, number: usize) -> kernel::Result<()> {
    let zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"];
    let new = NewCustomer {
        name: "Meyer".into(),
        email: None,
        address: None,
        country: "US".into(),
        region: None,
        tax_id: None,
        tax_exempt: false,
        currency: Currency::parse("USD")?,
        zone: Some(Zone::parse(zones[number % zones.len()])?),
        external_id: Some(format!("c-{number:03}")),
        metadata: serde_json::Value::Null,
    };
    let customer = customer::create(tx, new)?;
    let start = Start {
        quantity: Some(1 + number as i64 % 7),
        // All begin later, at instants of their own.
        start: Some(start() + (number as i64 * 7).hours()),
        ..Start::of(customer.id, "team", Cycle::MONTH)
    };
    let id = subscription::start(tx, &start)?.subscription.id;
    let setup = NewCharge { key: Some("setup".into()), ..NewCharge::default() };
    charge::add(tx, id, &setup, BillWith::NextInvoice).map(drop)
}

/// What everybody used in the first period.
fn use_some(tx: &mut Tx<'_>) -> kernel::Result<()> {
    let mut all = subscription::list(tx, None, 1_000)?;
    all.reverse();
    for (number, one) in (0_i64..).zip(all) {
        for (key, count) in [("calls", 37 * number), ("traffic", 11 * number)] {
            let groups = BTreeMap::from([(String::new(), Figure::Quantity(Exact::from(count).into()))]);
            let post = Post { key: key.into(), groups, start: None, watermark: None };
            usage::post(tx, one.id, &post)?;
        }
    }
    Ok(())
}

/// Every invoice by its number, with whose it is and what it says.
fn documents(db: &Db, scope: &Scope) -> BTreeMap<String, String> {
    let read = db.read(scope, |view| {
        let mut all = BTreeMap::new();
        for one in invoice::list(view, None, 100_000)? {
            let customer = customer::find(view, one.customer)?.external_id.unwrap_or_default();
            let lines: Vec<String> = invoice::lines(view, one.id)?
                .into_iter()
                .map(|line| format!("{} {} {}", line.description, line.period.start.date, line.amount))
                .collect();
            let text = format!("{customer} {:?} {} {}", one.issued, one.totals.total, lines.join(", "));
            assert!(all.insert(one.number.unwrap_or_default(), text).is_none(), "a number was given twice");
        }
        Ok(all)
    });
    read.wait().unwrap()
}
