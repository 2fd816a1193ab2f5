//! Rating what was billed again.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

use catalog::{AddonPrice, Minimums, Plan, Price, PriceKind, UsagePrice, When};
use jiff::Timestamp;
use kernel::{Currency, Cycle, Money, Period, ProrationUnit, Quantity, Result};
use metering::usage::{self as log, Charged, Span};
use rating::{Charge, Commitment, Metered, Share, rate, rate_metered, true_up};
use store::View;

use super::{
    OfCustomer, Other, Simulation, Sums,
    past::{Billed, Page, Past, Run},
    rules::{Stretch, cycle_of, outermost, periods_of_plans, share_of, stretches_of_usage},
};
use crate::{
    invoice::{ChargeKind, Line},
    subscription::rules::allowance,
    usage::{measured_by, not_below_zero},
};

/// Where what is rated here stands, as far as anybody asks.
const PLACE: &str = "simulated";

/// Some customers again, measured in the usage database.
///
/// Errors: those of rating.
pub(super) fn page(view: &mut View<'_>, other: &Other, page: &Page) -> Result<Simulation> {
    let mut again = Again { view, other, page, simulation: Simulation::default() };
    page.customers.iter().try_for_each(|past| again.customer(past))?;
    Ok(again.simulation)
}

struct Again<'a, 'v> {
    view: &'a mut View<'v>,
    other: &'a Other,
    page: &'a Page,
    simulation: Simulation,
}

/// A fee again.
struct Fee<'l> {
    billed: &'l Billed,
    /// Before anything was credited.
    whole: Money,
    /// Whether it was measured again: what came late is in it, so that nothing is taken off for that.
    measured: bool,
}

impl Fee<'_> {
    /// What it comes to, less what was credited by an instant.
    fn left(&self, by: Timestamp) -> Result<Money> {
        if self.measured { Ok(self.whole) } else { self.billed.left_of(self.whole, by) }
    }
}

/// Usage that was rated again.
struct Used {
    period: Period,
    amount: Money,
}

impl Again<'_, '_> {
    fn customer(&mut self, past: &Past) -> Result<()> {
        let mut sums: BTreeMap<Currency, (Sums, u64)> = BTreeMap::new();
        for run in &past.subscriptions {
            let currency = run.subscription.currency;
            let (sums, kept) = sums.entry(currency).or_insert((Sums::zero(currency), 0));
            sums.add(self.run(run, kept)?)?;
        }
        for (currency, (sums, kept)) in sums {
            self.simulation.totals.entry(currency).or_insert(Sums::zero(currency)).add(sums)?;
            self.simulation.customers.push(OfCustomer { customer: past.customer, sums, kept });
        }
        Ok(())
    }

    fn run(&mut self, run: &Run, kept: &mut u64) -> Result<Sums> {
        let currency = run.subscription.currency;
        let lines = run.lines.iter().filter(|one| one.line.kind != ChargeKind::OneOff);
        let billed = lines.map(Billed::gross_left).collect::<Result<Vec<_>>>()?;
        self.simulation.lines += billed.len() as u64;
        let fees = self.fees(run, kept)?;
        let (stretches, mut periods) = (stretches_of_usage(&run.lines), periods_of_plans(&run.lines));
        let used = self.usage(run, &stretches, &periods)?;
        periods.extend(stretches);
        let more = self.minimums(run, periods, &fees, &used)?;
        let fees = fees.iter().map(|fee| fee.left(Timestamp::MAX)).collect::<Result<Vec<_>>>()?;
        let fees = Money::total(fees, currency)?;
        let used = Money::total(used.iter().map(|used| used.amount), currency)?;
        let would_be = fees.checked_add(used)?.checked_add(more)?;
        Ok(Sums { billed: Money::total(billed, currency)?, would_be })
    }

    /// The fees of a subscription again; `kept` counts those that stand as they were billed.
    fn fees<'l>(&mut self, run: &'l Run, kept: &mut u64) -> Result<Vec<Fee<'l>>> {
        let (mut fees, mut stretches) = (Vec::new(), HashSet::new());
        for billed in &run.lines {
            let line = &billed.line;
            if !matches!(line.kind, ChargeKind::Recurring | ChargeKind::Arrears) {
                continue;
            }
            let (whole, measured) = match self.fee(run, line)? {
                Ok(again) if measured_by(line).is_some() => {
                    // One that came late is of the stretch it began with, which is measured once.
                    let first = stretches.insert((line.item, &line.key, line.period.start.at));
                    (if first { again } else { Money::zero(again.currency()) }, true)
                }
                Ok(again) => (again, false),
                Err(reason) => {
                    *kept += 1;
                    *self.simulation.kept.entry(reason).or_default() += 1;
                    (billed.gross()?, false)
                }
            };
            fees.push(Fee { billed, whole, measured });
        }
        Ok(fees)
    }

    /// A fee again, before coupons; or why it stands as it was.
    fn fee(&mut self, run: &Run, line: &Line) -> Result<Result<Money, &'static str>> {
        let (other, subscription) = (self.other, &run.subscription);
        if !subscription.agreement.is_empty() {
            return Ok(Err("agreed"));
        }
        let (cycle, currency) = (cycle_of(subscription, &run.film, line), subscription.currency);
        let priced = match other.plan(&line.key) {
            Some(plan) => plan.price_for(cycle, currency).map(|price| (plan.name.as_str(), price, 1)),
            None => other.book.addon(&line.key).and_then(|addon| {
                let price = addon.price_for(cycle, currency)?;
                Some((addon.name.as_str(), price.price, price.months_factor))
            }),
        };
        let Some((name, price, months)) = priced else { return Ok(Err("price_missing")) };
        let share = share_of(subscription, &run.film, other.book.billing.proration, line);
        let (place, book) = (PLACE, 0);
        let rated = match price.meter() {
            None => {
                let quantity = Quantity::whole(line.quantity);
                rate(&Charge { name, place, book, price, months, quantity, share })?
            }
            Some(meter) => {
                let measured = self.base(run, meter, line.period)?;
                let (measured, minimums) = (&measured, other.book.billing.minimums);
                rate_metered(&Metered {
                    name,
                    place,
                    book,
                    price,
                    measured,
                    allowance: None,
                    share,
                    minimums,
                })?
            }
        };
        Ok(Ok(rated.amount))
    }

    /// What the meter a fee looks at summed up.
    fn base(&mut self, run: &Run, meter: &str, period: Period) -> Result<rating::Measured> {
        let unnamed = self.page.owners.parts(&run.subscription, meter, period);
        let whose = (run.subscription.customer, Some(run.subscription.id), unnamed.as_deref());
        let span = Span::new(period.start.at, period.end.at);
        Ok(log::base(self.view, &self.other.book, meter, whose, span, period.end.at)?.measured)
    }

    /// The usage of a subscription by every usage price its plans have in the other book: over the stretches the price was
    /// billed for, or, where there was no such price, over those of the plan that are over.
    fn usage(&mut self, run: &Run, billed: &[Stretch], periods: &[Stretch]) -> Result<Vec<Used>> {
        let other = self.other;
        let mut plans: Vec<&String> = billed.iter().chain(periods).map(|one| &one.plan).collect();
        plans.sort_unstable();
        plans.dedup();
        let mut all = Vec::new();
        for key in plans {
            let Some(plan) = other.plan(key) else { continue };
            let of_plan = |one: &&Stretch| one.plan == *key;
            for usage in &plan.usage {
                let own = |one: &&Stretch| one.key.as_ref() == Some(&usage.key);
                let mut stretches: Vec<Stretch> =
                    billed.iter().filter(of_plan).filter(own).cloned().collect();
                if stretches.is_empty() {
                    let any: Vec<Stretch> = billed.iter().filter(of_plan).cloned().collect();
                    stretches = outermost(if any.is_empty() { self.over(periods, key) } else { any });
                }
                for stretch in stretches {
                    let amount = self.used(run, plan, usage, stretch.period)?;
                    all.push(Used { period: stretch.period, amount });
                }
            }
        }
        Ok(all)
    }

    /// The periods of a plan that are over.
    fn over(&self, periods: &[Stretch], plan: &str) -> Vec<Stretch> {
        let over = periods.iter().filter(|one| one.plan == plan && one.period.end.at <= self.page.now);
        over.cloned().collect()
    }

    /// The usage of a stretch by one price.
    fn used(&mut self, run: &Run, plan: &Plan, usage: &UsagePrice, period: Period) -> Result<Money> {
        let Run { subscription, film, .. } = run;
        let (book, currency) = (&self.other.book, subscription.currency);
        let Some(price) = usage.price_in(currency) else { return Ok(Money::zero(currency)) };
        // What was agreed for a price of another kind is none of this one.
        let price = subscription.agreement.price(&usage.key, price).unwrap_or(Cow::Borrowed(price));
        let now = (subscription.peak.max(subscription.plan_quantity()), subscription.items.as_slice());
        let (peak, items) = film.had(period).unwrap_or(now);
        let had = items.iter().filter(|item| item.quantity > 0);
        let allowance = allowance(book, plan, usage, peak, had);
        let cycle = price.when.cycle().or_else(|| film.cycle(period)).unwrap_or(subscription.schedule.cycle);
        let share = self.share(run, period, cycle);
        let mut all = Money::zero(currency);
        for measured in self.measured(run, plan, usage, &price, period)? {
            let rated = rate_metered(&Metered {
                name: &usage.name,
                place: PLACE,
                book: 0,
                price: &price,
                measured: &measured,
                allowance: allowance.as_ref(),
                share,
                minimums: book.billing.minimums,
            })?;
            all = all.checked_add(rated.amount)?;
        }
        Ok(all)
    }

    fn measured(
        &mut self,
        run: &Run,
        plan: &Plan,
        usage: &UsagePrice,
        price: &Price,
        period: Period,
    ) -> Result<Vec<rating::Measured>> {
        let subscription = &run.subscription;
        let unnamed = self.page.owners.parts(subscription, &usage.meter, period);
        let charged = Charged {
            customer: subscription.customer,
            subscription: Some(subscription.id),
            unnamed: unnamed.as_deref(),
            book: &self.other.book,
            plan,
            usage,
            price: Some(price),
            span: Span::new(period.start.at, period.end.at),
        };
        let found = log::measurements(self.view, charged, period.end.at, None)?;
        Ok(found.into_iter().map(|one| not_below_zero(one.measured)).collect())
    }

    /// What the periods of plans are short of the minimums of the other book.
    fn minimums(&self, run: &Run, periods: Vec<Stretch>, fees: &[Fee<'_>], used: &[Used]) -> Result<Money> {
        let mut all = Money::zero(run.subscription.currency);
        for stretch in outermost(periods).iter().filter(|one| one.period.end.at <= self.page.now) {
            if let Some(plan) = self.other.plan(&stretch.plan) {
                all = all.checked_add(self.minimum(run, plan, stretch, fees, used)?)?;
            }
        }
        Ok(all)
    }

    /// What a period is short of the plan's minimum.
    fn minimum(
        &self,
        run: &Run,
        plan: &Plan,
        stretch: &Stretch,
        fees: &[Fee<'_>],
        used: &[Used],
    ) -> Result<Money> {
        let Run { subscription, film, .. } = run;
        let (period, currency) = (stretch.period, subscription.currency);
        let cycle = film.cycle(period).unwrap_or(subscription.schedule.cycle);
        let agreed = subscription.agreement.minimum;
        let agreed =
            agreed.map(|amount| Price::new(When::Every(cycle), currency, PriceKind::Flat { amount }));
        let agreed = agreed.as_ref();
        let agreed = agreed.map(|price| AddonPrice { price, unit_price: price.amount(), months_factor: 1 });
        let Some(minimum) = agreed.or_else(|| plan.minimum_for(cycle, currency)) else {
            return Ok(Money::zero(currency));
        };
        let from = match self.other.book.billing.proration {
            // A period is one whatever changes in it.
            ProrationUnit::None => film.whole(subscription, period, cycle).start.at.min(period.start.at),
            _ => period.start.at,
        };
        let within = |of: Period| of.start.at >= from && of.start.at < period.end.at;
        // As it stood when the period was over: what was credited later is not asked for again.
        let fees = fees.iter().filter(|fee| within(fee.billed.line.period));
        let fees = fees.map(|fee| fee.left(period.end.at)).collect::<Result<Vec<_>>>()?;
        let used = used.iter().filter(|used| within(used.period)).map(|used| used.amount);
        let billed = Money::total(fees.into_iter().chain(used), currency)?;
        let share = match self.other.book.billing.minimums {
            Minimums::Prorated => self.share(run, period, cycle),
            Minimums::Whole => Share::Whole,
        };
        let rated = true_up(&Commitment { name: &plan.name, place: PLACE, book: 0, minimum, share, billed })?;
        Ok(rated.amount)
    }

    /// How much of a full period of a cycle a part is.
    fn share(&self, run: &Run, part: Period, cycle: Cycle) -> Share {
        let (unit, zone) = (self.other.book.billing.proration, &run.subscription.schedule.zone);
        Share::of(unit, zone, part, run.film.whole(&run.subscription, part, cycle))
    }
}
