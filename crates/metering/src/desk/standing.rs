//! How a customer's limits stand, from what is stored: for pages and reports, in any process, without the owner.

use std::{cmp::Reverse, sync::Arc};

use catalog::{Aggregation, LimitPolicy, Window};
use jiff::Timestamp;
use kernel::{
    Exact, Result,
    ids::{CustomerId, SubscriptionId},
};
use store::{Db, Scope, View, params};

use super::{Account, Directory, Terms, counters::window_of};
use crate::{
    event::Meter,
    sql,
    usage::{self, Span, Subject},
};

/// Of limits of each user, seat or key so many are shown, those who used most.
const MOST: usize = 10;

/// How much of a limit is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The key of the meter.
    pub meter: String,
    /// The user, seat or key whose use counts together; none: the customer's own.
    pub who: Option<String>,
    /// The subscription it comes from.
    pub subscription: SubscriptionId,
    /// Its plan.
    pub plan: String,
    /// The limit, scaled by the decimals.
    pub limit: i64,
    /// What was counted, likewise; what is held is not part of it.
    pub used: i64,
    /// Decimals of the two.
    pub decimals: u8,
    /// What happens at the limit.
    pub policy: LimitPolicy,
    /// Over what time it counts.
    pub window: Window,
    /// The window as it is now; none for a rolling one.
    pub span: Option<Span>,
    /// The cheapest plan under which more could be used.
    pub upgrade: Option<String>,
}

impl Standing {
    /// A figure in the meter's unit.
    pub fn quantity(&self, scaled: i64) -> Result<kernel::Quantity> {
        kernel::Quantity::from_scaled(scaled, self.decimals)
    }
}

/// The limits of a customer's running subscriptions that can be counted, by meter. Waits for the database.
pub fn standing(
    db: &Db,
    directory: &dyn Directory,
    scope: &Scope,
    customer: CustomerId,
    now: Timestamp,
) -> Result<Vec<Standing>> {
    let found = directory.resolve(scope, &[customer.to_string()])?.pop().flatten();
    let Some(account) = found.map(|found| found.account) else { return Ok(Vec::new()) };
    let meters = directory.meters(scope)?;
    let plans = account.agreements.iter().filter(|one| one.access).filter_map(|one| one.book.plan(&one.plan));
    let mut keys: Vec<&String> = plans.flat_map(|plan| plan.limits.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let counted = |meter: &&Arc<Meter>| matches!(meter.aggregation, Aggregation::Count | Aggregation::Sum);
    let meters: Vec<Arc<Meter>> =
        keys.into_iter().filter_map(|key| meters.get(key)).filter(counted).cloned().collect();
    let read = move |view: &mut View<'_>| {
        let mut all = Vec::new();
        for meter in &meters {
            all.extend(of_meter(view, &account, meter, now)?);
        }
        Ok(all)
    };
    db.usage().read(scope, read).wait()
}

fn of_meter(view: &mut View<'_>, account: &Account, meter: &Meter, now: Timestamp) -> Result<Vec<Standing>> {
    let Terms::Limited(limit) = account.terms(&meter.key, meter.decimals) else { return Ok(Vec::new()) };
    let window = window_of(account, &limit, &meter.key, now.as_microsecond())?;
    let mut used = match window {
        Ok(span) => fixed(view, account.customer, meter, limit.property, span, now)?,
        Err(length) => {
            let since = now.as_second() - length;
            view.all(&sql::SECONDS_BY_WHO, params![account.customer, meter.key, since, MOST as i64], |row| {
                Ok((row.get::<String>(0)?, row.get::<i64>(1)?))
            })?
        }
    };
    used.sort_by_key(|(_, used)| Reverse(*used));
    used.truncate(MOST);
    if limit.property.is_none() && used.is_empty() {
        used.push((String::new(), 0));
    }
    let Some(agreement) = account.agreements.get(limit.agreement) else { return Ok(Vec::new()) };
    let of = |(who, used): (String, i64)| Standing {
        meter: meter.key.clone(),
        who: limit.property.map(|_| who),
        subscription: agreement.subscription,
        plan: agreement.plan.clone(),
        limit: limit.amount,
        used,
        decimals: meter.decimals,
        policy: limit.policy,
        window: limit.window,
        span: window.ok(),
        upgrade: agreement.upgrade(&meter.key, i128::from(limit.amount) + 1, meter.decimals),
    };
    Ok(used.into_iter().map(of).collect())
}

fn fixed(
    view: &mut View<'_>,
    customer: CustomerId,
    meter: &Meter,
    property: Option<&'static str>,
    span: Span,
    now: Timestamp,
) -> Result<Vec<(String, i64)>> {
    let subject = Subject { customer, subscription: None, unnamed: None, meter };
    let by: Vec<String> = property.into_iter().map(str::to_owned).collect();
    let scale = Exact::ratio(10_i128.pow(meter.decimals.into()), 1);
    let groups = usage::figures(view, subject, |_| true, &by, span, now, None)?;
    let of = |mut group: usage::Group| {
        let used = (&group.figure.value * &scale).floor().unwrap_or(i64::MAX);
        (property.and_then(|property| group.by.remove(property)).unwrap_or_default(), used)
    };
    Ok(groups.into_iter().map(of).collect())
}
