//! What the lines of a subscription say: which stretches there were, and how their prices were applied. Pure.

use kernel::{Cycle, CycleUnit, Period, ProrationUnit};
use rating::{Share, Step};

use super::{film::Film, past::Billed};
use crate::{
    invoice::{ChargeKind, Line},
    subscription::Subscription,
    usage::plan_at,
};

/// A stretch of time on a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) plan: String,
    /// The usage price it was billed by; none for the period of a fee.
    pub(super) key: Option<String>,
    pub(super) period: Period,
}

/// The stretches usage was billed for, each once: what was billed early, and what came late, is of the stretch it began with.
pub(super) fn stretches_of_usage(lines: &[Billed]) -> Vec<Stretch> {
    let of_usage = lines.iter().filter(|one| one.line.kind == ChargeKind::Usage);
    let stretches = of_usage.filter_map(|one| {
        let Line { key, period, .. } = &one.line;
        Some(Stretch { plan: plan_of(&one.line)?, key: Some(key.clone()), period: *period })
    });
    let mut stretches: Vec<Stretch> = stretches.collect();
    stretches.sort_by(|one, other| {
        let place = |one: &Stretch| (one.plan.clone(), one.key.clone(), one.period.start.at);
        place(one).cmp(&place(other)).then(other.period.end.at.cmp(&one.period.end.at))
    });
    // The longest comes first.
    stretches.dedup_by(|next, first| {
        (&next.plan, &next.key, next.period.start.at) == (&first.plan, &first.key, first.period.start.at)
    });
    stretches
}

/// The periods of plans: those that arrears or minimums closed, and those that fees in advance were paid for, up to where
/// another plan, cycle or stretch began. One that was credited and not charged again ended at once, and is left out.
pub(super) fn periods_of_plans(lines: &[Billed]) -> Vec<Stretch> {
    let all = lines.iter().filter(|one| one.line.kind != ChargeKind::OneOff);
    let all: Vec<(&Billed, String)> = all.filter_map(|one| Some((one, plan_of(&one.line)?))).collect();
    let period = |(one, plan): &(&Billed, String)| {
        let of = one.line.period;
        let period = if one.line.kind == ChargeKind::Recurring { run((one, plan), &all)? } else { of };
        (one.line.kind != ChargeKind::Usage).then(|| Stretch { plan: plan.clone(), key: None, period })
    };
    all.iter().filter_map(period).collect()
}

/// How long the plan a fee in advance was paid for went on, where nothing says when its stretch was closed.
fn run((paid, plan): (&Billed, &String), all: &[(&Billed, String)]) -> Option<Period> {
    let Period { start, end } = paid.line.period;
    let closed = |(one, other): &(&Billed, String)| {
        let kind = matches!(one.line.kind, ChargeKind::Arrears | ChargeKind::Minimum);
        kind && other == plan && one.line.period.start == start
    };
    if all.iter().any(closed) {
        return None;
    }
    let within = all.iter().filter(|(one, _)| {
        let began = one.line.period.start.at;
        start.at < began && began < end.at
    });
    // For other units until the same end.
    let (again, others): (Vec<_>, Vec<_>) = within.partition(|(one, other)| {
        one.line.kind == ChargeKind::Recurring && other == plan && one.line.period.end == end
    });
    let usage = |one: &Billed, other: &String| one.line.kind == ChargeKind::Usage && other == plan;
    let others = others.into_iter().filter(|(one, other)| !usage(one, other));
    match others.map(|(one, _)| one.line.period.start).min_by_key(|start| start.at) {
        Some(next) => Some(Period { start, end: next }),
        None => (paid.stands() || !again.is_empty()).then_some(Period { start, end }),
    }
}

/// The outermost of some stretches, in order of time: what lies within another one is left out.
pub(super) fn outermost(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.sort_by_key(|one| (one.period.start.at, std::cmp::Reverse(one.period.end.at)));
    let mut outer: Vec<Stretch> = Vec::new();
    for one in stretches {
        if outer.last().is_none_or(|last| last.period.end.at <= one.period.start.at) {
            outer.push(one);
        }
    }
    outer
}

/// The plan a line was rated by.
fn plan_of(line: &Line) -> Option<String> {
    let place = line.explanation.steps.iter().find_map(|step| match step {
        Step::Tariff { place, .. } | Step::Price { place, .. } => Some(place.as_str()),
        _ => None,
    })?;
    plan_at(place).map(str::to_owned)
}

/// The cycle whose price a line charged.
pub(super) fn cycle_of(subscription: &Subscription, film: &Film, line: &Line) -> Cycle {
    said_cycle(line).or_else(|| film.cycle(line.period)).unwrap_or(subscription.schedule.cycle)
}

fn said_cycle(line: &Line) -> Option<Cycle> {
    let steps = &line.explanation.steps;
    let every = steps.iter().find_map(|step| match step {
        Step::Price { every, .. } => Cycle::parse(every.as_deref()?).ok(),
        Step::Tariff { price, .. } => price.when.cycle(),
        _ => None,
    })?;
    let months = steps.iter().find_map(|step| match step {
        Step::Months { months } => u16::try_from(*months).ok(),
        _ => None,
    });
    // A price by the month in a longer period.
    months.map_or(Some(every), |months| Cycle::new(CycleUnit::Month, months).ok())
}

/// The share of a full period a line charged.
pub(super) fn share_of(subscription: &Subscription, film: &Film, unit: ProrationUnit, line: &Line) -> Share {
    let steps = &line.explanation.steps;
    let said = steps.iter().find_map(|step| match step {
        Step::Share { unit, part, whole } => Some(Share::Part { unit: *unit, part: *part, whole: *whole }),
        _ => None,
    });
    let restored = || steps.iter().any(|step| matches!(step, Step::Restored { .. }));
    match said {
        Some(share) => share,
        None if restored() => {
            let whole = film.whole(subscription, line.period, cycle_of(subscription, film, line));
            Share::of(unit, &subscription.schedule.zone, line.period, whole)
        }
        None => Share::Whole,
    }
}
