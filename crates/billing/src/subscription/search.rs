//! Finding subscriptions, and counting them.

use std::{cmp::Reverse, collections::HashMap, str::FromStr};

use jiff::Timestamp;
use kernel::{
    Currency, Error, Result,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use store::{Statement, Value, View, params, statements};
use uuid::Uuid;

use super::{
    groups::{self, Group},
    model::{State, Subscription},
    ops,
};

/// Which subscriptions. What is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Where they stand.
    pub state: Option<State>,
    /// The key of the plan they are on.
    pub plan: Option<String>,
    /// Whose they are.
    pub customer: Option<CustomerId>,
    /// What they are billed in.
    pub currency: Option<Currency>,
    /// The price book version they agreed to.
    pub book: Option<BookVersionId>,
    /// Those that fall due (a renewal, the end of a trial, a wait for late figures) in this half-open span, the soonest
    /// first.
    /// Otherwise the newest come first.
    pub due: Option<[Timestamp; 2]>,
}

impl Filter {
    /// Whether its subscriptions may be found in a group.
    fn meets(&self, group: &Group) -> bool {
        self.book.is_none_or(|book| book == group.book)
            && self.state.is_none_or(|state| state == group.state)
            && self.plan.as_ref().is_none_or(|plan| *plan == group.plan)
    }
}

/// Behind which subscription a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a list of the newest.
    Newest(SubscriptionId),
    /// In a list of what falls due, where what is one customer's stands together.
    Due(Timestamp, CustomerId, SubscriptionId),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newest(id) => id.fmt(f),
            Self::Due(at, customer, id) => write!(f, "{}.{customer}.{id}", at.as_microsecond()),
        }
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let due = || {
            let mut parts = text.split('.');
            let (at, customer, id) = (parts.next()?, parts.next()?, parts.next()?);
            let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
            let place = Self::Due(at, customer.parse().ok()?, id.parse().ok()?);
            parts.next().is_none().then_some(place)
        };
        let wrong = || Error::invalid("cursor_malformed", "This is not a place in a list of subscriptions.");
        match text.parse() {
            Ok(id) => Ok(Self::Newest(id)),
            Err(_) => due().ok_or_else(wrong),
        }
    }
}

/// Filters every list has, on `s`, a subscription.
macro_rules! filters {
    () => {
        " AND ($4 = '' OR s.state = $4) AND ($5 = '' OR s.currency = $5) AND ($7 OR s.customer_id = $8)
            AND ($9 OR s.book_id = $10) AND ($6 = '' OR s.plan = $6)"
    };
}

/// The newest first, by a condition that has an index.
macro_rules! newest {
    ($cond:expr) => {
        concat!(
            "SELECT s.id FROM subscription s WHERE s.env_id = $1 AND s.id < $2 AND ",
            $cond,
            filters!(),
            " ORDER BY s.id DESC LIMIT $3"
        )
    };
}

statements! {
    environment NEWEST = newest!("1 = 1");
    environment OF_CUSTOMER = newest!("s.customer_id = $8");
    environment IN_STATE = newest!("s.state = $4");
    environment ON_PLAN = newest!("s.plan = $6");
    environment OF_GROUP = newest!("s.book_id = $10 AND s.state = $4 AND s.plan = $6");
    environment FALLING_DUE = concat!(
        "SELECT s.id, s.due, s.customer_id FROM subscription s
        WHERE s.env_id = $1 AND s.due >= $11 AND s.due < $12
            AND (s.due, s.customer_id, s.id) > ($13, $14, $2)", filters!(),
        " ORDER BY s.due, s.customer_id, s.id LIMIT $3");
    environment COUNT_DUE = "SELECT count(*) FROM (
            SELECT id FROM subscription WHERE env_id = $1 AND due >= $2 AND due < $3 LIMIT $4) AS found";
    /// Whose subscriptions are in a state, the newest subscriptions first.
    environment CUSTOMERS_IN = "SELECT customer_id FROM subscription WHERE env_id = $1 AND state = $2
        ORDER BY id DESC LIMIT $3";
    /// Which of these customers have a subscription in one of these states.
    environment HAVE = "SELECT DISTINCT customer_id FROM subscription
        WHERE env_id = $1 AND customer_id IN_IDS($2) AND state IN_TEXTS($3)";
    environment STATES_OF = "SELECT customer_id, state, count(*) FROM subscription
        WHERE env_id = $1 AND customer_id IN_IDS($2) GROUP BY customer_id, state";
}

/// The subscriptions asked for behind a place (none: from the first), each with its place, at most `limit`.
///
/// Errors: `cursor_malformed` for a place in another order.
pub fn search(
    view: &mut View<'_>,
    filter: &Filter,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<(Subscription, Place)>> {
    let places = match (filter.due, after) {
        (Some(span), None) => falling_due(view, filter, span, None, limit)?,
        (Some(span), Some(after @ Place::Due(..))) => falling_due(view, filter, span, Some(after), limit)?,
        (None, None) => newest(view, filter, None, limit)?,
        (None, Some(Place::Newest(before))) => newest(view, filter, Some(before), limit)?,
        _ => {
            let detail = "This place belongs to a list in another order. Begin the list anew.";
            return Err(Error::invalid("cursor_malformed", detail));
        }
    };
    let ids: Vec<SubscriptionId> = places.iter().map(|(id, _)| *id).collect();
    let mut found: HashMap<SubscriptionId, Subscription> =
        ops::load(view, ids)?.into_iter().map(|subscription| (subscription.id, subscription)).collect();
    Ok(places.into_iter().filter_map(|(id, place)| Some((found.remove(&id)?, place))).collect())
}

type Placed = (SubscriptionId, Place);

fn newest(
    view: &mut View<'_>,
    filter: &Filter,
    before: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<Placed>> {
    let statement: &'static Statement = match filter {
        Filter { customer: Some(_), .. } => &OF_CUSTOMER,
        Filter { book: Some(_), .. } | Filter { plan: Some(_), state: Some(_), .. } => {
            return newest_of_groups(view, filter, before, limit);
        }
        Filter { plan: Some(_), .. } => &ON_PLAN,
        Filter { state: Some(_), .. } => &IN_STATE,
        _ => &NEWEST,
    };
    listed(view, statement, filter, before, limit)
}

fn listed(
    view: &mut View<'_>,
    statement: &'static Statement,
    filter: &Filter,
    before: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<Placed>> {
    let params = params_of(filter, before.map_or(Uuid::max(), SubscriptionId::uuid), limit);
    view.all(statement, &params, |row| row.get(0).map(|id| (id, Place::Newest(id))))
}

/// The newest of each group that is meant, then the newest of these.
fn newest_of_groups(
    view: &mut View<'_>,
    filter: &Filter,
    before: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<Placed>> {
    let mut found = Vec::new();
    for Group { book, state, plan } in groups::groups(view)?.into_iter().filter(|one| filter.meets(one)) {
        let filter = Filter { book: Some(book), state: Some(state), plan: Some(plan), ..filter.clone() };
        found.extend(listed(view, &OF_GROUP, &filter, before, limit)?);
    }
    found.sort_unstable_by_key(|(id, _)| Reverse(*id));
    found.truncate(usize::try_from(limit).unwrap_or(0));
    Ok(found)
}

fn falling_due(
    view: &mut View<'_>,
    filter: &Filter,
    [from, until]: [Timestamp; 2],
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Placed>> {
    let (at, customer, id) = match after {
        Some(Place::Due(at, customer, id)) => (at, customer.uuid(), id.uuid()),
        _ => (from, Uuid::nil(), Uuid::nil()),
    };
    let mut params = params_of(filter, id, limit);
    params.extend([Value::Instant(from), Value::Instant(until), Value::Instant(at), Value::Uuid(customer)]);
    view.all(&FALLING_DUE, &params, |row| {
        let id = row.get(0)?;
        Ok((id, Place::Due(row.get(1)?, row.get(2)?, id)))
    })
}

/// `$2` to `$10` of the lists.
fn params_of(filter: &Filter, place: Uuid, limit: i64) -> Vec<Value<'_>> {
    vec![
        Value::Uuid(place),
        Value::Int(limit),
        Value::from(filter.state.map_or("", State::word)),
        Value::from(filter.currency.map_or("", Currency::code)),
        Value::from(filter.plan.as_deref().unwrap_or_default()),
        Value::Bool(filter.customer.is_none()),
        Value::Uuid(filter.customer.map_or(Uuid::nil(), CustomerId::uuid)),
        Value::Bool(filter.book.is_none()),
        Value::Uuid(filter.book.map_or(Uuid::nil(), BookVersionId::uuid)),
    ]
}

/// How many subscriptions fall due in a half-open span: they renew, a trial ends, a wait for late figures is over; `most`
/// at most, because counting more than a few ten thousand takes a while.
pub fn due_count(view: &mut View<'_>, [from, until]: [Timestamp; 2], most: i64) -> Result<i64> {
    view.one(&COUNT_DUE, params![from, until, most], |row| row.get(0))
}

/// Customers with a subscription in a state, of the newest `limit` such subscriptions; some may be named twice.
pub(crate) fn customers_in(view: &mut View<'_>, state: State, limit: i64) -> Result<Vec<CustomerId>> {
    view.all(&CUSTOMERS_IN, params![state.word(), limit], |row| row.get(0))
}

/// Those of these customers that have a subscription in one of these states.
pub(crate) fn having(
    view: &mut View<'_>,
    customers: Vec<CustomerId>,
    states: &[State],
) -> Result<Vec<CustomerId>> {
    view.all(&HAVE, params![customers, words(states)], |row| row.get(0))
}

/// How many subscriptions these customers have in each state.
pub fn states_of(
    view: &mut View<'_>,
    customers: Vec<CustomerId>,
) -> Result<HashMap<CustomerId, Vec<(State, i64)>>> {
    let mut states: HashMap<CustomerId, Vec<(State, i64)>> = HashMap::new();
    view.each(&STATES_OF, params![customers], |row| {
        states.entry(row.get(0)?).or_default().push((row.parse(1, State::parse)?, row.get(2)?));
        Ok(())
    })?;
    Ok(states)
}

fn words(states: &[State]) -> Vec<String> {
    states.iter().map(|state| state.word().to_owned()).collect()
}
