//! Invoices as payments see them.

use std::collections::{BTreeSet, HashMap};

use kernel::{
    Currency, Error, Money, Result,
    ids::{CustomerId, InvoiceId, LegalEntityId},
};
use store::{Row, ToValue, Tx, Value, View, params};

use crate::{
    invoice::State,
    payment::{
        model::NewPayment,
        rules::Open,
        sql::{self, NAMED, OPEN},
    },
};

/// What payments look at of an invoice.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) id: InvoiceId,
    pub(super) entity: LegalEntityId,
    pub(super) customer: CustomerId,
    pub(super) state: State,
    pub(super) total: Money,
    pub(super) credit: Money,
    pub(super) paid: Money,
}

impl Target {
    pub(super) fn read(row: &Row<'_>) -> Result<Self> {
        let currency: Currency = row.get(3)?;
        let money = |index: usize| Money::new(row.get(index)?, currency);
        Ok(Self {
            id: row.get(0)?,
            entity: row.get(1)?,
            customer: row.get(2)?,
            state: row.parse(4, State::parse)?,
            total: money(5)?,
            credit: money(6)?,
            paid: money(7)?,
        })
    }

    /// What is left to pay.
    pub(super) fn due(&self) -> Result<Money> {
        self.total.checked_sub(self.credit)?.checked_sub(self.paid)
    }

    /// Add to what was paid of it, or take away, and let its state follow. One that was given up stays so.
    pub(super) fn settle(&mut self, amount: Money) -> Result<()> {
        self.paid = self.paid.checked_add(amount)?;
        if matches!(self.state, State::Finalized | State::Paid) {
            self.state = if self.due()?.is_zero() { State::Paid } else { State::Finalized };
        }
        Ok(())
    }

    fn is_for(&self, new: &NewPayment, entity: LegalEntityId) -> bool {
        let currency = self.total.currency() == new.amount.currency();
        self.state == State::Finalized && self.customer == new.customer && self.entity == entity && currency
    }

    fn as_open(&self) -> Result<Open> {
        Ok(Open { invoice: self.id, due: self.due()? })
    }
}

/// Store what was paid of invoices.
pub(super) fn save<'t>(tx: &mut Tx<'_>, targets: impl ExactSizeIterator<Item = &'t Target>) -> Result<()> {
    let rows = targets.map(|target| {
        [target.id.to_value(), Value::Int(target.paid.minor()), Value::from(target.state.word())]
    });
    tx.bulk_all(&sql::SET_PAID, rows)
}

/// The open invoices of the customers of some payments, and those the payments name.
pub(super) struct Targets {
    /// The oldest of each customer first.
    open: Vec<Target>,
    named: HashMap<InvoiceId, Target>,
    touched: BTreeSet<InvoiceId>,
}

impl Targets {
    pub(super) fn load(
        view: &mut View<'_>,
        customers: Vec<CustomerId>,
        named: impl Iterator<Item = InvoiceId>,
    ) -> Result<Self> {
        let open = view.all(&OPEN, params![customers], Target::read)?;
        let named: Vec<InvoiceId> = named.collect();
        let named = match named.is_empty() {
            true => Vec::new(),
            false => view.all(&NAMED, params![named], Target::read)?,
        };
        let named = named.into_iter().map(|target| (target.id, target)).collect();
        Ok(Self { open, named, touched: BTreeSet::new() })
    }

    /// Who issued what a payment settles first.
    pub(super) fn first_issuer(&self, new: &NewPayment) -> Option<LegalEntityId> {
        match new.invoices.first() {
            Some(first) => self.named.get(first).map(|target| target.entity),
            None => self.open.iter().find(|target| target.is_for(new, target.entity)).map(|open| open.entity),
        }
    }

    /// What a payment to an issuer can settle, in order.
    ///
    /// Errors: `not_found`, `invoice_not_payable` for invoices it names.
    pub(super) fn payable(&self, new: &NewPayment, entity: LegalEntityId) -> Result<Vec<Open>> {
        let fits = self.open.iter().filter(|target| target.is_for(new, entity));
        if new.invoices.is_empty() {
            return fits.map(Target::as_open).collect();
        }
        let mut open = Vec::with_capacity(new.invoices.len());
        for (place, id) in new.invoices.iter().enumerate() {
            let known = self.named.get(id).ok_or_else(|| Error::not_found("invoice"))?;
            let found = self.open.iter().find(|target| target.id == *id && target.is_for(new, entity));
            let twice = new.invoices[..place].contains(id);
            let target = found.filter(|_| !twice).ok_or_else(|| refuse(known, new, entity, place, twice))?;
            open.push(target.as_open()?);
        }
        Ok(open)
    }

    /// Pay some of an open invoice; whether nothing is due on it any more.
    pub(super) fn pay(&mut self, invoice: InvoiceId, amount: Money) -> Result<bool> {
        let target = self.open.iter_mut().find(|target| target.id == invoice);
        let target = target.ok_or_else(|| Error::internal("a payment settles what is not open"))?;
        target.settle(amount)?;
        self.touched.insert(invoice);
        Ok(target.state == State::Paid)
    }

    /// Store what changed.
    pub(super) fn save(&self, tx: &mut Tx<'_>) -> Result<()> {
        let touched: Vec<&Target> =
            self.open.iter().filter(|target| self.touched.contains(&target.id)).collect();
        save(tx, touched.into_iter())
    }
}

/// Why a payment cannot settle an invoice it names.
fn refuse(target: &Target, new: &NewPayment, entity: LegalEntityId, place: usize, twice: bool) -> Error {
    let currency = target.total.currency();
    let why = if twice {
        "It is named twice.".to_owned()
    } else if target.customer != new.customer {
        "It is another customer's.".to_owned()
    } else if currency != new.amount.currency() {
        format!("It is in {currency}, the payment in {}.", new.amount.currency())
    } else if target.entity != entity {
        "Another legal entity issued it.".to_owned()
    } else {
        match target.state {
            State::Draft => "It is a draft: finalize it first.".to_owned(),
            State::Paid => "Nothing is due on it any more.".to_owned(),
            state => format!("It is {}.", state.word()),
        }
    };
    let detail = format!("This invoice cannot be paid by this payment. {why}");
    Error::conflict("invoice_not_payable", detail).at(format!("/invoices/{place}"))
}
