//! Subscriptions of the engine over a database: started, changed, ended, moved through time.

use std::collections::BTreeMap;

use billing::{
    invoice::Invoice,
    subscription::{Change, Changed, Start, Subscription, Timing},
};
use identity::{NewCustomer, customer, environment};
use jiff::Timestamp;
use jobs::Runner;
use kernel::{
    Currency, Cycle, Id, Money, Period, Result, SystemIds, Zone,
    ids::{CustomerId, InvoiceId, MerchantId, SubscriptionId},
};
use ledger::{Account, AccountKind};
use store::{Actor, Mode, Scope, Tx, View};
use testkit::TestDb;

use crate::case::{Case, Checked};

static ALL: &[&store::Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &identity::CONTEXT,
    &billing::CONTEXT,
];

/// A database with an environment for each case.
pub struct Office {
    test: TestDb,
}

/// A customer in an environment of its own, whose clock stands still between the steps of a case.
pub struct Desk<'o> {
    office: &'o Office,
    scope: Scope,
    customer: CustomerId,
    currency: Currency,
}

/// What is subscribed to.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The plan.
    pub plan: &'static str,
    /// Its cycle.
    pub cycle: Cycle,
    /// Units of the plan, when it is priced per unit.
    pub quantity: Option<i64>,
    /// Add-ons and their quantities.
    pub addons: BTreeMap<String, i64>,
    /// With the trial of the book.
    pub trial: bool,
}

impl Wanted {
    /// A plan alone.
    pub fn plan(cycle: Cycle) -> Self {
        Self { plan: "old", cycle, quantity: None, addons: BTreeMap::new(), trial: false }
    }
}

/// A line of an invoice or of a credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is for.
    pub name: String,
    /// The time it is for.
    pub period: Period,
    /// Before tax; positive, also on a credit note.
    pub amount: Money,
}

/// What a step led to.
#[derive(Clone, Debug)]
pub struct Happened {
    /// The subscription after it.
    pub subscription: Subscription,
    /// What was charged.
    pub charges: Vec<Row>,
    /// What was credited.
    pub credits: Vec<Row>,
}

impl Happened {
    /// What was charged in all.
    pub fn charged(&self, currency: Currency) -> Result<Money> {
        Money::total(self.charges.iter().map(|row| row.amount), currency)
    }

    /// What was credited in all.
    pub fn credited(&self, currency: Currency) -> Result<Money> {
        Money::total(self.credits.iter().map(|row| row.amount), currency)
    }
}

impl Office {
    /// An empty database.
    pub fn open() -> Self {
        Self { test: TestDb::sqlite(ALL) }
    }

    /// A customer from `at` on, and the price book in force.
    pub fn desk(&self, case: &Case, zone: &Zone, book: &str, at: Timestamp) -> Checked<Desk<'_>> {
        let scope = Scope::environment(kernel::new_id(&SystemIds), Mode::Sandbox, Actor::CommandLine);
        let currency = case.currency();
        let entity = environment::NewLegalEntity {
            name: "Unison GmbH".into(),
            country: "DE".into(),
            region: None,
            tax_id: None,
            registrations: Vec::new(),
            currency,
            zone: zone.clone(),
            series: "INV".into(),
        };
        let new = NewCustomer {
            name: "Acme".into(),
            email: None,
            address: None,
            country: "US".into(),
            region: None,
            tax_id: None,
            tax_exempt: false,
            currency,
            zone: Some(zone.clone()),
            external_id: None,
            metadata: serde_json::Value::Null,
        };
        let set_up = move |tx: &mut Tx<'_>| {
            let merchant: MerchantId = kernel::new_id(&SystemIds);
            environment::create(tx, merchant, &format!("e{}", tx.env()?.uuid().simple())[..20], Some(at))?;
            environment::add_entity(tx, &entity)?;
            customer::create(tx, new.clone()).map(|customer| customer.id)
        };
        let customer = self.test.db.write(&scope, set_up).wait()?;
        let desk = Desk { office: self, scope, customer, currency };
        desk.apply(book)?;
        Ok(desk)
    }
}

impl Desk<'_> {
    fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Checked<T> {
        Ok(self.office.test.db.write(&self.scope, work).wait()?)
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut View<'_>) -> Result<T> + Send + 'static,
    ) -> Checked<T> {
        Ok(self.office.test.db.read(&self.scope, work).wait()?)
    }

    /// Bring a price book in force.
    pub fn apply(&self, book: &str) -> Checked {
        crate::formula::read_book(book)?;
        let book = book.to_owned();
        self.write(move |tx| catalog::version::apply(tx, "case.toml", &book).map(drop))
    }

    /// Move time, and let everything fall due on the way.
    pub fn advance(&self, to: Timestamp) -> Checked {
        self.write(move |tx| billing::clock::request_advance(tx, to))?;
        let db = self.office.test.db.clone();
        let runner = Runner::new(db, vec![billing::clock::advance_job_kind()], vec![]);
        Ok(runner.run_until_idle().map(drop)?)
    }

    /// Start a subscription now.
    pub fn start(&self, wanted: &Wanted) -> Checked<Happened> {
        let command = Start {
            quantity: wanted.quantity,
            addons: wanted.addons.clone(),
            trial: wanted.trial,
            has_method: true,
            ..Start::of(self.customer, wanted.plan, wanted.cycle)
        };
        let started = self.write(move |tx| billing::subscription::start(tx, &command))?;
        let charges = started.invoice.map(|invoice| self.lines(invoice)).transpose()?.unwrap_or_default();
        Ok(Happened { subscription: started.subscription, charges, credits: Vec::new() })
    }

    /// Change a subscription.
    pub fn change(&self, id: SubscriptionId, command: Change, timing: Timing) -> Checked<Happened> {
        self.step(move |tx| billing::subscription::change(tx, id, &command, timing))
    }

    /// Cancel a subscription now.
    pub fn cancel(&self, id: SubscriptionId) -> Checked<Happened> {
        self.step(move |tx| billing::subscription::cancel(tx, id, Timing::Now))
    }

    /// Pause a subscription.
    pub fn pause(&self, id: SubscriptionId) -> Checked<Happened> {
        self.step(move |tx| billing::subscription::pause(tx, id))
    }

    /// Resume a subscription.
    pub fn resume(&self, id: SubscriptionId) -> Checked<Happened> {
        self.step(move |tx| billing::subscription::resume(tx, id))
    }

    fn step(&self, work: impl Fn(&mut Tx<'_>) -> Result<Changed> + Send + 'static) -> Checked<Happened> {
        let changed = self.write(work)?;
        let charges = changed.invoice.map(|invoice| self.lines(invoice)).transpose()?.unwrap_or_default();
        let mut credits = Vec::new();
        for note in changed.credit_notes {
            let lines = self.read(move |view| billing::credit_note::lines(view, note))?;
            credits.extend(lines.into_iter().map(|line| Row {
                name: line.credit.description,
                period: line.credit.period,
                amount: line.credit.amount,
            }));
        }
        Ok(Happened { subscription: changed.subscription, charges, credits })
    }

    /// Let the legal entity and the customer be in one country, where it collects tax.
    pub fn sell_within(&self, country: &'static str) -> Checked {
        let customer = self.customer;
        self.write(move |tx| {
            let entity = environment::entity(tx, None)?.id;
            let registered = Some(vec![country.parse()?]);
            let edit = environment::EntityEdit {
                country: Some(country.into()),
                registrations: registered,
                ..Default::default()
            };
            environment::change_entity(tx, entity, edit)?;
            let edit = customer::Edit { country: Some(country.into()), ..Default::default() };
            customer::change(tx, customer, edit).map(drop)
        })
    }

    /// Let the customer have paid an amount in, which pays the invoices that follow.
    pub fn pay_in(&self, amount: Money) -> Checked {
        if amount.is_zero() {
            return Ok(());
        }
        let customer = self.customer;
        self.write(move |tx| {
            let entity = environment::entity(tx, None)?.id;
            let paid = ledger::Transaction {
                effective: tx.now(),
                document: customer.any(),
                kind: "payment.received",
                postings: vec![
                    ledger::Posting::debit(Account::owned(entity, AccountKind::Cash, "bank"), amount),
                    ledger::Posting::credit(
                        Account::owned(entity, AccountKind::CustomerCredit, customer),
                        amount,
                    ),
                ],
            };
            ledger::post(tx, &[paid]).map(drop)
        })
    }

    /// What the customer has to their credit.
    pub fn credit(&self) -> Checked<Money> {
        Ok(self.held(AccountKind::CustomerCredit)?.negated())
    }

    /// What the customer owes.
    pub fn owed(&self) -> Checked<Money> {
        self.held(AccountKind::Receivable)
    }

    fn held(&self, kind: AccountKind) -> Checked<Money> {
        let customer = self.customer;
        let held = self.read(move |view| ledger::held_by(view, kind, vec![customer.to_string()]))?;
        Ok(Money::new(held.iter().map(|(_, _, balance)| balance).sum(), self.currency)?)
    }

    /// Void the last invoice.
    pub fn void_last(&self) -> Checked<Invoice> {
        self.write(|tx| {
            let last = billing::invoice::list(tx, None, 1)?.into_iter().next();
            let id = last.ok_or_else(|| kernel::Error::not_found("invoice"))?.id;
            billing::invoice::void(tx, id, &store::Reason::parse("mistake")?)
        })
    }

    /// The subscription as it is.
    pub fn find(&self, id: SubscriptionId) -> Checked<Subscription> {
        self.read(move |view| billing::subscription::find(view, id))
    }

    /// The lines of every invoice, oldest first.
    pub fn invoices(&self) -> Checked<Vec<Vec<Row>>> {
        let mut invoices = self.read(|view| billing::invoice::list(view, None, 1000))?;
        invoices.reverse();
        invoices.into_iter().map(|invoice| self.lines(invoice.id)).collect()
    }

    fn lines(&self, invoice: InvoiceId) -> Checked<Vec<Row>> {
        let lines = self.read(move |view| billing::invoice::lines(view, invoice))?;
        let mut rows = Vec::new();
        for line in lines {
            let again = line.explanation.recompute()?;
            if again != line.amount {
                let what =
                    format!("the explanation of {} comes to {again}, not {}", line.description, line.amount);
                return Err(crate::case::Miss::wrong(what));
            }
            rows.push(Row { name: line.description, period: line.period, amount: line.amount });
        }
        Ok(rows)
    }

    /// The currency of the customer.
    pub fn currency(&self) -> Currency {
        self.currency
    }
}

/// An id for what is not stored.
pub fn no_id<K>() -> Id<K> {
    kernel::new_id(&SystemIds)
}
