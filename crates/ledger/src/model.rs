//! Accounts, postings, and what the reads answer with.

use std::fmt;

use jiff::Timestamp;
use kernel::{
    AnyId, Currency, Money,
    ids::{LedgerAccountId, LedgerTransactionId, LegalEntityId},
};
use serde::{Serialize, Serializer};

macro_rules! account_kinds {
    ($($(#[$doc:meta])* $kind:ident $word:literal $owner:expr;)*) => {
        /// What an account is for. The list is the chart of accounts of every legal entity.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AccountKind {
            $($(#[$doc])* $kind,)*
        }

        impl AccountKind {
            /// Every kind, each once.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The word in storage and in the API.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$kind => $word,)* }
            }

            /// What the owner of such an account is (`customer`, `gateway`); none when there is one
            /// account of this kind per legal entity.
            pub const fn owner(self) -> Option<&'static str> {
                match self { $(Self::$kind => $owner,)* }
            }
        }
    };
}

account_kinds! {
    /// What a customer owes on finalized documents.
    Receivable "receivable" Some("customer");
    /// Money that arrived at our bank through a gateway.
    Cash "cash" Some("gateway");
    /// Money a gateway holds for us.
    Clearing "clearing" Some("gateway");
    /// Billed in advance, not yet earned.
    DeferredRevenue "deferred_revenue" None;
    /// Earned, by product.
    Revenue "revenue" Some("product");
    /// Tax to be handed on, by jurisdiction.
    TaxPayable "tax_payable" Some("jurisdiction");
    /// What we owe a customer outside of the wallet.
    CustomerCredit "customer_credit" Some("customer");
    /// Paid-in and granted wallet money not yet used.
    Wallet "wallet" Some("customer");
    /// Money given back.
    Refunds "refunds" None;
    /// Receivables given up.
    BadDebt "bad_debt" None;
    /// What gateways keep.
    GatewayFees "gateway_fees" None;
    /// Differences of exchange rates.
    FxGainLoss "fx_gain_loss" None;
    /// The other side of money changed from one currency into another.
    FxConversion "fx_conversion" Some("currency");
    /// Earned, not yet on an invoice.
    Unbilled "unbilled" None;
    /// Money received that belongs to no invoice yet.
    UnmatchedReceipts "unmatched_receipts" None;
    /// Money held back by disputes.
    Disputes "disputes" None;
    /// Prepaid and never used.
    Breakage "breakage" None;
    /// Commission earned on marketplace orders.
    CommissionRevenue "commission_revenue" None;
    /// What we owe a seller.
    SellerPayable "seller_payable" Some("seller");
    /// What we hold back of a seller's money.
    SellerReserve "seller_reserve" Some("seller");
    /// What we owe a partner.
    PartnerPayable "partner_payable" Some("partner");
    /// What partners cost.
    PartnerExpense "partner_expense" None;
}

impl AccountKind {
    /// The inverse of [`AccountKind::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for AccountKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// An account of a legal entity, shown as `receivable:cus_…` or `refunds`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Account {
    /// Whose books.
    pub entity: LegalEntityId,
    /// What for.
    pub kind: AccountKind,
    /// Customer id, product key, jurisdiction, gateway…: present exactly when [`AccountKind::owner`]
    /// names one; at most 100 characters.
    pub owner: Option<String>,
}

impl Account {
    /// The account of its kind that a legal entity has one of.
    pub const fn single(entity: LegalEntityId, kind: AccountKind) -> Self {
        Self { entity, kind, owner: None }
    }

    /// The account of one owner: a customer, a product, a gateway.
    pub fn owned(entity: LegalEntityId, kind: AccountKind, owner: impl fmt::Display) -> Self {
        Self { entity, kind, owner: Some(owner.to_string()) }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Some(owner) => write!(f, "{}:{owner}", self.kind),
            None => f.write_str(self.kind.word()),
        }
    }
}

/// One side of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Posting {
    /// Where.
    pub account: Account,
    /// How much: positive is a debit, negative a credit, never zero.
    pub amount: Money,
}

impl Posting {
    /// `amount` to the debit side (to the credit side when it is negative).
    pub const fn debit(account: Account, amount: Money) -> Self {
        Self { account, amount }
    }

    /// `amount` to the credit side (to the debit side when it is negative).
    pub const fn credit(account: Account, amount: Money) -> Self {
        Self { account, amount: amount.negated() }
    }
}

/// Postings that belong together and sum to zero, in the books of each legal entity and in each currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Business time it counts from.
    pub effective: Timestamp,
    /// The document or thing it is posted for.
    pub document: AnyId,
    /// What happened, such as `invoice.finalized`.
    pub kind: &'static str,
    /// At least two.
    pub postings: Vec<Posting>,
}

/// A transaction as it stands in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its id, in order of recording.
    pub id: LedgerTransactionId,
    /// What happened.
    pub kind: String,
    /// The document it was posted for.
    #[serde(serialize_with = "shown")]
    pub document: AnyId,
    /// Business time it counts from.
    pub effective: Timestamp,
    /// Real time it was written.
    pub recorded: Timestamp,
    /// In the order they were given.
    pub postings: Vec<Posting>,
}

fn shown<S: Serializer>(id: &AnyId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// An account with the id it got when it was first posted to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownAccount {
    /// Its id.
    pub id: LedgerAccountId,
    /// What it is.
    #[serde(flatten)]
    pub account: Account,
}

/// The sums of one account in one currency, in minor units. Sums may exceed what one amount may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// The account's id.
    pub id: LedgerAccountId,
    /// The account.
    pub account: Account,
    /// The currency.
    pub currency: Currency,
    /// Sum of the debits.
    pub debit: i64,
    /// Sum of the credits, as a positive number.
    pub credit: i64,
    /// Debit less credit.
    pub balance: i64,
}

/// Where a page of a statement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cursor {
    /// The last transaction on the page.
    pub transaction: LedgerTransactionId,
    /// The last posting's place in it, from 0.
    pub ordinal: i64,
}

/// One posting on an account's statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementLine {
    /// The transaction and the posting's place in it.
    #[serde(flatten)]
    pub at: Cursor,
    /// What happened.
    pub kind: String,
    /// The document it was posted for.
    #[serde(serialize_with = "shown")]
    pub document: AnyId,
    /// Business time it counts from.
    pub effective: Timestamp,
    /// Real time it was written.
    pub recorded: Timestamp,
    /// Positive is a debit.
    pub amount: Money,
    /// The account's balance in that currency after this posting, in minor units.
    pub balance: i64,
}

/// Part of an account's statement, in order of recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementPage {
    /// The postings.
    pub lines: Vec<StatementLine>,
    /// Where to read on; none at the end.
    pub next: Option<Cursor>,
}

/// The sum of all postings in one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// The currency.
    pub currency: Currency,
    /// Zero, unless the books are broken.
    pub amount: i128,
}

/// What recomputing the whole ledger found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many transactions there are.
    pub transactions: i64,
    /// How many postings.
    pub postings: i64,
    /// How many accounts.
    pub accounts: i64,
    /// Transactions that do not sum to zero, have fewer than two postings, or miss their header or an account.
    pub unbalanced: Vec<LedgerTransactionId>,
    /// Per currency: each must be zero.
    pub totals: Vec<Total>,
    /// Whether the sums kept by day are those of the postings.
    pub summed: bool,
}

impl Report {
    /// Are the books in order?
    pub fn is_sound(&self) -> bool {
        self.summed && self.unbalanced.is_empty() && self.totals.iter().all(|total| total.amount == 0)
    }
}
