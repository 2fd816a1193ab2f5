//! What falls due at one instant, put onto invoices: those that are issued, and those over so little that they wait for
//! the next one (knob `carry_over`). Pure; bill runs and forecasts both go by it.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use kernel::{
    Currency, Money, Result,
    ids::{BillRunId, CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};

use crate::{
    invoice::{Draft, Line, Totals},
    subscription::{Subscription, rules},
};

/// How a price book has invoices made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Books {
    /// Each subscription has invoices of its own.
    pub(crate) apart: bool,
    /// An invoice of nothing is left out.
    pub(crate) skips_zero: bool,
    /// Over what tax is rounded; where books differ, that of the first of an invoice counts.
    pub(crate) tax_rounding: catalog::TaxRounding,
    /// What is so little that it waits for the next invoice; likewise.
    pub(crate) carry: Option<Carry>,
}

impl Books {
    /// Whether there is no invoice over these lines, because they are over nothing.
    pub(crate) fn leaves_out(&self, lines: &[Line]) -> bool {
        self.skips_zero && lines.iter().all(Line::is_nothing)
    }
}

/// What is so little that it waits for the next invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carry {
    /// Less than this, tax included.
    pub(crate) below: Money,
    /// At most so many times.
    pub(crate) periods: u16,
}

/// An invoice that was so little that it waits for the next one: a draft.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Carried {
    pub(crate) id: InvoiceId,
    pub(crate) draft: Draft,
    /// How often it has waited.
    pub(crate) times: u16,
}

/// An invoice that is put together.
#[derive(Clone, Debug)]
pub(crate) struct Bill {
    pub(crate) id: InvoiceId,
    pub(crate) draft: Draft,
    carry: Option<Carry>,
    times: u16,
    /// A subscription on it is over: nothing follows for what it says to wait for.
    ends: bool,
    /// It takes the place of a draft that waited.
    pub(crate) replaces: bool,
}

type Key = (CustomerId, LegalEntityId, Currency);

/// The invoices of one instant, and those of before that wait.
#[derive(Debug)]
pub(crate) struct Bills {
    run: Option<BillRunId>,
    bills: Vec<Bill>,
    /// The open one of each customer, issuer and currency.
    open: HashMap<Key, usize>,
    waiting: Vec<Carried>,
    /// What passed an edge: whether it is over, and how its book has invoices made.
    passed: HashMap<SubscriptionId, (bool, Books)>,
}

/// The invoices that are issued, and the drafts that wait.
pub(crate) type Split = (Vec<Bill>, Vec<Bill>);

impl Bills {
    pub(crate) fn new(run: Option<BillRunId>, waiting: Vec<Carried>) -> Self {
        Self { run, bills: Vec::new(), open: HashMap::new(), waiting, passed: HashMap::new() }
    }

    /// Put what a subscription owes on its customer's invoice, or on one of its own. The invoice; none when it owes
    /// nothing.
    pub(crate) fn add(
        &mut self,
        books: Books,
        after: &Subscription,
        lines: Vec<Line>,
        at: Timestamp,
        new_id: impl FnOnce() -> InvoiceId,
    ) -> Option<InvoiceId> {
        let ends = after.is_over() && after.falls_due().is_none();
        self.passed.insert(after.id, (ends, books));
        if lines.is_empty() || books.leaves_out(&lines) {
            return None;
        }
        let draft = rules::draft(after, books.tax_rounding, at, lines)?;
        let key = (after.customer, after.entity, after.currency);
        if let Some(open) = self.open.get(&key).filter(|_| !books.apart) {
            let bill = &mut self.bills[*open];
            bill.draft.lines.extend(draft.lines);
            bill.ends |= ends;
            return Some(bill.id);
        }
        let apart = books.apart.then_some(after.id);
        let waited = self.waiting.iter().position(|one| {
            key == (one.draft.customer, one.draft.entity, one.draft.currency)
                && apart.is_none_or(|id| one.draft.lines.iter().all(|line| line.subscription == id))
        });
        let mut bill = Bill {
            id: InvoiceId::from_uuid(uuid::Uuid::nil()),
            draft: Draft { run: self.run, ..draft },
            carry: books.carry,
            times: 0,
            ends,
            replaces: false,
        };
        match waited.map(|place| self.waiting.remove(place)) {
            Some(carried) => bill.take(carried),
            None => bill.id = new_id(),
        }
        let id = bill.id;
        if apart.is_none() {
            self.open.insert(key, self.bills.len());
        }
        self.bills.push(bill);
        Some(id)
    }

    /// What waits and whose subscription passed an edge without owing anything is looked at as well.
    fn look_at_rest(&mut self, at: Timestamp) {
        let passed = std::mem::take(&mut self.passed);
        let is_due =
            |one: &Carried| one.draft.lines.iter().any(|line| passed.contains_key(&line.subscription));
        let (due, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(is_due);
        self.waiting = waiting;
        for carried in due {
            let of: BTreeSet<SubscriptionId> =
                carried.draft.lines.iter().map(|line| line.subscription).collect();
            let mut known = of.iter().filter_map(|id| passed.get(id));
            let carry = known.clone().next().and_then(|(_, books)| books.carry);
            let ends = known.any(|(ends, _)| *ends);
            let draft = Draft { due: at, run: self.run, lines: Vec::new(), ..carried.draft.clone() };
            let nobody = InvoiceId::from_uuid(uuid::Uuid::nil());
            let mut bill = Bill { id: nobody, draft, carry, times: 0, ends, replaces: false };
            bill.take(carried);
            self.bills.push(bill);
        }
    }

    /// Which are issued and which wait, by what they come to with tax; and what goes on waiting untouched.
    pub(crate) fn split(
        mut self,
        at: Timestamp,
        mut total: impl FnMut(&Draft) -> Result<Totals>,
    ) -> Result<(Split, Vec<Carried>)> {
        self.look_at_rest(at);
        let (mut issued, mut wait) = (Vec::with_capacity(self.bills.len()), Vec::new());
        for bill in self.bills {
            if bill.waits(&mut total)? { &mut wait } else { &mut issued }.push(bill);
        }
        Ok(((issued, wait), self.waiting))
    }
}

impl Bill {
    /// Begin with what waited. Its lines say since when they did.
    fn take(&mut self, carried: Carried) {
        const SINCE: &str = ", carried over from ";
        let Carried { id, draft, times } = carried;
        let mut lines = draft.lines;
        for line in lines.iter_mut().filter(|line| !line.description.contains(SINCE)) {
            // The edge that would have billed it.
            let edge = if line.kind.is_earned() { line.period.end } else { line.period.start };
            line.description += &format!("{SINCE}{}", edge.date);
        }
        lines.append(&mut self.draft.lines);
        (self.draft.lines, self.id, self.times, self.replaces) = (lines, id, times, true);
    }

    /// Whether it waits for the next invoice. One over nothing is not late with anything.
    fn waits(&self, mut total: impl FnMut(&Draft) -> Result<Totals>) -> Result<bool> {
        let Some(carry) = self.carry.filter(|carry| !self.ends && self.times < carry.periods) else {
            return Ok(false);
        };
        let net = Money::total(self.draft.lines.iter().map(|line| line.amount), self.draft.currency)?;
        // Tax only adds to it.
        if carry.below.currency() != self.draft.currency || net.minor() >= carry.below.minor() {
            return Ok(false);
        }
        let total = total(&self.draft)?.total.minor();
        Ok(total > 0 && total < carry.below.minor())
    }

    /// As it waits now.
    pub(crate) fn carried(self) -> Carried {
        Carried { id: self.id, draft: Draft { run: None, ..self.draft }, times: self.times + 1 }
    }
}
