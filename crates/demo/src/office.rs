//! A business at work: who comes, what they want changed, what was measured, what was paid.

use std::collections::{BTreeMap, HashMap};

use billing::{
    clock,
    subscription::{AgreedPrice, Agreement, BillFrom, NewTerm, Start, start_all},
    usage,
};
use identity::{Customer, NewCustomer, customer};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use kernel::{
    Currency, Cycle, Error, Kind, Result, UnitPrice, Zone,
    ids::{CustomerId, SubscriptionId},
};
use metering::Metering;
use store::{Db, Scope, Tx};

use crate::{
    FIRST_DAY, Options,
    business::{BUSINESSES, Business},
    dice::Dice,
    life::{self, Began, First, Life},
    names,
    office::deeds::Task,
    till::Till,
};

mod deeds;
mod meters;

pub(crate) use meters::Told;

/// Customers of one transaction, and transactions under way, at most.
const AT_ONCE: usize = 100;
/// Of so many customers one after the other the first few are departments of one company.
const TEAMS: usize = 30;
/// How many those are.
const TEAM: usize = 9;

/// A customer of the business.
pub(crate) struct Member {
    pub(crate) life: Life,
    pub(crate) id: Option<CustomerId>,
    /// The last one it started.
    pub(crate) subscription: Option<SubscriptionId>,
    /// Deeds that are done.
    done: usize,
}

/// A business and its customers.
pub(crate) struct Office<'m> {
    db: Db,
    metering: &'m Metering,
    scope: Scope,
    business: &'static Business,
    /// The place of the business, for its dice.
    place: u64,
    seed: u64,
    members: Vec<Member>,
    of: HashMap<CustomerId, usize>,
    till: Till,
    told: Told,
}

impl<'m> Office<'m> {
    /// Draw the lives of its customers.
    pub(crate) fn open(
        db: &Db,
        metering: &'m Metering,
        business: &'static Business,
        scope: Scope,
        options: &Options,
    ) -> Result<Self> {
        let place = BUSINESSES.iter().position(|one| one.slug == business.slug).unwrap_or(0) as u64;
        let count = (options.customers * business.share).div_ceil(100);
        let to = FIRST_DAY.saturating_add(i64::from(options.months).months());
        let member = |number: u64| {
            let mut dice = Dice::of(options.seed, &[place, number]);
            Member {
                life: life::draw(business, &mut dice, FIRST_DAY, to),
                id: None,
                subscription: None,
                done: 0,
            }
        };
        Ok(Self {
            db: db.clone(),
            metering,
            scope,
            business,
            place,
            seed: options.seed,
            members: (0..count as u64).map(member).collect(),
            of: HashMap::new(),
            till: Till::default(),
            told: Told::default(),
        })
    }

    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What its meters have told.
    pub(crate) const fn told(&self) -> Told {
        self.told
    }

    /// Let time pass; what falls due on the way is done, and what was used is measured before it is billed.
    pub(crate) fn advance(&self, to: Timestamp) -> Result<()> {
        clock::advance_to_after(&self.db, &self.scope, to, usage::cut).map(drop)
    }

    /// A morning's work.
    pub(crate) fn work(&mut self, day: Date) -> Result<()> {
        if self.welcome(day)? {
            // What began before today may be due already.
            let now = self.db.read(&self.scope, |view| Ok(view.now())).wait()?;
            self.advance(now)?;
        }
        self.measure(day)?;
        self.serve(day)?;
        let Self { db, scope, seed, place, members, of, till, .. } = self;
        till.open(db, scope, &crate::till::Memory { seed: *seed, place: *place, members, of }, day)
    }

    fn dice(&self, number: usize, matter: u64) -> Dice {
        Dice::of(self.seed, &[self.place, number as u64, matter])
    }

    /// New customers, with what they subscribe to; whether there were any.
    fn welcome(&mut self, day: Date) -> Result<bool> {
        let came = |member: &Member| member.id.is_none() && member.life.comes <= day;
        let new: Vec<usize> = (0..self.members.len()).filter(|number| came(&self.members[*number])).collect();
        for some in new.chunks(AT_ONCE) {
            let customers = some.iter().map(|number| self.customer(*number)).collect::<Result<Vec<_>>>()?;
            let firsts: Vec<Option<First>> =
                some.iter().map(|number| self.members[*number].life.first.clone()).collect();
            let entity = self.business.entity.zone;
            let welcome = move |tx: &mut Tx<'_>| {
                let made = customer::create_all(tx, customers.clone())?;
                let zone = Zone::parse(entity)?;
                let mut starts = Vec::new();
                for (customer, first) in made.iter().zip(&firsts) {
                    if let Some(first) = first {
                        starts.push((customer.clone(), command(customer, first, tx.now(), &zone)?));
                    }
                }
                let started = start_all(tx, starts)?.into_iter().map(|one| one.subscription);
                let started: HashMap<CustomerId, SubscriptionId> =
                    started.map(|one| (one.customer, one.id)).collect();
                Ok(made.iter().map(|one| (one.id, started.get(&one.id).copied())).collect::<Vec<_>>())
            };
            let made = self.db.write(&self.scope, welcome).wait()?;
            for (number, (id, subscription)) in some.iter().zip(made) {
                self.of.insert(id, *number);
                let member = &mut self.members[*number];
                (member.id, member.subscription) = (Some(id), subscription);
            }
        }
        Ok(!new.is_empty())
    }

    fn customer(&self, number: usize) -> Result<NewCustomer> {
        let employer = employer(number);
        let market = &self.business.markets[self.members[employer].life.market];
        let (company, _) = names::company(&mut self.dice(employer, 1), market.form);
        let email = format!("accounts{number}@{}", names::domain(&company));
        let street = self.dice(number, 2).from(1, 180);
        Ok(NewCustomer {
            email: Some(email),
            address: Some(format!("{street} Main Street, {}", market.city)),
            name: if employer == number { company } else { names::department(&company, number) },
            country: market.country.to_owned(),
            region: market.region.map(str::to_owned),
            tax_id: None,
            tax_exempt: false,
            currency: Currency::parse(market.currency)?,
            zone: Some(Zone::parse(market.zone)?),
            external_id: Some(format!("{}-{:05}", self.business.entity.series, number + 1)),
            metadata: serde_json::json!({ "city": market.city }),
        })
    }

    /// What customers want changed today: one thing each, in transactions of their own that are sent off together. What
    /// is refused is left out.
    fn serve(&mut self, day: Date) -> Result<()> {
        let mut tasks = Vec::new();
        for (number, member) in self.members.iter_mut().enumerate() {
            let Some((_, deed)) = member.life.deeds.get(member.done).filter(|(on, _)| *on <= day) else {
                continue;
            };
            member.done += 1;
            if let Some(subscription) = member.subscription {
                let dice = [self.seed, self.place, number as u64, 100 + member.done as u64];
                tasks.push((number, Task { subscription, deed: deed.clone(), dice }));
            }
        }
        let business = self.business;
        for some in tasks.chunks(AT_ONCE) {
            let pending: Vec<_> = some
                .iter()
                .map(|(number, task)| {
                    let task = task.clone();
                    (*number, self.db.write(&self.scope, move |tx| deeds::act(tx, business, &task)))
                })
                .collect();
            for (number, pending) in pending {
                let returned = match pending.wait() {
                    Err(error) if is_refusal(&error) => None,
                    done => done?,
                };
                if returned.is_some() {
                    self.members[number].subscription = returned;
                }
            }
        }
        Ok(())
    }
}

/// The customer whose company somebody works for: now and then several of its departments come on their own.
const fn employer(number: usize) -> usize {
    let first = number - number % TEAMS;
    if number - first < TEAM { first } else { number }
}

/// Whether an operation said that this cannot be done now.
pub(crate) const fn is_refusal(error: &Error) -> bool {
    matches!(error.kind, Kind::Conflict | Kind::Invalid)
}

/// The command that starts a first subscription.
fn command(customer: &Customer, first: &First, now: Timestamp, zone: &Zone) -> Result<Start> {
    let before = |days: i64| now - SignedDuration::from_hours(24 * days);
    let month_end = zone.start_of_day(zone.date_of(now).first_of_month().yesterday().unwrap_or(FIRST_DAY));
    let (start, bill_from) = match first.began {
        Began::Now => (None, BillFrom::Start),
        Began::Before(days) => (Some(before(days)), BillFrom::Start),
        Began::Elsewhere(days) => (Some(before(days)), BillFrom::NextPeriod),
        Began::Ahead(days) => (Some(before(-days)), BillFrom::Start),
        Began::MonthEnd => (Some(month_end + SignedDuration::from_hours(9)), BillFrom::Start),
    };
    let mut agreement = Agreement::default();
    if let Some(amount) = first.agreed {
        // By the year for a tenth less.
        let amount = if first.cycle == "year" { amount * 12 * 9 / 10 } else { amount };
        let amount = Some(UnitPrice::parse(&amount.to_string())?);
        agreement.prices.insert(first.plan.key.to_owned(), AgreedPrice { amount, percent: None });
    }
    let addons: BTreeMap<String, i64> =
        first.addons.iter().map(|(key, quantity)| ((*key).to_owned(), *quantity)).collect();
    Ok(Start {
        quantity: first.seats,
        addons,
        start,
        bill_from,
        trial: first.trial.is_some(),
        has_method: first.trial == Some(true),
        coupons: first.coupon.iter().map(|key| (*key).to_owned()).collect(),
        agreement,
        term: first.term.map(|months| NewTerm { months, renews: true }),
        ..Start::of(customer.id, first.plan.key, Cycle::parse(first.cycle)?)
    })
}
