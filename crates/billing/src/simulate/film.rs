//! How a subscription stood in the past that is rated again. Pure.

use jiff::Timestamp;
use kernel::{Cycle, Edge, Period, Schedule};

use crate::{
    subscription::{Item, ItemKind, Subscription},
    usage::turns::Turn,
};

/// How a subscription stood over time.
pub(super) struct Film {
    /// Oldest first.
    turns: Vec<Turn>,
}

impl Film {
    pub(super) const fn new(turns: Vec<Turn>) -> Self {
        Self { turns }
    }

    /// How often it was billed in a part of a period.
    pub(super) fn cycle(&self, part: Period) -> Option<Cycle> {
        self.around(part).map(|turn| turn.cycle)
    }

    /// The full period of a cycle that a part of one lies in.
    pub(super) fn whole(&self, subscription: &Subscription, part: Period, cycle: Cycle) -> Period {
        let zone = &subscription.schedule.zone;
        let stood = self.around(part).filter(|turn| turn.cycle == cycle).and_then(|turn| turn.period);
        if let Some(period) = stood {
            let edge = |at: i64| Timestamp::from_microsecond(at).ok().map(|at| Edge::at(at, zone));
            if let Some((start, end)) = edge(period.start).zip(edge(period.end)) {
                return Period { start, end };
            }
        }
        let schedule = Schedule { cycle, ..subscription.schedule.clone() };
        let found = schedule.period_at(part.start.at).ok();
        found.filter(|whole| holds(*whole, part)).unwrap_or(part)
    }

    /// The last that was said of a period that holds this part of it.
    fn around(&self, part: Period) -> Option<&Turn> {
        let (start, end) = (part.start.at.as_microsecond(), part.end.at.as_microsecond());
        let holds = |turn: &&Turn| turn.period.is_some_and(|one| one.start <= start && end <= one.end);
        self.turns.iter().rev().find(holds)
    }

    /// The most units of its plan within a stretch, and what it had when the stretch ended.
    pub(super) fn had(&self, stretch: Period) -> Option<(i64, &[Item])> {
        let (start, end) = (stretch.start.at.as_microsecond(), stretch.end.at.as_microsecond());
        let ended = self.turns.iter().map(|turn| turn.from).skip(1).chain([i64::MAX]);
        let within = self.turns.iter().zip(ended).filter(|(turn, ended)| turn.from < end && *ended > start);
        let within: Vec<&Turn> = within.map(|(turn, _)| turn).collect();
        let peak = within.iter().map(|turn| units(&turn.items)).max()?;
        Some((peak, &within.last()?.items))
    }
}

fn holds(whole: Period, part: Period) -> bool {
    whole.start.at <= part.start.at && part.end.at <= whole.end.at
}

/// How many units of the plan these are.
fn units(items: &[Item]) -> i64 {
    items.iter().find(|item| item.kind == ItemKind::Plan).map_or(0, |item| item.quantity)
}
