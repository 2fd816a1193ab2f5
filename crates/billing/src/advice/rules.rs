//! Which plan is recommended, from what was used and what it would have cost. Pure.

use std::collections::BTreeMap;

use catalog::{Advice, Book, Lacking, Limit, LimitPolicy, LimitScope, Plan, Window, version::Version};
use jiff::Timestamp;
use kernel::{Edge, Exact, Money, Period, ids::CustomerId};
use metering::alert::Alert;

use super::{
    Compared, PlanAdvice, Reason, Why,
    fit::{Fitted, fitted},
};
use crate::subscription::{ItemKind, Scheduled, State, Subscription};

/// The most plans that are compared, from the plan there is on and around it.
const MOST_PLANS: usize = 30;

/// What is known of a subscription's past.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past<'a> {
    pub(super) subscription: &'a Subscription,
    pub(super) agreed: &'a Version,
    pub(super) in_force: &'a Version,
    /// The closed periods, the oldest first; at least one.
    pub(super) periods: &'a [Period],
    /// What was used of each meter in each of them.
    pub(super) used: &'a BTreeMap<String, Vec<Exact>>,
    /// The alerts of its customer.
    pub(super) alerts: &'a [Alert],
}

/// Whether a subscription is looked at: it runs, is paid by the price book, and nothing about it is decided already.
pub(super) fn is_looked_at(subscription: &Subscription, agreed: &Version) -> bool {
    let decided = subscription.ends.is_some()
        || subscription.scheduled.iter().any(|Scheduled { change, .. }| change.plan.is_some());
    let comp =
        subscription.discounts.iter().any(|one| one.key == crate::subscription::COMP && one.left != Some(0));
    let plan = agreed.book.plan(subscription.plan());
    matches!(subscription.state, State::Active | State::PastDue)
        && !decided
        && !comp
        && subscription.agreement.is_empty()
        && plan.is_some_and(|plan| !plan.negotiated)
}

/// The closed periods that are looked at: whole ones that were paid for, the oldest first.
pub(super) fn closed(subscription: &Subscription, most: u8) -> Vec<Period> {
    let from = subscription.trial_end.map_or(subscription.started, |end| end.at.max(subscription.started));
    let (mut periods, mut start) = (Vec::new(), subscription.period.start);
    while periods.len() < usize::from(most) {
        let before = start.at - jiff::SignedDuration::from_micros(1);
        let Ok(period) = subscription.schedule.period_at(before) else { break };
        // A zone that changed moves an edge; what is paid ends where the next period begins.
        let period = Period { end: start, ..period };
        // The first one begins in the midst of its day and is paid whole.
        let first = Edge::at(from, &subscription.schedule.zone);
        if period.start.at < from && period.start.date == first.date && first.at < start.at {
            periods.push(Period { start: first, ..period });
            break;
        }
        if period.start.at < from || period.is_empty() {
            break;
        }
        start = period.start;
        periods.push(period);
    }
    periods.reverse();
    periods
}

/// The plans of the book in force it is compared with.
pub(super) fn others<'v>(subscription: &Subscription, in_force: &'v Version) -> Vec<&'v Plan> {
    let plans = &in_force.book.plans;
    let own = plans.iter().position(|plan| plan.key == subscription.plan()).unwrap_or(0);
    let first = own.saturating_sub(MOST_PLANS / 2);
    let sold = |plan: &&Plan| {
        plan.key != subscription.plan()
            && !plan.negotiated
            && plan.price_for(subscription.schedule.cycle, subscription.currency).is_some()
    };
    plans.iter().skip(first).take(MOST_PLANS).filter(sold).collect()
}

/// The meters whose figures are needed: those that either book limits, prices or looks at.
pub(super) fn meters<'v>(agreed: &'v Version, in_force: &'v Version) -> BTreeMap<&'v str, &'v Book> {
    let books: [&Book; 2] = [&in_force.book, &agreed.book];
    let all =
        books.into_iter().flat_map(|book| book.meters.iter().map(move |meter| (meter.key.as_str(), book)));
    let watched = |key: &str| {
        let asks = |plan: &Plan| {
            plan.limits.contains_key(key)
                || plan.usage.iter().any(|usage| usage.meter == key)
                || plan.prices.iter().any(|price| price.meter() == Some(key))
        };
        books.iter().any(|book| book.plans.iter().any(asks))
    };
    all.filter(|(key, _)| watched(key)).collect()
}

/// The hard limit of a subscription on a meter, with its amount.
fn hard_limit<'v>(
    subscription: &Subscription,
    version: &'v Version,
    meter: &str,
) -> Option<(&'v Limit, Exact)> {
    let limit = version.book.plan(subscription.plan())?.limits.get(meter)?;
    if limit.policy != LimitPolicy::Hard {
        return None;
    }
    let items = subscription.active_items().filter(|item| item.kind == ItemKind::Addon);
    let raises = items.filter_map(|item| {
        let each = version.book.addon(&item.key)?.raises.get(meter).copied()?;
        Some(Exact::from(i128::from(each) * i128::from(item.quantity)))
    });
    let amount = limit.amount_for(&Exact::from(subscription.plan_quantity()));
    Some((limit, amount + raises.sum::<Exact>()))
}

/// Whether one figure of a period is what the limit counts.
const fn is_by_period(limit: &Limit) -> bool {
    matches!((limit.window, limit.scope), (Window::Period, LimitScope::Customer))
}

/// How a limit was used.
#[derive(Clone, Debug)]
struct Strain {
    near: usize,
    wholly: usize,
    most: Option<Exact>,
}

impl Strain {
    /// Used up once, or nearly so in half of the periods.
    const fn is_tight(&self, periods: usize) -> bool {
        self.wholly > 0 || (self.near > 0 && self.near * 2 >= periods)
    }
}

impl Past<'_> {
    fn used_of(&self, meter: &str) -> &[Exact] {
        self.used.get(meter).map_or(&[], Vec::as_slice)
    }

    fn most_of(&self, meter: &str) -> Exact {
        self.used_of(meter).iter().cloned().max().unwrap_or_else(Exact::zero)
    }

    /// How an amount would have been used by what is counted over whole periods.
    fn strain(&self, meter: &str, amount: &Exact, near: u16) -> Strain {
        let hundred = Exact::from(100_i64);
        let share = Exact::from(i64::from(near)) * amount;
        let used = || self.used_of(meter).iter().filter(|used| !used.is_zero() && !used.is_negative());
        Strain {
            near: used().filter(|used| *used * &hundred >= share).count(),
            wholly: used().filter(|used| *used >= amount).count(),
            most: Some(self.most_of(meter)),
        }
    }

    /// How a limit that counts by another window, or for each user, was used: by what was told of it.
    fn told(&self, meter: &str, near: u16) -> Strain {
        let within = |period: &&Period, level: i64| {
            let at = |alert: &Alert| {
                Timestamp::from_microsecond(alert.reached).is_ok_and(|at| period.contains(at))
            };
            let of =
                |alert: &&Alert| alert.place.meter == meter && alert.subscription == self.subscription.id;
            self.alerts.iter().filter(of).any(|alert| alert.place.level >= level && at(alert))
        };
        let count = |level| self.periods.iter().filter(|period| within(period, level)).count();
        Strain { near: count(i64::from(near)), wholly: count(100), most: None }
    }

    /// The limits there are that are used up, or nearly so.
    fn tight(&self, near: u16) -> Vec<(String, Exact, Reason)> {
        let mut tight = Vec::new();
        for meter in self.used.keys() {
            let Some((limit, amount)) = hard_limit(self.subscription, self.agreed, meter) else { continue };
            let strain =
                if is_by_period(limit) { self.strain(meter, &amount, near) } else { self.told(meter, near) };
            if !strain.is_tight(self.periods.len()) || amount.is_zero() && self.most_of(meter).is_zero() {
                continue;
            }
            let (name, unit) = self.called(meter);
            let reason = Reason::Tight {
                meter: name,
                unit,
                limit: amount.clone(),
                window: limit.window,
                scope: limit.scope,
                used: strain.most.filter(|_| !amount.is_zero()),
                near,
                in_periods: strain.near,
                wholly: strain.wholly,
                periods: self.periods.len(),
            };
            tight.push((meter.clone(), amount, reason));
        }
        tight
    }

    fn called(&self, meter: &str) -> (String, String) {
        let found = self.in_force.book.meter(meter).or_else(|| self.agreed.book.meter(meter));
        found.map_or_else(
            || (meter.to_owned(), String::new()),
            |meter| (meter.name.clone(), meter.unit.clone()),
        )
    }

    /// Whether what was used is within the hard limits of the plan it would be on, with room to spare.
    fn holds(&self, fitted: &Fitted, tight: &[(String, Exact, Reason)], near: u16) -> bool {
        self.used.keys().all(|meter| {
            let own = hard_limit(self.subscription, self.agreed, meter);
            let pressed = tight.iter().find(|(key, ..)| key == meter).map(|(_, amount, _)| amount);
            let Some((limit, amount)) = hard_limit(&fitted.subscription, self.in_force, meter) else {
                return true;
            };
            if pressed.is_some_and(|pressed| amount <= *pressed) {
                return false;
            }
            if is_by_period(limit) {
                return self.most_of(meter) <= amount
                    && !self.strain(meter, &amount, near).is_tight(self.periods.len());
            }
            // Nothing in a period is more than all of it; and what held stays held where there is not less.
            let same = |(own, of): (&Limit, Exact)| {
                own.window == limit.window && own.scope == limit.scope && of <= amount
            };
            self.most_of(meter) <= amount || own.is_some_and(same)
        })
    }

    /// What of the limits it would have is worth saying.
    fn room(&self, fitted: &Fitted, tight: &[(String, Exact, Reason)]) -> Vec<Reason> {
        let plan = self.in_force.book.plan(fitted.subscription.plan()).map_or("", |plan| plan.name.as_str());
        let of = |meter: &String| {
            let before = hard_limit(self.subscription, self.agreed, meter);
            let after = hard_limit(&fitted.subscription, self.in_force, meter);
            let (before, after) = (before.map(|(_, amount)| amount), after.map(|(_, amount)| amount));
            let pressed = tight.iter().any(|(key, ..)| key == meter);
            if before == after || before.is_none() && after.is_none() || !pressed && after.is_none() {
                return None;
            }
            let (name, unit) = self.called(meter);
            let used = self.most_of(meter);
            Some(Reason::Holds { plan: plan.to_owned(), meter: name, unit, limit: after, used })
        };
        self.used.keys().filter_map(of).collect()
    }
}

/// The plan that is recommended, if any. `cost` says what a period comes to; none: it cannot be said.
pub(super) fn recommend(
    past: &Past<'_>,
    advice: &Advice,
    mut cost: impl FnMut(&Subscription, &Version, Period) -> Option<Money>,
) -> Option<PlanAdvice> {
    let tight = past.tight(advice.near);
    let mut candidates: Vec<(Fitted, Vec<Money>, Money)> = Vec::new();
    let mut price = |subscription: &Subscription, version: &Version| -> Option<(Vec<Money>, Money)> {
        let all: Option<Vec<Money>> =
            past.periods.iter().map(|period| cost(subscription, version, *period)).collect();
        let all = all?;
        let sum = Money::total(all.iter().copied(), subscription.currency).ok()?;
        Some((all, sum))
    };
    let (before, now) = price(past.subscription, past.agreed)?;
    for plan in others(past.subscription, past.in_force) {
        let fitted = fitted(past.subscription, past.agreed, past.in_force, plan);
        let Some(fitted) =
            fitted.filter(|fitted| may_lack(fitted, advice) && past.holds(fitted, &tight, advice.near))
        else {
            continue;
        };
        let used = past.used.values().flatten().any(|used| !used.is_zero());
        if !used && fitted.includes.is_empty() {
            continue; // nothing is known of what it needs
        }
        let Some((periods, then)) = price(&fitted.subscription, past.in_force) else { continue };
        candidates.push((fitted, periods, then));
    }
    let why = if tight.is_empty() { Why::Cheaper } else { Why::Outgrown };
    if why == Why::Cheaper {
        candidates.retain(|(.., then)| saves(now, *then, advice));
    }
    let (fitted, after, then) = candidates.into_iter().min_by_key(|(.., then)| then.minor())?;
    Some(advised(past, why, &tight, fitted, (before, now), (after, then)))
}

/// Whether the price book lets a plan be recommended that lacks what this one lacks.
fn may_lack(fitted: &Fitted, advice: &Advice) -> bool {
    advice.features == Lacking::Named
        || !fitted.differs.iter().any(|reason| matches!(reason, Reason::Lacks { .. }))
}

/// Whether enough is saved to change for it.
fn saves(now: Money, then: Money, advice: &Advice) -> bool {
    let less = now.exact_major() - then.exact_major();
    !less.is_negative() && !less.is_zero() && less >= advice.saves.of(&now.exact_major())
}

fn advised(
    past: &Past<'_>,
    why: Why,
    tight: &[(String, Exact, Reason)],
    fitted: Fitted,
    (before, now): (Vec<Money>, Money),
    (after, then): (Vec<Money>, Money),
) -> PlanAdvice {
    let periods = past.periods.len();
    let money = match then.minor() <= now.minor() {
        true => Reason::Saves { periods, now, then },
        false => Reason::Costs { periods, now, then },
    };
    let mut reasons: Vec<Reason> = tight.iter().map(|(.., reason)| reason.clone()).collect();
    match why {
        Why::Cheaper => reasons.insert(0, money),
        Why::Outgrown => reasons.push(money),
    }
    reasons.extend(past.room(&fitted, tight));
    reasons.extend(fitted.includes);
    reasons.extend(fitted.differs);
    let place = |key: &str| past.in_force.book.plans.iter().position(|plan| plan.key == key);
    let (own, other) = (past.subscription.plan(), fitted.subscription.plan());
    let compared = past.periods.iter().zip(before).zip(after);
    PlanAdvice {
        customer: past.subscription.customer,
        subscription: past.subscription.id,
        from: named(past.agreed, own),
        to: named(past.in_force, other),
        down: place(own).zip(place(other)).map_or(then.minor() < now.minor(), |(own, other)| other < own),
        why,
        cycle: past.subscription.schedule.cycle,
        addons: fitted.addons,
        change: fitted.change,
        periods: compared.map(|((period, now), then)| Compared { period: *period, now, then }).collect(),
        now,
        then,
        reasons,
    }
}

fn named(version: &Version, plan: &str) -> (String, String) {
    (plan.to_owned(), version.book.plan(plan).map_or_else(|| plan.to_owned(), |plan| plan.name.clone()))
}

/// The alerts of one customer among those of several.
pub(super) fn of_customer(alerts: &[Alert], customer: CustomerId) -> Vec<Alert> {
    alerts.iter().filter(|alert| alert.place.customer == customer).cloned().collect()
}
