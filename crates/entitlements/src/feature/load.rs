//! Reading a customer with what it agreed to.

use std::{collections::HashMap, sync::Arc};

use billing::subscription::{self, ItemKind, State, Subscription};
use catalog::{WithoutMethod, version, version::Version};
use identity::customer;
use kernel::{Error, Result, ids::CustomerId};
use store::View;

use super::{Account, Agreement, Turn};
use crate::override_;

/// One customer. Error: `not_found`.
pub fn account(view: &mut View<'_>, id: CustomerId) -> Result<Account> {
    let customer = customer::find(view, id)?;
    let subscriptions = subscription::of_customer(view, id)?;
    let books = subscriptions.iter().filter(|one| access(one.state).is_some()).map(|one| one.book).collect();
    let versions = version::many(view, books)?;
    let versions: HashMap<_, Arc<Version>> = versions.into_iter().map(|one| (one.id, one)).collect();
    let mut agreements = Vec::new();
    for subscription in subscriptions {
        let Some(access) = access(subscription.state) else { continue };
        let version = versions.get(&subscription.book);
        let version = version.ok_or_else(|| Error::internal("a subscription without its price book"))?;
        agreements.push(agreement(&subscription, version, access));
    }
    agreements.sort_unstable_by_key(|agreement| agreement.subscription);
    Ok(Account {
        customer: id,
        external_id: customer.external_id,
        country: customer.country,
        currency: customer.currency,
        agreements,
        overrides: override_::of_customer(view, id)?,
    })
}

/// Several customers, those there are, in the order asked for.
pub fn accounts(view: &mut View<'_>, ids: &[CustomerId]) -> Result<Vec<Account>> {
    ids.iter().map(|id| account(view, *id)).collect()
}

/// Whether a subscription in this state gives access; none when it is over or has not begun. One that is past due gives
/// it until dunning ends its grace and suspends or cancels it.
const fn access(state: State) -> Option<bool> {
    match state {
        State::Trialing | State::Active | State::PastDue => Some(true),
        State::Suspended | State::Paused => Some(false),
        State::Scheduled | State::Incomplete | State::Canceled | State::Expired => None,
    }
}

fn agreement(subscription: &Subscription, version: &Arc<Version>, access: bool) -> Agreement {
    let addons = subscription.active_items().filter(|item| item.kind == ItemKind::Addon);
    Agreement {
        subscription: subscription.id,
        version: Arc::clone(version),
        plan: subscription.plan().to_owned(),
        quantity: subscription.plan_quantity(),
        addons: addons.map(|item| (item.key.clone(), item.quantity)).collect(),
        cycle: subscription.schedule.cycle,
        currency: subscription.currency,
        access,
        turns: turns(subscription, version),
    }
}

/// What will happen to it by itself, soonest first.
fn turns(subscription: &Subscription, version: &Version) -> Vec<(jiff::Timestamp, Turn)> {
    let mut turns = Vec::new();
    let trial = subscription.trial_end.filter(|_| subscription.state == State::Trialing);
    if let Some(end) = trial.filter(|_| !subscription.has_method) {
        match version.book.trial.as_ref().map(|trial| &trial.without) {
            Some(WithoutMethod::Suspend) => turns.push((end.at, Turn::Suspends)),
            Some(WithoutMethod::Cancel) => turns.push((end.at, Turn::Ends)),
            Some(WithoutMethod::Downgrade { plan }) => turns.push((end.at, Turn::MovesTo(plan.clone()))),
            None => {}
        }
    }
    if let Some(ends) = subscription.ends {
        turns.push((ends, Turn::Ends));
    }
    turns.sort_by_key(|(at, _)| *at);
    turns
}
