//! What customers had and what they were billed.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use kernel::{
    Exact, Money, Result,
    ids::{CustomerId, InvoiceId, SubscriptionId},
};
use store::{Row, View, params, statements};
use uuid::Uuid;

use super::{Other, film::Film};
use crate::{
    invoice::{self, Line, sql::line_columns},
    subscription::Subscription,
    usage::{owner::Owners, turns::histories},
};

statements! {
    environment CUSTOMERS = "SELECT DISTINCT customer_id FROM subscription
        WHERE env_id = $1 AND customer_id > $2 ORDER BY customer_id LIMIT $3";
    environment LINES = concat!("SELECT ", line_columns!(), ", l.invoice_id
        FROM invoice i JOIN invoice_line l ON l.env_id = i.env_id AND l.invoice_id = i.id
        WHERE i.env_id = $1 AND i.customer_id IN_IDS($2) AND i.state <> 'void' AND l.start_at >= $3 AND l.start_at < $4
        ORDER BY l.invoice_id, l.ordinal");
    environment CREDITS = "SELECT c.invoice_id, c.invoice_line, c.start_at, c.amount
        FROM invoice i JOIN credit_note_line c ON c.env_id = i.env_id AND c.invoice_id = i.id
        WHERE i.env_id = $1 AND i.customer_id IN_IDS($2)";
}

/// Customers looked at in one read.
const AT_ONCE: i64 = 50;
/// The columns of a line, which its invoice follows.
const COLUMNS: usize = 20;

/// Some customers with their past.
pub(super) struct Page {
    pub(super) customers: Vec<Past>,
    /// Whose the events are that name only their customer.
    pub(super) owners: Owners,
    /// What is over by then has been billed.
    pub(super) now: Timestamp,
}

/// A customer with what it was billed.
pub(super) struct Past {
    pub(super) customer: CustomerId,
    pub(super) subscriptions: Vec<Run>,
}

/// A subscription that was billed.
pub(super) struct Run {
    pub(super) subscription: Subscription,
    pub(super) film: Film,
    pub(super) lines: Vec<Billed>,
}

/// A line of an invoice.
pub(super) struct Billed {
    pub(super) line: Line,
    /// What was credited of it, and from when on it did not pay for time.
    credits: Vec<(Timestamp, i64)>,
}

impl Billed {
    /// Before the coupon.
    pub(super) fn gross(&self) -> Result<Money> {
        self.line.amount.checked_add(self.line.discount)
    }

    /// What it came to in the end, before the coupon.
    pub(super) fn gross_left(&self) -> Result<Money> {
        self.left_of(self.gross()?, Timestamp::MAX)
    }

    /// Whether nothing of it was credited.
    pub(super) const fn stands(&self) -> bool {
        self.credits.is_empty()
    }

    /// The part of an amount that was not credited by an instant.
    pub(super) fn left_of(&self, whole: Money, by: Timestamp) -> Result<Money> {
        let amount = self.line.amount.minor();
        let credited: i64 = self.credits.iter().filter(|(at, _)| *at <= by).map(|(_, credit)| credit).sum();
        if amount == 0 || credited == 0 {
            return Ok(whole);
        }
        let left = Exact::ratio((amount - credited).into(), amount.into());
        Money::from_exact_major(&(whole.exact_major() * left), whole.currency())
    }
}

/// The customers after one, with their lines over periods that began at `from` or later and before `to`.
pub(super) fn page(
    view: &mut View<'_>,
    other: &Other,
    after: Uuid,
    (from, to): (Timestamp, Timestamp),
) -> Result<Page> {
    let now = view.now();
    let customers: Vec<CustomerId> = view.all(&CUSTOMERS, params![after, AT_ONCE], |row| row.get(0))?;
    if customers.is_empty() {
        return Ok(Page { customers: Vec::new(), owners: Owners::default(), now });
    }
    let mut credits: HashMap<(InvoiceId, i64), Vec<(Timestamp, i64)>> = HashMap::new();
    view.each(&CREDITS, params![customers.clone()], |row: &Row<'_>| {
        credits.entry((row.get(0)?, row.get(1)?)).or_default().push((row.get(2)?, row.get(3)?));
        Ok(())
    })?;
    let mut lines: BTreeMap<SubscriptionId, Vec<Billed>> = BTreeMap::new();
    view.each(&LINES, params![customers.clone(), from, to], |row: &Row<'_>| {
        let line = invoice::read_line(row, 0)?;
        let credits = credits.remove(&(row.get(COLUMNS)?, line.ordinal)).unwrap_or_default();
        lines.entry(line.subscription).or_default().push(Billed { line, credits });
        Ok(())
    })?;
    let mut past: BTreeMap<CustomerId, Past> = customers
        .iter()
        .map(|customer| (*customer, Past { customer: *customer, subscriptions: Vec::new() }))
        .collect();
    let subscriptions = crate::subscription::of_customers(view, customers)?;
    let owners = Owners::by(view, &subscriptions, |was, _| looked_at(other, was))?;
    let billed: HashMap<SubscriptionId, &Subscription> =
        subscriptions.iter().filter(|one| lines.contains_key(&one.id)).map(|one| (one.id, one)).collect();
    let mut turns = histories(view, &billed)?;
    for subscription in subscriptions {
        let Some(lines) = lines.remove(&subscription.id) else { continue };
        let film = Film::new(turns.remove(&subscription.id).unwrap_or_default());
        if let Some(past) = past.get_mut(&subscription.customer) {
            past.subscriptions.push(Run { subscription, film, lines });
        }
    }
    Ok(Page { customers: past.into_values().collect(), owners, now })
}

/// The meters a subscription looks at on the plan that takes the place of its own.
fn looked_at(other: &Other, subscription: &Subscription) -> HashSet<String> {
    let plan = other.plan(subscription.plan());
    let fees = plan.into_iter().flat_map(|plan| plan.prices.iter().filter_map(|price| price.meter()));
    let usage = plan.into_iter().flat_map(|plan| plan.usage.iter().map(|usage| usage.meter.as_str()));
    fees.chain(usage).map(str::to_owned).collect()
}
