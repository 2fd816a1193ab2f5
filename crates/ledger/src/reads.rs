//! What the books say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kernel::{
    AnyId, Currency, Error, Money, Result,
    ids::{LedgerAccountId, LedgerTransactionId, known_prefix},
};
use store::{Row, Statement, Value, View, params};

use crate::{
    Account, AccountKind, Balance, Cursor, Entry, KnownAccount, Posting, Report, StatementLine,
    StatementPage, Total, days,
    ops::owner,
    sql::{
        ACCOUNTS, BARE, COUNT, FIND_ACCOUNT, GET_ACCOUNT, HEADLESS, HELD, HELD_BY, OF_DOCUMENT, STATEMENT,
        TOTALS, TRIAL_BALANCE, UNBALANCED,
    },
};

/// Most lines on one page of a statement.
pub const MAX_PAGE: i64 = 1_000;

/// The id of an account; none before its first posting.
pub fn find_account(view: &mut View<'_>, account: &Account) -> Result<Option<LedgerAccountId>> {
    view.opt(&FIND_ACCOUNT, params![account.entity, account.kind.word(), owner(account)], |row| row.get(0))
}

/// The account of an id. Errors: `not_found`.
pub fn account(view: &mut View<'_>, id: LedgerAccountId) -> Result<Account> {
    let found = view.opt(&GET_ACCOUNT, params![id], read_account)?;
    found.map(|known| known.account).ok_or_else(|| Error::not_found("ledger account"))
}

/// Every account ever posted to, by legal entity, kind and owner.
pub fn accounts(view: &mut View<'_>) -> Result<Vec<KnownAccount>> {
    let mut accounts = view.all(&ACCOUNTS, params![], read_account)?;
    // Sorted here: the engines do not agree on the order of texts.
    accounts.sort_unstable_by(|a, b| a.account.cmp(&b.account));
    Ok(accounts)
}

/// Reads `id, entity_id, kind, owner`.
pub(crate) fn read_account(row: &Row<'_>) -> Result<KnownAccount> {
    Ok(KnownAccount { id: row.get(0)?, account: read_account_at(row, 1)? })
}

/// Reads `entity_id, kind, owner` from column `first` on.
pub(crate) fn read_account_at(row: &Row<'_>, first: usize) -> Result<Account> {
    let owner: String = row.get(first + 2)?;
    Ok(Account {
        entity: row.get(first)?,
        kind: row.parse(first + 1, AccountKind::parse)?,
        owner: Some(owner).filter(|owner| !owner.is_empty()),
    })
}

pub(crate) fn read_document(row: &Row<'_>, first: usize) -> Result<AnyId> {
    Ok(AnyId { prefix: row.parse(first, known_prefix)?, uuid: row.get(first + 1)? })
}

/// The sums of every account in every currency, of postings effective at or before `as_of` (business
/// time; none: all of them), by legal entity, kind, owner and currency. The balances of a legal entity in
/// one currency sum to zero.
pub fn trial_balance(view: &mut View<'_>, as_of: Option<Timestamp>) -> Result<Vec<Balance>> {
    let as_of = as_of.unwrap_or(Timestamp::MAX);
    let mut balances = view.all(&TRIAL_BALANCE, params![as_of], |row| {
        let (debit, credit): (i64, i64) = (row.get(5)?, row.get(6)?);
        let KnownAccount { id, account } = read_account(row)?;
        Ok(Balance { id, account, currency: row.get(4)?, debit, credit, balance: debit - credit })
    })?;
    balances.sort_unstable_by(|a, b| (&a.account, a.currency).cmp(&(&b.account, b.currency)));
    Ok(balances)
}

/// What the accounts of one kind and of these owners hold now: the account, the currency and the balance
/// (debit less credit) in minor units. Accounts without postings are left out.
pub fn held_by(
    view: &mut View<'_>,
    kind: AccountKind,
    owners: Vec<String>,
) -> Result<Vec<(Account, Currency, i64)>> {
    view.all(&HELD_BY, params![kind.word(), owners], |row| {
        let account = Account { entity: row.get(0)?, kind, owner: Some(row.get(1)?) };
        Ok((account, row.get(2)?, row.get(3)?))
    })
}

/// Part of an account's statement: the postings behind `after` (none: from the first), in order of
/// recording, at most `limit` (1 to [`MAX_PAGE`]), each with the running balance of its currency.
///
/// Errors: `not_found`.
pub fn statement(
    view: &mut View<'_>,
    id: LedgerAccountId,
    after: Option<Cursor>,
    limit: i64,
) -> Result<StatementPage> {
    account(view, id)?;
    let mut balances = held(view, id, after)?;
    let limit = limit.clamp(1, MAX_PAGE);
    let (transaction, ordinal) = place(after);
    let mut lines = view.all(&STATEMENT, params![id, transaction, ordinal, limit + 1], |row| {
        let at = Cursor { transaction: row.get(0)?, ordinal: row.get(1)? };
        let amount = Money::new(row.get(3)?, row.get(2)?)?;
        let balance: &mut i64 = balances.entry(amount.currency()).or_default();
        *balance += amount.minor();
        let (kind, document) = (row.get(4)?, read_document(row, 5)?);
        let (effective, recorded) = (row.get(7)?, row.get(8)?);
        Ok(StatementLine { at, kind, document, effective, recorded, amount, balance: *balance })
    })?;
    let more = lines.len() as i64 > limit;
    lines.truncate(limit as usize);
    let next = lines.last().filter(|_| more).map(|line| line.at);
    Ok(StatementPage { lines, next })
}

fn held(view: &mut View<'_>, id: LedgerAccountId, after: Option<Cursor>) -> Result<BTreeMap<Currency, i64>> {
    if after.is_none() {
        return Ok(BTreeMap::new());
    }
    let (transaction, ordinal) = place(after);
    let sums = view.all(&HELD, params![id, transaction, ordinal], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(sums.into_iter().collect())
}

/// The place to read on from; before everything when there is no cursor.
fn place(after: Option<Cursor>) -> (LedgerTransactionId, i64) {
    let start = (LedgerTransactionId::from_uuid(Default::default()), -1);
    after.map_or(start, |cursor| (cursor.transaction, cursor.ordinal))
}

/// The transactions posted for one document, in order of recording.
pub fn of_document(view: &mut View<'_>, document: AnyId) -> Result<Vec<Entry>> {
    collect_entries(view, &OF_DOCUMENT, params![document.uuid, document.prefix])
}

/// Transactions from rows of `id, kind, document_kind, document_id, effective, recorded` and, from column 6 on,
/// `entity_id, kind, owner, currency, amount`; those of one transaction follow each other.
pub(crate) fn collect_entries(
    view: &mut View<'_>,
    statement: &'static Statement,
    params: &[Value<'_>],
) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    view.each(statement, params, |row| {
        let id: LedgerTransactionId = row.get(0)?;
        if entries.last().is_none_or(|entry| entry.id != id) {
            let (kind, document) = (row.get(1)?, read_document(row, 2)?);
            let (effective, recorded) = (row.get(4)?, row.get(5)?);
            entries.push(Entry { id, kind, document, effective, recorded, postings: Vec::new() });
        }
        let posting =
            Posting { account: read_account_at(row, 6)?, amount: Money::new(row.get(10)?, row.get(9)?)? };
        if let Some(entry) = entries.last_mut() {
            entry.postings.push(posting);
        }
        Ok(())
    })?;
    Ok(entries)
}

/// Recompute the whole ledger of the environment from its postings.
pub fn check(view: &mut View<'_>) -> Result<Report> {
    let (transactions, postings, accounts) =
        view.one(&COUNT, params![], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let totals = view.all(&TOTALS, params![], |row| {
        Ok(Total { currency: row.get(0)?, amount: row.get::<i64>(1)?.into() })
    })?;
    let mut unbalanced = BTreeSet::new();
    for statement in [&UNBALANCED, &BARE, &HEADLESS] {
        unbalanced.extend(view.all(statement, params![], |row| row.get::<LedgerTransactionId>(0))?);
    }
    let summed = days::totals(view, None)? == days::fold(&trial_balance(view, None)?);
    let unbalanced = unbalanced.into_iter().collect();
    Ok(Report { transactions, postings, accounts, unbalanced, totals, summed })
}
