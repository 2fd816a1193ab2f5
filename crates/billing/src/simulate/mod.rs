//! What would have been billed under another price book: the past again, rated by other prices. Reads only.
//!
//! Every fee that was billed in a time is rated again by the price its plan or add-on has in the other book, for the units,
//! the cycle and the share of a period its line says; usage of the same stretches is measured again from the events by the
//! other book's prices, filters and groups, less what it includes for the seats and add-ons of that time. What was credited
//! of a fee in advance is left out of it by the same share; what came late for a measured one is in what is measured now.
//! Coupons, tax, credit and what was charged once are in neither sum: they are not what a price book changes.

mod again;
mod film;
mod past;
mod rules;

use std::{collections::BTreeMap, sync::Arc};

use catalog::{Book, Plan};
use jiff::Timestamp;
use kernel::{Currency, Money, Result, ids::CustomerId};
pub(crate) use past::ALL;
use store::{Db, Scope};
use uuid::Uuid;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The other price book.
    pub book: &'a Book,
    /// What becomes of plans it does not have: old key to new one.
    pub plans: BTreeMap<String, String>,
    /// Periods that began at this instant or later.
    pub from: Timestamp,
    /// And before this one.
    pub to: Timestamp,
}

/// Sums before coupons and tax, less what was credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// What was billed.
    pub billed: Money,
    /// What it would have been.
    pub would_be: Money,
}

impl Sums {
    const fn zero(currency: Currency) -> Self {
        Self { billed: Money::zero(currency), would_be: Money::zero(currency) }
    }

    fn add(&mut self, other: Self) -> Result<()> {
        self.billed = self.billed.checked_add(other.billed)?;
        self.would_be = self.would_be.checked_add(other.would_be)?;
        Ok(())
    }
}

/// One customer in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfCustomer {
    /// Who.
    pub customer: CustomerId,
    /// The sums.
    pub sums: Sums,
    /// Lines that stand as they were billed, because the other book has no price for them or it was agreed apart.
    pub kept: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// Every customer that was billed something, or would have been.
    pub customers: Vec<OfCustomer>,
    /// All of them, by currency.
    pub totals: BTreeMap<Currency, Sums>,
    /// Lines that were looked at.
    pub lines: u64,
    /// Lines that stand as they were billed, by the reason: `agreed`, `price_missing`.
    pub kept: BTreeMap<&'static str, u64>,
}

impl Simulation {
    fn add(&mut self, other: Self) -> Result<()> {
        self.customers.extend(other.customers);
        self.lines += other.lines;
        for (currency, sums) in other.totals {
            self.totals.entry(currency).or_insert(Sums::zero(currency)).add(sums)?;
        }
        for (reason, lines) in other.kept {
            *self.kept.entry(reason).or_default() += lines;
        }
        Ok(())
    }
}

/// Rate the past again under another price book.
///
/// Errors: those of rating.
pub fn simulate(db: &Db, scope: &Scope, ask: &Ask<'_>) -> Result<Simulation> {
    let db = db.background();
    let (mut simulation, mut after) = (Simulation::default(), Uuid::nil());
    let other = Arc::new(Other { book: ask.book.clone(), plans: ask.plans.clone() });
    loop {
        let (span, of) = ((ask.from, ask.to), Arc::clone(&other));
        let page = db.read(scope, move |view| past::page(view, &of, after, span)).wait()?;
        let Some(last) = page.customers.last().map(|one| one.customer.uuid()) else { return Ok(simulation) };
        let of = Arc::clone(&other);
        simulation.add(db.usage().read(scope, move |view| again::page(view, &of, &page)).wait()?)?;
        after = last;
    }
}

/// The other price book, and what becomes of plans it does not have.
struct Other {
    book: Book,
    plans: BTreeMap<String, String>,
}

impl Other {
    /// The plan that takes the place of one of this key.
    fn plan(&self, key: &str) -> Option<&Plan> {
        self.book.plan(self.plans.get(key).map_or(key, String::as_str))
    }
}
