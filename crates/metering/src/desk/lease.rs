//! Becoming the owner of an environment's metering, and what it then finds.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kernel::{Error, Result};
use store::{Db, Scope, Tx, View, params};

use super::{
    Directory, Options, State,
    stale::Heeded,
    station::{Held, Words},
};
use crate::{
    double,
    event::Fingerprints,
    once::{Filter, Layers, Names, segment},
    sql,
};

/// For how long an owner that does not renew keeps others away.
pub const LEASE: SignedDuration = SignedDuration::from_secs(10);

/// What a new owner begins with.
struct Taken {
    state: State,
    fingerprints: Fingerprints,
    until: Timestamp,
}

struct Owner {
    epoch: i64,
    holder: String,
    until: Timestamp,
    address: Option<String>,
    next_chunk: i64,
    next_series: i64,
    next_segment: i64,
    accepted: i64,
    secret: Vec<u8>,
}

/// Take the lease and read what an owner needs. Error: `owned_elsewhere` while another process holds it.
fn take(db: &Db, scope: &Scope, options: &Options) -> Result<Taken> {
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret).map_err(|error| Error::internal(format!("no random numbers: {error}")))?;
    let until = later(db.real_now());
    let ours = (options.holder.clone(), options.address.clone());
    let owner = db.write(scope, move |tx| claim(tx, &ours, until, &secret)).wait()?;
    let (names, sources) = db.read(scope, |view| Ok((names(view)?, double::sources(view)?))).wait()?;
    let Owner { epoch, next_chunk, next_series, next_segment, accepted, secret, .. } = owner;
    let state = State {
        epoch,
        next_chunk,
        next_series,
        next_segment,
        accepted,
        names,
        sources: sources.into_iter().map(|one| (one.meter, one.kind)).collect(),
        desks: Default::default(),
        hours: Default::default(),
        tick: 0,
    };
    Ok(Taken { state, fingerprints: Fingerprints::new(&secret), until })
}

/// Take the lease, and read the price book's meters with it. Errors as [`take`].
pub fn open(db: &Db, directory: &dyn Directory, scope: &Scope, options: &Options) -> Result<Held> {
    let Taken { state, fingerprints, until } = take(db, scope, options)?;
    // Before anything is read: what changes meanwhile is heard of.
    let ((heeded, _), looked) = (directory.changes(scope, None)?, db.real_now());
    let words = Arc::new(Words { fingerprints, meters: directory.meters(scope)? });
    Ok(Held { state, words, until, heeded: Heeded::up_to(heeded), looked })
}

/// Until when a lease taken or renewed now runs.
pub fn later(now: Timestamp) -> Timestamp {
    now.checked_add(LEASE).unwrap_or(Timestamp::MAX)
}

/// Where the owner is reached, when that is another process that is alive and says so.
pub fn address(db: &Db, scope: &Scope, ours: &str) -> Result<Option<String>> {
    let owner = db.read(scope, owner).wait()?;
    let alive = owner.filter(|owner| owner.holder != ours && owner.until > db.real_now());
    Ok(alive.and_then(|owner| owner.address))
}

fn claim(
    tx: &mut Tx<'_>,
    (holder, address): &(String, Option<String>),
    until: Timestamp,
    secret: &[u8],
) -> Result<Owner> {
    let now = tx.recorded();
    if owner(tx)?.is_none() {
        tx.exec(&sql::FOUND_OWNER, params![holder, now, secret])?;
    }
    let taken = tx.exec(&sql::TAKE_OVER, params![holder, until, now, address])?;
    let owner = owner(tx)?.ok_or_else(|| Error::internal("an owner row that was written is not there"))?;
    if taken == 1 { Ok(owner) } else { Err(elsewhere(&owner.holder)) }
}

fn owner(view: &mut View<'_>) -> Result<Option<Owner>> {
    view.opt(&sql::OWNER, params![], |row| {
        Ok(Owner {
            epoch: row.get(0)?,
            holder: row.get(1)?,
            until: row.get(2)?,
            next_chunk: row.get(3)?,
            next_series: row.get(4)?,
            next_segment: row.get(5)?,
            accepted: row.get(6)?,
            secret: row.get(7)?,
            address: row.get(8)?,
        })
    })
}

/// The names as they are stored: filters of what is sealed, and the tail.
fn names(view: &mut View<'_>) -> Result<Names> {
    let sealed: Vec<(i64, Filter)> = view.all(&sql::SEGMENTS, params![], |row| {
        let filter: Vec<u8> = row.get(2)?;
        Ok((row.get(0)?, Filter::decode(&filter)?))
    })?;
    let mut names = Names::with(Layers::of(sealed));
    view.each(&sql::TAIL, params![], |row| {
        let bytes: Vec<u8> = row.get(0)?;
        segment::decode(&bytes).for_each(|(identity, known)| names.add(identity, known));
        Ok(())
    })?;
    Ok(names)
}

fn elsewhere(holder: &str) -> Error {
    Error::unavailable(
        "owned_elsewhere",
        format!(
            "The metering of this environment is done by another process ({holder}). Ask there, or try again in a moment."
        ),
    )
}
