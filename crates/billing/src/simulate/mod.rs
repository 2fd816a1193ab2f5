//! What would have been billed under another price book: the past again, rated by other prices. Reads only.
//!
//! Every fee that was billed in a time is rated again by the price its plan or add-on has in the other book, for the same
//! units, cycle and share of a period; usage of the same stretches is measured again from the events by the other book's
//! prices, filters and groups. What was credited of a fee is left out of it by the same share. Coupons, tax, credit and
//! what was charged once are in neither sum: they are not what a price book changes.

mod rules;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use catalog::{Book, Plan, UsagePrice};
use jiff::Timestamp;
use kernel::{
    Currency, Exact, Money, Period, ProrationUnit, Quantity, Result,
    ids::{CustomerId, SubscriptionId},
};
use metering::usage::{self as log, Charged, Span};
use rating::{Charge, Metered, Share, rate, rate_metered};
use rules::{allowance, share_of, stretches, whole};
use store::{Db, Row, Scope, View, params, statements};
use uuid::Uuid;

use crate::{
    invoice::{self, ChargeKind, Line, sql::line_columns},
    subscription::Subscription,
    usage::{not_below_zero, owner::Owners},
};

statements! {
    environment CUSTOMERS = "SELECT DISTINCT customer_id FROM subscription
        WHERE env_id = $1 AND customer_id > $2 ORDER BY customer_id LIMIT $3";
    environment LINES = concat!("SELECT ", line_columns!(), ", i.customer_id, coalesce((SELECT CAST(sum(c.amount) AS bigint)
            FROM credit_note_line c WHERE c.env_id = l.env_id AND c.invoice_id = l.invoice_id
            AND c.invoice_line = l.ordinal), 0)
        FROM invoice i JOIN invoice_line l ON l.env_id = i.env_id AND l.invoice_id = i.id
        WHERE i.env_id = $1 AND i.customer_id IN_IDS($2) AND i.state <> 'void' AND l.start_at >= $3 AND l.start_at < $4
        ORDER BY l.invoice_id, l.ordinal");
}

/// Customers looked at in one read.
const AT_ONCE: i64 = 100;
/// The columns of a line, which those of its invoice follow.
const COLUMNS: usize = 20;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The other price book.
    pub book: &'a Book,
    /// What becomes of plans it does not have: old key to new one.
    pub plans: BTreeMap<String, String>,
    /// Periods that began at this instant or later.
    pub from: Timestamp,
    /// And before this one.
    pub to: Timestamp,
}

/// Sums before coupons and tax, less what was credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// What was billed.
    pub billed: Money,
    /// What it would have been.
    pub would_be: Money,
}

/// One customer in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfCustomer {
    /// Who.
    pub customer: CustomerId,
    /// The sums.
    pub sums: Sums,
    /// Lines that stand as they were billed, because the other book has no price for them or it was agreed apart.
    pub kept: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// Every customer that was billed something, or would have been.
    pub customers: Vec<OfCustomer>,
    /// All of them, by currency.
    pub totals: BTreeMap<Currency, Sums>,
    /// Lines that were looked at.
    pub lines: u64,
    /// Lines that stand as they were billed, by the reason: `agreed`, `price_missing`.
    pub kept: BTreeMap<&'static str, u64>,
}

/// Rate the past again under another price book.
///
/// Errors: those of rating.
pub fn simulate(db: &Db, scope: &Scope, ask: &Ask<'_>) -> Result<Simulation> {
    let db = db.background();
    let (mut simulation, mut after) = (Simulation::default(), Uuid::nil());
    let other = Arc::new(Other { book: ask.book.clone(), plans: ask.plans.clone() });
    loop {
        let (from, to, other) = (ask.from, ask.to, Arc::clone(&other));
        let (page, owners) = db.read(scope, move |view| page(view, &other, after, from, to)).wait()?;
        let Some(last) = page.last().map(|one| one.customer.uuid()) else { return Ok(simulation) };
        for customer in page {
            Again { db: &db, scope, ask, simulation: &mut simulation, owners: &owners }.customer(customer)?;
        }
        after = last;
    }
}

/// The other price book, and what becomes of plans it does not have.
struct Other {
    book: Book,
    plans: BTreeMap<String, String>,
}

impl Other {
    /// The meters a subscription looks at on the plan that takes the place of its own.
    fn meters(&self, subscription: &Subscription) -> HashSet<String> {
        let key = subscription.plan();
        let plan = self.book.plan(self.plans.get(key).map_or(key, String::as_str));
        let fees = plan.into_iter().flat_map(|plan| plan.prices.iter().filter_map(|price| price.meter()));
        let usage = plan.into_iter().flat_map(|plan| plan.usage.iter().map(|usage| usage.meter.as_str()));
        fees.chain(usage).map(str::to_owned).collect()
    }
}

/// A customer with what it has and what it was billed.
struct Past {
    customer: CustomerId,
    subscriptions: Vec<(Subscription, Vec<Billed>)>,
}

struct Billed {
    line: Line,
    credited: i64,
}

impl Billed {
    /// Before the coupon.
    fn gross(&self) -> Result<Money> {
        self.line.amount.checked_add(self.line.discount)
    }

    /// The part of it that was not credited.
    fn left(&self) -> Exact {
        let amount = self.line.amount.minor();
        if amount == 0 { Exact::one() } else { Exact::ratio((amount - self.credited).into(), amount.into()) }
    }
}

fn page(
    view: &mut View<'_>,
    other: &Other,
    after: Uuid,
    from: Timestamp,
    to: Timestamp,
) -> Result<(Vec<Past>, Owners)> {
    let customers: Vec<CustomerId> = view.all(&CUSTOMERS, params![after, AT_ONCE], |row| row.get(0))?;
    if customers.is_empty() {
        return Ok((Vec::new(), Owners::default()));
    }
    let mut lines: BTreeMap<SubscriptionId, Vec<Billed>> = BTreeMap::new();
    view.each(&LINES, params![customers.clone(), from, to], |row: &Row<'_>| {
        let line = invoice::read_line(row, 0)?;
        lines.entry(line.subscription).or_default().push(Billed { line, credited: row.get(COLUMNS + 1)? });
        Ok(())
    })?;
    let mut past: BTreeMap<CustomerId, Past> = customers
        .iter()
        .map(|customer| (*customer, Past { customer: *customer, subscriptions: Vec::new() }))
        .collect();
    let subscriptions = crate::subscription::of_customers(view, customers)?;
    let owners = Owners::by(view, &subscriptions, |was, _| other.meters(was))?;
    for one in subscriptions {
        let lines = lines.remove(&one.id).unwrap_or_default();
        if let Some(past) = past.get_mut(&one.customer).filter(|_| !lines.is_empty()) {
            past.subscriptions.push((one, lines));
        }
    }
    Ok((past.into_values().collect(), owners))
}

struct Again<'a> {
    db: &'a Db,
    scope: &'a Scope,
    ask: &'a Ask<'a>,
    simulation: &'a mut Simulation,
    /// Whose the events are that name only their customer.
    owners: &'a Owners,
}

impl Again<'_> {
    fn customer(&mut self, past: Past) -> Result<()> {
        let mut sums: BTreeMap<Currency, (Sums, u64)> = BTreeMap::new();
        for (subscription, lines) in past.subscriptions {
            let zero = Money::zero(subscription.currency);
            let (sums, kept) =
                sums.entry(subscription.currency).or_insert((Sums { billed: zero, would_be: zero }, 0));
            self.subscription(&subscription, &lines, sums, kept)?;
        }
        for (currency, (sums, kept)) in sums {
            let zero = Money::zero(currency);
            let all = self.simulation.totals.entry(currency).or_insert(Sums { billed: zero, would_be: zero });
            all.billed = all.billed.checked_add(sums.billed)?;
            all.would_be = all.would_be.checked_add(sums.would_be)?;
            self.simulation.customers.push(OfCustomer { customer: past.customer, sums, kept });
        }
        Ok(())
    }

    fn subscription(
        &mut self,
        subscription: &Subscription,
        lines: &[Billed],
        sums: &mut Sums,
        kept: &mut u64,
    ) -> Result<()> {
        let mut fees: Vec<(Period, Money)> = Vec::new();
        for billed in lines.iter().filter(|one| one.line.kind != ChargeKind::OneOff) {
            self.simulation.lines += 1;
            let gross = billed.gross()?.exact_major() * billed.left();
            sums.billed = sums.billed.checked_add(Money::from_exact_major(&gross, subscription.currency)?)?;
            if !matches!(billed.line.kind, ChargeKind::Recurring | ChargeKind::Arrears) {
                continue;
            }
            let again = match self.fee(subscription, &billed.line)? {
                Ok(again) => again,
                Err(reason) => {
                    *kept += 1;
                    *self.simulation.kept.entry(reason).or_default() += 1;
                    billed.gross()?
                }
            };
            let again =
                Money::from_exact_major(&(again.exact_major() * billed.left()), subscription.currency)?;
            sums.would_be = sums.would_be.checked_add(again)?;
            fees.push((billed.line.period, again));
        }
        for (period, plan) in stretches(lines) {
            let Some(plan) = self.plan(&plan) else { continue };
            let used = self.used(subscription, plan, period)?;
            let of_period =
                fees.iter().filter(|(of, _)| of.start.at >= period.start.at && of.start.at < period.end.at);
            let fees = Money::total(of_period.map(|(_, fee)| *fee), subscription.currency)?;
            let missing = self.missing(subscription, plan, period, fees.checked_add(used)?)?;
            sums.would_be = sums.would_be.checked_add(used)?.checked_add(missing)?;
        }
        Ok(())
    }

    /// The plan that takes the place of one of this key.
    fn plan(&self, key: &str) -> Option<&Plan> {
        let mapped = self.ask.plans.get(key).map_or(key, String::as_str);
        self.ask.book.plan(mapped)
    }

    /// A fee again, before coupons; or why it stands as it was.
    fn fee(&self, subscription: &Subscription, line: &Line) -> Result<Result<Money, &'static str>> {
        if !subscription.agreement.is_empty() {
            return Ok(Err("agreed"));
        }
        let (cycle, currency) = (subscription.schedule.cycle, subscription.currency);
        let priced = match self.plan(&line.key) {
            Some(plan) => plan.price_for(cycle, currency).map(|price| (plan.name.as_str(), price, 1)),
            None => self.ask.book.addon(&line.key).and_then(|addon| {
                let price = addon.price_for(cycle, currency)?;
                Some((addon.name.as_str(), price.price, price.months_factor))
            }),
        };
        let Some((name, price, months)) = priced else { return Ok(Err("price_missing")) };
        let share = share_of(subscription, line);
        let place = "simulated";
        let rated = match price.meter() {
            None => {
                let quantity = Quantity::whole(line.quantity);
                rate(&Charge { name, place, book: 0, price, months, quantity, share })?
            }
            Some(meter) => {
                let measured = self.base(subscription, meter, line.period)?;
                let minimums = self.ask.book.billing.minimums;
                rate_metered(&Metered {
                    name,
                    place,
                    book: 0,
                    price,
                    measured: &measured,
                    allowance: None,
                    share,
                    minimums,
                })?
            }
        };
        Ok(Ok(rated.amount))
    }

    /// What the meter a fee looks at summed up.
    fn base(&self, subscription: &Subscription, meter: &str, period: Period) -> Result<rating::Measured> {
        let (book, unnamed) = (self.ask.book.clone(), self.owners.parts(subscription, meter, period));
        let (customer, id, meter) = (subscription.customer, Some(subscription.id), meter.to_owned());
        let span = Span::new(period.start.at, period.end.at);
        let now = period.end.at;
        let read = move |view: &mut View<'_>| {
            log::base(view, &book, &meter, (customer, id, unnamed.as_deref()), span, now)
        };
        Ok(self.db.usage().read(self.scope, read).wait()?.measured)
    }

    /// The usage of a stretch by every usage price of a plan.
    fn used(&self, subscription: &Subscription, plan: &Plan, period: Period) -> Result<Money> {
        let mut all = Money::zero(subscription.currency);
        for usage in &plan.usage {
            let Some(price) = usage.price_in(subscription.currency) else { continue };
            let allowance = allowance(subscription, plan, usage);
            let share = Share::of(
                ProrationUnit::Day,
                &subscription.schedule.zone,
                period,
                whole(subscription, period),
            );
            for measured in self.measured(subscription, plan, usage, period)? {
                let rated = rate_metered(&Metered {
                    name: &usage.name,
                    place: "simulated",
                    book: 0,
                    price,
                    measured: &measured,
                    allowance: allowance.as_ref(),
                    share,
                    minimums: self.ask.book.billing.minimums,
                })?;
                all = all.checked_add(rated.amount)?;
            }
        }
        Ok(all)
    }

    fn measured(
        &self,
        subscription: &Subscription,
        plan: &Plan,
        usage: &UsagePrice,
        period: Period,
    ) -> Result<Vec<rating::Measured>> {
        let (book, plan, usage) = (self.ask.book.clone(), plan.clone(), usage.clone());
        let customer = subscription.customer;
        let price = usage.price_in(subscription.currency).cloned();
        let unnamed = self.owners.parts(subscription, &usage.meter, period);
        let subscription = Some(subscription.id);
        let span = Span::new(period.start.at, period.end.at);
        let read = move |view: &mut View<'_>| {
            let charged = Charged {
                customer,
                subscription,
                unnamed: unnamed.as_deref(),
                book: &book,
                plan: &plan,
                usage: &usage,
                price: price.as_ref(),
                span,
            };
            log::measurements(view, charged, period.end.at, None)
        };
        let found = self.db.usage().read(self.scope, read).wait()?;
        Ok(found.into_iter().map(|one| not_below_zero(one.measured)).collect())
    }

    /// What a stretch is short of the plan's minimum.
    fn missing(
        &self,
        subscription: &Subscription,
        plan: &Plan,
        period: Period,
        billed: Money,
    ) -> Result<Money> {
        let zero = Money::zero(subscription.currency);
        let Some(minimum) = plan.minimum_for(subscription.schedule.cycle, subscription.currency) else {
            return Ok(zero);
        };
        let zone = &subscription.schedule.zone;
        let share = Share::of(ProrationUnit::Day, zone, period, whole(subscription, period)).exact();
        let least = minimum.unit_price.exact() * Exact::from(i64::from(minimum.months_factor)) * share;
        let missing = least - billed.exact_major();
        if missing.is_negative() {
            Ok(zero)
        } else {
            Money::from_exact_major(&missing, subscription.currency)
        }
    }
}
