//! Money: who pays what when, what bounces, what is given up.

use std::collections::{BTreeMap, HashMap};

use billing::{
    invoice::{self, State},
    payment::{self, Method, NewPayment, Received},
};
use jiff::{ToSpan, civil::Date};
use kernel::{
    Currency, Money, Result,
    ids::{CustomerId, InvoiceId, PaymentId},
};
use store::{Db, Fact, Reason, Scope, Tx, facts};

use crate::{
    dice::Dice,
    life::Habit,
    office::{Member, is_refusal},
};

/// Facts read at a time.
const PAGE: i64 = 2_000;
/// Payments written down at a time.
const AT_ONCE: usize = 200;

/// What the till knows of the customers.
pub(crate) struct Memory<'o> {
    pub(crate) seed: u64,
    /// The place of the business.
    pub(crate) place: u64,
    pub(crate) members: &'o [Member],
    pub(crate) of: &'o HashMap<CustomerId, usize>,
}

/// What will happen to money.
#[derive(Clone, Debug)]
enum Coming {
    Pays { customer: CustomerId, amount: Money, method: Method, reference: String, bounces: bool },
    Bounces(PaymentId),
    GivenUp(InvoiceId),
    Voided(InvoiceId),
}

/// What is to come, by day.
#[derive(Debug, Default)]
pub(crate) struct Till {
    /// The last fact that was looked at.
    seen: i64,
    coming: BTreeMap<Date, Vec<Coming>>,
    /// Invoices of each customer so far.
    invoices: HashMap<CustomerId, i64>,
}

impl Till {
    /// Look at what was billed since the last time, and write down what comes today.
    pub(crate) fn open(&mut self, db: &Db, scope: &Scope, memory: &Memory<'_>, day: Date) -> Result<()> {
        self.look(db, scope, memory, day)?;
        let later = self.coming.split_off(&day.tomorrow().unwrap_or(day));
        let today = std::mem::replace(&mut self.coming, later);
        let (mut payments, mut bouncing) = (Vec::new(), Vec::new());
        for (on, coming) in today.into_iter().flat_map(|(on, all)| all.into_iter().map(move |one| (on, one)))
        {
            match coming {
                Coming::Pays { customer, amount, method, reference, bounces } => {
                    bouncing.push(bounces);
                    payments.push(NewPayment {
                        customer,
                        entity: None,
                        amount,
                        method,
                        received: Some(Received::On(on)),
                        reference: Some(reference),
                        invoices: Vec::new(),
                    });
                }
                Coming::Bounces(payment) => {
                    db.write(scope, move |tx| payment::reverse(tx, payment)).wait()?;
                }
                Coming::GivenUp(invoice) => end(db, scope, invoice, false)?,
                Coming::Voided(invoice) => end(db, scope, invoice, true)?,
            }
        }
        for (some, bounces) in payments.chunks(AT_ONCE).zip(bouncing.chunks(AT_ONCE)) {
            let some = some.to_vec();
            let recorded = db.write(scope, move |tx| payment::record_all(tx, some.clone())).wait()?;
            for (recorded, _) in recorded.iter().zip(bounces).filter(|(_, bounces)| **bounces) {
                let back = day.saturating_add(9.days());
                self.coming.entry(back).or_default().push(Coming::Bounces(recorded.payment.id));
            }
        }
        Ok(())
    }

    /// Decide about each invoice how it is paid.
    fn look(&mut self, db: &Db, scope: &Scope, memory: &Memory<'_>, day: Date) -> Result<()> {
        loop {
            let seen = self.seen;
            let facts = db.read(scope, move |view| facts::feed(view, seen, PAGE)).wait()?;
            let Some(last) = facts.last() else { return Ok(()) };
            self.seen = last.seq;
            for fact in facts.iter().filter(|fact| fact.kind == "invoice.finalized") {
                self.billed(fact, memory, day)?;
            }
        }
    }

    fn billed(&mut self, fact: &Fact, memory: &Memory<'_>, day: Date) -> Result<()> {
        let Some((customer, number)) = fact.customer.and_then(|id| Some((id, *memory.of.get(&id)?))) else {
            return Ok(());
        };
        let count = self.invoices.entry(customer).or_default();
        *count += 1;
        let figure = |name: &str| fact.payload[name].as_i64().unwrap_or_default();
        let due = figure("total") - figure("credit");
        if due <= 0 {
            return Ok(());
        }
        let currency = Currency::parse(fact.payload["currency"].as_str().unwrap_or_default())?;
        let invoice = InvoiceId::from_uuid(fact.subject.uuid);
        let mut dice = Dice::of(memory.seed, &[memory.place, number as u64, 1_000, count.unsigned_abs()]);
        let pays = Pays { customer, number, count: *count, currency };
        let mut plan = |days: i64, coming: Coming| {
            self.coming.entry(day.saturating_add(days.days())).or_default().push(coming);
        };
        if dice.percent(1) && dice.percent(40) {
            plan(3, Coming::Voided(invoice));
            return Ok(());
        }
        match memory.members[number].life.habit {
            Habit::StopsAfter(last) if *count > last => {
                if dice.percent(60) {
                    plan(150, Coming::GivenUp(invoice));
                }
            }
            Habit::Late => {
                let days = dice.from(34, 80);
                let part = if dice.percent(25) { due / 3 } else { 0 };
                if part > 0 {
                    plan(dice.from(5, 25), pays.of(part, "a", &mut dice)?);
                }
                plan(days, pays.of(due - part, "b", &mut dice)?);
            }
            Habit::Prompt | Habit::StopsAfter(_) => {
                // Now and then somebody pays a round sum, and the rest is credit.
                let amount = if dice.percent(2) { due + due / 10 } else { due };
                plan(dice.from(2, 16), pays.of(amount, "", &mut dice)?);
            }
        }
        Ok(())
    }
}

/// Who pays, and for which of their invoices.
struct Pays {
    customer: CustomerId,
    number: usize,
    count: i64,
    currency: Currency,
}

impl Pays {
    fn of(&self, minor: i64, part: &str, dice: &mut Dice) -> Result<Coming> {
        let method =
            *dice.weighted(&[Method::Transfer, Method::Wire, Method::Cheque], |method| match method {
                Method::Transfer => 16,
                Method::Wire => 3,
                _ => 1,
            });
        Ok(Coming::Pays {
            customer: self.customer,
            amount: Money::new(minor, self.currency)?,
            method,
            reference: format!("{}-{:05}-{}{part}", method.word(), self.number + 1, self.count),
            bounces: method == Method::Cheque && dice.percent(15),
        })
    }
}

/// Void an invoice, or give it up, unless that cannot be done any more.
fn end(db: &Db, scope: &Scope, id: InvoiceId, void: bool) -> Result<()> {
    let work = move |tx: &mut Tx<'_>| {
        if invoice::find(tx, id)?.state != State::Finalized {
            return Ok(());
        }
        match void {
            true => invoice::void(tx, id, &Reason::parse("mistake")?).map(drop),
            false => invoice::give_up(tx, id, &Reason::parse("unreachable")?).map(drop),
        }
    };
    match db.write(scope, work).wait() {
        Err(error) if is_refusal(&error) => Ok(()),
        done => done,
    }
}
