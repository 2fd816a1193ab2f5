//! What customers used, told to metering as a merchant's product tells it: an event for each thing that happened, and a
//! question before what has a limit.

use std::collections::BTreeMap;

use billing::{
    subscription::{self, State},
    usage,
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use kernel::{Error, Result, ids::SubscriptionId};
use metering::event::{NewEvent, Receipt};
use serde_json::value::{RawValue, to_raw_value};

use super::Office;
use crate::{
    business::{How, Measured},
    dice::Dice,
};

/// Mornings between two readings of a customer's meters.
const EVERY: i32 = 7;
/// The dice of readings, apart from those of everything else.
const READINGS: u64 = 1_000_000;
/// Events sent together.
const BATCH: usize = 2_000;

/// What the meters of the businesses have told so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    /// Events that count.
    pub(crate) events: i64,
    /// Uses that a limit refused.
    pub(crate) refused: i64,
}

/// A reading to take.
struct Reading {
    number: usize,
    subscription: SubscriptionId,
    plan: String,
    seats: i64,
}

impl Office<'_> {
    /// Read the meters of those whose turn it is.
    pub(super) fn measure(&mut self, day: Date) -> Result<()> {
        if self.business.measured.is_empty() {
            return Ok(());
        }
        let morning = (day - crate::FIRST_DAY).get_days() / crate::STEP;
        let (now, readings) = self.turn(morning)?;
        let (mut events, mut wanted) = (Vec::new(), Vec::new());
        for reading in &readings {
            let mut dice = self.dice(reading.number, READINGS + u64::from(morning.unsigned_abs()));
            // Meters are read in the half hour before.
            let at = now - SignedDuration::from_secs(dice.from(0, 1_800));
            for meter in
                self.business.measured.iter().filter(|meter| meter.plans.contains(&reading.plan.as_str()))
            {
                let into = if meter.how == How::Asked { &mut wanted } else { &mut events };
                self.read_meter(reading, meter, (at, morning), &mut dice, into)?;
            }
        }
        self.send(events, now)?;
        self.ask(wanted, now)?;
        usage::follow(&self.db, &self.scope)?;
        // Limits are told of on the day they are reached, and not all together by the server that is started afterwards.
        metering::alert::follow(&self.db, &self.scope).map(drop)
    }

    /// Whose turn it is of those with a subscription that runs.
    fn turn(&self, morning: i32) -> Result<(Timestamp, Vec<Reading>)> {
        let turn = |number: usize| (morning + number as i32).rem_euclid(EVERY) == 0;
        let theirs = self.members.iter().enumerate().filter(|(number, _)| turn(*number));
        let theirs: Vec<_> =
            theirs.filter_map(|(number, member)| Some((number, member.subscription?))).collect();
        let look = move |view: &mut store::View<'_>| {
            let mut readings = Vec::new();
            for (number, id) in &theirs {
                let now = subscription::find(view, *id)?;
                if matches!(now.state, State::Active | State::Trialing) {
                    let (plan, seats) = (now.plan().to_owned(), now.plan_quantity().max(1));
                    readings.push(Reading { number: *number, subscription: *id, plan, seats });
                }
            }
            Ok((view.now(), readings))
        };
        self.db.read(&self.scope, look).wait()
    }

    /// What one meter says.
    fn read_meter(
        &self,
        reading: &Reading,
        meter: &Measured,
        (at, morning): (Timestamp, i32),
        dice: &mut Dice,
        into: &mut Vec<NewEvent>,
    ) -> Result<()> {
        let drawn = dice.from(meter.from, meter.to);
        let (count, value) = match meter.how {
            How::Total => (1, Some((drawn * reading.seats).to_string())),
            How::Level => (1, Some(format!("{drawn}.{:03}", dice.from(0, 999)))),
            How::Each | How::Asked => (drawn, None),
        };
        for place in 0..count {
            let data: BTreeMap<&str, &str> =
                [value.as_deref().map(|value| ("value", value)), meter.user.map(|user| ("user", user))]
                    .into_iter()
                    .flatten()
                    .collect();
            into.push(NewEvent {
                source: self.business.slug.to_owned(),
                id: format!("{}-{}-{morning}-{place}", meter.key, reading.number),
                meter: meter.key.to_owned(),
                subject: reading.subscription.to_string(),
                at: Some(at),
                data: Some(raw(&data)?),
            });
        }
        Ok(())
    }

    fn send(&mut self, events: Vec<NewEvent>, now: Timestamp) -> Result<()> {
        for some in events.chunks(BATCH) {
            for receipt in self.metering.ingest(&self.scope, some.to_vec(), false, now).wait()? {
                match receipt {
                    Receipt::Accepted => self.told.events += 1,
                    Receipt::Duplicate { .. } => {}
                    Receipt::Rejected(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Ask for each use whether it is allowed, and use what is; all are asked before the first answer is waited for.
    fn ask(&mut self, wanted: Vec<NewEvent>, now: Timestamp) -> Result<()> {
        let asked: Vec<_> =
            wanted.into_iter().map(|event| self.metering.consume(&self.scope, event, now)).collect();
        for answer in asked {
            if answer.wait()?.allowed {
                self.told.events += 1;
            } else {
                self.told.refused += 1;
            }
        }
        Ok(())
    }
}

fn raw(data: &BTreeMap<&str, &str>) -> Result<Box<RawValue>> {
    to_raw_value(data).map_err(|error| Error::internal(error.to_string()))
}
