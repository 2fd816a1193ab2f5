//! Accounts, balances and postings in answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::{Currency, Error, Result, ids::LedgerAccountId};
use ledger::{Account, Balance, Chart, ChartEntry, Entry, Posting, StatementLine};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::shape::AmountOut;

/// An account in the books of a legal entity.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LedgerAccount)]
pub(crate) struct AccountOut {
    #[schema(examples("acc_01jdd7w000e008000000000001"))]
    id: String,
    /// Kind and owner together.
    #[schema(examples("receivable:cus_01jdd7w000e008000000000001"))]
    name: String,
    /// Whose books.
    legal_entity: String,
    /// What for.
    #[schema(examples("receivable"))]
    kind: &'static str,
    /// Customer, product, jurisdiction, gateway …; null where a legal entity has one account of the kind.
    owner: Option<String>,
}

impl AccountOut {
    pub(super) fn new(id: LedgerAccountId, account: &Account) -> Self {
        Self {
            id: id.to_string(),
            name: account.to_string(),
            legal_entity: account.entity.to_string(),
            kind: account.kind.word(),
            owner: account.owner.clone(),
        }
    }
}

/// The sums of every account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrialBalance)]
pub(crate) struct TrialBalanceOut {
    /// Business time up to which postings count; null: all of them.
    as_of: Option<Timestamp>,
    /// By legal entity, kind, owner and currency.
    accounts: Vec<BalanceOut>,
    /// Debits and credits of all accounts together; each balance is zero.
    totals: Vec<SumsOut>,
}

impl TrialBalanceOut {
    pub(super) fn of(balances: Vec<Balance>, as_of: Option<Timestamp>) -> Result<Self> {
        let mut totals: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
        for balance in &balances {
            let (debit, credit) = totals.entry(balance.currency).or_default();
            *debit += i128::from(balance.debit);
            *credit += i128::from(balance.credit);
        }
        let narrow =
            |sum: i128| i64::try_from(sum).map_err(|_| Error::internal("the ledger's sums exceed 64 bits"));
        let total = |(currency, (debit, credit))| Ok(SumsOut::new(currency, narrow(debit)?, narrow(credit)?));
        Ok(Self {
            as_of,
            accounts: balances.into_iter().map(BalanceOut::from).collect(),
            totals: totals.into_iter().map(total).collect::<Result<_>>()?,
        })
    }
}

/// Debits and credits in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LedgerSums)]
pub(crate) struct SumsOut {
    debit: AmountOut,
    credit: AmountOut,
    /// Debit less credit.
    balance: AmountOut,
}

impl SumsOut {
    fn new(currency: Currency, debit: i64, credit: i64) -> Self {
        let sum = |minor| AmountOut::sum(minor, currency);
        Self { debit: sum(debit), credit: sum(credit), balance: sum(debit.saturating_sub(credit)) }
    }
}

/// The sums of one account in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LedgerBalance)]
pub(crate) struct BalanceOut {
    account: AccountOut,
    #[serde(flatten)]
    sums: SumsOut,
}

impl From<Balance> for BalanceOut {
    fn from(balance: Balance) -> Self {
        Self {
            account: AccountOut::new(balance.id, &balance.account),
            sums: SumsOut::new(balance.currency, balance.debit, balance.credit),
        }
    }
}

/// A posting on an account's statement.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatementLine)]
pub(crate) struct StatementLineOut {
    #[schema(examples("txn_01jdd7w000e008000000000001"))]
    transaction: String,
    /// Its place in the transaction, from 0.
    ordinal: i64,
    /// What happened.
    #[schema(examples("invoice.finalized"))]
    kind: String,
    /// What it was posted for.
    document: String,
    /// Business time it counts from.
    effective: Timestamp,
    /// Real time it was written.
    recorded: Timestamp,
    /// Positive is a debit, negative a credit.
    amount: AmountOut,
    /// The account's balance in that currency after it.
    balance: AmountOut,
}

impl From<StatementLine> for StatementLineOut {
    fn from(line: StatementLine) -> Self {
        Self {
            transaction: line.at.transaction.to_string(),
            ordinal: line.at.ordinal,
            kind: line.kind,
            document: line.document.to_string(),
            effective: line.effective,
            recorded: line.recorded,
            amount: line.amount.into(),
            balance: AmountOut::sum(line.balance, line.amount.currency()),
        }
    }
}

/// A ledger transaction: postings that come to zero.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LedgerTransaction)]
pub(crate) struct EntryOut {
    #[schema(examples("txn_01jdd7w000e008000000000001"))]
    id: String,
    /// What happened.
    #[schema(examples("invoice.finalized"))]
    kind: String,
    /// What it was posted for.
    document: String,
    /// Business time it counts from.
    effective: Timestamp,
    /// Real time it was written.
    recorded: Timestamp,
    /// At least two.
    postings: Vec<PostingOut>,
}

impl From<Entry> for EntryOut {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            kind: entry.kind,
            document: entry.document.to_string(),
            effective: entry.effective,
            recorded: entry.recorded,
            postings: entry.postings.into_iter().map(PostingOut::from).collect(),
        }
    }
}

/// One side of a ledger transaction.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Posting)]
pub(crate) struct PostingOut {
    /// Kind and owner of the account.
    #[schema(examples("deferred_revenue"))]
    account: String,
    /// Whose books.
    legal_entity: String,
    /// Positive is a debit, negative a credit.
    amount: AmountOut,
}

impl From<Posting> for PostingOut {
    fn from(posting: Posting) -> Self {
        Self {
            account: posting.account.to_string(),
            legal_entity: posting.account.entity.to_string(),
            amount: posting.amount.into(),
        }
    }
}

/// What an accountant calls an account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChartEntry)]
pub(crate) struct ChartEntryOut {
    /// A kind, for all accounts of it, or one account, such as `revenue:growth`.
    #[schema(examples("receivable"))]
    account: String,
    /// Its number: 1 to 20 characters.
    #[schema(examples("1400"))]
    code: String,
    /// Its name: 1 to 100 characters.
    #[schema(examples("Trade receivables"))]
    name: String,
}

impl From<ChartEntry> for ChartEntryOut {
    fn from(ChartEntry { account, code, name }: ChartEntry) -> Self {
        Self { account, code, name }
    }
}

impl From<ChartEntryOut> for ChartEntry {
    fn from(ChartEntryOut { account, code, name }: ChartEntryOut) -> Self {
        Self { account, code, name }
    }
}

/// A chart of accounts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Chart)]
pub(crate) struct ChartOut {
    /// By account.
    accounts: Vec<ChartEntryOut>,
}

impl From<Chart> for ChartOut {
    fn from(chart: Chart) -> Self {
        Self { accounts: chart.entries().cloned().map(ChartEntryOut::from).collect() }
    }
}

/// A chart of accounts to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetChart {
    /// At most 1,000.
    pub(super) accounts: Vec<ChartEntryOut>,
}
