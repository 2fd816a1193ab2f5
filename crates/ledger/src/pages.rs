//! The books a page at a time, whatever their size.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::{
    Currency, Error, Money, Result,
    ids::{LedgerAccountId, LedgerTransactionId, LegalEntityId},
};
use store::{Tx, View, counts, params, statements};
use uuid::Uuid;

use crate::{
    Account, AccountKind, Balance, Cursor, KnownAccount, StatementLine, StatementPage, days,
    reads::{account, read_account, read_document},
};

statements! {
    environment OF_KIND = "SELECT id, entity_id, kind, owner FROM ledger_account
        WHERE env_id = $1 AND entity_id = $2 AND kind = $3 AND owner > $4 ORDER BY owner LIMIT $5";
    /// One by one, which takes its time.
    environment COUNTS = "SELECT entity_id, kind, count(*) FROM ledger_account WHERE env_id = $1 GROUP BY entity_id, kind";
    environment HOLD = "SELECT p.account_id, p.currency,
            CAST(sum(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END) AS bigint),
            CAST(-sum(CASE WHEN p.amount < 0 THEN p.amount ELSE 0 END) AS bigint)
        FROM posting p
        JOIN ledger_transaction t ON t.env_id = p.env_id AND t.id = p.transaction_id
        WHERE p.env_id = $1 AND p.account_id IN_IDS($2) AND t.effective <= $3
        GROUP BY p.account_id, p.currency";
    environment HELD_NOW = "SELECT currency, CAST(sum(amount) AS bigint) FROM posting
        WHERE env_id = $1 AND account_id = $2 GROUP BY currency";
    /// What came to an account from a posting on.
    environment SINCE = "SELECT currency, CAST(sum(amount) AS bigint) FROM posting
        WHERE env_id = $1 AND account_id = $2 AND (transaction_id, ordinal) >= ($3, $4) GROUP BY currency";
    environment BACKWARDS = "SELECT p.transaction_id, p.ordinal, p.currency, p.amount,
            t.kind, t.document_kind, t.document_id, t.effective, t.recorded
        FROM posting p
        JOIN ledger_transaction t ON t.env_id = p.env_id AND t.id = p.transaction_id
        WHERE p.env_id = $1 AND p.account_id = $2 AND (p.transaction_id, p.ordinal) < ($3, $4)
        ORDER BY p.transaction_id DESC, p.ordinal DESC LIMIT $5";
}

/// The accounts of one kind in the books of a legal entity, by owner, behind `after` (empty: from the first), at
/// most `limit`.
pub fn accounts_of(
    view: &mut View<'_>,
    entity: LegalEntityId,
    kind: AccountKind,
    after: &str,
    limit: i64,
) -> Result<Vec<KnownAccount>> {
    // Every owner is greater than the empty text, but that of a kind without owners.
    if kind.owner().is_none() {
        return Ok(crate::find_account(view, &Account::single(entity, kind))?
            .map(|id| KnownAccount { id, account: Account::single(entity, kind) })
            .into_iter()
            .collect());
    }
    view.all(&OF_KIND, params![entity, kind.word(), after, limit], read_account)
}

/// What accounts are counted as, as they are made.
pub(crate) const COUNTED: &str = "ledger_account";

/// The part an account is counted in.
pub(crate) fn part(entity: LegalEntityId, kind: AccountKind) -> String {
    format!("{} {}", entity.uuid().simple(), kind.word())
}

fn of_part(part: &str) -> Option<(LegalEntityId, AccountKind)> {
    let (entity, kind) = part.split_once(' ')?;
    Some((LegalEntityId::from_uuid(Uuid::try_parse(entity).ok()?), AccountKind::parse(kind)?))
}

/// How many accounts of each kind each legal entity has; kinds without any are left out.
pub fn account_counts(view: &mut View<'_>) -> Result<BTreeMap<(LegalEntityId, AccountKind), i64>> {
    let read = |(part, count): (String, i64)| {
        let place =
            of_part(&part).ok_or_else(|| Error::internal(format!("{part:?} is no kind of account")))?;
        Ok((place, count))
    };
    counts::of(view, COUNTED)?.into_iter().map(read).collect()
}

/// The same, counted one by one, to be compared.
pub fn accounts_counted_again(view: &mut View<'_>) -> Result<BTreeMap<(LegalEntityId, AccountKind), i64>> {
    let counts = view
        .all(&COUNTS, params![], |row| Ok(((row.get(0)?, row.parse(1, AccountKind::parse)?), row.get(2)?)))?;
    Ok(counts.into_iter().collect())
}

/// Put what was counted one by one in place of what was kept.
pub fn count_accounts_again(tx: &mut Tx<'_>) -> Result<()> {
    let counted = accounts_counted_again(tx)?.into_iter();
    counts::set(tx, COUNTED, counted.map(|((entity, kind), count)| (part(entity, kind), count)))
}

/// The sums of these accounts, of postings effective at or before `as_of` (none: all of them), a balance for each
/// currency, in the order of the accounts.
pub fn balances(
    view: &mut View<'_>,
    accounts: Vec<KnownAccount>,
    as_of: Option<Timestamp>,
) -> Result<Vec<Balance>> {
    let ids: Vec<LedgerAccountId> = accounts.iter().map(|known| known.id).collect();
    let as_of = as_of.unwrap_or(Timestamp::MAX);
    let mut sums: BTreeMap<LedgerAccountId, BTreeMap<Currency, [i64; 2]>> = BTreeMap::new();
    view.each(&HOLD, params![ids, as_of], |row| {
        sums.entry(row.get(0)?).or_default().insert(row.get(1)?, [row.get(2)?, row.get(3)?]);
        Ok(())
    })?;
    let mut balances = Vec::new();
    for KnownAccount { id, account } in accounts {
        for (currency, [debit, credit]) in sums.remove(&id).unwrap_or_default() {
            let account = account.clone();
            balances.push(Balance { id, account, currency, debit, credit, balance: debit - credit });
        }
    }
    Ok(balances)
}

/// Part of an account's statement, the newest posting first: those recorded before `before` (none: from the newest
/// on), at most `limit`, each with the account's balance of its currency after it.
///
/// Errors: `not_found`.
pub fn statement_back(
    view: &mut View<'_>,
    id: LedgerAccountId,
    before: Option<Cursor>,
    limit: i64,
) -> Result<StatementPage> {
    let account = account(view, id)?;
    let mut balances = held_before(view, id, &account, before)?;
    let newest = (LedgerTransactionId::from_uuid(Uuid::max()), i64::MAX);
    let (transaction, ordinal) = before.map_or(newest, |cursor| (cursor.transaction, cursor.ordinal));
    let mut lines = view.all(&BACKWARDS, params![id, transaction, ordinal, limit + 1], |row| {
        let at = Cursor { transaction: row.get(0)?, ordinal: row.get(1)? };
        let amount = Money::new(row.get(3)?, row.get(2)?)?;
        let held: &mut i64 = balances.entry(amount.currency()).or_default();
        let balance = *held;
        *held -= amount.minor();
        let (kind, document) = (row.get(4)?, read_document(row, 5)?);
        let (effective, recorded) = (row.get(7)?, row.get(8)?);
        Ok(StatementLine { at, kind, document, effective, recorded, amount, balance })
    })?;
    let more = lines.len() as i64 > limit;
    lines.truncate(usize::try_from(limit).unwrap_or_default());
    let next = lines.last().filter(|_| more).map(|line| line.at);
    Ok(StatementPage { lines, next })
}

fn held_before(
    view: &mut View<'_>,
    id: LedgerAccountId,
    account: &Account,
    before: Option<Cursor>,
) -> Result<BTreeMap<Currency, i64>> {
    // Where an account is large it has sums of its own.
    let mut held: BTreeMap<Currency, i64> = match days::is_summed(account) {
        true => days::held(view, account)?,
        false => {
            let sums = view.all(&HELD_NOW, params![id], |row| Ok((row.get(0)?, row.get(1)?)))?;
            sums.into_iter().collect()
        }
    };
    if let Some(before) = before {
        view.each(&SINCE, params![id, before.transaction, before.ordinal], |row| {
            *held.entry(row.get(0)?).or_default() -= row.get::<i64>(1)?;
            Ok(())
        })?;
    }
    Ok(held)
}
