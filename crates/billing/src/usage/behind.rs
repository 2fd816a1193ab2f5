//! From a line of an invoice to the events behind it.

use std::sync::Arc;

use catalog::version::{self, Version};
use jiff::Timestamp;
use kernel::{
    Edge, Error, Exact, Period, Result,
    ids::{CustomerId, InvoiceId, SubscriptionId},
};
use metering::{
    event::Meter,
    usage::{self as log, Addressed, Cursor, Dimensions, Span, Subject},
};
use rating::Step;
use store::View;

use super::{
    billed::as_billed,
    measure::{Known, group_name, log_place, meter_of},
};
use crate::{
    invoice,
    subscription::{self, Subscription},
};

/// Which events a line was measured from.
#[derive(Clone, Debug)]
pub struct Behind {
    version: Arc<Version>,
    plan: String,
    key: String,
    group: String,
    customer: CustomerId,
    subscription: SubscriptionId,
    unnamed: Option<Arc<[Span]>>,
    span: Span,
    /// As of when it was measured, where that was before the span's end.
    stands_until: Option<Timestamp>,
    as_of: Option<i64>,
}

/// Which events the line at a place of an invoice was measured from, at the place of the log it was billed at.
///
/// Errors: `not_found`, `line_not_metered`.
pub fn behind(view: &mut View<'_>, id: InvoiceId, ordinal: i64) -> Result<Behind> {
    let (invoice, lines) = (invoice::find(view, id)?, invoice::lines(view, id)?);
    let line = lines.into_iter().find(|line| line.ordinal == ordinal);
    let line = line.ok_or_else(|| Error::not_found("line of this invoice"))?;
    let known = Known::load(view, vec![invoice.customer])?;
    let subscription = subscription::find(view, line.subscription)?;
    let (was, version) = match as_billed(view, &subscription, &line)? {
        Some(billed) => billed,
        None => {
            let version = version::find(view, subscription.book)?;
            (subscription, version)
        }
    };
    of_line(&known, Arc::new(was), version, &line)
}

/// The same of a line that was read, by its subscription as it was when the line was rated.
///
/// Errors: `line_not_metered`.
pub(super) fn of_line(
    known: &Known,
    subscription: Arc<Subscription>,
    version: Arc<Version>,
    line: &invoice::Line,
) -> Result<Behind> {
    let key = priced_by(&version, subscription.plan(), line).ok_or_else(not_metered)?;
    let watermark = line.explanation.steps.iter().find_map(|step| match step {
        Step::UpTo { watermark } => Some(log_place(watermark)),
        _ => None,
    });
    // A figure that somebody posted by hand has no events.
    let as_of = match watermark {
        Some(None) => return Err(not_metered()),
        Some(place) => place,
        None => None,
    };
    let plan = plan_with(&version, subscription.plan(), &key);
    let (start, early) = (line.period.start, line.explanation.early_until());
    // What is billed early is everything counted by then, also with a time that was ahead of it.
    let end = early.map_or(line.period.end, |until| Edge { at: until, ..line.period.end });
    let unnamed = known.unnamed(&subscription, meter_of(&version, &plan, &key), Period { start, end });
    Ok(Behind {
        plan,
        version,
        key,
        group: line.group.clone(),
        customer: subscription.customer,
        subscription: subscription.id,
        unnamed,
        span: Span::new(start.at, end.at),
        stands_until: early.map(|_| line.period.end.at),
        as_of,
    })
}

/// The key figures of a line are posted under.
fn priced_by(version: &Version, plan: &str, line: &invoice::Line) -> Option<String> {
    let plans = version.book.plans.iter().filter(|one| one.key == plan).chain(&version.book.plans);
    let mut keys = plans.flat_map(|plan| &plan.usage).map(|usage| usage.key.as_str());
    let meters = version.book.meters.iter().map(|meter| meter.key.as_str());
    keys.find(|key| line.amount_is_of(key))
        .or_else(|| meters.into_iter().find(|key| line.amount_is_of(key)))
        .map(str::to_owned)
}

/// The plan that has the usage price: the subscription's, or the one it had.
fn plan_with(version: &Version, plan: &str, key: &str) -> String {
    let has = |plan: &&catalog::Plan| plan.usage.iter().any(|usage| usage.key == key);
    let own = version.book.plans.iter().filter(|one| one.key == plan).find(has);
    own.or_else(|| version.book.plans.iter().find(has)).map_or(plan, |plan| plan.key.as_str()).to_owned()
}

fn not_metered() -> Error {
    let detail = "No events are behind this line: it charges a fee, or its figure was posted by hand.";
    Error::conflict("line_not_metered", detail)
}

impl Behind {
    /// The place of the log the line was billed at; none where it does not say one.
    pub(super) const fn place(&self) -> Option<i64> {
        self.as_of
    }

    /// The key its figures are posted under.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The meter that was looked at.
    ///
    /// Errors: `line_not_metered`.
    pub fn meter(&self) -> Result<Meter> {
        let key = meter_of(&self.version, &self.plan, &self.key);
        let meter = self.version.book.meter(key).ok_or_else(not_metered)?;
        Ok(Meter::of(&self.version.book, meter))
    }

    /// The events, read in the usage database: at least `limit` when there are so many, and where to go on.
    pub fn events(
        &self,
        view: &mut View<'_>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Addressed, Option<Cursor>)> {
        let (meter, select) = (self.meter()?, self.select());
        log::events(view, self.subject(&meter), select, self.span, self.as_of, after, limit)
    }

    /// What the events come to, at the place of the log the line was billed at; what stands at the end of them stands
    /// until `due`, when the line was billed.
    ///
    /// Errors: `line_not_metered`.
    pub fn total(&self, view: &mut View<'_>, due: Timestamp) -> Result<Exact> {
        let (meter, select) = (self.meter()?, self.select());
        let until = self.stands_until.unwrap_or(due);
        let groups = log::figures(view, self.subject(&meter), select, &[], self.span, until, self.as_of)?;
        Ok(groups.into_iter().next().map_or_else(Exact::zero, |group| group.figure.value))
    }

    fn subject<'m>(&'m self, meter: &'m Meter) -> Subject<'m> {
        let (customer, subscription) = (self.customer, Some(self.subscription));
        Subject { customer, subscription, unnamed: self.unnamed.as_deref(), meter }
    }

    /// Which dimensions events of the line have.
    fn select(&self) -> impl Fn(&Dimensions) -> bool {
        let plan = self.version.book.plan(&self.plan);
        let usage = plan.and_then(|plan| plan.usage.iter().find(|usage| usage.key == self.key));
        move |dimensions: &Dimensions| {
            let (Some(plan), Some(usage)) = (plan, usage) else { return true };
            let value = |name: &str| dimensions.get(name).map(String::as_str);
            plan.usage_for(&usage.meter, value).is_some_and(|found| found.key == usage.key)
                && (usage.group_by.is_empty() || group_name(&usage.group_by, dimensions) == self.group)
        }
    }
}
