//! How a business stands after all that.

use std::collections::BTreeMap;

use ::ledger::AccountKind;
use billing::{
    figures::{self, Kind},
    subscription::{self, State},
};
use identity::customer;
use jiff::civil::Date;
use kernel::{Currency, Error, Result};
use store::{Db, Scope, View, facts};

use crate::{business::Business, office::Told};

/// How a business stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: &'static str,
    /// How many customers it has.
    pub customers: i64,
    /// How many subscriptions are in which state.
    pub subscriptions: BTreeMap<&'static str, i64>,
    /// How many invoices were issued and stand.
    pub invoices: i64,
    /// Money by currency.
    pub money: BTreeMap<&'static str, Sums>,
    /// Transactions of the ledger, which balance.
    pub transactions: i64,
    /// Events of usage that count.
    pub events: i64,
    /// Uses that a limit refused.
    pub refused: i64,
    /// Facts, whose chain is unbroken.
    pub facts: i64,
}

/// Sums of one currency in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Invoices that stand, tax included.
    pub billed: i64,
    /// Taken back by credit notes.
    pub credited: i64,
    /// Payments that stayed.
    pub received: i64,
    /// What customers still owe.
    pub outstanding: i64,
}

/// How the business of an environment stands. Errors: `books_broken`, `facts_broken`.
pub(crate) fn of(db: &Db, scope: &Scope, business: &Business, told: Told) -> Result<Standing> {
    let name = business.name;
    db.read(scope, move |view| look(view, name, told)).wait()
}

fn look(view: &mut View<'_>, name: &'static str, told: Told) -> Result<Standing> {
    let mut subscriptions = BTreeMap::new();
    for (state, count) in subscription::state_counts(view)?.into_iter().filter(|(_, count)| *count > 0) {
        *subscriptions.entry(State::word(state)).or_default() += count;
    }
    let (mut invoices, mut money) = (0, BTreeMap::<&str, Sums>::new());
    for month in figures::months(view, Date::MIN)? {
        let sums = money.entry(month.currency.code()).or_default();
        match month.kind {
            Kind::Invoice => {
                invoices += month.documents;
                sums.billed += month.total;
            }
            Kind::CreditNote => sums.credited += month.total,
            Kind::Payment => sums.received += month.total,
        }
    }
    for total in ::ledger::totals(view, None)?.into_iter().filter(|one| one.kind == AccountKind::Receivable) {
        money.entry(Currency::code(total.currency)).or_default().outstanding += total.debit - total.credit;
    }
    let report = ::ledger::check(view)?;
    if !report.is_sound() {
        return Err(Error::conflict("books_broken", format!("The ledger of {name} does not balance.")));
    }
    Ok(Standing {
        name,
        customers: customer::count(view)?,
        subscriptions,
        invoices,
        money,
        transactions: report.transactions,
        events: told.events,
        refused: told.refused,
        facts: facts::verify(view)?,
    })
}
