//! What a subscription owes for a stretch of time that is over: fees in arrears, usage, and what is missing to the
//! minimum. Pure.
//!
//! A stretch runs from the edge arrears are billed to up to the end of the period, or up to a change of the prices:
//! tiers, packages, allowances and minimums restart with the new price (domain rules §5).

use std::collections::BTreeMap;

use catalog::{PayIn, Plan, Price, Thresholds, UsagePrice, version::Version};
use jiff::Timestamp;
use kernel::{Cycle, Edge, Error, Money, Period, ProrationUnit, Result, Schedule};
use metering::double::Settled;
use rating::{Allowance, Commitment, Metered, Rated, Share, rate_again, rate_metered, true_up};

use super::{
    Owed, Renewal,
    allowance::allowance,
    charge,
    late::{correct, gross_left, over_nothing},
    priced, section, share_of, tax_category,
};
use crate::{
    credit_note::Running,
    invoice::{ChargeKind, Line},
    subscription::model::{Item, ItemKind, Rhythm, State, Subscription},
    usage::{Figure, Figures, Groups, measured_by, settled},
};

/// What is known of the open stretch of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// What was measured.
    pub figures: Figures,
    /// The last event in a figure, where that was said.
    pub watermarks: BTreeMap<String, String>,
    /// The lines that billed some of it early.
    pub billed: Vec<Running>,
    /// The fees in advance billed for the stretch, before coupons and less credits; only looked at for a minimum.
    pub fees: Money,
}

impl Usage {
    /// Nothing.
    pub fn none(currency: kernel::Currency) -> Self {
        Self {
            figures: Figures::new(),
            watermarks: BTreeMap::new(),
            billed: Vec::new(),
            fees: Money::zero(currency),
        }
    }
}

impl Usage {
    /// What is known after an edge that was passed: fees that were billed for the period that began, or usage that was
    /// billed within one. Its invoices need not be stored.
    pub(crate) fn after(&self, before: &Subscription, version: &Version, renewal: &Renewal) -> Result<Self> {
        let lines = renewal.owed.lines.iter();
        if renewal.subscription.period != before.period {
            let fees = lines.filter(|line| line.kind == ChargeKind::Recurring);
            let fees = fees.map(|line| line.amount.checked_add(line.discount)).collect::<Result<Vec<_>>>()?;
            let fees = Money::total(fees, before.currency)?;
            return Ok(Self { fees, ..Self::none(before.currency) });
        }
        let mut after = self.clone();
        let over = before.rhythm.map(|rhythm| rhythm.stretch);
        after.figures.retain(|key, _| Some(open_period(before, version, key)) != over);
        let none = kernel::Id::from_uuid(uuid::Uuid::nil());
        after.billed.extend(lines.filter(|line| line.kind == ChargeKind::Usage).map(|line| Running {
            invoice: none,
            state: crate::invoice::State::Finalized,
            entity: before.entity,
            customer: before.customer,
            line: line.clone(),
            credited: Money::zero(before.currency),
            credited_tax: Money::zero(before.currency),
        }));
        Ok(after)
    }
}

/// Whether a price is paid at the end of its period.
pub(super) fn in_arrears(price: &Price) -> bool {
    price.pay_in == PayIn::Arrears || price.meter().is_some()
}

/// Whether a subscription can owe anything at the end of a stretch.
pub fn has_arrears(subscription: &Subscription, version: &Version) -> bool {
    let cycle = subscription.schedule.cycle;
    let plan = version.book.plan(subscription.plan());
    let fees = || {
        subscription.active_items().any(|item| {
            priced(version, item, cycle, subscription).is_ok_and(|priced| in_arrears(&priced.price))
        })
    };
    let usage = plan.is_some_and(|plan| !plan.usage.is_empty());
    usage || has_minimum(subscription, version) || fees()
}

/// Whether the periods of a subscription have a minimum, so that the fees of a stretch count.
pub fn has_minimum(subscription: &Subscription, version: &Version) -> bool {
    subscription.agreement.minimum.is_some()
        || version.book.plan(subscription.plan()).is_some_and(|plan| !plan.minimum.is_empty())
}

/// From when on what was billed counts for the open stretch: without proration a period is one whatever changes in it.
pub fn counted_from(subscription: &Subscription, version: &Version) -> Timestamp {
    let from = subscription.arrears_from.at;
    match version.book.billing.proration {
        ProrationUnit::None => from.min(subscription.period.start.at),
        _ => from,
    }
}

/// When the usage of a subscription is billed before its period's end.
pub fn thresholds<'v>(subscription: &Subscription, version: &'v Version) -> Option<&'v Thresholds> {
    version.book.plan(subscription.plan())?.thresholds_in(subscription.currency)
}

/// The usage lines of the open stretch as they are at `at`, before coupons, when nothing of it had been billed.
///
/// Errors: those of rating.
pub fn so_far(subscription: &Subscription, version: &Version, usage: &Usage, at: Edge) -> Result<Vec<Line>> {
    let usage = &Usage { billed: Vec::new(), ..usage.clone() };
    Ok(close_usage(subscription, version, usage, at)?.lines)
}

/// The lines the open stretches make when they end as the figures are now: usage and, but for a trial, fees that are
/// paid in arrears; before coupons, when nothing of it had been billed.
///
/// Errors: those of rating.
pub fn as_it_stands(subscription: &Subscription, version: &Version, usage: &Usage) -> Result<Vec<Line>> {
    let usage = &Usage { billed: Vec::new(), ..usage.clone() };
    let mut owed = Owed::default();
    let rhythm = subscription.rhythm.map(|rhythm| (Of::Rhythm(rhythm), rhythm.stretch.end));
    for (of, at) in rhythm.into_iter().chain([(Of::Period, subscription.billed_through)]) {
        let stretch = Stretch { subscription, version, usage, at, of };
        let fees = of == Of::Period && subscription.state != State::Trialing;
        if fees && !stretch.period().is_empty() {
            let share = stretch.share()?;
            for item in subscription.active_items() {
                owed.lines.extend(stretch.fee(item, share)?);
            }
        }
        stretch.usage(&mut owed, &mut Vec::new())?;
    }
    Ok(owed.lines)
}

/// What is to be billed at once, when the usage of the open stretch has reached the next threshold of the plan: all
/// of it that was not billed before.
///
/// Errors: those of rating.
pub fn reached(
    subscription: &Subscription,
    version: &Version,
    usage: &Usage,
    at: Edge,
) -> Result<Option<Owed>> {
    let Some(thresholds) = thresholds(subscription, version) else { return Ok(None) };
    let currency = subscription.currency;
    let all = so_far(subscription, version, usage, at)?;
    let all = Money::total(all.iter().map(|line| line.amount), currency)?;
    let open = |one: &&Running| {
        one.line.kind == ChargeKind::Usage
            && one.line.period.start == open_from(subscription, version, &one.line.key)
    };
    let before: Vec<&Running> = usage.billed.iter().filter(open).collect();
    let billed = gross_left(&before, currency)?;
    let Some(next) = thresholds.next_after(billed).filter(|next| all.minor() >= next.minor()) else {
        return Ok(None);
    };
    let mut owed = close_usage(subscription, version, usage, at)?;
    for line in &mut owed.lines {
        let end = open_period(subscription, version, &line.key).end;
        line.explanation = line.explanation.clone().early(next, end);
    }
    Ok(Some(owed))
}

/// The keys figures are expected under: usage prices of the plan, and meters that fees look at.
pub fn expected<'v>(subscription: &Subscription, version: &'v Version) -> Vec<&'v str> {
    let plan = version.book.plan(subscription.plan());
    let mut keys: Vec<&str> =
        plan.iter().flat_map(|plan| &plan.usage).map(|usage| usage.key.as_str()).collect();
    let prices = subscription.active_items().flat_map(|item| match item.kind {
        ItemKind::Plan => version.book.plan(&item.key).map_or(&[][..], |plan| &plan.prices),
        ItemKind::Addon => version.book.addon(&item.key).map_or(&[][..], |addon| &addon.prices),
    });
    keys.extend(prices.filter_map(Price::meter));
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The rhythm of the plan's usage that has a cycle of its own, from an edge on.
///
/// Errors: `usage_cycles_mixed` when there are several; `time_out_of_range`.
pub(super) fn rhythm(subscription: &Subscription, version: &Version, from: Edge) -> Result<Option<Rhythm>> {
    let Some(plan) = version.book.plan(subscription.plan()) else { return Ok(None) };
    let mut cycles: Vec<Cycle> =
        plan.usage.iter().filter_map(|usage| own_cycle(subscription, usage)).collect();
    cycles.dedup();
    let cycle = match cycles.as_slice() {
        [] => return Ok(None),
        [cycle] => *cycle,
        _ => {
            let detail = format!("The usage of {} is billed by more than one cycle of its own.", plan.name);
            return Err(Error::conflict("usage_cycles_mixed", detail).at("/plan"));
        }
    };
    let schedule = Schedule { cycle, ..subscription.schedule.clone() };
    let stretch = Period { start: from, end: schedule.next_edge_from(from)? };
    Ok(Some(Rhythm { cycle, stretch, peak: subscription.plan_quantity() }))
}

/// The cycle of a usage price that is not the subscription's.
fn own_cycle(subscription: &Subscription, usage: &UsagePrice) -> Option<Cycle> {
    let cycle = usage.price_in(subscription.currency)?.when.cycle()?;
    (cycle != subscription.schedule.cycle).then_some(cycle)
}

/// When the stretch began that a figure under `key` belongs to, which is not billed yet.
pub fn open_from(subscription: &Subscription, version: &Version, key: &str) -> Edge {
    open_period(subscription, version, key).start
}

/// The stretch a figure under `key` belongs to that is not billed yet, with the edge that will bill it.
pub fn open_period(subscription: &Subscription, version: &Version, key: &str) -> Period {
    let plan = version.book.plan(subscription.plan());
    let usage = plan.and_then(|plan| plan.usage.iter().find(|usage| usage.key == key));
    let own = usage.and_then(|usage| own_cycle(subscription, usage)).and(subscription.rhythm);
    let period = Period { start: subscription.arrears_from, end: subscription.billed_through };
    own.map_or(period, |rhythm| rhythm.stretch)
}

/// What of a subscription a stretch is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Fees in arrears, usage that follows the plan's cycle, and the minimum.
    Period,
    /// Usage that has a cycle of its own.
    Rhythm(Rhythm),
}

/// A stretch that ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch<'a> {
    pub(super) subscription: &'a Subscription,
    pub(super) version: &'a Version,
    pub(super) usage: &'a Usage,
    /// Its end.
    pub(super) at: Edge,
    pub(super) of: Of,
}

/// Everything owed for the stretches of a subscription that end at `at`: usage with a cycle of its own first, because
/// the minimum counts it.
///
/// Errors: those of rating.
pub(super) fn close(subscription: &Subscription, version: &Version, usage: &Usage, at: Edge) -> Result<Owed> {
    let rhythm = subscription.rhythm.map(Of::Rhythm);
    let mut owed = Owed::default();
    for of in rhythm.into_iter().chain([Of::Period]) {
        let stretch = Stretch { subscription, version, usage, at, of };
        stretch.close(&mut owed)?;
    }
    Ok(owed)
}

/// What is owed for usage alone, as far as it is not billed yet: at a threshold, or at the end of a trial whose usage
/// counts.
pub(super) fn close_usage(
    subscription: &Subscription,
    version: &Version,
    usage: &Usage,
    at: Edge,
) -> Result<Owed> {
    let rhythm = subscription.rhythm.map(Of::Rhythm);
    let mut owed = Owed::default();
    for of in rhythm.into_iter().chain([Of::Period]) {
        Stretch { subscription, version, usage, at, of }.usage(&mut owed, &mut Vec::new())?;
    }
    Ok(owed)
}

impl Stretch<'_> {
    fn period(&self) -> Period {
        let start = match self.of {
            Of::Period => self.subscription.arrears_from,
            Of::Rhythm(rhythm) => rhythm.stretch.start,
        };
        Period { start, end: self.at }
    }

    /// How much of a full period it is.
    fn share(&self) -> Result<Share> {
        let Subscription { schedule, period, .. } = self.subscription;
        let (full, running) = match self.of {
            Of::Period => (schedule.period_at(period.start.at)?, *period),
            Of::Rhythm(Rhythm { cycle, stretch, .. }) => {
                (Schedule { cycle, ..schedule.clone() }.period_at(stretch.start.at)?, stretch)
            }
        };
        let full = if full.end == running.end { full } else { running };
        Ok(share_of(self.version, self.subscription, self.period(), full))
    }

    /// Everything owed for it, in order: fees, usage, the minimum. Nothing when it has no length.
    pub(super) fn close(&self, owed: &mut Owed) -> Result<()> {
        if self.period().is_empty() {
            return Ok(());
        }
        let mut whole = Vec::new();
        if self.of == Of::Period {
            let share = self.share()?;
            for item in self.subscription.active_items() {
                let fee = self.fee(item, share)?;
                whole.extend(fee.as_ref().map(|line| line.amount));
                let meter = fee.as_ref().and_then(measured_by);
                owed.settled.extend(meter.and_then(|meter| self.settled(meter, meter)));
                owed.lines.extend(fee);
            }
            whole.extend(
                owed.lines.iter().filter(|line| line.kind == ChargeKind::Usage).map(|line| line.amount),
            );
        }
        self.usage(owed, &mut whole)?;
        if let (Of::Period, Some(plan)) = (self.of, self.version.book.plan(self.subscription.plan())) {
            let line = self.minimum(plan, self.share()?, whole)?;
            owed.lines.extend(line);
        }
        Ok(())
    }

    /// The lines of its usage, as far as they are not billed yet; what they come to in all is added to `whole`.
    fn usage(&self, owed: &mut Owed, whole: &mut Vec<Money>) -> Result<()> {
        let Some(plan) = self.version.book.plan(self.subscription.plan()) else { return Ok(()) };
        let own = self.of != Of::Period;
        let mine = plan.usage.iter().filter(|usage| own_cycle(self.subscription, usage).is_some() == own);
        if self.period().is_empty() {
            return Ok(());
        }
        let share = self.share()?;
        for usage in mine {
            owed.add(self.used(plan, usage, share, whole)?);
            owed.settled.extend(self.settled(&usage.key, &usage.meter));
        }
        Ok(())
    }

    /// What is settled with the stretch of the figure under a key, which a meter measured.
    fn settled(&self, key: &str, meter: &str) -> Option<Settled> {
        let groups = self.usage.figures.get(key)?;
        let watermark = self.usage.watermarks.get(key)?;
        settled(self.version.book.meter(meter)?, key, self.period().start.at, groups, watermark)
    }

    fn blank(&self, kind: ChargeKind, key: &str, description: &str, rated: Rated) -> Line {
        let zero = Money::zero(self.subscription.currency);
        Line {
            ordinal: 0,
            subscription: self.subscription.id,
            item: 0,
            kind,
            key: key.to_owned(),
            group: String::new(),
            adjustment: 0,
            description: description.to_owned(),
            period: self.period(),
            quantity: 1,
            measured: None,
            discount: zero,
            amount: rated.amount,
            tax: zero,
            tax_category: self.version.book.billing.tax.to_string(),
            explanation: rated.explanation,
        }
    }

    /// The fee of an item that is paid in arrears.
    fn fee(&self, item: &Item, share: Share) -> Result<Option<Line>> {
        let Self { subscription, version, .. } = self;
        let priced = priced(version, item, subscription.schedule.cycle, subscription)?;
        if !in_arrears(&priced.price) {
            return Ok(None);
        }
        let place = section(item);
        let (rated, measured) = match priced.price.meter() {
            None => (charge(&priced, &place, version, item, share)?, None),
            Some(meter) => {
                let figure = self.usage.figures.get(meter).and_then(|groups| groups.get(""));
                let figure = figure.unwrap_or(&Figure::Incomplete);
                let metered = Metered {
                    name: priced.name,
                    place: &place,
                    book: version.number,
                    price: &priced.price,
                    measured: &figure.measured(),
                    allowance: None,
                    share,
                    minimums: version.book.billing.minimums,
                };
                let mut rated = rate_metered(&metered)?;
                if let Some(watermark) = self.usage.watermarks.get(meter) {
                    rated.explanation = rated.explanation.measured_up_to(watermark);
                }
                (rated, figure.total())
            }
        };
        let line = self.blank(ChargeKind::Arrears, &item.key, priced.name, rated);
        let tax_category = tax_category(version, item);
        Ok(Some(Line { item: item.ordinal, quantity: item.quantity, measured, tax_category, ..line }))
    }

    /// The lines of one usage price: one for each group, and one of zero when nothing was measured, so that a late
    /// figure finds what it is rated by.
    fn used(&self, plan: &Plan, usage: &UsagePrice, share: Share, whole: &mut Vec<Money>) -> Result<Owed> {
        let mut owed = Owed::default();
        let Some(price) = usage.price_in(self.subscription.currency) else { return Ok(owed) };
        let price = self.subscription.agreement.price(&usage.key, price)?;
        let nothing = Groups::from([(String::new(), Figure::zero())]);
        let groups =
            self.usage.figures.get(&usage.key).filter(|groups| !groups.is_empty()).unwrap_or(&nothing);
        let allowance = self.allowance(plan, usage);
        let place = format!("plans.{}.usage.{}", plan.key, usage.key);
        for (group, figure) in groups {
            let metered = Metered {
                name: &usage.name,
                place: &place,
                book: self.version.number,
                price: &price,
                measured: &figure.measured(),
                allowance: allowance.as_ref(),
                share,
                minimums: self.version.book.billing.minimums,
            };
            let early: Vec<&Running> = self
                .usage
                .billed
                .iter()
                .filter(|one| one.line.kind == ChargeKind::Usage && one.line.key == usage.key)
                .filter(|one| one.line.group == *group && one.line.period.start == self.period().start)
                .collect();
            let mut rated = rate_metered(&metered)?;
            whole.push(rated.amount);
            if !early.is_empty() {
                rated = rate_again(&metered, gross_left(&early, self.subscription.currency)?)?;
            }
            let description = match group.as_str() {
                "" => usage.name.clone(),
                group => format!("{}, {group}", usage.name),
            };
            if let Some(watermark) = self.usage.watermarks.get(&usage.key) {
                rated.explanation = rated.explanation.measured_up_to(watermark);
            }
            let line = self.blank(ChargeKind::Usage, &usage.key, &description, rated.clone());
            let tax_category = self.version.book.usage_tax(plan, usage).to_string();
            let line = Line { group: group.clone(), measured: figure.total(), tax_category, ..line };
            let more = correct(line.clone(), rated, &early)?;
            if more.lines.is_empty() {
                owed.unbilled.push(over_nothing(line, &early));
            }
            owed.add(more);
        }
        Ok(owed)
    }

    /// What the plan includes of a usage price, with what add-ons put on top.
    fn allowance(&self, plan: &Plan, usage: &UsagePrice) -> Option<Allowance> {
        let peak = match self.of {
            Of::Period => self.subscription.peak,
            Of::Rhythm(rhythm) => rhythm.peak,
        };
        allowance(&self.version.book, plan, usage, peak, self.subscription.active_items())
    }

    /// What the stretch is short of the minimum.
    fn minimum(&self, plan: &Plan, share: Share, mut billed: Vec<Money>) -> Result<Option<Line>> {
        let Self { subscription, version, .. } = self;
        let (cycle, currency) = (subscription.schedule.cycle, subscription.currency);
        let agreed = subscription.agreement.minimum.map(|amount| {
            Price::new(catalog::When::Every(cycle), currency, catalog::PriceKind::Flat { amount })
        });
        let book = plan.minimum_for(cycle, currency);
        let agreed = agreed.as_ref().map(|price| catalog::AddonPrice {
            price,
            unit_price: price.amount(),
            months_factor: 1,
        });
        let Some(minimum) = agreed.or(book) else { return Ok(None) };
        billed.push(self.usage.fees);
        // Usage with a cycle of its own that was billed since the period began.
        let own = |one: &&Running| {
            plan.usage
                .iter()
                .any(|usage| usage.key == one.line.key && own_cycle(subscription, usage).is_some())
                && one.line.kind == ChargeKind::Usage
        };
        // Without proration a change bills usage, and the minimum is still that of the whole period.
        let before = |one: &&Running| {
            one.line.kind == ChargeKind::Usage && one.line.period.start.at < self.period().start.at
        };
        let earlier: Vec<&Running> = self.usage.billed.iter().filter(|one| own(one) || before(one)).collect();
        billed.push(gross_left(&earlier, currency)?);
        let billed = Money::total(billed, currency)?;
        let prorated = version.book.billing.minimums == catalog::Minimums::Prorated;
        let commitment = Commitment {
            name: &plan.name,
            place: &format!("plans.{}.minimum", plan.key),
            book: version.number,
            minimum,
            share: if prorated { share } else { Share::Whole },
            billed,
        };
        let rated = true_up(&commitment)?;
        let description = format!("{}, up to the minimum", plan.name);
        let line = self.blank(ChargeKind::Minimum, &plan.key, &description, rated);
        Ok(Some(Line { tax_category: version.book.plan_tax(plan).to_string(), ..line }))
    }
}
