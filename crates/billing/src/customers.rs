//! Customers and what they subscribe to: from their first day on, and finding them by it.

use std::collections::HashSet;

use catalog::version;
use identity::{
    Customer, NewCustomer,
    customer::{self, Edit, Find, Found, Place, Sort},
};
use kernel::{Cycle, Error, Kind, Result, ids::CustomerId};
use serde_json::json;
use store::{NewFact, Tx, View};

use crate::{
    cancellation,
    subscription::{self, Start, State, Subscription},
};

/// A customer that was created, and the trial that began with it.
#[derive(Clone, Debug)]
pub struct Created {
    /// The customer.
    pub customer: Customer,
    /// The subscription in its trial, where the price book starts one at sign-up.
    pub trial: Option<Subscription>,
    /// Why there is none although the price book would start one: such as that somebody who is the same had theirs.
    pub refused: Option<Error>,
}

/// Create a customer and, where the price book says so, start its trial. `fingerprint` is what a gateway says tells its
/// method of payment from others.
///
/// A trial that cannot begin keeps nobody out: the customer is there without one, and the answer says why.
///
/// Errors: those of [`customer::create`]; `trial_used` when somebody who is the same begins one in the same moment.
pub fn create(tx: &mut Tx<'_>, new: NewCustomer, fingerprint: Option<String>) -> Result<Created> {
    let customer = customer::create(tx, new)?;
    let without = Created { customer: customer.clone(), trial: None, refused: None };
    let Some(start) = at_sign_up(tx, &customer, fingerprint)? else { return Ok(without) };
    // Looked at first, because what is begun and then refused would be half done.
    match subscription::preview(tx, &start) {
        Ok(_) => {
            let started = subscription::start(tx, &start)?;
            Ok(Created { trial: Some(started.subscription), ..without })
        }
        Err(error) if matches!(error.kind, Kind::Conflict | Kind::Invalid) => {
            let payload = json!({ "code": error.code });
            tx.fact(NewFact::new("customer.trial_refused", customer.id.any(), payload)?.of(customer.id));
            Ok(Created { refused: Some(error), ..without })
        }
        Err(error) => Err(error),
    }
}

/// The trial that starts with a customer: of the plan the price book names, by the shortest cycle it is sold by.
fn at_sign_up(
    view: &mut View<'_>,
    customer: &Customer,
    fingerprint: Option<String>,
) -> Result<Option<Start>> {
    let version = match version::in_force(view) {
        Ok(version) => version,
        Err(error) if error.kind == Kind::Internal => return Err(error),
        Err(_) => return Ok(None), // no price book yet
    };
    let book = &version.book;
    let trial = book.trial.as_ref().filter(|trial| trial.at_sign_up);
    let Some(plan) = trial.and_then(|trial| book.plan(trial.plan.as_ref()?)) else { return Ok(None) };
    let sold = |cycle: &Cycle| plan.price_for(*cycle, customer.currency).is_some();
    let Some(cycle) = plan.cycles().find(sold).or_else(|| plan.cycles().next()) else { return Ok(None) };
    let per_unit = plan.prices.iter().any(|price| price.unit().is_some());
    let quantity = per_unit.then_some(1);
    Ok(Some(Start { trial: true, fingerprint, quantity, ..Start::of(customer.id, &plan.key, cycle) }))
}

/// Erase a customer: its person, as [`customer::erase`] does, and what it said when it canceled.
///
/// Errors: `not_found`, `already_erased`.
pub fn erase(tx: &mut Tx<'_>, id: CustomerId) -> Result<()> {
    customer::erase(tx, id)?;
    cancellation::blank_comments(tx, id)
}

/// Change a customer. Subscriptions in the customer's zone follow into a new one from their next period on.
///
/// Errors: those of [`customer::change`].
pub fn change(tx: &mut Tx<'_>, id: CustomerId, edit: Edit) -> Result<Customer> {
    customer::lock(tx, id)?;
    let before = customer::find(tx, id)?;
    let after = customer::change(tx, id, edit)?;
    if before.zone != after.zone {
        subscription::follow_zone(tx, id, &before.zone, &after.zone)?;
    }
    Ok(after)
}

/// States in which a subscription goes on in some way.
pub const RUNNING: [State; 7] = [
    State::Active,
    State::Trialing,
    State::PastDue,
    State::Incomplete,
    State::Paused,
    State::Suspended,
    State::Scheduled,
];

/// What customers are to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Having {
    /// A subscription in this state.
    Subscription(State),
    /// No subscription that goes on: only ended ones, or none at all.
    Nothing,
}

/// Customers asked for by what they are and what they have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What they are, and in which order they come.
    pub find: Find,
    /// What they have.
    pub having: Option<Having>,
}

/// A state that fewer subscriptions than this are in is rare: its customers are looked at one and all.
const RARE: i64 = 2_000;
/// Customers looked at in one go where most have what is asked for.
const AT_ONCE: i64 = 200;
/// After so many without filling a page a list ends early: who asks on goes on from there.
const MOST: usize = 20_000;

/// Part of a list of customers.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The customers, with their places.
    pub found: Vec<Found>,
    /// Where to go on; none at the end.
    pub next: Option<Place>,
}

/// The customers asked for behind a place (none: from the first), at most `limit`.
pub fn list(view: &mut View<'_>, filter: &Filter, after: Option<&Place>, limit: usize) -> Result<Listed> {
    let more = limit as i64 + 1;
    let Some(having) = filter.having else {
        let found = customer::search(view, &filter.find, after, more)?;
        return Ok(cut(found, limit));
    };
    if let Having::Subscription(state) = having {
        let some = subscription::customers_in(view, state, RARE)?;
        if (some.len() as i64) < RARE {
            return rare(view, filter, some, after, limit);
        }
    }
    common(view, filter, having, after.cloned(), limit)
}

fn cut(mut found: Vec<Found>, limit: usize) -> Listed {
    let more = found.len() > limit;
    found.truncate(limit);
    Listed { next: found.last().filter(|_| more).map(Found::place), found }
}

/// All that have it are known: take those asked for, in order. By age that is the order of their ids, and no more are read
/// than a page needs.
fn rare(
    view: &mut View<'_>,
    filter: &Filter,
    mut customers: Vec<CustomerId>,
    after: Option<&Place>,
    limit: usize,
) -> Result<Listed> {
    let find = &filter.find;
    customers.sort_unstable();
    customers.dedup();
    let at_once = match find.sort {
        Sort::Name => customers.len().max(1),
        Sort::Newest | Sort::Oldest => limit.max(1) * 2,
    };
    if find.sort == Sort::Newest {
        customers.reverse();
    }
    if let Some(place) = after.filter(|_| find.sort != Sort::Name) {
        let last = place.customer();
        customers.retain(|id| if find.sort == Sort::Newest { *id < last } else { *id > last });
    }
    let mut all = Vec::new();
    for some in customers.chunks(at_once) {
        let mut found = customer::load_found(view, some.to_vec())?;
        found.retain(|one| find.matches(one) && after.is_none_or(|place| find.comes_after(one, place)));
        found.sort_by(|one, other| find.compare(one, other));
        all.append(&mut found);
        if all.len() > limit {
            break;
        }
    }
    Ok(cut(all, limit))
}

/// Walk along the customers in order and keep those that have it.
fn common(
    view: &mut View<'_>,
    filter: &Filter,
    having: Having,
    mut after: Option<Place>,
    limit: usize,
) -> Result<Listed> {
    let (states, wanted): (&[State], bool) = match &having {
        Having::Subscription(state) => (std::slice::from_ref(state), true),
        Having::Nothing => (&RUNNING, false),
    };
    let (mut kept, mut seen) = (Vec::new(), 0);
    loop {
        let found = customer::search(view, &filter.find, after.as_ref(), AT_ONCE)?;
        let last = (found.len() as i64) < AT_ONCE;
        seen += found.len();
        after = found.last().map(Found::place);
        let ids: Vec<CustomerId> = found.iter().map(|one| one.customer.id).collect();
        let have: HashSet<CustomerId> = subscription::having(view, ids, states)?.into_iter().collect();
        kept.extend(found.into_iter().filter(|one| have.contains(&one.customer.id) == wanted));
        if kept.len() > limit || last {
            return Ok(cut(kept, limit));
        }
        if seen >= MOST {
            return Ok(Listed { found: kept, next: after });
        }
    }
}
