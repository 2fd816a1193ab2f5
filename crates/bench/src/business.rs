//! A business to look at: customers with names, subscriptions of every kind, months of history.

use billing::subscription::{self, BillFrom, Change, Start, Timing, start_all};
use demo::{Dice, company};
use identity::{NewCustomer, customer, environment, environment::NewLegalEntity, merchant, user, user::Role};
use jiff::{Timestamp, ToSpan, civil::Date};
use jobs::Runner;
use kernel::{Currency, Cycle, Id, Result, SystemIds, Zone, ids::SubscriptionId};
use store::{Actor, Db, Mode, Scope, Tx};

use crate::ground::raw;

const WORK: Scope = Scope::installation("bench");
pub const BOOK: &str = include_str!("../../../books/unison.toml");
/// Subscriptions started in one transaction.
const AT_ONCE: usize = 500;
/// Changes of running subscriptions in a month, at most.
const CHANGES: usize = 60;

const LEGAL: [(&str, &str, &str); 6] = [
    ("GmbH", "DE", "Europe/Berlin"),
    ("Ltd", "GB", "Europe/London"),
    ("Inc.", "US", "America/New_York"),
    ("SARL", "FR", "Europe/Paris"),
    ("AB", "SE", "Europe/Stockholm"),
    ("Pty", "AU", "Australia/Sydney"),
];

/// Whose business it is.
const OWNER: &str = "maren.holt@unison.example";

/// A merchant called Unison with a sandbox called `rehearsal` that has lived through so many months and has so many
/// customers in the end.
pub fn found(db: &Db, customers: usize, months: usize) -> Result<Scope> {
    let first: Date = "2026-01-01".parse().map_err(raw)?;
    let zone = Zone::parse("Europe/Berlin")?;
    let opened = zone.start_of_day(first);
    let scope = open(db, opened)?;
    let mut dice = Dice::of(42, &[]);
    let mut running: Vec<SubscriptionId> = Vec::new();
    let runner = Runner::new(db.clone(), vec![billing::clock::advance_job_kind()], Vec::new());
    for month in 0..months {
        let share = customers * (month + 1) / months - customers * month / months;
        // In four parts, a week after each other.
        for part in 0..4 {
            let count = share * (part + 1) / 4 - share * part / 4;
            let made = customers * month / months + share * part / 4;
            running.extend(start(db, &scope, made, count, &mut dice)?);
            let last = month + 1 == months && part == 3;
            advance(db, &scope, &runner, next(&zone, first, month, part, last)?)?;
        }
        change_some(db, &scope, &running, &mut dice);
    }
    Ok(scope)
}

/// The sandbox of a business that was founded before; none where there is none.
pub fn known(db: &Db) -> Result<Option<Scope>> {
    let found = db.read(&WORK, |view| {
        let merchant = merchant::by_slug(view, "unison")?;
        merchant.map_or(Ok(None), |merchant| environment::by_slug(view, merchant.id, "rehearsal"))
    });
    let found = found.wait()?;
    Ok(found.map(|one| Scope::environment(one.id, Mode::Sandbox, Actor::CommandLine)))
}

/// What signs its owner in, once.
pub fn link(db: &Db) -> Result<String> {
    let secret = user::new_secret()?;
    let link = secret.clone();
    let added = db.write(&WORK, move |tx| {
        let who = user::find_or_add(tx, OWNER)?;
        user::add_link(tx, who.id, &link)
    });
    added.wait()?;
    Ok(secret)
}

fn next(zone: &Zone, first: Date, month: usize, part: usize, last: bool) -> Result<Timestamp> {
    let months = i32::try_from(month).map_err(raw)?;
    let day = first.checked_add(months.months()).map_err(raw)?;
    let days = if last { 27 } else { 7 * (i64::try_from(part).map_err(raw)? + 1) };
    Ok(zone.start_of_day(day.checked_add(days.days()).map_err(raw)?))
}

fn open(db: &Db, at: Timestamp) -> Result<Scope> {
    let merchant = db
        .write(&WORK, |tx| {
            let made = merchant::create(tx, "unison", "Unison")?;
            let owner = user::find_or_add(tx, OWNER)?;
            user::join(tx, owner.id, made.id, Role::Owner)?;
            Ok(made.id)
        })
        .wait()?;
    let scope = Scope::environment(kernel::new_id(&SystemIds), Mode::Sandbox, Actor::CommandLine);
    db.write(&scope, move |tx| {
        environment::create(tx, Id::from_uuid(merchant.uuid()), "rehearsal", Some(at))?;
        let entity = NewLegalEntity {
            name: "Unison Software GmbH".into(),
            country: "DE".into(),
            region: None,
            tax_id: None,
            registrations: Vec::new(),
            currency: Currency::parse("USD")?,
            zone: Zone::parse("Europe/Berlin")?,
            series: "UN".into(),
        };
        environment::add_entity(tx, &entity)?;
        catalog::version::apply(tx, "unison.toml", BOOK).map(drop)
    })
    .wait()?;
    Ok(scope)
}

fn new_customer(number: usize, dice: &mut Dice) -> Result<NewCustomer> {
    let (legal, country, zone) = *dice.one(&LEGAL);
    let (name, trade) = company(dice, legal);
    Ok(NewCustomer {
        name,
        email: dice.percent(90).then(|| format!("accounts{number}@{trade}.example")),
        address: Some(format!("{} Main Street, {number:05} Springfield", dice.from(1, 200))),
        country: country.into(),
        region: None,
        tax_id: None,
        tax_exempt: false,
        currency: Currency::parse("USD")?,
        zone: Some(Zone::parse(zone)?),
        external_id: Some(format!("U-{number:06}")),
        metadata: serde_json::json!({ "segment": trade }),
    })
}

/// So many customers from number `from` on, nine in ten with a subscription.
pub fn start(
    db: &Db,
    scope: &Scope,
    from: usize,
    count: usize,
    dice: &mut Dice,
) -> Result<Vec<SubscriptionId>> {
    let mut started = Vec::new();
    for begin in (from..from + count).step_by(AT_ONCE) {
        let end = (begin + AT_ONCE).min(from + count);
        let new = (begin..end).map(|number| new_customer(number, dice)).collect::<Result<Vec<_>>>()?;
        let drawn: Vec<[usize; 5]> =
            new.iter().map(|_| [10, 10, 8, 6, 3].map(|count| dice.place(count))).collect();
        let work = move |tx: &mut Tx<'_>| {
            let customers = customer::create_all(tx, new.clone())?;
            let starts = customers.into_iter().zip(&drawn).filter(|(_, drawn)| drawn[0] > 0);
            let starts = starts.map(|(customer, [_, plan, users, trial, method])| {
                let plan = ["starter", "professional", "enterprise"][[0, 0, 0, 0, 0, 1, 1, 1, 1, 2][*plan]];
                let cycle = if *users == 0 { Cycle::YEAR } else { Cycle::MONTH };
                let of = Start::of(customer.id, plan, cycle);
                let users = if plan == "enterprise" { 0 } else { *users as i64 };
                let start = Start {
                    addons: [("extra_user".to_owned(), users)].into(),
                    bill_from: BillFrom::Start,
                    trial: *trial == 0,
                    has_method: *method > 0,
                    ..of
                };
                (customer, start)
            });
            Ok(start_all(tx, starts.collect())?
                .into_iter()
                .map(|one| one.subscription.id)
                .collect::<Vec<_>>())
        };
        started.extend(db.write(scope, work).wait()?);
    }
    Ok(started)
}

fn advance(db: &Db, scope: &Scope, runner: &Runner, to: Timestamp) -> Result<()> {
    db.write(scope, move |tx| billing::clock::request_advance(tx, to)).wait()?;
    runner.run_until_idle().map(drop)
}

/// Some of the subscriptions change. What one does not allow is left out.
fn change_some(db: &Db, scope: &Scope, running: &[SubscriptionId], dice: &mut Dice) {
    for _ in 0..CHANGES.min(running.len() / 8) {
        let (id, deed, users) = (*dice.one(running), dice.from(0, 8), dice.from(0, 5));
        let work = move |tx: &mut Tx<'_>| {
            let change = |plan: Option<&str>| Change {
                plan: plan.map(str::to_owned),
                addons: [("extra_user".to_owned(), users)].into(),
                ..Change::default()
            };
            match deed {
                0 => subscription::cancel(tx, id, Timing::Now),
                1 => subscription::cancel(tx, id, Timing::PeriodEnd),
                2 => subscription::pause(tx, id),
                3 => subscription::resume(tx, id),
                4 | 5 => subscription::change(tx, id, &change(Some("professional")), Timing::Now),
                6 => subscription::change(tx, id, &change(Some("starter")), Timing::PeriodEnd),
                _ => subscription::change(tx, id, &change(None), Timing::Now),
            }
            .map(drop)
        };
        // A canceled one is not canceled again.
        let _ = db.write(scope, work).wait();
    }
}
