//! Five businesses and what they lived through, played through the same operations a merchant uses, in order of time.
//!
//! Everything is decided by a seed: which customers come when, what they subscribe to, how they change their minds and
//! whether they pay. Each customer's life is drawn on its own ([`life`]), so that neither the database nor the order in
//! which things are stored has a say. What a subscription does not allow at that moment is left out.

mod business;
mod dice;
mod life;
mod names;
mod news;
mod office;
mod standing;
mod till;

use std::thread;

use business::{BUSINESSES, Business};
use identity::{
    environment::{self, NewLegalEntity},
    merchant,
    user::{self, Role},
};
use jiff::{Timestamp, ToSpan, civil::Date};
use kernel::{Currency, Error, Result, SystemIds, Zone};
use metering::Metering;
use store::{Actor, Db, Mode, Scope};

pub use dice::Dice;
pub use names::company;
use office::Office;
pub use standing::Standing;

const WORK: Scope = Scope::installation("demo");
/// The environment each business lives in, and the one that is ready for real customers.
const ENVIRONMENTS: [(&str, Mode); 2] = [("sandbox", Mode::Sandbox), ("live", Mode::Live)];

/// What to play.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides everything.
    pub seed: u64,
    /// Customers of all businesses together.
    pub customers: usize,
    /// How long, from [`FIRST_DAY`] on; 1 to 120.
    pub months: u32,
    /// The e-mail address of whoever may look at it.
    pub owner: String,
}

/// The day on which the businesses open: 1 December 2024.
pub const FIRST_DAY: Date = jiff::civil::date(2024, 12, 1);
/// Days between two mornings in the office. What falls due in between is done at its own time all the same.
const STEP: i32 = 2;

/// How many steps [`play`] takes in all.
pub fn steps(options: &Options) -> u64 {
    mornings(options).len() as u64 * BUSINESSES.len() as u64
}

/// The days somebody is in the office, the last one included.
fn mornings(options: &Options) -> Vec<Date> {
    let end = FIRST_DAY.saturating_add((i64::from(options.months)).months());
    let mut days: Vec<Date> = FIRST_DAY.series(STEP.days()).take_while(|day| *day < end).collect();
    days.push(end);
    days
}

/// Play the businesses, side by side, on a database without merchants, and say how they stand. What customers use goes
/// through `metering`, which is over the same database. `step` is called after each step.
///
/// Errors: `not_empty`, those of the database.
pub fn play(
    db: &Db,
    metering: &Metering,
    options: &Options,
    step: impl Fn() + Sync,
) -> Result<Vec<Standing>> {
    if !db.read(&WORK, merchant::list).wait()?.is_empty() {
        let detail = "There are businesses in this database already. The demo begins on an empty one.";
        return Err(Error::conflict("not_empty", detail));
    }
    // One after the other, so that they are listed in this order.
    let opened = BUSINESSES.iter().map(|business| open(db, business, options)).collect::<Result<Vec<_>>>()?;
    let step = &step;
    thread::scope(|threads| {
        let played: Vec<_> = BUSINESSES
            .iter()
            .zip(opened)
            .map(|(business, scope)| {
                threads.spawn(move || live(db, metering, business, scope, options, step))
            })
            .collect();
        played
            .into_iter()
            .map(|one| one.join().unwrap_or_else(|_| Err(Error::internal("a business of the demo panicked"))))
            .collect()
    })
}

/// A merchant with its owner, and an environment whose clock stands at the first morning; beside it an empty live one.
fn open(db: &Db, business: &'static Business, options: &Options) -> Result<Scope> {
    let owner = options.owner.clone();
    let merchant = db.write(&WORK, move |tx| {
        let made = merchant::create(tx, business.slug, business.name)?;
        let owner = user::find_or_add(tx, &owner)?;
        user::join(tx, owner.id, made.id, Role::Owner)?;
        Ok(made.id)
    });
    let merchant = merchant.wait()?;
    let opens = morning(&Zone::parse(business.entity.zone)?, FIRST_DAY);
    let [lived, _] = ENVIRONMENTS.map(|(slug, mode)| {
        let scope = Scope::environment(kernel::new_id(&SystemIds), mode, Actor::CommandLine);
        let clock = (mode == Mode::Sandbox).then_some(opens);
        let made = db.write(&scope, move |tx| {
            environment::create(tx, merchant, slug, clock)?;
            environment::add_entity(tx, &entity(business)?)?;
            catalog::version::apply(tx, business.file, business.book)?;
            if mode == Mode::Sandbox { news::flags(tx) } else { Ok(()) }
        });
        made.wait().map(|()| scope)
    });
    lived
}

fn entity(business: &Business) -> Result<NewLegalEntity> {
    let entity = &business.entity;
    let registrations = entity.registrations.iter().map(|place| place.parse());
    Ok(NewLegalEntity {
        name: entity.name.to_owned(),
        country: entity.country.to_owned(),
        region: entity.region.map(str::to_owned),
        tax_id: entity.tax_id.map(str::to_owned),
        registrations: registrations.collect::<Result<_>>()?,
        currency: Currency::parse(entity.currency)?,
        zone: Zone::parse(entity.zone)?,
        series: entity.series.to_owned(),
    })
}

/// Nine o'clock where the business is.
fn morning(zone: &Zone, day: Date) -> Timestamp {
    zone.start_of_day(day) + jiff::SignedDuration::from_hours(9)
}

/// Everything that happens to a business.
fn live(
    db: &Db,
    metering: &Metering,
    business: &'static Business,
    scope: Scope,
    options: &Options,
    step: &(impl Fn() + Sync),
) -> Result<Standing> {
    let zone = Zone::parse(business.entity.zone)?;
    let mut office = Office::open(db, metering, business, scope, options)?;
    let days = mornings(options);
    let rise = days.len() * 2 / 3;
    for (place, day) in days.into_iter().enumerate() {
        if place > 0 {
            office.advance(morning(&zone, day))?;
        }
        if place == rise {
            news::raise(db, office.scope(), business)?;
        }
        office.work(day)?;
        step();
    }
    standing::of(db, office.scope(), business, office.told())
}
