//! Worked cases of other billing engines, worked out again by ours.
//!
//! A file of cases says for each what is given, what comes out, and the policy it assumes. Each family of topics
//! has a function here that puts what is given before the engine (price book, rating, calendar, subscriptions over
//! a database) and compares what it says, figure by figure. What the product cannot do yet is skipped, with the
//! reason. A case has many shapes: keys are looked for under each of their names, and a shape that nobody knows is
//! skipped rather than guessed.
#![allow(clippy::print_stdout, reason = "a command line tool prints")]

mod anchor;
mod case;
mod changes;
mod commitment;
mod coupon;
mod credit_note;
mod desk;
mod endings;
mod formula;
mod levels;
mod pricing;
mod read;
mod rounding;
mod threshold;
mod timezone;
mod trial;
mod upgrades;
mod usage;
mod void;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use case::{Case, Miss};
use desk::Office;
use serde_json::Value;

/// How many cases came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(file) = arguments.next() else {
        eprintln!("error: name a file of cases");
        return ExitCode::FAILURE;
    };
    let filter = arguments.next().map(|filter| filter.to_string_lossy().into_owned()).unwrap_or_default();
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("error: {} cannot be read: {error}", file.display());
            return ExitCode::FAILURE;
        }
    };
    match check(&text, &filter, &mut |line| println!("{line}")) {
        Ok(Count { failed: 0, .. }) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Check every case of a file, a line for each and one for all.
///
/// # Errors
/// When the text is no file of cases.
fn check(text: &str, filter: &str, say: &mut dyn FnMut(String)) -> Result<Count, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| format!("the file is no JSON: {error}"))?;
    let cases = ["scenarios", "cases"].iter().find_map(|key| file[*key].as_array()).or(file.as_array());
    let cases = cases.ok_or("the file has no list of cases")?;
    let office = Office::open();
    let mut count = Count::default();
    for case in Case::all(cases) {
        if !case.topic.contains(filter) && !case.id.contains(filter) {
            continue;
        }
        let (word, why) = match judge(&case, &office) {
            Ok(()) => {
                count.passed += 1;
                ("passed", case.left_out())
            }
            Err(Miss::Wrong(why)) => {
                count.failed += 1;
                ("FAILED", why)
            }
            Err(Miss::Not(why)) => {
                count.skipped += 1;
                ("skipped", why)
            }
        };
        let why = if why.is_empty() { why } else { format!(": {why}") };
        say(format!("{word:<8}{:<32}{}{why}", case.topic, case.id));
    }
    say(format!("{} passed, {} failed, {} skipped", count.passed, count.failed, count.skipped));
    Ok(count)
}

/// Put a case before the engine. A case of which nothing could be compared has not passed.
fn judge(case: &Case, office: &Office) -> Result<(), Miss> {
    let (family, kind) = case.topic.split_once('.').unwrap_or((case.topic.as_str(), ""));
    match (family, kind) {
        ("pricing", "graduated_prorated") => levels::graduated(case)?,
        ("pricing", "dimensional") => pricing::dimensional(case)?,
        ("pricing", "grouped") => pricing::grouped(case)?,
        ("pricing", _) => pricing::price(case)?,
        ("commitment", "price_minimum") => pricing::price(case)?,
        ("commitment", "charge_minimum") => commitment::of_a_charge(case, office)?,
        ("commitment", _) => commitment::of_a_subscription(case)?,
        ("aggregation", _) => levels::weighted(case)?,
        ("anchor", _) => anchor::check(case)?,
        ("timezone", _) => timezone::check(case, office)?,
        ("proration", "cycle_fraction") => anchor::cycle_fraction(case)?,
        ("proration", "fixed_30" | "fixed_28") => anchor::fixed_months(case)?,
        ("proration", _) => changes::check(case, office)?,
        ("subscription", _) => endings::paused(case, office)?,
        ("quantity", _) => usage::quantity(case)?,
        ("usage", _) => usage::check(case)?,
        ("rounding" | "tax", _) => rounding::check(case, office)?,
        ("coupon", _) => coupon::check(case)?,
        ("credit_note", _) => credit_note::check(case, office)?,
        ("trial", _) => trial::check(case, office)?,
        ("credits" | "wallet", _) => return Err(Miss::not("wallets and grants: money issue")),
        ("billing", "threshold") => threshold::check(case)?,
        ("invoice", "void") => void::check(case, office)?,
        ("dunning", _) => return Err(Miss::not("dunning: payments issue")),
        _ => return Err(Miss::not("a topic nobody here knows")),
    }
    case.something_compared()
}
