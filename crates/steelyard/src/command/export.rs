//! `steelyard ledger export | chart`: the books for an accountant's own.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use kernel::Money;
use ledger::{Chart, ChartEntry, Entry, JournalPlace, Posting};

use super::check::instant_or_date;
use crate::{
    failure::{Failure, Outcome},
    output::{self, count},
    place::Place,
    table::{Side, Table},
};

/// Transactions read at a time.
const PAGE: i64 = 1_000;
const COLUMNS: [&str; 12] = [
    "effective",
    "recorded",
    "transaction",
    "kind",
    "document",
    "legal_entity",
    "account",
    "code",
    "name",
    "currency",
    "debit",
    "credit",
];

pub fn export(place: &Place, from: Option<&str>, until: Option<&str>, file: Option<&Path>) -> Outcome {
    let (from, until) = (from.map(instant_or_date).transpose()?, until.map(instant_or_date).transpose()?);
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let chart = db.read(&chosen.scope, ledger::chart).wait()?;
    let failed = |error: csv::Error| not_written(file, &error);
    let mut csv = csv::Writer::from_writer(sink(file)?);
    csv.write_record(COLUMNS).map_err(failed)?;
    let (mut after, mut written) = (None, 0_i64);
    loop {
        let page =
            db.read(&chosen.scope, move |view| ledger::journal(view, from, until, after, PAGE)).wait()?;
        for entry in &page {
            for posting in &entry.postings {
                csv.write_record(record(&chart, entry, posting)).map_err(failed)?;
            }
        }
        written += page.len() as i64;
        after = page.last().map(JournalPlace::from);
        if (page.len() as i64) < PAGE {
            break;
        }
    }
    csv.flush().map_err(|error| failed(error.into()))?;
    if file.is_some() {
        output::say(format!("{}: {} written.", chosen.shown(), count(written, "ledger transaction")));
    }
    Ok(())
}

fn sink(file: Option<&Path>) -> Outcome<Box<dyn Write>> {
    match file {
        None => Ok(Box::new(io::stdout().lock())),
        Some(path) => {
            let made = File::create(path).map_err(|error| not_written(file, &error))?;
            Ok(Box::new(made))
        }
    }
}

fn not_written(file: Option<&Path>, error: &dyn std::fmt::Display) -> Failure {
    let name = file.map_or("standard output".into(), |path| path.display().to_string());
    Failure::new(format!("Cannot write {name}: {error}."), "Name a file in a folder you may write to.")
}

fn record(chart: &Chart, entry: &Entry, posting: &Posting) -> [String; 12] {
    let Posting { account, amount } = posting;
    let called = chart.of(account);
    let side = |amount: Money| if amount.minor() > 0 { amount.decimal() } else { String::new() };
    [
        entry.effective.to_string(),
        entry.recorded.to_string(),
        entry.id.to_string(),
        entry.kind.clone(),
        entry.document.to_string(),
        account.entity.to_string(),
        account.to_string(),
        called.map(|entry| entry.code.clone()).unwrap_or_default(),
        called.map(|entry| entry.name.clone()).unwrap_or_default(),
        amount.currency().code().to_owned(),
        side(*amount),
        side(amount.negated()),
    ]
}

pub fn chart(place: &Place, file: Option<&Path>, json: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let chart = match file {
        None => db.read(&chosen.scope, ledger::chart).wait()?,
        Some(path) => {
            let entries = read_chart(path)?;
            db.write(&chosen.scope, move |tx| ledger::set_chart(tx, entries.clone())).wait()?
        }
    };
    let entries: Vec<&ChartEntry> = chart.entries().collect();
    if json {
        output::say_json(&entries);
        return Ok(());
    }
    let mut table = Table::new([("account", Side::Left), ("code", Side::Left), ("name", Side::Left)]);
    for entry in entries {
        table.row([entry.account.clone(), entry.code.clone(), entry.name.clone()]);
    }
    table.say(&format!(
        "{} has no chart of accounts; give a CSV file with account, code and name.",
        chosen.shown()
    ));
    Ok(())
}

fn read_chart(path: &Path) -> Outcome<Vec<ChartEntry>> {
    let failed = |error: csv::Error| {
        let what = format!("Cannot read {} as a chart of accounts: {error}.", path.display());
        Failure::new(what, "It is a CSV file whose first line is `account,code,name`.")
    };
    let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(failed)?;
    csv.deserialize().take(ledger::MAX_CHART + 1).collect::<Result<_, _>>().map_err(failed)
}
