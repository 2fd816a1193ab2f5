//! Answers kept by `Idempotency-Key`, so that a repeated request changes nothing and hears the same.
//!
//! The record commits with the change it belongs to. Not a fact.

use kernel::{Error, Result, ids};

use crate::{Tx, View, params, statements};

statements! {
    environment FIND = "SELECT fingerprint, status, body FROM idempotency WHERE env_id = $1 AND key = $2";
    /// Waits for a concurrent request with the same key; no row means that one won.
    environment RECORD = "INSERT INTO idempotency (env_id, key, fingerprint, status, body, customer_id, recorded)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    environment FORGET_CUSTOMER = "DELETE FROM idempotency WHERE env_id = $1 AND customer_id = $2";
    environment FORGET = "DELETE FROM idempotency WHERE env_id = $1 AND recorded < $2";
}

/// A request that may be repeated: its key and a digest of method, path and body.
#[derive(Clone, Debug)]
pub struct Request {
    /// The client's key.
    pub key: String,
    /// SHA-256 of what was asked.
    pub fingerprint: [u8; 32],
}

/// The answer given the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: String,
}

/// The answer to an earlier request with this key, if there was one.
///
/// Errors: `idempotency_key_reused` when that request asked for something else.
pub fn find(view: &mut View<'_>, request: &Request) -> Result<Option<Answer>> {
    let found = view.opt(&FIND, params![request.key], |row| {
        let status = u16::try_from(row.get::<i64>(1)?).unwrap_or(200);
        Ok((row.get::<Vec<u8>>(0)?, Answer { status, body: row.get(2)? }))
    })?;
    match found {
        Some((fingerprint, _)) if fingerprint != request.fingerprint => Err(Error::conflict(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request. Use a new key for each change.",
        )),
        found => Ok(found.map(|(_, answer)| answer)),
    }
}

/// Keep the answer to a request, under the customer whose facts the change states. When a concurrent request with the same key was first, the
/// transaction is run again and finds that one's answer.
pub fn record(tx: &mut Tx<'_>, request: &Request, answer: &Answer) -> Result<()> {
    let recorded = tx.recorded();
    let customer = tx.facts.iter().find_map(|staged| staged.fact.customer);
    let params = params![request.key, request.fingerprint, answer.status, answer.body, customer, recorded];
    match tx.exec(&RECORD, params)? {
        1 => Ok(()),
        _ => Err(tx.try_again()),
    }
}

/// Drop the answers that may name a customer, when the customer is erased: a repeated request then acts anew.
pub fn forget_customer(tx: &mut Tx<'_>, id: ids::CustomerId) -> Result<u64> {
    tx.exec(&FORGET_CUSTOMER, params![id])
}

/// Drop the answers recorded before `before` (real time); how many.
pub fn forget(tx: &mut Tx<'_>, before: jiff::Timestamp) -> Result<u64> {
    tx.exec(&FORGET, params![before])
}
