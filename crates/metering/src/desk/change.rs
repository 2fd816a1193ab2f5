//! Voiding and replacing accepted events. Rare, and therefore alone in its group.

use kernel::{Error, Result, ids::CustomerId};
use store::{Db, Scope, params};

use super::{
    Directory, State,
    book::{Booking, Draft, Group},
    load::{self, Wanted},
    rows::ChangeRow,
    state::{Hour, Spot},
};
use crate::{
    event::{Checked, EventName, Horizon, Meters},
    log::{self, Address, Entry, Kind},
    once::Known,
    sql,
    usage::Tally,
};

/// What is to become of an accepted event.
#[derive(Clone, Debug)]
pub struct Change {
    /// Fingerprint of its name.
    pub identity: u128,
    /// What stands in its place; none: it is voided.
    pub replacement: Option<Checked>,
    /// Who wants it.
    pub actor: String,
    /// Why, as a code.
    pub reason: Option<String>,
    /// Staff wants it: what is older than the late window may be changed too.
    pub backfill: bool,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// False when it was so before.
    pub changed: bool,
}

/// The event to change, as it stands.
struct Target {
    original: Address,
    number: i64,
    address: Address,
    series: i64,
    hour: i64,
    entry: Entry,
    whose: Whose,
}

#[derive(Clone)]
struct Whose {
    customer: CustomerId,
    meter: String,
    dimensions: String,
}

/// Change an event in memory; none when it is so already. The caller saves the group.
///
/// Errors: `event_unknown`; `event_voided` for a replacement of an event that was voided; `permission_missing`, `too_old`
/// and `in_the_future` for times that are not to be changed; those of booking.
pub fn decide(
    ground: (&Db, &Scope, &dyn Directory, &Meters),
    state: &mut State,
    change: &Change,
    horizon: Horizon,
    now: i64,
) -> Result<Option<Draft>> {
    let (db, scope, directory, meters) = ground;
    let known = known(db, scope, state, change.identity)?.ok_or_else(unknown)?;
    let Some(target) = target(db, scope, known.address)? else {
        return if change.replacement.is_none() { Ok(None) } else { Err(voided()) };
    };
    if change.replacement.as_ref().is_some_and(|new| is_the_same(new, &target)) {
        return Ok(None);
    }
    admit(change, target.entry.at, horizon)?;
    let meter = meters.get(&target.whose.meter).cloned().ok_or_else(unknown)?;
    let subjects = [target.whose.customer.to_string()].into_iter();
    let subjects = subjects.chain(change.replacement.iter().map(|new| new.subject.clone()));
    let strangers: Vec<String> = subjects.filter(|subject| state.whom(subject).is_none()).collect();
    load::arrivals(db, scope, directory, strangers)?.seat(state);
    let old = event_of(&target, &meter);
    // Without a time it keeps that of the event it replaces, and is booked in that hour.
    let at = |new: &Checked| Checked { at: Some(new.at.unwrap_or(target.entry.at)), ..new.clone() };
    let replacing = change.replacement.as_ref().map(at);
    for event in std::iter::once(&old).chain(&replacing) {
        Wanted::for_event(state, event, now)?.load(db, scope)?.seat(state);
    }
    load_hour(db, scope, state, &target, &meter)?;
    let mut draft = Draft::begin(state, now);
    let mut group = Group { state, draft: &mut draft };
    let (place, entry) = ((target.series, target.hour), (target.address, &target.entry));
    group.void(target.whose.customer, &meter, &target.whose.dimensions, place, entry)?;
    let mut replacement = None;
    if let Some(new) = replacing {
        let whom = group.state.whom(&new.subject).ok_or_else(|| {
            Error::invalid("subject_unknown", "No customer or subscription here is called like that.")
                .at("/subject")
        })?;
        let mut booking = Booking::of(new, Spot::of(whom), group.draft);
        booking.entry.accepted = target.entry.accepted;
        booking.entry.kind = Kind::Replacement(target.address);
        booking.name = None;
        replacement = Some(group.book(booking)?.0 as i64);
    }
    group.draft.rows.change = Some(ChangeRow {
        original: target.original.0 as i64,
        number: target.number,
        replacement,
        actor: change.actor.clone(),
        reason: change.reason.clone(),
    });
    Ok(Some(draft))
}

/// Voiding an event, and moving one, reopens what is billed for its time as much as sending one does.
fn admit(change: &Change, stands: i64, horizon: Horizon) -> Result<()> {
    if stands < horizon.late && !change.backfill {
        let detail = "The event is older than the late window, and what it was billed on is closed. Changing it needs \
                      the permission invoice.write.";
        return Err(Error::new(kernel::Kind::Forbidden, "permission_missing", detail));
    }
    // A clock that was set back does not make what was accepted an event of the future.
    if stands < horizon.kept {
        return horizon.admits(stands, true);
    }
    let moved = change.replacement.as_ref().and_then(|new| new.at);
    moved.map_or(Ok(()), |at| horizon.admits(at, change.backfill))
}

fn known(db: &Db, scope: &Scope, state: &State, identity: u128) -> Result<Option<Known>> {
    if let Some(known) = state.names.recent(identity) {
        return Ok(Some(known));
    }
    let places = state.names.places(&[identity]);
    let find = move |view: &mut store::View<'_>| {
        for place in &places {
            let names: Option<Vec<u8>> =
                view.opt(&sql::PAGES, params![place.segment, vec![place.page]], |row| row.get(1))?;
            if let Some(known) = names.and_then(|names| place.read(&names)) {
                return Ok(Some(known));
            }
        }
        Ok(None)
    };
    db.read(scope, find).wait()
}

/// The event as it stands, through what was changed before; none when it was voided.
fn target(db: &Db, scope: &Scope, original: Address) -> Result<Option<Target>> {
    let found = db.read(scope, move |view| {
        let last = view.opt(&sql::CHANGES, params![original.0 as i64], |row| {
            Ok((row.get::<i64>(0)?, row.get::<Option<i64>>(1)?))
        })?;
        let (number, address) = match last {
            None => (1, original),
            Some((number, Some(replacement))) => (number + 1, Address(replacement as u64)),
            Some((_, None)) => return Ok(None),
        };
        let (series, hour, entry) = log::entry(view, address)?.ok_or_else(unknown)?;
        let whose = view.one(&sql::SERIES, params![series], |row| {
            Ok(Whose { customer: row.get(0)?, meter: row.get(1)?, dimensions: row.get(4)? })
        })?;
        Ok(Some(Target { original, number, address, series, hour, entry, whose }))
    });
    found.wait()
}

/// The hour the event is in, which need not be the one that events of its time go to now.
fn load_hour(
    db: &Db,
    scope: &Scope,
    state: &mut State,
    target: &Target,
    meter: &crate::event::Meter,
) -> Result<()> {
    let (series, hour, aggregation) = (target.series, target.hour, meter.aggregation);
    if state.hours.holds((series, hour)) {
        return Ok(());
    }
    let stored = db.read(scope, move |view| {
        view.one(&sql::TALLIES_AT, params![hour, vec![series]], |row| {
            let bytes: Vec<u8> = row.get(2)?;
            Ok(Hour { head: row.get(1)?, tally: Tally::decode(aggregation, &bytes)? })
        })
    });
    let stored = stored.wait()?;
    state.hours.get_or((series, hour), || stored);
    Ok(())
}

/// The stored event in the shape of one that comes in.
fn event_of(target: &Target, meter: &std::sync::Arc<crate::event::Meter>) -> Checked {
    let EventName { source, id } = target.entry.name.clone();
    Checked {
        name: EventName { source, id },
        identity: 0,
        content: 0,
        meter: std::sync::Arc::clone(meter),
        subject: target.whose.customer.to_string(),
        at: Some(target.entry.at),
        reading: target.entry.reading,
        dimensions: target.whose.dimensions.clone(),
        data: target.entry.data.clone(),
    }
}

fn is_the_same(new: &Checked, target: &Target) -> bool {
    new.meter.key == target.whose.meter
        && new.subject == target.whose.customer.to_string()
        && new.at.is_none_or(|at| at == target.entry.at)
        && new.reading == target.entry.reading
        && new.data == target.entry.data
}

fn unknown() -> Error {
    Error::new(kernel::Kind::NotFound, "event_unknown", "There is no event of this source and id here.")
}

fn voided() -> Error {
    Error::conflict("event_voided", "The event was voided. Send what happened under another id.")
}
