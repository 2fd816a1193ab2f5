//! The journal: every transaction by the time it counts from, for an accountant's own books.

use jiff::Timestamp;
use kernel::{Result, ids::LedgerTransactionId};
use store::{View, params, statements};

use crate::{Entry, reads::collect_entries};

statements! {
    environment JOURNAL = "SELECT t.id, t.kind, t.document_kind, t.document_id, t.effective, t.recorded,
            a.entity_id, a.kind, a.owner, p.currency, p.amount
        FROM (
            SELECT env_id, id, kind, document_kind, document_id, effective, recorded FROM ledger_transaction
            WHERE env_id = $1 AND effective >= $2 AND effective < $3 AND (effective, id) > ($4, $5)
            ORDER BY effective, id LIMIT $6
        ) t
        JOIN posting p ON p.env_id = t.env_id AND p.transaction_id = t.id
        JOIN ledger_account a ON a.env_id = p.env_id AND a.id = p.account_id
        ORDER BY t.effective, t.id, p.ordinal";
}

/// Where a page of the journal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalPlace {
    /// When the last transaction on it counts from.
    pub effective: Timestamp,
    /// Its id.
    pub transaction: LedgerTransactionId,
}

impl From<&Entry> for JournalPlace {
    fn from(entry: &Entry) -> Self {
        Self { effective: entry.effective, transaction: entry.id }
    }
}

/// Transactions that count from `from` (none: from the first) until before `until` (none: to the last), in business
/// time, in that order; those behind `after`, at most `limit`.
pub fn journal(
    view: &mut View<'_>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    after: Option<JournalPlace>,
    limit: i64,
) -> Result<Vec<Entry>> {
    let (from, until) = (from.unwrap_or(EARLIEST), until.unwrap_or(Timestamp::MAX));
    let (effective, id) = after
        .map_or((EARLIEST, LedgerTransactionId::from_uuid(Default::default())), |place| {
            (place.effective, place.transaction)
        });
    collect_entries(view, &JOURNAL, params![from, until, effective, id, limit])
}

/// Before every business time there is.
const EARLIEST: Timestamp = Timestamp::UNIX_EPOCH;
