//! Which stretches there were, and what of a full period a line charged. Pure.

use catalog::{Plan, UsagePrice};
use kernel::{Exact, Period, ProrationUnit};
use rating::{Allowance, Share, Step};

use super::Billed;
use crate::{
    invoice::{ChargeKind, Line},
    subscription::Subscription,
};

/// The stretches usage was billed for, with their plans; of a subscription without usage the periods of its plan.
pub(super) fn stretches(lines: &[Billed]) -> Vec<(Period, String)> {
    let of_usage = lines.iter().filter(|one| one.line.kind == ChargeKind::Usage);
    let measured: Vec<(Period, String)> = of_usage
        .filter_map(|one| {
            let place = one.line.explanation.steps.iter().find_map(|step| match step {
                Step::Tariff { place, .. } => Some(place.as_str()),
                _ => None,
            })?;
            let plan = place.strip_prefix("plans.")?.split('.').next()?;
            Some((one.line.period, plan.to_owned()))
        })
        .collect();
    if !measured.is_empty() {
        return each_once(measured);
    }
    let fees = lines.iter().filter(|one| one.line.kind == ChargeKind::Recurring && one.credited == 0);
    each_once(fees.map(|one| (one.line.period, one.line.key.clone())).collect())
}

/// Groups and several prices of one stretch are one stretch; the periods of add-ons are the plan's.
fn each_once(mut stretches: Vec<(Period, String)>) -> Vec<(Period, String)> {
    stretches.sort_by_key(|(period, _)| (period.start.at, period.end.at));
    stretches.dedup_by_key(|(period, _)| *period);
    stretches
}

/// The share of a full period a line charged.
pub(super) fn share_of(subscription: &Subscription, line: &Line) -> Share {
    let steps = &line.explanation.steps;
    let said = steps.iter().find_map(|step| match step {
        Step::Share { unit, part, whole } => Some(Share::Part { unit: *unit, part: *part, whole: *whole }),
        _ => None,
    });
    let restored = || steps.iter().any(|step| matches!(step, Step::Restored { .. }));
    match said {
        Some(share) => share,
        None if restored() => {
            let zone = &subscription.schedule.zone;
            Share::of(ProrationUnit::Day, zone, line.period, whole(subscription, line.period))
        }
        None => Share::Whole,
    }
}

/// The whole period of the subscription that a part of one lies in.
pub(super) fn whole(subscription: &Subscription, part: Period) -> Period {
    subscription.schedule.period_at(part.start.at).unwrap_or(part)
}

pub(super) fn allowance(subscription: &Subscription, plan: &Plan, usage: &UsagePrice) -> Option<Allowance> {
    let units = Exact::from(subscription.peak.max(subscription.plan_quantity()));
    let of_limit = plan.included(usage).map(|limit| Allowance::of_limit(limit, &units));
    of_limit.or_else(|| usage.free.clone().map(Allowance::of))
}
