//! What would fall due: the decisions of bill runs to come, made in advance and not carried out.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use kernel::{
    Currency, Money, Result,
    ids::{CustomerId, LegalEntityId, SubscriptionId},
};
use store::{View, params};

use super::sql;
use crate::invoice::Line;
use crate::subscription::{
    self, State, Subscription,
    edge::{Books, Loaded},
    rules::Renewal,
};

/// Customers looked at together.
const PAGE: i64 = 500;
/// Most edges of one subscription that are foreseen: a daily one for ten years.
const MAX_EDGES: usize = 3_660;

/// What happens to a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
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

/// An invoice that would be issued.
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
    /// What they come to, after coupons and before tax.
    pub subtotal: Money,
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
    /// What the invoices come to by currency, before tax, in minor units.
    pub totals: BTreeMap<Currency, i128>,
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
        let subscriptions = subscription::due_until(view, customers, until)?;
        let mut loaded = Loaded::load(view, &subscriptions)?;
        for of_customer in subscriptions.chunk_by(|a, b| a.customer == b.customer) {
            forecast.play(&mut loaded, of_customer, from, until)?;
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
        subscriptions: &[Subscription],
        from: Timestamp,
        until: Timestamp,
    ) -> Result<()> {
        let mut waiting: BTreeMap<Timestamp, Vec<Subscription>> = BTreeMap::new();
        for one in subscriptions {
            waiting.entry(one.next_due().at).or_default().push(one.clone());
        }
        for _ in 0..MAX_EDGES {
            let Some((at, due)) = waiting.pop_first().filter(|(at, _)| *at <= until) else { break };
            let mut documents: HashMap<(LegalEntityId, Currency, Option<SubscriptionId>), Document> =
                HashMap::new();
            for before in due {
                let renewal = loaded.decide(&before)?;
                loaded.passed(&before, &renewal)?;
                if at >= from {
                    self.note(&before, &renewal, at)?;
                    let books = loaded.books(&before)?;
                    add(&mut documents, books, &before, &renewal, at)?;
                }
                let after = renewal.subscription;
                if [State::Active, State::Trialing].contains(&after.state) {
                    waiting.entry(after.next_due().at).or_default().push(after);
                }
            }
            for document in documents.into_values() {
                let currency = document.subtotal.currency();
                *self.totals.entry(currency).or_default() += i128::from(document.subtotal.minor());
                self.document_count += 1;
                self.documents.push(document);
            }
        }
        Ok(())
    }

    fn note(&mut self, before: &Subscription, renewal: &Renewal, at: Timestamp) -> Result<()> {
        let after = &renewal.subscription;
        let changes = before.pending().is_some() && renewal.dropped.is_none() && !after.is_over();
        let main = match (before.state, after.state) {
            (State::Trialing, _) => What::TrialEnd,
            (_, State::Canceled) => What::Cancellation,
            (_, State::Expired) => What::Expiry,
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

/// Put what is owed on the invoice it would be on.
fn add(
    documents: &mut HashMap<(LegalEntityId, Currency, Option<SubscriptionId>), Document>,
    books: Books,
    before: &Subscription,
    renewal: &Renewal,
    at: Timestamp,
) -> Result<()> {
    let lines = &renewal.owed.lines;
    let nothing = lines.iter().all(Line::is_nothing);
    if lines.is_empty() || nothing && books.skips_zero {
        return Ok(());
    }
    let key = (before.entity, before.currency, books.apart.then_some(before.id));
    let document = documents.entry(key).or_insert_with(|| Document {
        at,
        customer: before.customer,
        entity: before.entity,
        lines: 0,
        subtotal: Money::zero(before.currency),
    });
    document.lines += lines.len();
    let more = Money::total(lines.iter().map(|line| line.amount), before.currency)?;
    document.subtotal = document.subtotal.checked_add(more)?;
    Ok(())
}
