//! Posting: check, know the accounts, write.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{
    Error, Result,
    ids::{LedgerAccountId, LedgerTransactionId},
};
use store::{ToValue, Tx, params};

use crate::{
    Account, Transaction, days, pages,
    reads::read_account,
    rules::check_balanced,
    sql::{FIND_ACCOUNTS, INSERT_ACCOUNTS, INSERT_POSTINGS, INSERT_TRANSACTIONS},
};

/// Put transactions into the books, making the accounts they name; their ids, in the order given.
///
/// Nothing is written when one of them is wrong. A few statements whatever the number of transactions, so
/// hand over everything at once; best after document numbers were taken, as the last write of the change.
///
/// Errors: `ledger_unbalanced`, `ledger_account_malformed`.
pub fn post(tx: &mut Tx<'_>, transactions: &[Transaction]) -> Result<Vec<LedgerTransactionId>> {
    if transactions.is_empty() {
        return Ok(Vec::new());
    }
    transactions.iter().try_for_each(check_balanced)?;
    let wanted =
        transactions.iter().flat_map(|transaction| &transaction.postings).map(|posting| &posting.account);
    let accounts = get_or_create(tx, wanted.collect())?;
    let ids: Vec<LedgerTransactionId> = transactions.iter().map(|_| tx.new_id()).collect();
    insert(tx, transactions, &ids, &accounts)?;
    days::add(tx, transactions)?;
    Ok(ids)
}

type Accounts = BTreeMap<Account, LedgerAccountId>;

/// The ids of the accounts; new ones are made. Made in order, so that two transactions that make the same
/// accounts wait for each other in one direction only.
fn get_or_create(tx: &mut Tx<'_>, wanted: BTreeSet<&Account>) -> Result<Accounts> {
    let known = find(tx, &wanted)?;
    let missing: Vec<&Account> = wanted.into_iter().filter(|account| !known.contains_key(account)).collect();
    if missing.is_empty() {
        return Ok(known);
    }
    let ids: Vec<LedgerAccountId> = missing.iter().map(|_| tx.new_id()).collect();
    let rows = missing.iter().zip(&ids).map(|(account, id)| {
        [id.to_value(), account.entity.to_value(), account.kind.word().to_value(), owner(account).to_value()]
    });
    tx.bulk(&INSERT_ACCOUNTS, rows)?;
    // Not the ids just made: another transaction may have been first.
    let made = find(tx, &missing.into_iter().collect())?;
    let ids: BTreeSet<LedgerAccountId> = ids.into_iter().collect();
    for (account, _) in made.iter().filter(|(_, id)| ids.contains(id)) {
        tx.counted(pages::COUNTED, pages::part(account.entity, account.kind), 1);
    }
    Ok(known.into_iter().chain(made).collect())
}

fn find(tx: &mut Tx<'_>, wanted: &BTreeSet<&Account>) -> Result<Accounts> {
    let mut found = Accounts::new();
    // They are in order of legal entity and kind.
    let wanted: Vec<&Account> = wanted.iter().copied().collect();
    for alike in wanted.chunk_by(|a, b| (a.entity, a.kind) == (b.entity, b.kind)) {
        let (entity, kind) = (alike[0].entity, alike[0].kind.word());
        let owners: Vec<String> = alike.iter().map(|account| owner(account).to_owned()).collect();
        tx.each(&FIND_ACCOUNTS, params![entity, kind, owners], |row| {
            let known = read_account(row)?;
            found.insert(known.account, known.id);
            Ok(())
        })?;
    }
    Ok(found)
}

/// The owner as it is stored: empty for none, because a unique key does not compare NULLs.
pub(crate) fn owner(account: &Account) -> &str {
    account.owner.as_deref().unwrap_or_default()
}

fn insert(
    tx: &mut Tx<'_>,
    transactions: &[Transaction],
    ids: &[LedgerTransactionId],
    accounts: &Accounts,
) -> Result<()> {
    let recorded = tx.recorded();
    let headers = transactions.iter().zip(ids).map(|(transaction, id)| {
        let Transaction { kind, document, effective, .. } = transaction;
        [
            id.to_value(),
            kind.to_value(),
            document.prefix.to_value(),
            document.uuid.to_value(),
            effective.to_value(),
            recorded.to_value(),
        ]
    });
    tx.bulk_all(&INSERT_TRANSACTIONS, headers)?;
    let mut postings = Vec::new();
    for (transaction, id) in transactions.iter().zip(ids) {
        for (posting, ordinal) in transaction.postings.iter().zip(0_i64..) {
            let account = accounts.get(&posting.account).ok_or_else(|| {
                Error::internal(format!("the account {} is neither found nor made", posting.account))
            })?;
            postings.push((id, ordinal, account, posting.amount.currency(), posting.amount.minor()));
        }
    }
    let rows = postings.iter().map(|(id, ordinal, account, currency, amount)| {
        [id.to_value(), ordinal.to_value(), account.to_value(), currency.to_value(), amount.to_value()]
    });
    tx.bulk_all(&INSERT_POSTINGS, rows)
}
