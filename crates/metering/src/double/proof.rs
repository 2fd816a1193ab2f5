//! Whether the second count agrees with the first.

use std::collections::BTreeMap;

use catalog::Aggregation;
use kernel::{Exact, Result};
use store::{Db, Scope, View, params};

use super::{
    Parts,
    model::{Balance, Posting, Source},
    sql,
};
use crate::{
    log::{Chunk, Kind},
    reconcile::{Difference, Proof},
};

/// Since which chunk meters are posted, by key and kind.
pub(crate) type Sources = BTreeMap<(String, String), i64>;

/// The meters that are kept in double entry.
pub fn sources(view: &mut View<'_>) -> Result<Vec<Source>> {
    view.all(&sql::SOURCES, params![], |row| {
        Ok(Source { meter: row.get(0)?, kind: row.get(1)?, since: row.get(2)?, began: row.get(3)? })
    })
}

/// An hour of a series as both counts have it.
pub(crate) struct Entered {
    /// The last chunk in the tally.
    pub head: i64,
    /// The tally.
    pub tally: Vec<u8>,
    /// What is posted.
    pub posting: Posting,
}

/// The tally of an hour of a series and what is posted for it, at one moment.
pub(crate) fn posted_at(view: &mut View<'_>, hour: i64, series: i64) -> Result<Option<Entered>> {
    view.opt(&sql::POSTED_AT, params![hour, series], |row| {
        let quantity = Parts { hi: row.get(2)?, lo: row.get(3)? }.quantity();
        let posting = Posting { quantity, events: row.get(4)? };
        Ok(Entered { head: row.get(0)?, tally: row.get(1)?, posting })
    })
}

/// What the log says should be: events and voids of the chunks from `since` on.
pub(crate) fn of_chain(aggregation: Aggregation, chain: &[Chunk], since: i64) -> Posting {
    let mut posting = Posting::default();
    for entry in chain.iter().filter(|chunk| chunk.n >= since).flat_map(|chunk| &chunk.entries) {
        let sign = if matches!(entry.kind, Kind::Void(_)) { -1 } else { 1 };
        let quantity = quantity(aggregation, entry.reading.amount());
        posting.add(i128::from(quantity * sign), sign);
    }
    posting
}

/// What an event adds to a meter's quantity: of a count it is one, whatever it brings.
pub(crate) const fn quantity(aggregation: Aggregation, amount: i64) -> i64 {
    match aggregation {
        Aggregation::Count => 1,
        _ => amount,
    }
}

/// The accounts of every critical meter as they stand, from the usage database. What they do not come to zero by is a
/// difference, `double_entry_differs`, as is a number of events that is not the same on both sides.
pub fn prove(db: &Db, scope: &Scope, proof: &mut Proof) -> Result<Vec<Balance>> {
    let mut accounts: BTreeMap<(String, String), BTreeMap<String, Posting>> = BTreeMap::new();
    let rows = db.usage().background().read(scope, |view| {
        view.all(&sql::ACCOUNTS, params![], |row| {
            let quantity = Parts { hi: row.get(3)?, lo: row.get(4)? }.quantity();
            let place: (String, String) = (row.get(1)?, row.get(2)?);
            Ok((row.get::<String>(0)?, place, Posting { quantity, events: row.get(5)? }))
        })
    });
    for (account, meter, posting) in rows.wait()? {
        accounts.entry(meter).or_default().insert(account, posting);
    }
    let mut balances = Vec::new();
    for ((meter, kind), accounts) in accounts {
        let of = |name: &str| accounts.get(name).copied().unwrap_or_default();
        let (source, posted, billed) = (of("source"), of("usage"), of("billed"));
        // Postings of meters that are not critical are none of ours: there are none.
        if source.quantity + posted.quantity != 0 || source.events + posted.events != 0 {
            let mirrored = Posting { quantity: -source.quantity, events: -source.events };
            proof.add(Difference {
                code: "double_entry_differs",
                customer: None,
                meter: meter.clone(),
                place: format!("source:{meter} against all usage ({kind})"),
                expected: mirrored.to_string(),
                found: posted.to_string(),
            });
        }
        let scale = 10_i128.pow(decimals(&kind));
        balances.push(Balance {
            meter,
            source: Exact::ratio(source.quantity, scale),
            usage: Exact::ratio(posted.quantity - billed.quantity, scale),
            billed: Exact::ratio(billed.quantity, scale),
        });
    }
    Ok(balances)
}

/// A quantity scaled by the decimals of a kind.
pub(super) fn scaled(kind: &str, measured: &Exact) -> i128 {
    let scale = Exact::ratio(10_i128.pow(decimals(kind)), 1);
    // What was counted or summed up has no more decimals than its meter.
    (measured * &scale).floor().map_or(i128::from(i64::MAX), i128::from)
}

/// The decimals in a kind like `sum/3`.
pub(super) fn decimals(kind: &str) -> u32 {
    kind.rsplit_once('/').and_then(|(_, decimals)| decimals.parse().ok()).unwrap_or(0)
}
