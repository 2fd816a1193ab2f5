//! Facts: what happened, to what, who, why, when effective and when recorded; numbered without gaps
//! per environment and chained by hash.
//!
//! Facts hold ids and figures, never names, addresses or free text, so that erasing a person leaves
//! the chain intact.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use kernel::{AnyId, Error, Result, ids};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    File, Outcome, Row, ToValue, Tx, Value, View, bulks,
    canonical::{Link, Told, has_float, hash, write_canonical},
    params, statements,
};

statements! {
    /// Opens the chain of a new environment.
    environment OPEN = "INSERT INTO fact_head (env_id, seq, hash) VALUES ($1, 0, $2)";
    /// Takes n numbers and holds the sequence until the transaction ends, so that no reader by cursor
    /// sees a later number before an earlier one.
    environment RESERVE = "UPDATE fact_head SET seq = seq + CAST($2 AS bigint) WHERE env_id = $1 RETURNING seq, hash";
    environment SET_HEAD = "UPDATE fact_head SET hash = $2 WHERE env_id = $1";
    environment HEAD = "SELECT seq, hash FROM fact_head WHERE env_id = $1";
    environment FEED = "SELECT seq, type, v, subject_kind, subject_id, customer_id, actor, reason, effective, recorded, payload, hash
        FROM fact WHERE env_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    environment OF_CUSTOMER = "SELECT seq, type, v, subject_kind, subject_id, customer_id, actor, reason, effective, recorded, payload, hash
        FROM fact WHERE env_id = $1 AND customer_id = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4";
    environment OF_SUBJECT = "SELECT seq, type, v, subject_kind, subject_id, customer_id, actor, reason, effective, recorded, payload, hash
        FROM fact WHERE env_id = $1 AND subject_id = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4";
    environment OF_SUBJECTS = "SELECT seq, type, v, subject_kind, subject_id, customer_id, actor, reason, effective, recorded, payload, hash
        FROM fact WHERE env_id = $1 AND subject_id IN_IDS($2) AND type IN_TEXTS($3) ORDER BY subject_id, seq";
    environment LATEST = "SELECT seq, type, v, subject_kind, subject_id, customer_id, actor, reason, effective, recorded, payload, hash
        FROM fact WHERE env_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
    environment HEADLINES = "SELECT seq, type, subject_kind, subject_id, customer_id
        FROM fact WHERE env_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
}

bulks! {
    INSERT = insert "fact" {
        seq: int, type: text, v: int, subject_kind: text, subject_id: uuid, customer_id: uuid, actor: text,
        reason: text, effective: instant, recorded: instant, payload: json, hash: bytes,
    };
}

/// What a context says happened.
#[derive(Debug)]
pub struct NewFact {
    /// `noun.verb_in_the_past`, such as `subscription.started`.
    pub kind: &'static str,
    /// Version of the payload's shape, from 1.
    pub v: i64,
    /// What it happened to.
    pub subject: AnyId,
    /// Whose it is, for the customer's timeline.
    pub customer: Option<ids::CustomerId>,
    /// When it counts from, in business time; none: now.
    pub effective: Option<Timestamp>,
    /// Ids and figures, as canonical text.
    payload: String,
}

impl NewFact {
    /// A fact of version 1, effective now. `payload` holds ids and figures.
    ///
    /// Errors: `internal` when the payload holds a float, which has no one spelling.
    pub fn new(kind: &'static str, subject: AnyId, payload: Json) -> Result<Self> {
        if has_float(&payload) {
            return Err(Error::internal(format!("the payload of {kind} holds a float")));
        }
        let mut text = String::with_capacity(256);
        write_canonical(&payload, &mut text);
        Ok(Self { kind, v: 1, subject, customer: None, effective: None, payload: text })
    }

    /// Put it on this customer's timeline.
    #[must_use]
    pub const fn of(mut self, customer: ids::CustomerId) -> Self {
        self.customer = Some(customer);
        self
    }

    /// It counts from another instant than now.
    #[must_use]
    pub const fn effective(mut self, at: Timestamp) -> Self {
        self.effective = Some(at);
        self
    }

    pub(crate) fn stage(self, view: &View<'_>) -> Staged {
        let effective = self.effective.unwrap_or(view.now());
        Staged { fact: self, effective }
    }
}

/// A fact that waits for its number.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) fact: NewFact,
    effective: Timestamp,
}

impl Staged {
    fn link(&self, seq: i64) -> Link<'_> {
        let Self { fact: NewFact { kind, v, subject, customer, payload, .. }, effective } = self;
        let (v, subject, customer, effective) = (*v, *subject, *customer, *effective);
        Link { seq, kind, v, subject, customer, effective, payload }
    }
}

/// A fact as it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Its number in the environment, from 1, without gaps.
    pub seq: i64,
    /// `noun.verb_in_the_past`.
    pub kind: String,
    /// Version of the payload's shape.
    pub v: i64,
    /// What it happened to.
    pub subject: AnyId,
    /// Whose it is.
    pub customer: Option<ids::CustomerId>,
    /// Who did it.
    pub actor: String,
    /// Why, as a code.
    pub reason: Option<String>,
    /// Business time it counts from.
    pub effective: Timestamp,
    /// Real time it was written.
    pub recorded: Timestamp,
    /// Ids and figures.
    pub payload: Json,
    /// SHA-256 over the previous fact's hash and this fact's canonical text.
    pub hash: Vec<u8>,
}

/// A fact as those hear of it who have to know at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its number; none when the connection broke during the commit and nobody knows whether it was stored.
    pub seq: Option<i64>,
    /// `noun.verb_in_the_past`.
    pub kind: &'static str,
    /// What it happened to.
    pub subject: AnyId,
    /// Whose it is.
    pub customer: Option<ids::CustomerId>,
}

/// What a fact is about, without what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// Its number in the environment.
    pub seq: i64,
    /// `noun.verb_in_the_past`.
    pub kind: String,
    /// What it happened to.
    pub subject: AnyId,
    /// Whose it is.
    pub customer: Option<ids::CustomerId>,
}

/// Hears of the facts of one transaction in one environment.
pub type Listener = Arc<dyn Fn(ids::EnvironmentId, &[Heard]) + Send + Sync>;

/// How version `from` of a type reads as version `from + 1`.
#[derive(Clone, Copy, Debug)]
pub struct Upcaster {
    /// The fact type.
    pub kind: &'static str,
    /// The stored version.
    pub from: i64,
    /// The payload's new shape.
    pub payload: fn(Json) -> Json,
}

impl Fact {
    fn read(row: &Row<'_>) -> Result<Self> {
        let subject_kind = row.parse(3, ids::known_prefix)?;
        Ok(Self {
            seq: row.get(0)?,
            kind: row.get(1)?,
            v: row.get(2)?,
            subject: AnyId { prefix: subject_kind, uuid: row.get(4)? },
            customer: row.get(5)?,
            actor: row.get(6)?,
            reason: row.get(7)?,
            effective: row.get(8)?,
            recorded: row.get(9)?,
            payload: row.get(10)?,
            hash: row.get(11)?,
        })
    }

    fn hash_after(&self, previous: &[u8], env: Uuid) -> [u8; 32] {
        let mut payload = String::with_capacity(256);
        write_canonical(&self.payload, &mut payload);
        let told = Told { actor: &self.actor, reason: self.reason.as_deref(), recorded: self.recorded };
        let mut out = String::with_capacity(512);
        Link {
            seq: self.seq,
            kind: &self.kind,
            v: self.v,
            subject: self.subject,
            customer: self.customer,
            effective: self.effective,
            payload: &payload,
        }
        .write(env, &told, &mut out);
        hash(previous, &out)
    }

    fn upcast(mut self, upcasters: &[Upcaster]) -> Self {
        while let Some(step) = upcasters.iter().find(|step| step.kind == self.kind && step.from == self.v) {
            self.payload = (step.payload)(self.payload);
            self.v += 1;
        }
        self
    }
}

/// Open the chain of a new environment.
pub fn open(tx: &mut Tx<'_>) -> Result<()> {
    let env = tx.env()?.uuid();
    tx.exec_one(&OPEN, params![first_link(env)])
}

/// What the first fact is chained to.
fn first_link(env: Uuid) -> Vec<u8> {
    Sha256::digest(env.as_bytes()).to_vec()
}

/// Number, chain and store the staged facts of a transaction: the last thing it does.
pub(crate) fn append(tx: &mut Tx<'_>) -> Result<()> {
    let facts = std::mem::take(&mut tx.facts);
    if facts.is_empty() {
        return Ok(());
    }
    if tx.scope().file == File::Usage {
        return Err(Error::internal(
            "usage states no facts: what core must learn from it goes through a job",
        ));
    }
    let env = tx.env()?.uuid();
    let count = facts.len() as i64;
    let (last, mut previous): (i64, Vec<u8>) =
        tx.one(&RESERVE, params![count], |row| Ok((row.get(0)?, row.get(1)?)))?;
    tell(tx, &facts, last - count + 1)?;
    let (actor, reason) = (tx.scope().actor.to_string(), tx.scope().reason.clone());
    let reason = reason.as_ref().map(|reason| reason.as_str());
    let told = Told { actor: &actor, reason, recorded: tx.recorded() };
    let mut linked = Vec::with_capacity(facts.len());
    let mut out = String::with_capacity(512);
    for (staged, seq) in facts.iter().zip(last - count + 1..) {
        let link = staged.link(seq);
        out.clear();
        link.write(env, &told, &mut out);
        let hash = hash(&previous, &out);
        previous = hash.to_vec();
        linked.push((link, hash));
    }
    tx.bulk_all(&INSERT, linked.iter().map(|(link, hash)| row(link, &told, hash)))?;
    tx.exec_one(&SET_HEAD, params![previous])
}

/// Tell the listeners once the transaction is durable, or may be.
fn tell(tx: &mut Tx<'_>, facts: &[Staged], first: i64) -> Result<()> {
    let listeners = tx.runtime.listeners.read().unwrap_or_else(PoisonError::into_inner).clone();
    if listeners.is_empty() {
        return Ok(());
    }
    let env = tx.env()?;
    let mut heard: Vec<Heard> = facts
        .iter()
        .zip(first..)
        .map(|(Staged { fact: NewFact { kind, subject, customer, .. }, .. }, seq)| Heard {
            seq: Some(seq),
            kind,
            subject: *subject,
            customer: *customer,
        })
        .collect();
    tx.after_commit(move |outcome| {
        if outcome == Outcome::Unknown {
            heard.iter_mut().for_each(|fact| fact.seq = None);
        }
        listeners.iter().for_each(|listener| listener(env, &heard));
    });
    Ok(())
}

fn row<'v>(link: &Link<'v>, told: &Told<'v>, hash: &'v [u8; 32]) -> [Value<'v>; 12] {
    [
        Value::Int(link.seq),
        Value::from(link.kind),
        Value::Int(link.v),
        Value::from(link.subject.prefix),
        Value::Uuid(link.subject.uuid),
        link.customer.map_or(Value::Null, |id| Value::Uuid(id.uuid())),
        Value::from(told.actor),
        told.reason.map_or(Value::Null, Value::from),
        Value::Instant(link.effective),
        Value::Instant(told.recorded),
        Value::Json(link.payload.into()),
        hash.to_value(),
    ]
}

/// The facts after number `after`, at most `limit`, oldest first. Whatever is committed later has a
/// higher number, so reading on from the last number misses nothing.
pub fn feed(view: &mut View<'_>, after: i64, limit: i64) -> Result<Vec<Fact>> {
    let upcasters = view.upcasters();
    view.all(&FEED, params![after, limit], |row| Ok(Fact::read(row)?.upcast(upcasters)))
}

/// What the facts after number `after` are about, as [`feed`].
pub fn headlines(view: &mut View<'_>, after: i64, limit: i64) -> Result<Vec<Headline>> {
    view.all(&HEADLINES, params![after, limit], |row| {
        let subject = AnyId { prefix: row.parse(2, ids::known_prefix)?, uuid: row.get(3)? };
        Ok(Headline { seq: row.get(0)?, kind: row.get(1)?, subject, customer: row.get(4)? })
    })
}

/// The number of the last fact; 0 before the first.
pub fn last(view: &mut View<'_>) -> Result<i64> {
    Ok(view.opt(&HEAD, params![], |row| row.get(0))?.unwrap_or(0))
}

/// The newest facts before number `before`, newest first.
pub fn latest(view: &mut View<'_>, before: i64, limit: i64) -> Result<Vec<Fact>> {
    let upcasters = view.upcasters();
    view.all(&LATEST, params![before, limit], |row| Ok(Fact::read(row)?.upcast(upcasters)))
}

/// A customer's timeline before number `before`, newest first.
pub fn of_customer(view: &mut View<'_>, id: ids::CustomerId, before: i64, limit: i64) -> Result<Vec<Fact>> {
    let upcasters = view.upcasters();
    view.all(&OF_CUSTOMER, params![id, before, limit], |row| Ok(Fact::read(row)?.upcast(upcasters)))
}

/// What happened to one thing before number `before`, newest first.
pub fn of_subject(view: &mut View<'_>, subject: Uuid, before: i64, limit: i64) -> Result<Vec<Fact>> {
    let upcasters = view.upcasters();
    view.all(&OF_SUBJECT, params![subject, before, limit], |row| Ok(Fact::read(row)?.upcast(upcasters)))
}

/// What happened of some kinds to many things: each one's facts together, the oldest first, a fact at a time.
pub fn each_of_subjects(
    view: &mut View<'_>,
    subjects: Vec<Uuid>,
    kinds: &[&str],
    mut with: impl FnMut(Fact),
) -> Result<()> {
    if subjects.is_empty() {
        return Ok(());
    }
    let (upcasters, kinds) =
        (view.upcasters(), kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>());
    view.each(&OF_SUBJECTS, params![subjects, kinds], |row| {
        with(Fact::read(row)?.upcast(upcasters));
        Ok(())
    })
}

/// Recompute the whole chain; how many facts it holds.
///
/// Errors: `facts_broken`, naming the first number that does not follow from the one before.
pub fn verify(view: &mut View<'_>) -> Result<i64> {
    let env = view.env()?.uuid();
    let (mut seq, mut hash) = (0, first_link(env));
    loop {
        let page = view.all(&FEED, params![seq, PAGE], Fact::read)?;
        for fact in &page {
            if fact.seq != seq + 1 || fact.hash != fact.hash_after(&hash, env) {
                return Err(broken(seq + 1));
            }
            seq = fact.seq;
            hash.clone_from(&fact.hash);
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    let head: Option<(i64, Vec<u8>)> = view.opt(&HEAD, params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if head.is_some_and(|head| head != (seq, hash)) { Err(broken(seq + 1)) } else { Ok(seq) }
}

const PAGE: i64 = 1_000;

fn broken(seq: i64) -> Error {
    Error::conflict("facts_broken", format!("Fact {seq} is missing or was changed: the chain breaks there."))
}
