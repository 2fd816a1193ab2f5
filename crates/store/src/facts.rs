//! Facts: what happened, to what, who, why, when effective and when recorded; numbered without gaps
//! per environment and chained by hash.
//!
//! Facts hold ids and figures, never names, addresses or free text, so that erasing a person leaves
//! the chain intact.

use jiff::Timestamp;
use kernel::{AnyId, Error, Result, ids};
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{File, Row, ToValue, Tx, Value, View, bulks, params, statements};

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
    environment LATEST = "SELECT seq, type, v, subject_kind, subject_id, customer_id, actor, reason, effective, recorded, payload, hash
        FROM fact WHERE env_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
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
    /// Ids and figures.
    pub payload: Json,
}

impl NewFact {
    /// A fact of version 1, effective now. `payload` is anything that serialises without floats.
    ///
    /// Errors: `internal` when the payload cannot be JSON.
    pub fn new(kind: &'static str, subject: AnyId, payload: impl Serialize) -> Result<Self> {
        let payload = serde_json::to_value(payload)
            .map_err(|error| Error::internal(format!("the payload of {kind} is no JSON: {error}")))?;
        Ok(Self { kind, v: 1, subject, customer: None, effective: None, payload })
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

    pub(crate) fn complete(self, view: &View<'_>) -> Fact {
        Fact {
            seq: 0,
            kind: self.kind.to_owned(),
            v: self.v,
            subject: self.subject,
            customer: self.customer,
            actor: view.scope().actor.to_string(),
            reason: view.scope().reason.as_ref().map(|reason| reason.as_str().to_owned()),
            effective: self.effective.unwrap_or(view.now()),
            recorded: view.recorded(),
            payload: self.payload,
            hash: Vec::new(),
        }
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

    /// The text the hash is over: JSON with sorted keys, instants in microseconds, no spaces.
    fn canonical(&self, env: Uuid) -> String {
        let mut out = String::with_capacity(256);
        let whole = serde_json::json!({
            "env": env.simple().to_string(),
            "seq": self.seq,
            "type": self.kind,
            "v": self.v,
            "subject": self.subject.to_string(),
            "customer": self.customer.map(|id| id.to_string()),
            "actor": self.actor,
            "reason": self.reason,
            "effective": self.effective.as_microsecond(),
            "recorded": self.recorded.as_microsecond(),
            "payload": self.payload,
        });
        write_canonical(&whole, &mut out);
        out
    }

    fn hash_after(&self, previous: &[u8], env: Uuid) -> Vec<u8> {
        Sha256::new().chain_update(previous).chain_update(self.canonical(env)).finalize().to_vec()
    }

    fn upcast(mut self, upcasters: &[Upcaster]) -> Self {
        while let Some(step) = upcasters.iter().find(|step| step.kind == self.kind && step.from == self.v) {
            self.payload = (step.payload)(self.payload);
            self.v += 1;
        }
        self
    }
}

/// JSON with keys in order, whatever order the engine or the library keeps them in.
fn write_canonical(value: &Json, out: &mut String) {
    match value {
        Json::Object(fields) => {
            let mut keys: Vec<_> = fields.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                *out += &Json::from(key.as_str()).to_string();
                out.push(':');
                write_canonical(&fields[key], out);
            }
            out.push('}');
        }
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => *out += &scalar.to_string(),
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
    let mut facts = std::mem::take(&mut tx.facts);
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
    let (last, mut hash): (i64, Vec<u8>) =
        tx.one(&RESERVE, params![count], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (fact, seq) in facts.iter_mut().zip(last - count + 1..) {
        fact.seq = seq;
        fact.hash = fact.hash_after(&hash, env);
        hash.clone_from(&fact.hash);
    }
    tx.bulk_all(&INSERT, facts.iter().map(row))?;
    tx.exec_one(&SET_HEAD, params![hash])
}

fn row(fact: &Fact) -> [Value<'_>; 12] {
    [
        fact.seq.to_value(),
        fact.kind.to_value(),
        fact.v.to_value(),
        fact.subject.prefix.to_value(),
        fact.subject.uuid.to_value(),
        fact.customer.map_or(Value::Null, |id| Value::Uuid(id.uuid())),
        fact.actor.to_value(),
        fact.reason.to_value(),
        fact.effective.to_value(),
        fact.recorded.to_value(),
        fact.payload.to_value(),
        fact.hash.to_value(),
    ]
}

/// The facts after number `after`, at most `limit`, oldest first. Whatever is committed later has a
/// higher number, so reading on from the last number misses nothing.
pub fn feed(view: &mut View<'_>, after: i64, limit: i64) -> Result<Vec<Fact>> {
    let upcasters = view.upcasters();
    view.all(&FEED, params![after, limit], |row| Ok(Fact::read(row)?.upcast(upcasters)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_does_not_depend_on_key_order() {
        let text = |json: &str| {
            let mut out = String::new();
            write_canonical(&serde_json::from_str(json).unwrap(), &mut out);
            out
        };
        assert_eq!(
            text(r#"{"b": [1, {"z": null, "a": "é\n"}], "a": true}"#),
            r#"{"a":true,"b":[1,{"a":"é\n","z":null}]}"#
        );
    }
}
