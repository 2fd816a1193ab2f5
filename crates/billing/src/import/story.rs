//! Histories told by several rows: phases one after the other, or changes in a file of their own. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kernel::Cycle;

use super::{
    field::Field,
    finding::{Fault, Place},
    mapping::{ChangeFields, EventWord, SubscriptionFields},
    reading::{Known, Line, Reading},
    value::whole_number,
};
use crate::subscription::history::{Contents, History, Standing, What};

/// A row with where it stands.
pub(super) type Placed<'r> = (Place, Line<'r>);

/// What is wrong, and with which of the rows.
pub(super) type Misplaced = (Place, Fault);

/// A time between two phases that is longer than this is a pause.
const PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// What a row of changes says, and does not.
#[derive(Clone, Debug, Default)]
struct Terms {
    plan: Option<String>,
    cycle: Option<Cycle>,
    quantity: Option<i64>,
}

struct Change<'r> {
    placed: Placed<'r>,
    at: Timestamp,
    event: EventWord,
    to: Terms,
    from: Terms,
}

impl Reading<'_> {
    /// One history of the rows of one id, each a phase from its start.
    pub(super) fn phases(
        &self,
        fields: &SubscriptionFields,
        rows: &[Placed<'_>],
        known: &Known,
    ) -> Result<History, Misplaced> {
        let mut phases = Vec::with_capacity(rows.len());
        for (place, line) in rows {
            let history = self.history(fields, *line, known).map_err(|fault| (*place, fault))?;
            phases.push((*place, *line, history));
        }
        phases.sort_by_key(|(.., history)| history.started);
        let Some((_, _, mut whole)) = phases.pop() else {
            return Err(((0, 0), Fault::new(None, "", "there is no row")));
        };
        let mut events = Vec::new();
        for at in 0..phases.len() {
            let (place, line, phase) = &phases[at];
            let (next, next_terms) = phases
                .get(at + 1)
                .map_or((whole.started, &whole.first), |(.., next)| (next.started, &next.first));
            let end = match phase.standing {
                Standing::Canceled(end) => end,
                Standing::Running | Standing::Suspended(_) => next,
            };
            if phase.started == next || end > next + PAUSE {
                let reason = "another row of this id runs at the same time";
                return Err((*place, line.fault(Some(&fields.start), reason)));
            }
            if end < next - PAUSE {
                events.extend([(end, What::Paused), (next, What::Resumed)]);
            }
            if phase.first != *next_terms {
                events.push((next, What::Changed(next_terms.clone())));
            }
        }
        if let Some((_, _, first)) = phases.into_iter().next() {
            (whole.started, whole.first, whole.trial_end) = (first.started, first.first, first.trial_end);
        }
        events.append(&mut whole.events);
        whole.events = events;
        Ok(whole)
    }

    /// A subscription's history with what rows of changes tell. Its own row says what it is now.
    pub(super) fn with_changes(
        &self,
        (place, line): Placed<'_>,
        mut history: History,
        rows: &[Placed<'_>],
        known: &Known,
    ) -> Result<History, Misplaced> {
        let Some(fields) = &self.mapping.change else { return Ok(history) };
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            changes.push(self.change(fields, *row, known).map_err(|fault| (row.0, fault))?);
        }
        changes.sort_by_key(|change| change.at);
        let (now, started) = (history.first.clone(), history.started);
        let first_change = changes.iter().take_while(|change| change.at <= started).count();
        let later = changes.split_off(first_change);
        let mut terms = beginning(fields, &now, &changes, &later)?;
        history.first = terms.clone();
        let mut events = Vec::with_capacity(later.len() + history.events.len());
        for change in later {
            match change.event {
                EventWord::Pause => events.push((change.at, What::Paused)),
                EventWord::Resume => events.push((change.at, What::Resumed)),
                EventWord::Change => {
                    let next = change.to.over(&terms, &now);
                    if next != terms {
                        events.push((change.at, What::Changed(next.clone())));
                        terms = next;
                    }
                }
            }
        }
        if terms != now {
            let reason = format!("by its changes it is {}, by its own row {}", shown(&terms), shown(&now));
            return Err((place, line.fault(None, &reason)));
        }
        let paused = matches!(events.last(), Some((_, What::Paused)));
        events.extend(history.events.into_iter().filter(|_| !paused));
        history.events = events;
        Ok(history)
    }

    fn change<'r>(
        &self,
        fields: &'r ChangeFields,
        placed: Placed<'r>,
        known: &Known,
    ) -> Result<Change<'r>, Fault> {
        let line = placed.1;
        let event = line.parsed(&fields.event, |word| self.event(word))?.unwrap_or(EventWord::Change);
        let terms = |plan, cycle, quantity| -> Result<Terms, Fault> {
            let plan = line.parsed(plan, |word| self.plan(word))?;
            Ok(Terms {
                cycle: line.parsed(cycle, |word| self.cycle(word))?.or(plan.and_then(|(_, cycle)| cycle)),
                plan: plan.map(|(plan, _)| plan.key.clone()),
                quantity: line.parsed(quantity, whole_number)?,
            })
        };
        let at = line.needed(&fields.at, |text| self.mapping.dates.instant(text, &known.zone))?;
        let to = terms(&fields.plan, &fields.cycle, &fields.quantity)?;
        let from = terms(&fields.from_plan, &fields.from_cycle, &fields.from_quantity)?;
        Ok(Change { placed, at, event, to, from })
    }

    fn event(&self, word: &str) -> kernel::Result<EventWord> {
        let known = self.mapping.events.get(word).copied();
        known
            .or(match word {
                "change" => Some(EventWord::Change),
                "pause" => Some(EventWord::Pause),
                "resume" => Some(EventWord::Resume),
                _ => None,
            })
            .ok_or_else(|| {
                let detail = "This is no event. Say in [events] whether it means change, pause or resume.";
                kernel::Error::invalid("text_invalid", detail)
            })
    }
}

/// What a subscription was at its start: what it is now, but for what changed, which the first change or a row at
/// the start itself must tell.
fn beginning(
    fields: &ChangeFields,
    now: &Contents,
    at_start: &[Change<'_>],
    later: &[Change<'_>],
) -> Result<Contents, Misplaced> {
    let told = Told { at_start, later };
    let plan = told.before(fields.plan.as_ref(), now.plan.clone(), |terms| terms.plan.clone())?;
    let cycle = told.before(fields.cycle.as_ref(), now.cycle, |terms| terms.cycle)?;
    let count = |count| told.before(fields.quantity.as_ref(), count, |terms| terms.quantity);
    let quantity = now.quantity.map(count).transpose()?;
    let addons = if plan == now.plan { now.addons.clone() } else { BTreeMap::new() };
    Ok(Contents { plan, cycle, quantity, addons })
}

struct Told<'c> {
    at_start: &'c [Change<'c>],
    later: &'c [Change<'c>],
}

impl Told<'_> {
    /// What a part of the terms was before it changed.
    fn before<T>(
        &self,
        field: Option<&Field>,
        now: T,
        part: impl Fn(&Terms) -> Option<T>,
    ) -> Result<T, Misplaced> {
        let Some(change) = self.later.iter().find(|change| part(&change.to).is_some()) else {
            return Ok(now);
        };
        let said = self.at_start.iter().rev().find_map(|change| part(&change.to));
        said.or_else(|| part(&change.from)).ok_or_else(|| {
            let (place, line) = change.placed;
            (place, line.fault(field, "what it was before its first change is missing"))
        })
    }
}

impl Terms {
    /// These terms, and where they say nothing those from before. Add-ons are known only as they are now: the plan
    /// of now has them.
    fn over(&self, before: &Contents, now: &Contents) -> Contents {
        let plan = self.plan.clone().unwrap_or_else(|| before.plan.clone());
        let addons = if plan == now.plan { now.addons.clone() } else { BTreeMap::new() };
        Contents {
            cycle: self.cycle.unwrap_or(before.cycle),
            quantity: self.quantity.or(before.quantity),
            addons,
            plan,
        }
    }
}

fn shown(terms: &Contents) -> String {
    let count = terms.quantity.map(|count| format!(" × {count}")).unwrap_or_default();
    format!("{}{count} every {}", terms.plan, terms.cycle)
}
