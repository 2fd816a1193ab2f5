//! What starting a subscription means, and what a new period of one is billed. Pure.

use catalog::{Anchor, Book, TaxRounding, version::Version};
use identity::{Customer, LegalEntity};
use jiff::{Span, Timestamp, civil::Date};
use kernel::{Edge, Error, Period, ProrationUnit, Result, Schedule, ids::SubscriptionId, time};
use metering::double::Settled;

use self::discount::{Turn, take_off};
use super::{
    agreement::{MAX_TERM, NewTerm, Scheduled, Term},
    model::{BillFrom, Start, State, Subscription},
};
use crate::{
    charge,
    credit_note::Credit,
    invoice::{Draft, Line},
};

mod allowance;
pub mod arrears;
pub mod change;
pub mod closing;
pub mod coupon;
mod discount;
mod fees;
pub mod history;
mod items;
pub mod late;
mod renewal;
pub mod trial;
mod whole;

pub(crate) use allowance::allowance;
pub use fees::fees_of_a_period;
use fees::{charge, line, lines, priced, section, share, share_of, tax_category};
pub use items::MAX_QUANTITY;
use items::{Wanted, check_agreement, items, wanted};
use renewal::with_pending;
pub use renewal::{Ready, Renewal, between, end_of_commitment, renew, settle};
pub use whole::of_a_period;

/// What a decision about a subscription rests on.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Who subscribes.
    pub customer: &'a Customer,
    /// Who invoices.
    pub entity: &'a LegalEntity,
    /// The price book version agreed to.
    pub version: &'a Version,
}

/// A subscription as it is from now on, and what is to be billed for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The new state.
    pub subscription: Subscription,
    /// What falls due with the decision; none when nothing does.
    pub draft: Option<Draft>,
    /// What is charged once, before coupons: on the draft, or waiting for the first invoice.
    pub charges: Vec<Line>,
}

/// What is to be billed, and what is to be credited on lines billed before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owed {
    /// Lines, before coupons unless said otherwise.
    pub lines: Vec<Line>,
    /// Credits.
    pub credits: Vec<Credit>,
    /// What was measured of the usage that is billed with them, or credited, or found to cost the same as before.
    pub settled: Vec<Settled>,
    /// Lines over nothing that are on no invoice: they say where a stretch ended, and what late figures are rated by.
    pub unbilled: Vec<Line>,
}

impl Owed {
    fn add(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.credits.extend(other.credits);
        self.settled.extend(other.settled);
        self.unbilled.extend(other.unbilled);
    }
}

/// Start a subscription.
///
/// One that begins later is billed nothing before; what it owes then is what [`renew`] says at its start.
///
/// Errors: `start_invalid`, `time_out_of_range`, `plan_unknown`, `price_missing`, `quantity_invalid`,
/// `addon_unknown`, `addon_not_for_plan`, `addon_one_off`; with a trial `no_trial`, `trial_needs_method`, `trial_in_past`;
/// those of [`coupon::redeem`]; `term_invalid`, `ramp_invalid`, `price_not_negotiable`; those of
/// [`charge::line`].
pub fn start(terms: &Terms<'_>, command: &Start, id: SubscriptionId, now: Timestamp) -> Result<Decision> {
    let started = time::in_range(command.start.unwrap_or(now)).map_err(|error| error.at("/start"))?;
    let later = started > now;
    if later && (command.trial || command.bill_from != BillFrom::Start) {
        let detail = format!(
            "It is {now} here. A subscription that begins later has no trial and is billed from its start on."
        );
        return Err(Error::invalid("start_invalid", detail).at("/start"));
    }
    let book = &terms.version.book;
    let currency = command.currency.unwrap_or(terms.customer.currency);
    let schedule = schedule(book, command, terms.customer, started);
    let first = schedule.first_period(started).map_err(|error| error.at("/start"))?;
    let current = if later || first.contains(now) { first } else { schedule.period_at(now)? };
    let (period, billed) = match command.bill_from {
        // Nothing is billed yet: an empty period ends where it begins.
        BillFrom::Start if later => (Period { end: first.start, ..first }, false),
        BillFrom::Start => (first, true),
        BillFrom::CurrentPeriod => (current, true),
        BillFrom::NextPeriod => (current, false),
    };
    let items = items(book, &wanted(command), command.cycle, currency)?;
    check_agreement(book, &items, command.cycle, currency, &command.agreement)?;
    let today = schedule.zone.date_of(now);
    let mut subscription = Subscription {
        id,
        entity: terms.entity.id,
        customer: terms.customer.id,
        external_id: command.external_id.clone(),
        book: terms.version.id,
        state: if later { State::Scheduled } else { State::Active },
        currency,
        peak: items.first().map_or(0, |plan| plan.quantity),
        rhythm: None,
        discounts: coupon::redeem(book, &command.coupons, &items, currency, today)?,
        items,
        term: term(command.term, schedule.zone.date_of(started))?,
        schedule,
        started,
        period,
        billed_through: period.end,
        arrears_from: if billed { period.start } else { period.end },
        closing: None,
        next_zone: None,
        ends: None,
        scheduled: ramp(command)?,
        agreement: command.agreement.clone(),
        trial_end: None,
        has_method: command.has_method,
        metadata: command.metadata.clone(),
    };
    let charges = charge::lines(
        &subscription,
        terms.version,
        &command.charges,
        Edge::at(now, &subscription.schedule.zone),
    )?;
    if command.trial {
        return trial::begin(terms, command, subscription, charges);
    }
    if !later {
        subscription.rhythm = arrears::rhythm(&subscription, terms.version, subscription.arrears_from)?;
    }
    let mut lines = if billed { lines(&subscription, terms.version, period)? } else { Vec::new() };
    if billed {
        lines.extend(charges.iter().cloned());
    }
    discounted(&mut subscription, &mut lines, period.start.date, &Turn::Edge)?;
    let rounding = book.billing.tax_rounding;
    Ok(Decision { draft: draft(&subscription, rounding, now, lines), subscription, charges })
}

/// Take the subscription's coupons off its lines.
fn discounted(subscription: &mut Subscription, lines: &mut [Line], on: Date, turn: &Turn) -> Result<()> {
    let months = subscription.schedule.cycle.months().unwrap_or(1);
    take_off(&mut subscription.discounts, lines, subscription.currency, months, on, turn)
}

/// A contract's term from the local date `from` on. Errors: `term_invalid`.
fn term(new: Option<NewTerm>, from: Date) -> Result<Option<Term>> {
    let Some(NewTerm { months, renews }) = new else { return Ok(None) };
    if !(1..=MAX_TERM).contains(&months) {
        let detail = format!("A contract's term is 1 to {MAX_TERM} months long.");
        return Err(Error::invalid("term_invalid", detail).at("/term/months"));
    }
    Ok(Some(Term { months, renews, ends: months_after(from, months) }))
}

fn months_after(date: Date, months: u32) -> Date {
    // Business time ends long before the calendar does.
    date.checked_add(Span::new().months(i64::from(months))).unwrap_or(date)
}

/// The most steps of a ramp.
const MAX_RAMP: usize = 60;

/// The steps of a ramp, in order of their dates. Errors: `ramp_invalid`.
fn ramp(command: &Start) -> Result<Vec<Scheduled>> {
    let mut steps = command.ramp.clone();
    steps.sort_by_key(|step| step.on);
    let twice = steps.windows(2).any(|pair| pair[0].on == pair[1].on);
    if twice || steps.len() > MAX_RAMP {
        let detail = format!("A ramp has at most {MAX_RAMP} steps, each on a date of its own.");
        return Err(Error::invalid("ramp_invalid", detail).at("/ramp"));
    }
    Ok(steps)
}

/// The draft that bills lines; none when there are none.
pub(crate) fn draft(
    subscription: &Subscription,
    tax_rounding: TaxRounding,
    due: Timestamp,
    lines: Vec<Line>,
) -> Option<Draft> {
    (!lines.is_empty()).then(|| Draft {
        entity: subscription.entity,
        customer: subscription.customer,
        currency: subscription.currency,
        due,
        lines,
        run: None,
        tax_rounding,
        taxes: Vec::new(),
    })
}

/// When periods begin, by the knobs `anchor` and `proration` of the book.
fn schedule(book: &Book, command: &Start, customer: &Customer, started: Timestamp) -> Schedule {
    let zone = command.zone.as_ref().unwrap_or(&customer.zone).clone();
    let schedule = match book.billing.anchor {
        Anchor::Anniversary => Schedule::anniversary(started, command.cycle, zone.clone()),
        Anchor::Calendar => Schedule::calendar(started, command.cycle, zone.clone()),
    };
    match (book.billing.proration, book.billing.anchor) {
        (ProrationUnit::Second, Anchor::Anniversary) => schedule.at_wall_time(zone.time_of(started)),
        _ => schedule,
    }
}
