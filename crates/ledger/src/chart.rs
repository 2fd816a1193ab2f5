//! The chart of accounts as the merchant's accountant knows it: a number and a name for kinds of accounts and, where
//! wanted, for single ones. Books are kept by kind and owner whatever they are called, so a chart may change any time.

use std::collections::BTreeMap;

use kernel::{Error, Result};
use serde::{Deserialize, Serialize};
use store::{Migration, Step, ToValue, Tx, Value, View, bulks, params, statements};

use crate::{Account, AccountKind};

pub(crate) const MIGRATION: Migration = Migration {
    number: 4,
    name: "chart of accounts",
    step: Step::Expand,
    sql: "
        CREATE TABLE ledger_chart (
            env_id UUID NOT NULL,
            account TEXT NOT NULL,
            code TEXT NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (env_id, account)
        ) STRICT, WITHOUT ROWID;
    ",
    extra: store::Extra::NONE,
};

statements! {
    environment READ = "SELECT account, code, name FROM ledger_chart WHERE env_id = $1 ORDER BY account";
    environment CLEAR = "DELETE FROM ledger_chart WHERE env_id = $1";
}

bulks! {
    INSERT = insert "ledger_chart" { account: text, code: text, name: text };
}

/// Most entries of a chart.
pub const MAX_CHART: usize = 1_000;
const MAX_CODE: usize = 20;
const MAX_NAME: usize = 100;

/// What an accountant calls an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartEntry {
    /// A kind (`receivable`), for all accounts of it, or one account (`revenue:growth`).
    pub account: String,
    /// Its number, such as `1400`: 1 to 20 characters.
    pub code: String,
    /// Its name, such as `Trade receivables`: 1 to 100 characters.
    pub name: String,
}

/// The chart of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chart(BTreeMap<String, ChartEntry>);

impl Chart {
    /// What an account is called: by an entry of its own, else by that of its kind.
    pub fn of(&self, account: &Account) -> Option<&ChartEntry> {
        self.0.get(&account.to_string()).or_else(|| self.of_kind(account.kind))
    }

    /// What the accounts of a kind are called.
    pub fn of_kind(&self, kind: AccountKind) -> Option<&ChartEntry> {
        self.0.get(kind.word())
    }

    /// Every entry, by account.
    pub fn entries(&self) -> impl Iterator<Item = &ChartEntry> {
        self.0.values()
    }
}

/// The chart as it stands; empty until one was set.
pub fn chart(view: &mut View<'_>) -> Result<Chart> {
    let entries = view.all(&READ, params![], |row| {
        Ok(ChartEntry { account: row.get(0)?, code: row.get(1)?, name: row.get(2)? })
    })?;
    Ok(Chart(entries.into_iter().map(|entry| (entry.account.clone(), entry)).collect()))
}

/// Put a chart in place of the one before.
///
/// Errors: `chart_too_large`, `chart_malformed` with the place of the entry.
pub fn set_chart(tx: &mut Tx<'_>, entries: Vec<ChartEntry>) -> Result<Chart> {
    if entries.len() > MAX_CHART {
        let detail = format!("A chart has at most {MAX_CHART} entries; this one has {}.", entries.len());
        return Err(Error::invalid("chart_too_large", detail).at("/accounts"));
    }
    let mut chart = BTreeMap::new();
    for (place, entry) in entries.into_iter().enumerate() {
        let at = |key: &str, detail: String| {
            Error::invalid("chart_malformed", detail).at(format!("/accounts/{place}/{key}"))
        };
        check_account(&entry.account).map_err(|detail| at("account", detail))?;
        check_text(&entry.code, MAX_CODE).map_err(|detail| at("code", detail))?;
        check_text(&entry.name, MAX_NAME).map_err(|detail| at("name", detail))?;
        let account = entry.account.clone();
        if chart.insert(account, entry).is_some() {
            return Err(at("account", "This account stands in the chart twice.".into()));
        }
    }
    tx.exec(&CLEAR, params![])?;
    let rows = chart.values().map(|entry: &ChartEntry| -> [Value<'_>; 3] {
        [entry.account.to_value(), entry.code.to_value(), entry.name.to_value()]
    });
    tx.bulk_all(&INSERT, rows)?;
    Ok(Chart(chart))
}

fn check_account(text: &str) -> Result<(), String> {
    let (kind, owner) = text.split_once(':').map_or((text, None), |(kind, owner)| (kind, Some(owner)));
    let Some(kind) = AccountKind::parse(kind) else {
        let known: Vec<&str> = AccountKind::ALL.iter().map(|kind| kind.word()).collect();
        return Err(format!("`{text}` is no account. The kinds are {}.", known.join(", ")));
    };
    match (kind.owner(), owner) {
        (None, Some(_)) => Err(format!("There is one account `{kind}`; it has no owner.")),
        (Some(_), Some(owner)) if owner.is_empty() || owner.chars().count() > 100 => {
            Err(format!("The owner behind `{kind}:` has 1 to 100 characters."))
        }
        _ => Ok(()),
    }
}

fn check_text(text: &str, longest: usize) -> Result<(), String> {
    let count = text.chars().count();
    let whole = text.trim() == text && !text.chars().any(char::is_control);
    if (1..=longest).contains(&count) && whole {
        return Ok(());
    }
    Err(format!("This is 1 to {longest} characters on one line, without blanks around them."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_accounts_that_can_be_are_named() {
        for account in ["receivable", "revenue:growth", "refunds", "tax_payable:DE"] {
            assert_eq!(check_account(account), Ok(()), "{account}");
        }
        for account in ["", "sales", "refunds:x", "revenue:", "receivable:".to_owned().as_str()] {
            assert!(check_account(account).is_err(), "{account}");
        }
        assert!(check_account("sales").unwrap_err().contains("receivable"));
    }
}
