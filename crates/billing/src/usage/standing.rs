//! What is known of the usage of a subscription that is not billed yet, and what it comes to so far.

use std::collections::BTreeSet;

use catalog::{
    Meter, TrialUsage,
    version::{self, Version},
};
use kernel::{Error, Money, Period, Result, ids::SubscriptionId};
use store::View;

use super::{
    known,
    model::{Figure, Figures, Groups, Posted},
    ops,
};
use crate::{
    invoice::{ChargeKind, Line},
    subscription::{
        self, State, Subscription,
        rules::arrears::{self, Usage},
    },
};

/// The usage of a subscription that is not billed yet.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whose it is.
    pub subscription: Subscription,
    /// Whether it will be billed: not what is used in a trial, unless the price book says so.
    pub billable: bool,
    /// One for each usage price, and for each meter a fee looks at; none while nothing is counted.
    pub open: Vec<Open>,
}

/// The stretch of one usage price, or of a meter a fee looks at, that is not billed yet.
#[derive(Clone, Debug)]
pub struct Open {
    /// The key figures are posted under.
    pub key: String,
    /// What it is called on invoices.
    pub name: String,
    /// What is measured.
    pub meter: Meter,
    /// From when to when it is counted; it is billed at its end.
    pub period: Period,
    /// The figure there is.
    pub posted: Option<Posted>,
    /// The lines the figure makes when the stretch ends with it, before coupons and before what of it was billed early.
    /// None while it is not complete.
    pub lines: Vec<Line>,
}

impl Standing {
    /// What everything open comes to so far, before coupons. Errors: `amount_out_of_range`.
    pub fn so_far(&self) -> Result<Money> {
        let lines = self.open.iter().flat_map(|open| &open.lines);
        Money::total(lines.map(|line| line.amount), self.subscription.currency)
    }
}

/// The usage of a subscription that is not billed yet.
///
/// Errors: `not_found`; those of rating.
pub fn standing(view: &mut View<'_>, id: SubscriptionId) -> Result<Standing> {
    let subscription = subscription::find(view, id)?;
    let version = version::find(view, subscription.book)?;
    let trial = subscription.state == State::Trialing;
    let billable = !trial || version.book.billing.trial_usage == TrialUsage::Billed;
    if subscription.is_over() || subscription.state == State::Paused {
        return Ok(Standing { subscription, billable, open: Vec::new() });
    }
    let lines = if billable {
        let (usage, _) = known::of_one(view, &subscription, &version)?;
        as_it_stands(&subscription, &version, usage)?
    } else {
        Vec::new()
    };
    let mut open = Vec::new();
    for key in arrears::expected(&subscription, &version) {
        open.push(open_of(view, &subscription, &version, key, &lines)?);
    }
    Ok(Standing { billable, open, subscription })
}

/// The lines the open stretches make when they end as the figures are now, as far as these are complete.
///
/// Errors: those of rating.
pub(super) fn as_it_stands(
    subscription: &Subscription,
    version: &Version,
    mut usage: Usage,
) -> Result<Vec<Line>> {
    let unknown = incomplete(&usage.figures, version, subscription.plan());
    usage.figures.retain(|key, _| !unknown.contains(key));
    let mut lines = arrears::as_it_stands(subscription, version, &usage)?;
    lines.retain(|line| line.kind != ChargeKind::Usage || !unknown.contains(&line.key));
    Ok(lines)
}

/// The usage prices whose figure is not complete: they cannot be billed, nor foreseen.
fn incomplete(figures: &Figures, version: &Version, plan: &str) -> BTreeSet<String> {
    let prices = version.book.plan(plan).map_or(&[][..], |plan| &plan.usage);
    let missing = |groups: &Groups| groups.values().any(|figure| *figure == Figure::Incomplete);
    let known = prices.iter().filter(|price| figures.get(&price.key).is_some_and(missing));
    known.map(|price| price.key.clone()).collect()
}

fn open_of(
    view: &mut View<'_>,
    subscription: &Subscription,
    version: &Version,
    key: &str,
    lines: &[Line],
) -> Result<Open> {
    let plan = version.book.plan(subscription.plan());
    let usage = plan.and_then(|plan| plan.usage.iter().find(|usage| usage.key == key));
    let meter = version.book.meter(usage.map_or(key, |usage| usage.meter.as_str()));
    let meter = meter.ok_or_else(|| Error::internal(format!("the meter of {key} is gone")))?.clone();
    let period = arrears::open_period(subscription, version, key);
    let posted = ops::of_stretch(view, subscription.id, period.start.at)?;
    Ok(Open {
        key: key.to_owned(),
        name: usage.map_or_else(|| meter.name.clone(), |usage| usage.name.clone()),
        period,
        posted: posted.into_iter().find(|figure| figure.key == key),
        lines: lines.iter().filter(|line| line.amount_is_of(key)).cloned().collect(),
        meter,
    })
}
