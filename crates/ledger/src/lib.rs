//! The one ledger: all money of all contexts as double-entry postings.
//!
//! A context hands balanced [`Transaction`]s to [`post`] inside the database transaction of the change
//! they belong to. Entries are only ever added: the database itself refuses to change or delete one.
//! A positive amount is a debit, a negative one a credit. A balance is a sum of postings; the sums of each
//! day are kept beside them, and [`check`] recomputes all of it.

mod chart;
mod days;
mod journal;
mod model;
mod ops;
mod pages;
mod reads;
mod rules;
mod schema;
mod sql;

pub use chart::{Chart, ChartEntry, MAX_CHART, chart, set_chart};
pub use days::{KindTotal, renew_sums, totals};
pub use journal::{JournalPlace, journal};
pub use model::{
    Account, AccountKind, Balance, Cursor, Entry, KnownAccount, Posting, Report, StatementLine,
    StatementPage, Total, Transaction,
};
pub use ops::post;
pub use pages::{
    account_counts, accounts_counted_again, accounts_of, balances, count_accounts_again, statement_back,
};
pub use reads::{
    MAX_PAGE, account, accounts, check, find_account, held_by, of_document, statement, trial_balance,
};
pub use rules::{check_account, check_balanced};
pub use schema::CONTEXT;
