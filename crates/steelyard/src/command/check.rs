//! `steelyard facts verify`, `steelyard ledger check | trial-balance | export | chart`

use billing::subscription;
use identity::customer;
use jiff::Timestamp;
use kernel::{Currency, Result, Zone, time};
use ledger::Report;
use store::{Db, View, facts};

use super::export;
use crate::{
    arguments::{Facts, Ledger},
    failure::{Failure, Outcome},
    output::{self, count},
    place::{self, Chosen, Place},
    table::{Side, Table},
};

/// The environments asked about: the chosen one, or all.
pub fn asked_about(place: &Place, db: &Db, all: bool) -> Outcome<Vec<Chosen>> {
    if all { place::every(db) } else { Ok(vec![place.choose(db)?]) }
}

pub fn facts(place: &Place, asked: &Facts) -> Outcome {
    let Facts::Verify { all } = asked;
    let db = place.open()?;
    let mut broken = Vec::new();
    for chosen in asked_about(place, &db, *all)? {
        match facts_of(&db, &chosen) {
            Ok(sentence) => output::say(sentence),
            Err(error) => broken.push(format!("{}: {}", chosen.shown(), error.detail)),
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    let advice =
        "Bring back the last good backup with `steelyard restore`, and find out who changed the database.";
    Err(Failure::new("Facts do not follow from one another.", advice).with_details(broken))
}

pub fn ledger(place: &Place, asked: &Ledger) -> Outcome {
    match asked {
        Ledger::Check { all } => check_ledger(place, *all),
        Ledger::TrialBalance { as_of, json } => trial_balance(place, as_of.as_deref(), *json),
        Ledger::Export { from, until, file } => {
            export::export(place, from.as_deref(), until.as_deref(), file.as_deref())
        }
        Ledger::Chart { file, json } => export::chart(place, file.as_deref(), *json),
    }
}

fn check_ledger(place: &Place, all: bool) -> Outcome {
    let db = place.open()?;
    let mut unsound = Vec::new();
    for chosen in asked_about(place, &db, all)? {
        let report = db.read(&chosen.scope, ledger::check).wait()?;
        if report.is_sound() {
            output::say(ledger_sentence(&chosen, &report));
        } else {
            unsound.extend(faults(&report).into_iter().map(|fault| format!("{}: {fault}", chosen.shown())));
        }
    }
    if unsound.is_empty() {
        return Ok(());
    }
    let advice =
        "Bring back the last good backup with `steelyard restore`, and find out who changed the database.";
    Err(Failure::new("The ledger does not balance.", advice).with_details(unsound))
}

/// Verify the facts of an environment; what to say when they are in order.
pub fn facts_of(db: &Db, chosen: &Chosen) -> Result<String> {
    let facts = db.read(&chosen.scope, facts::verify).wait()?;
    Ok(format!("{}: {}, the chain is unbroken.", chosen.shown(), count(facts, "fact")))
}

/// Whether rows that are counted as they are written are others than are there.
pub fn counts_differ(view: &mut View<'_>) -> Result<bool> {
    let sorted = |mut counts: Vec<_>| {
        counts.sort_unstable();
        counts
    };
    let kept = sorted(subscription::group_counts(view)?);
    let customers = customer::count(view)? == customer::counted_again(view)?;
    let accounts = ledger::account_counts(view)? == ledger::accounts_counted_again(view)?;
    Ok(!customers || !accounts || kept != sorted(subscription::group_counts_again(view)?))
}

/// What to say about a ledger in order.
pub fn ledger_sentence(chosen: &Chosen, report: &Report) -> String {
    let Report { transactions, postings, .. } = report;
    format!(
        "{}: {} with {}, balanced.",
        chosen.shown(),
        count(*transactions, "ledger transaction"),
        count(*postings, "posting")
    )
}

/// What is wrong with a ledger, a line each.
pub fn faults(report: &Report) -> Vec<String> {
    let totals = report.totals.iter().filter(|total| total.amount != 0);
    let totals =
        totals.map(|total| format!("{} is off by {} minor units", total.currency.code(), total.amount));
    let transactions = report.unbalanced.iter().map(|id| format!("transaction {id} does not balance"));
    totals.chain(transactions).collect()
}

/// Verify facts and ledger of every environment; what to say when all is in order.
pub fn everything(db: &Db) -> Outcome<Vec<String>> {
    let (mut sentences, mut broken) = (Vec::new(), Vec::new());
    for chosen in place::every(db)? {
        match facts_of(db, &chosen) {
            Ok(sentence) => sentences.push(sentence),
            Err(error) => broken.push(format!("{}: {}", chosen.shown(), error.detail)),
        }
        let report = db.read(&chosen.scope, ledger::check).wait()?;
        if report.is_sound() {
            sentences.push(ledger_sentence(&chosen, &report));
        }
        broken.extend(faults(&report).into_iter().map(|fault| format!("{}: {fault}", chosen.shown())));
    }
    if broken.is_empty() {
        return Ok(sentences);
    }
    Err(Failure::new("What was restored is broken.", "Restore an older backup.").with_details(broken))
}

fn trial_balance(place: &Place, as_of: Option<&str>, json: bool) -> Outcome {
    let as_of = as_of.map(instant_or_date).transpose()?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let balances = db.read(&chosen.scope, move |view| ledger::trial_balance(view, as_of)).wait()?;
    if json {
        output::say_json(&balances);
        return Ok(());
    }
    let mut table = Table::new([
        ("account", Side::Left),
        ("currency", Side::Left),
        ("debit", Side::Right),
        ("credit", Side::Right),
        ("balance", Side::Right),
    ]);
    for balance in &balances {
        let amount = |minor: i64| decimal(minor, balance.currency);
        table.row([
            balance.account.to_string(),
            balance.currency.code().to_owned(),
            amount(balance.debit),
            amount(balance.credit),
            amount(balance.balance),
        ]);
    }
    table.say(&format!("Nothing was posted in {} yet.", chosen.shown()));
    Ok(())
}

/// An instant, or the first instant of a date in UTC.
pub fn instant_or_date(text: &str) -> Result<Timestamp> {
    if text.len() == 10 {
        time::date(text).map(|date| Zone::utc().start_of_day(date))
    } else {
        time::instant(text)
    }
}

/// Minor units as a decimal. Sums may be larger than any one amount.
pub fn decimal(minor: i64, currency: Currency) -> String {
    let (whole, part) =
        (minor.unsigned_abs() / per_major(currency), minor.unsigned_abs() % per_major(currency));
    let sign = if minor < 0 { "-" } else { "" };
    let whole = output::grouped(i64::try_from(whole).unwrap_or(i64::MAX));
    match usize::from(currency.exponent()) {
        0 => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{part:0digits$}"),
    }
}

fn per_major(currency: Currency) -> u64 {
    currency.minor_per_major().unsigned_abs().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        let amount = |minor, code| decimal(minor, Currency::parse(code).unwrap());
        assert_eq!(amount(123_456_789, "USD"), "1,234,567.89");
        assert_eq!(amount(-5, "USD"), "-0.05");
        assert_eq!(amount(1_500, "JPY"), "1,500");
        assert_eq!(amount(1_234_567, "BHD"), "1,234.567");
        assert_eq!(amount(i64::MIN, "JPY"), "-9,223,372,036,854,775,807");
    }

    #[test]
    fn a_date_is_its_first_instant() {
        assert_eq!(instant_or_date("2026-04-01").unwrap().to_string(), "2026-04-01T00:00:00Z");
        assert_eq!(instant_or_date("2026-04-01T10:00:00+02:00").unwrap().to_string(), "2026-04-01T08:00:00Z");
        assert_eq!(instant_or_date("tomorrow").unwrap_err().code, "time_malformed");
    }
}
