//! Undoing payments: a cheque bounced, a transfer was recalled.

use std::collections::{BTreeMap, HashMap};

use identity::customer;
use kernel::{
    Error, Money, Result,
    ids::{InvoiceId, PaymentId},
};
use ledger::{Account, AccountKind, Posting, Transaction};
use serde_json::json;
use store::{NewFact, Tx, params};

use super::{
    Move, amounts, cash, credit, find, receivable,
    target::{self, Target},
    write,
};
use crate::{
    figures,
    invoice::State,
    payment::{
        model::{Cause, Payment},
        rules::{Open, take_back},
        sql,
    },
};

/// A payment did not come after all. What it settled is due again; what of it became credit is taken back, and where
/// that credit has paid invoices since, they are due again too, the newest first.
///
/// Errors: `not_found`, `payment_reversed`.
pub fn reverse(tx: &mut Tx<'_>, id: PaymentId) -> Result<Payment> {
    let customer = find(tx, id)?.customer;
    customer::lock(tx, customer)?;
    let mut payment = find(tx, id)?;
    if payment.reversed.is_some() {
        return Err(Error::conflict("payment_reversed", "This payment was reversed before."));
    }
    let now = tx.now();
    let mut undone = Undone::default();
    undone.settlements(tx, &payment)?;
    undone.used_credit(tx, &payment)?;
    let first: i64 = tx.one(&sql::COUNT, params![id], |row| row.get(0))?;
    let moves: Vec<Move> = undone
        .taken
        .iter()
        .zip(first..)
        .map(|((invoice, cause, amount), ordinal)| (id, ordinal, *invoice, *cause, amount.negated()))
        .collect();
    write(tx, &moves, now)?;
    target::save(tx, undone.targets.values())?;
    tx.exec_one(&sql::REVERSE, params![id, now])?;
    payment.reversed = Some(now);
    ledger::post(tx, &[undone.posting(&payment)?])?;
    figures::reversed(tx, &payment)?;
    undone.state(tx, &payment)?;
    Ok(payment)
}

/// What a reversal takes from invoices.
#[derive(Default)]
struct Undone {
    /// The invoices as they are then.
    targets: BTreeMap<InvoiceId, Target>,
    /// From which, why and how much.
    taken: Vec<(InvoiceId, Cause, Money)>,
    /// On which nothing was due before.
    reopened: Vec<InvoiceId>,
}

impl Undone {
    fn take(&mut self, target: Target, cause: Cause, amount: Money) -> Result<()> {
        let target = self.targets.entry(target.id).or_insert(target);
        let was_paid = target.state == State::Paid;
        target.settle(amount.negated())?;
        if was_paid {
            self.reopened.push(target.id);
        }
        self.taken.push((target.id, cause, amount));
        Ok(())
    }

    /// What the payment settled and that still stands.
    fn settlements(&mut self, tx: &mut Tx<'_>, payment: &Payment) -> Result<()> {
        let targets = tx.all(&sql::STANDING, params![payment.id], Target::read)?;
        let amounts: HashMap<InvoiceId, i64> = tx
            .all(&sql::STANDING_AMOUNTS, params![payment.id], |row| Ok((row.get(0)?, row.get(1)?)))?
            .into_iter()
            .collect();
        for target in targets {
            let amount = amounts.get(&target.id).copied().unwrap_or(0);
            self.take(target, Cause::Reversed, Money::new(amount, payment.amount.currency())?)?;
        }
        Ok(())
    }

    /// What of the payment's credit was used since.
    fn used_credit(&mut self, tx: &mut Tx<'_>, payment: &Payment) -> Result<()> {
        if payment.credit.is_zero() {
            return Ok(());
        }
        let currency = payment.amount.currency();
        let held = ledger::held_by(tx, AccountKind::CustomerCredit, vec![payment.customer.to_string()])?;
        let ours = |account: &Account| account.entity == payment.entity;
        let held = held.into_iter().find(|(account, of, _)| ours(account) && *of == currency);
        // A credit balance is negative: it is what we owe.
        let held = Money::new(held.map_or(0, |(.., balance)| -balance), currency)?;
        let of = params![payment.customer, payment.entity, currency];
        let users = tx.all(&sql::PAID_BY_CREDIT, of, Target::read)?;
        let ids: Vec<InvoiceId> = users.iter().map(|target| target.id).collect();
        let returned = tx.all(&sql::RETURNED, params![ids], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let returned: HashMap<InvoiceId, i64> = returned.into_iter().collect();
        let mut paid = Vec::with_capacity(users.len());
        for Target { id, credit, .. } in &users {
            // What was taken back before stands there below zero.
            let returned = Money::new(returned.get(id).copied().unwrap_or(0), currency)?;
            paid.push(Open { invoice: *id, due: credit.checked_add(returned)? });
        }
        paid.retain(|open| !open.due.is_zero());
        let mut users: HashMap<InvoiceId, Target> =
            users.into_iter().map(|target| (target.id, target)).collect();
        for (invoice, amount) in take_back(payment.credit, held, &paid)? {
            if let Some(target) = users.remove(&invoice) {
                self.take(target, Cause::CreditReturned, amount)?;
            }
        }
        Ok(())
    }

    /// The money is gone from us; what it had paid is owed again, or was given up before, and the rest of it is no
    /// longer to the customer's credit.
    fn posting(&self, payment: &Payment) -> Result<Transaction> {
        let currency = payment.amount.currency();
        let is_given_up = |invoice: &InvoiceId| {
            self.targets.get(invoice).is_some_and(|target| target.state == State::Uncollectible)
        };
        let sum = |given_up: bool| {
            let taken = self.taken.iter().filter(|(invoice, ..)| is_given_up(invoice) == given_up);
            Money::total(taken.map(|(.., amount)| *amount), currency)
        };
        let (owed, lost) = (sum(false)?, sum(true)?);
        let unused = payment.amount.checked_sub(owed)?.checked_sub(lost)?;
        let bad_debt = Account::single(payment.entity, AccountKind::BadDebt);
        let mut postings = vec![Posting::credit(cash(payment.entity), payment.amount)];
        for (account, amount) in [(receivable(payment), owed), (bad_debt, lost), (credit(payment), unused)] {
            if !amount.is_zero() {
                postings.push(Posting::debit(account, amount));
            }
        }
        let effective = payment.reversed.unwrap_or(payment.received);
        Ok(Transaction { effective, document: payment.id.any(), kind: "payment.reversed", postings })
    }

    fn state(&self, tx: &mut Tx<'_>, payment: &Payment) -> Result<()> {
        let taken: Vec<(InvoiceId, Money)> =
            self.taken.iter().map(|(invoice, _, amount)| (*invoice, *amount)).collect();
        let payload = json!({
            "currency": payment.amount.currency(),
            "amount": payment.amount.minor(),
            "due_again": amounts(&taken),
        });
        let fact = NewFact::new("payment.reversed", payment.id.any(), payload)?;
        tx.fact(fact.of(payment.customer));
        for invoice in &self.reopened {
            let fact = NewFact::new("invoice.reopened", invoice.any(), json!({ "payment": payment.id }))?;
            tx.fact(fact.of(payment.customer));
        }
        Ok(())
    }
}
