//! Answers kept by `Idempotency-Key`, so that a repeated request changes nothing and hears the same.
//!
//! The record commits with the change it belongs to. Not a fact.

use kernel::{Error, Result};

use crate::{Tx, View, params, statements};

statements! {
    environment FIND = "SELECT fingerprint, status, body FROM idempotency WHERE env_id = $1 AND key = $2";
    /// Waits for a concurrent request with the same key; no row means that one won.
    environment RECORD = "INSERT INTO idempotency (env_id, key, fingerprint, status, body, recorded)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
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

/// Keep the answer to a request. When a concurrent request with the same key was first, the
/// transaction is run again and finds that one's answer.
pub fn record(tx: &mut Tx<'_>, request: &Request, answer: &Answer) -> Result<()> {
    let recorded = tx.recorded();
    let params = params![request.key, request.fingerprint, answer.status, answer.body, recorded];
    match tx.exec(&RECORD, params)? {
        1 => Ok(()),
        _ => Err(tx.try_again()),
    }
}

/// Drop the answers recorded before `before` (real time); how many.
pub fn forget(tx: &mut Tx<'_>, before: jiff::Timestamp) -> Result<u64> {
    tx.exec(&FORGET, params![before])
}
