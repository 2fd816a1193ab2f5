//! What would fall due: the decisions of bill runs to come, made in advance and not carried out.

use std::collections::{BTreeMap, HashMap};

use identity::{
    LegalEntity,
    customer::{self, Buyer},
    environment,
};
use jiff::Timestamp;
use kernel::{
    Currency, Error, Money, Result,
    ids::{CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};
use ledger::AccountKind;
use store::{View, params};

use super::{Bill, Bills, Carried, sql};
use crate::{
    invoice::{self, Draft, Totals},
    subscription::{self, State, Subscription, edge::Loaded, rules::Renewal},
};

/// Customers looked at together.
const PAGE: i64 = 500;
/// Most edges of one subscription that are foreseen: a daily one for ten years.
const MAX_EDGES: usize = 3_660;

/// What happens to a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It begins.
    Start,
    /// Its next period opens.
    Renewal,
    /// Its trial ends.
    TrialEnd,
    /// Usage with a cycle of its own is billed.
    Usage,
    /// It is canceled, as was arranged.
    Cancellation,
    /// Its term is over.
    Expiry,
    /// A change is made that was scheduled.
    Change,
}

impl What {
    /// The word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Renewal => "renewal",
            Self::TrialEnd => "trial_end",
            Self::Usage => "usage",
            Self::Cancellation => "cancellation",
            Self::Expiry => "expiry",
            Self::Change => "change",
        }
    }
}

/// Something that would happen to a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// To which.
    pub subscription: SubscriptionId,
    /// Whose it is.
    pub customer: CustomerId,
    /// Its state then.
    pub state: State,
    /// What it is billed then, after coupons and before tax.
    pub billed: Money,
    /// What is credited then, because less was used than was billed.
    pub credited: Money,
}

/// An invoice that would be issued, taxed and paid from credit as the bill run does it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// When.
    pub at: Timestamp,
    /// For whom.
    pub customer: CustomerId,
    /// By whom.
    pub entity: LegalEntityId,
    /// How many lines it has.
    pub lines: usize,
    /// What they come to, after coupons, and their tax.
    pub totals: Totals,
    /// How much of it the customer's credit pays.
    pub credit: Money,
}

/// What invoices of one currency come to, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Before tax.
    pub subtotal: i128,
    /// Tax.
    pub tax: i128,
    /// Both together.
    pub total: i128,
    /// How much of it credit pays.
    pub credit: i128,
}

/// What would fall due in a time. Usage that is not measured yet counts as nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// The first events, in order; all of them when there are few.
    pub events: Vec<Event>,
    /// The first invoices, in order.
    pub documents: Vec<Document>,
    /// How many events there are.
    pub event_count: usize,
    /// How many invoices there are.
    pub document_count: usize,
    /// What the invoices come to, by currency.
    pub totals: BTreeMap<Currency, Sum>,
}

/// What would fall due from `from` on and up to `until`, both included, if nobody does anything before. Of events and
/// invoices the first `most` are listed; counts and totals are of all.
///
/// Errors: those of prices that are gone.
pub fn forecast(view: &mut View<'_>, from: Timestamp, until: Timestamp, most: usize) -> Result<Forecast> {
    let mut forecast = Forecast::default();
    let mut after = uuid::Uuid::nil();
    loop {
        let customers: Vec<CustomerId> =
            view.all(&sql::DUE_CUSTOMERS, params![until, after, PAGE], |row| row.get(0))?;
        let Some(last) = customers.last() else { break };
        after = last.uuid();
        let mut sides = Sides::load(view, &customers)?;
        let mut carried = invoice::carried(view, customers.clone())?;
        let subscriptions = subscription::due_until(view, customers, until)?;
        let mut loaded = Loaded::load(view, &subscriptions)?;
        for of_customer in subscriptions.chunk_by(|a, b| a.customer == b.customer) {
            let mine = |one: &Carried| of_customer.iter().any(|of| of.customer == one.draft.customer);
            let (waits, others) = carried.into_iter().partition(mine);
            carried = others;
            forecast.play(&mut loaded, &mut sides, (of_customer, waits), from, until)?;
        }
        forecast.keep(most);
    }
    forecast.keep(most);
    Ok(forecast)
}

impl Forecast {
    /// The first of the events and invoices.
    fn keep(&mut self, most: usize) {
        self.events.sort_by_key(|event| (event.at, event.customer, event.subscription));
        self.documents.sort_by_key(|document| (document.at, document.customer));
        self.events.truncate(most);
        self.documents.truncate(most);
    }

    /// Play a customer's subscriptions forward, instant by instant.
    fn play(
        &mut self,
        loaded: &mut Loaded,
        sides: &mut Sides,
        (subscriptions, mut carried): (&[Subscription], Vec<Carried>),
        from: Timestamp,
        until: Timestamp,
    ) -> Result<()> {
        let mut waiting: BTreeMap<Timestamp, Vec<Subscription>> = BTreeMap::new();
        for one in subscriptions {
            waiting.entry(one.next_due().at).or_default().push(one.clone());
        }
        for _ in 0..MAX_EDGES {
            let Some((at, mut due)) = waiting.pop_first().filter(|(at, _)| *at <= until) else { break };
            due.sort_by_key(|one| one.id); // the order of their documents
            let mut bills = Bills::new(None, carried);
            for before in due {
                let renewal = loaded.decide(&before)?;
                loaded.passed(&before, &renewal)?;
                sides.credit(&before, &renewal);
                if at >= from {
                    self.note(&before, &renewal, at)?;
                }
                let books = loaded.books(&before)?;
                let after = renewal.subscription;
                bills.add(books, &after, renewal.owed.lines, at, || InvoiceId::from_uuid(uuid::Uuid::nil()));
                if after.falls_due().is_some() {
                    waiting.entry(after.next_due().at).or_default().push(after);
                }
            }
            let ((issued, wait), rest) = bills.split(at, |draft| sides.totals(&mut draft.clone()))?;
            carried = wait.into_iter().map(Bill::carried).chain(rest).collect();
            for bill in issued {
                let document = sides.document(bill.draft)?;
                if at >= from {
                    self.count(document);
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, document: Document) {
        let Document { totals: Totals { subtotal, tax, total }, credit, .. } = document;
        let sum = self.totals.entry(subtotal.currency()).or_default();
        sum.subtotal += i128::from(subtotal.minor());
        sum.tax += i128::from(tax.minor());
        sum.total += i128::from(total.minor());
        sum.credit += i128::from(credit.minor());
        self.document_count += 1;
        self.documents.push(document);
    }

    fn note(&mut self, before: &Subscription, renewal: &Renewal, at: Timestamp) -> Result<()> {
        let after = &renewal.subscription;
        let changes = before.pending().is_some() && renewal.dropped.is_none() && !after.is_over();
        let main = match (before.state, after.state) {
            (State::Trialing, _) => What::TrialEnd,
            (State::Scheduled, State::Active) => What::Start,
            (before, State::Canceled) if before != State::Canceled => What::Cancellation,
            (before, State::Expired) if before != State::Expired => What::Expiry,
            _ if before.period == after.period => What::Usage,
            _ => What::Renewal,
        };
        let currency = before.currency;
        let billed = Money::total(renewal.owed.lines.iter().map(|line| line.amount), currency)?;
        let credited = Money::total(renewal.owed.credits.iter().map(|credit| credit.amount), currency)?;
        let event = Event {
            at,
            what: main,
            subscription: before.id,
            customer: before.customer,
            state: after.state,
            billed,
            credited,
        };
        if changes && main != What::Usage {
            let zero = Money::zero(currency);
            self.events.push(Event { what: What::Change, billed: zero, credited: zero, ..event.clone() });
            self.event_count += 1;
        }
        self.events.push(event);
        self.event_count += 1;
        Ok(())
    }
}

/// Who invoices, who is invoiced, and the credit they have.
struct Sides {
    entities: Vec<LegalEntity>,
    buyers: HashMap<CustomerId, Buyer>,
    credit: HashMap<(CustomerId, LegalEntityId, Currency), i64>,
}

impl Sides {
    fn load(view: &mut View<'_>, customers: &[CustomerId]) -> Result<Self> {
        let owners: HashMap<String, CustomerId> = customers.iter().map(|id| (id.to_string(), *id)).collect();
        let held = ledger::held_by(view, AccountKind::CustomerCredit, owners.keys().cloned().collect())?;
        let credit = held.into_iter().filter_map(|(account, currency, balance)| {
            let customer = owners.get(account.owner.as_ref()?)?;
            // A credit balance is negative: it is what the issuer owes.
            Some(((*customer, account.entity, currency), -balance))
        });
        Ok(Self {
            credit: credit.collect(),
            entities: environment::entities(view)?,
            buyers: customer::buyers(view, customers.to_vec())?.into_iter().collect(),
        })
    }

    /// What is credited at an edge can pay the invoices of that instant.
    fn credit(&mut self, before: &Subscription, renewal: &Renewal) {
        for credit in &renewal.owed.credits {
            let key = (before.customer, before.entity, before.currency);
            *self.credit.entry(key).or_default() += credit.amount.minor() + credit.tax.minor();
        }
    }

    /// What a draft comes to with its taxes, which it gets.
    fn totals(&self, draft: &mut Draft) -> Result<Totals> {
        let gone = || Error::internal("a customer or a legal entity is gone");
        let entity = self.entities.iter().find(|entity| entity.id == draft.entity).ok_or_else(gone)?;
        let buyer = self.buyers.get(&draft.customer).ok_or_else(gone)?;
        invoice::assess(draft, entity, buyer)?;
        draft.totals()
    }

    fn document(&mut self, mut draft: Draft) -> Result<Document> {
        let totals = self.totals(&mut draft)?;
        let held = self.credit.entry((draft.customer, draft.entity, draft.currency)).or_default();
        let used = totals.total.minor().min(*held).max(0);
        *held -= used;
        Ok(Document {
            at: draft.due,
            customer: draft.customer,
            entity: draft.entity,
            lines: draft.lines.len(),
            totals,
            credit: Money::new(used, draft.currency)?,
        })
    }
}
