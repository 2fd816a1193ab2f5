//! Deciding a group, ask after ask, on what is in memory.

use std::{collections::HashMap, sync::Arc};

use catalog::Aggregation;
use jiff::Timestamp;
use kernel::{Error, Id, IdSource, Quantity, Result, ids::CustomerId};
use uuid::Uuid;

use super::{
    Terms,
    ask::{Ask, End, EndAsk, LimitAsk, Settle, Wish, later},
    book::{Booking, Draft, Group, missing, who},
    counters::window_of,
    hold::write_event,
    load::Found,
    rows::HoldRow,
    stale::Stale,
    state::{Spot, State},
};
use crate::{
    event::{Checked, EventName, Horizon, Receipt},
    limit::{Answer, Bound, Buckets, Held, HoldState, Pace, Reason, Reserved, decide},
    once::Known,
    reject::{Noted, Rejected},
};

/// What a group is decided with.
pub struct Ground<'g> {
    /// What was looked up for it.
    pub found: Found,
    /// Which event times are taken.
    pub horizon: Horizon,
    /// Token buckets of customers' keys.
    pub buckets: &'g Buckets<(CustomerId, String)>,
    /// Where rejections are noted.
    pub rejected: &'g Noted,
    /// Real time, which rates go by.
    pub clock: Timestamp,
    /// Names holds.
    pub ids: &'g dyn IdSource,
    /// What this very group answered.
    pub answered: &'g mut Answered,
}

/// What a group answered so far.
#[derive(Debug, Default)]
pub struct Answered {
    /// To consumes and reserves, by name.
    names: HashMap<u128, Reserved>,
    /// To ends of holds.
    holds: HashMap<Uuid, (HoldState, Answer)>,
}

impl Ground<'_> {
    /// Decide one ask. The answer is given once the group is durable.
    pub fn decide(&mut self, group: &mut Group<'_>, ask: Ask) -> Option<Settle> {
        match ask {
            Ask::Ingest { events, backfill, answer, .. } => {
                let receipts = events.into_iter().map(|event| self.ingest(group, event, backfill)).collect();
                Some(later(answer, Ok(receipts)))
            }
            Ask::Limit(LimitAsk { event, wish, .. }) => Some(match wish {
                Wish::Check(answer) => later(answer, self.check(group, &event)),
                Wish::Consume(answer) => later(answer, self.consume(group, &event)),
                Wish::Reserve(time, answer) => later(answer, self.reserve(group, &event, time)),
            }),
            Ask::Take { subject, key, cost, answer } => {
                let taken = pace(group.state, self.buckets, (&subject, key, cost), self.clock);
                Some(later(answer, taken.unwrap_or_else(|| Err(subject_unknown()))))
            }
            Ask::End(EndAsk { end, found, answer, .. }) => {
                let ended = match found {
                    Some(found) => self.end(group, *found, end),
                    None => Err(Error::not_found("hold")),
                };
                Some(later(answer, ended))
            }
            // These come alone or were read before, and not here.
            Ask::Unread(_) | Ask::Owner(_) | Ask::Change { .. } | Ask::Forget(..) | Ask::Sealed(..) => None,
        }
    }

    fn known(&self, group: &Group<'_>, event: &Checked) -> Option<Known> {
        group.state.names.recent(event.identity).or_else(|| self.found.known.get(&event.identity).copied())
    }

    fn ingest(&mut self, group: &mut Group<'_>, event: Result<Checked, Error>, backfill: bool) -> Receipt {
        let event = match event {
            Ok(event) => event,
            Err(error) => return Receipt::Rejected(error),
        };
        let spot = self.found.spots.next().flatten();
        if let Some(known) = self.known(group, &event) {
            return Receipt::Duplicate { differs: known.content != event.content };
        }
        let reject = |error, event: &Checked, now| {
            self.rejected.note(Rejected::of_checked(&error, event, now));
            Receipt::Rejected(error)
        };
        let now = group.draft.now;
        let Some(spot) = spot else {
            return reject(subject_unknown(), &event, now);
        };
        let admitted = self.horizon.admits(event.at.unwrap_or(now), backfill);
        if let Err(error) = admitted.and_then(|()| group.has_room(spot, &event)) {
            return reject(error, &event, now);
        }
        match group.book(Booking::of(event, spot, group.draft)) {
            Ok(_) => Receipt::Accepted,
            Err(error) => Receipt::Rejected(error),
        }
    }

    fn check(&self, group: &mut Group<'_>, event: &Checked) -> Result<Answer> {
        let (customer, _) = group.state.whom(&event.subject).ok_or_else(subject_unknown)?;
        Ok(answer_to(group, customer, event, event.reading.amount())?.0)
    }

    fn consume(&mut self, group: &mut Group<'_>, event: &Checked) -> Result<Answer> {
        if let Some(first) = self.answered.names.get(&event.identity) {
            return Ok(first.answer.clone());
        }
        let whom = group.state.whom(&event.subject).ok_or_else(subject_unknown)?;
        if self.known(group, event).is_some() {
            return match self.found.answers.get(&event.identity) {
                Some(first) => Ok(first.clone()),
                None => Err(counted_before()),
            };
        }
        let amount = event.reading.amount();
        let (mut answer, _) = answer_to(group, whom.0, event, amount)?;
        if !answer.allowed {
            return Ok(answer);
        }
        answer.used = answer.used.saturating_add(amount);
        let mut booking = Booking::of(event.clone(), Spot::of(whom), group.draft);
        // What is consumed is consumed now, whatever time came with it.
        booking.entry.at = group.draft.now;
        booking.entry.answer = Some(answer.encode());
        group.book(booking)?;
        let expires = group.draft.now;
        self.answered.names.insert(event.identity, Reserved { id: None, answer: answer.clone(), expires });
        Ok(answer)
    }

    fn reserve(&mut self, group: &mut Group<'_>, event: &Checked, time: i64) -> Result<Reserved> {
        let before =
            self.answered.names.get(&event.identity).or_else(|| self.found.reserved.get(&event.identity));
        if let Some(before) = before.filter(|before| before.id.is_some()) {
            return Ok(before.clone());
        }
        let (customer, _) = group.state.whom(&event.subject).ok_or_else(subject_unknown)?;
        if self.known(group, event).is_some() {
            return Err(counted_before());
        }
        let (now, amount) = (group.draft.now, event.reading.amount().max(0));
        let (mut answer, who) = answer_to(group, customer, event, amount)?;
        if !answer.allowed {
            return Ok(Reserved { id: None, answer, expires: now });
        }
        answer.used = answer.used.saturating_add(amount);
        let (id, expires) = (self.ids.next(), now.saturating_add(time));
        if let Some(counter) = counter(group, customer, event, &who) {
            counter.held.push(Held { id, amount, reserved: now, expires });
        }
        group.draft.rows.holds.push(HoldRow {
            id,
            identity: event.identity,
            customer,
            meter: event.meter.key.clone(),
            who,
            amount,
            reserved: now,
            expires,
            event: write_event(event),
            answer: answer.encode(),
        });
        let reserved = Reserved { id: Some(Id::from_uuid(id)), answer, expires };
        self.answered.names.insert(event.identity, reserved.clone());
        Ok(reserved)
    }

    fn end(&mut self, group: &mut Group<'_>, hold: super::hold::Hold, end: End) -> Result<Answer> {
        let earlier = self.answered.holds.get(&hold.id).cloned();
        let (state, answer) = earlier.unwrap_or_else(|| (hold.state, hold.answer.clone()));
        let wanted = match &end {
            End::Commit(_) => HoldState::Committed,
            End::Release => HoldState::Released,
        };
        if state == wanted {
            return Ok(answer);
        }
        if state != HoldState::Open {
            let detail = format!("The hold was {} before.", state.word());
            return Err(Error::conflict("hold_ended", detail));
        }
        let (customer, _) = group.state.whom(&hold.event.subject).ok_or_else(subject_unknown)?;
        let who = who_of(group, customer, &hold.event);
        let holding = hold.expires > group.draft.now;
        let amount = match &end {
            End::Commit(Some(text)) => Quantity::parse(text, hold.event.meter.decimals)
                .map_err(|error| error.at("/quantity"))?
                .scaled()
                .max(0),
            End::Commit(None) | End::Release => hold.amount,
        };
        if hold.event.meter.aggregation == Aggregation::Count && amount > 1 {
            let detail = "The meter counts events, and a hold becomes one of them. Reserve once for each.";
            return Err(Error::invalid("quantity_out_of_range", detail).at("/quantity"));
        }
        if let Some(counter) = counter(group, customer, &hold.event, &who) {
            counter.held.retain(|held| held.id != hold.id);
        }
        let answer = match end {
            End::Release => answer_to(group, customer, &hold.event, 0)?.0,
            End::Commit(_) => {
                let within = if holding { amount.min(hold.amount) } else { 0 };
                self.commit(group, customer, &hold, within, amount - within)?
            }
        };
        group.draft.rows.closed.push((hold.id, wanted.word(), answer.encode()));
        self.answered.holds.insert(hold.id, (wanted, answer.clone()));
        Ok(answer)
    }

    /// Book what was held in the window it was held in, and what goes beyond now: refused or not, it was used.
    fn commit(
        &mut self,
        group: &mut Group<'_>,
        customer: CustomerId,
        hold: &super::hold::Hold,
        within: i64,
        beyond: i64,
    ) -> Result<Answer> {
        let spot = Spot::of(group.state.whom(&hold.event.subject).ok_or_else(subject_unknown)?);
        let counted = self.known(group, &hold.event).is_some();
        if within > 0 && !counted {
            let mut booking = Booking::of(hold.event.clone(), spot, group.draft);
            booking.entry.accepted = hold.reserved;
            booking.entry.reading = crate::event::Reading::Amount(within);
            group.book(booking)?;
        }
        let (mut answer, _) = answer_to(group, customer, &hold.event, beyond)?;
        if beyond > 0 && !counted {
            let mut booking = Booking::of(hold.event.clone(), spot, group.draft);
            booking.entry.at = group.draft.now;
            booking.entry.reading = crate::event::Reading::Amount(beyond);
            booking.entry.over_limit = !answer.allowed;
            if within > 0 {
                // A second event, under a name that cannot be sent: it has no fingerprint of its own.
                let EventName { source, id } = hold.event.name.clone();
                booking.entry.name = EventName { source, id: format!("{id} (beyond its hold)") };
                booking.name = None;
            }
            group.book(booking)?;
            answer.used = answer.used.saturating_add(beyond);
        }
        answer.upgrade = None;
        Ok(answer)
    }
}

/// The answer to a check, when everything it takes is in memory and nothing of it has changed since.
pub fn quick(state: &mut State, stale: &Stale, event: &Checked, now: i64) -> Option<Result<Answer>> {
    if state.desks.is_restless() {
        return None;
    }
    let (customer, _) = state.whom(&event.subject)?;
    let now = now.max(state.accepted);
    if stale.concerns(&customer) {
        return None;
    }
    let desk = state.desks.get_mut(&customer).filter(|desk| !desk.account.is_over(now))?;
    if let Terms::Limited(limit) = desk.terms(&event.meter).clone() {
        let window = match window_of(&desk.account, &limit, &event.meter.key, now) {
            Ok(window) => window,
            Err(error) => return Some(Err(error)),
        };
        let who = who(&limit, &event.dimensions);
        desk.counter(&event.meter.key, &who).filter(|counter| counter.is_of(window))?;
    }
    let mut draft = Draft::to_look(state, now);
    let mut group = Group { state, draft: &mut draft };
    Some(answer_to(&mut group, customer, event, event.reading.amount()).map(|(answer, _)| answer))
}

/// Take from the token bucket of a customer's key; none when the subject is not in memory.
pub fn pace(
    state: &State,
    buckets: &Buckets<(CustomerId, String)>,
    (subject, key, cost): (&str, String, u32),
    clock: Timestamp,
) -> Option<Result<Pace>> {
    let (customer, _) = state.whom(subject)?;
    Some(Ok(match state.desks.get(&customer)?.account.rate() {
        None => Pace::NoAccess,
        Some(None) => Pace::Unlimited,
        Some(Some(rate)) => Pace::Taken(buckets.take((customer, key), rate, cost, clock)),
    }))
}

/// The answer to an ask for so much more, and whose use counts together.
fn answer_to(
    group: &mut Group<'_>,
    customer: CustomerId,
    event: &Checked,
    asked: i64,
) -> Result<(Answer, String)> {
    let (now, meter) = (group.draft.now, Arc::clone(&event.meter));
    if !matches!(meter.aggregation, Aggregation::Count | Aggregation::Sum) {
        let detail = format!("{} is no count and no sum: it can be measured, and not consumed.", meter.key);
        return Err(Error::conflict("meter_not_consumable", detail));
    }
    let decimals = meter.decimals;
    let desk = group.state.desks.get_mut(&customer).ok_or_else(|| missing("customer"))?;
    desk.tick = group.state.tick;
    let free = |allowed, reason| Answer {
        allowed,
        reason,
        limit: None,
        used: 0,
        resets_at: None,
        upgrade: None,
        decimals,
    };
    let limit = match desk.terms(&meter) {
        Terms::NoAccess => return Ok((free(false, Reason::NoAccess), String::new())),
        Terms::Unlimited => return Ok((free(true, Reason::Unlimited), String::new())),
        Terms::Limited(limit) => limit.clone(),
    };
    let who = who(&limit, &event.dimensions);
    let counter = desk.counter(&meter.key, &who).ok_or_else(|| missing("counter"))?;
    counter.settle(now);
    let bound = Bound { amount: limit.amount, policy: limit.policy, decimals };
    let mut answer = decide(counter, bound, asked, now);
    if !answer.allowed {
        let wanted = counter.used() + i128::from(asked);
        let agreement = desk.account.agreements.get(limit.agreement);
        answer.upgrade = agreement.and_then(|one| one.upgrade(&meter.key, wanted, decimals));
    }
    Ok((answer, who))
}

fn counter<'s>(
    group: &'s mut Group<'_>,
    customer: CustomerId,
    event: &Checked,
    who: &str,
) -> Option<&'s mut crate::limit::Counter> {
    group.state.desks.get_mut(&customer)?.counter(&event.meter.key, who)
}

fn who_of(group: &mut Group<'_>, customer: CustomerId, event: &Checked) -> String {
    match group.state.desks.get_mut(&customer).map(|desk| desk.terms(&event.meter).clone()) {
        Some(Terms::Limited(limit)) => who(&limit, &event.dimensions),
        _ => String::new(),
    }
}

fn subject_unknown() -> Error {
    let detail = "No customer or subscription here is called like the event's subject.";
    Error::invalid("subject_unknown", detail).at("/subject")
}

fn counted_before() -> Error {
    let detail = "An event of this source and id was counted before, by other means. Use an id of its own.";
    Error::conflict("event_counted_before", detail)
}
