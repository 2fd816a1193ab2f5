//! What a whole period of a subscription comes to: the steps of its bill runs, played over one period. Pure.

use catalog::version::Version;
use kernel::{Money, Period, Result};

use super::{
    Owed,
    arrears::{self, Of, Stretch, Usage},
    lines,
};
use crate::{
    credit_note::Running,
    invoice::{self, Line},
    subscription::model::{State, Subscription},
    usage::Groups,
};

/// Everything a subscription owes for a whole period with the items it has, before coupons and taxes: fees in advance
/// and in arrears, usage, and what is missing to a minimum, each line as a bill run makes it. `measured` gives the
/// figures of a key for a stretch of the period.
///
/// Errors: those of rating; those of `measured`.
pub fn of_a_period(
    subscription: &Subscription,
    version: &Version,
    period: Period,
    mut measured: impl FnMut(&Subscription, &str, Period) -> Result<Groups>,
) -> Result<Vec<Line>> {
    let mut one = at_the_start(subscription, version, period)?;
    let mut all = lines(&one, version, period)?;
    let fees = Money::total(all.iter().map(|line| line.amount), one.currency)?;
    let mut usage = Usage { fees, ..Usage::none(one.currency) };
    let keys = arrears::expected(&one, version);
    loop {
        let stretch = one.rhythm.filter(|rhythm| rhythm.stretch.end.at < period.end.at);
        let at = stretch.map_or(period.end, |rhythm| rhythm.stretch.end);
        usage.figures.clear();
        for key in &keys {
            let open = arrears::open_period(&one, version, key);
            if stretch.is_none() || open.end.at == at.at {
                let open = Period { end: at, ..open };
                usage.figures.insert((*key).to_owned(), measured(&one, key, open)?);
            }
        }
        let Some(rhythm) = stretch else {
            all.extend(arrears::close(&one, version, &usage, period.end)?.lines);
            return Ok(all);
        };
        let mut owed = Owed::default();
        let over = Stretch { subscription: &one, version, usage: &usage, at, of: Of::Rhythm(rhythm) };
        over.close(&mut owed)?;
        usage.billed.extend(owed.lines.iter().map(|line| billed(&one, line)));
        all.append(&mut owed.lines);
        one.rhythm = arrears::rhythm(&one, version, at)?;
    }
}

/// The subscription as it would be on the first day of a period that nothing of is billed yet.
fn at_the_start(subscription: &Subscription, version: &Version, period: Period) -> Result<Subscription> {
    let mut one = Subscription {
        book: version.id,
        state: State::Active,
        period,
        billed_through: period.end,
        arrears_from: period.start,
        peak: subscription.plan_quantity(),
        rhythm: None,
        closing: None,
        next_zone: None,
        ends: None,
        scheduled: Vec::new(),
        term: None,
        discounts: Vec::new(),
        ..subscription.clone()
    };
    one.rhythm = arrears::rhythm(&one, version, period.start)?;
    Ok(one)
}

/// A line as if it had been billed: a minimum counts it.
fn billed(subscription: &Subscription, line: &Line) -> Running {
    let zero = Money::zero(subscription.currency);
    Running {
        invoice: kernel::Id::from_uuid(uuid::Uuid::nil()),
        state: invoice::State::Finalized,
        entity: subscription.entity,
        customer: subscription.customer,
        line: line.clone(),
        credited: zero,
        credited_tax: zero,
    }
}
