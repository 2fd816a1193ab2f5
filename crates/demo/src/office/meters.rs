//! What customers used.

use billing::{
    subscription::{self, State},
    usage::{self, Figure, Groups, Post},
};
use jiff::civil::Date;
use kernel::{Exact, Result, ids::SubscriptionId};
use store::Tx;

use super::{AT_ONCE, Office};
use crate::business::Business;

/// Mornings between two readings of a customer's meters.
const EVERY: i32 = 7;

/// A reading to take.
#[derive(Clone, Debug)]
struct Reading {
    subscription: SubscriptionId,
    /// Of what is usual, in hundredths.
    level: i64,
}

impl Office {
    /// Read the meters of those whose turn it is.
    pub(super) fn measure(&mut self, day: Date) -> Result<()> {
        if self.business.measured.is_empty() {
            return Ok(());
        }
        let morning = (day - crate::FIRST_DAY).get_days() / crate::STEP;
        let turn = |number: usize| (morning + number as i32).rem_euclid(EVERY) == 0;
        let mut readings = Vec::new();
        for (number, member) in self.members.iter().enumerate().filter(|(number, _)| turn(*number)) {
            let Some(subscription) = member.subscription else { continue };
            let mut dice = self.dice(number, 1_000_000 + morning.unsigned_abs() as u64);
            readings.push(Reading { subscription, level: dice.from(10, 100) });
        }
        let business = self.business;
        for some in readings.chunks(AT_ONCE) {
            let take = |reading: &Reading| {
                let reading = reading.clone();
                self.db.write(&self.scope, move |tx| take(tx, business, &reading))
            };
            let pending: Vec<_> = some.iter().map(take).collect();
            pending.into_iter().try_for_each(|one| one.wait())?;
        }
        Ok(())
    }
}

/// Post what stands on the meters of a subscription, in the part of its stretch that has passed.
fn take(tx: &mut Tx<'_>, business: &Business, reading: &Reading) -> Result<()> {
    let now = subscription::find(tx, reading.subscription)?;
    if now.state != State::Active {
        return Ok(());
    }
    for meter in business.measured.iter().filter(|meter| meter.plans.contains(&now.plan())) {
        let seats = now.plan_quantity().max(1);
        let amount = (meter.from + (meter.to - meter.from) * reading.level / 100) * seats / 4;
        let figure = Figure::Quantity(Exact::from(amount).into());
        let post = Post {
            key: meter.key.to_owned(),
            groups: Groups::from([(String::new(), figure)]),
            start: None,
            watermark: None,
        };
        usage::post(tx, reading.subscription, &post)?;
    }
    Ok(())
}
