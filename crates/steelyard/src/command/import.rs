//! `steelyard import customers`

use std::{fs::File, io::BufReader, path::Path};

use billing::import::{self, BadRow, Choice, Mapping, Report};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::book::read_file;
use crate::{
    arguments::Import,
    failure::{Failure, Outcome, why},
    output::{self, count},
    place::Place,
    table::{Side, Table},
};

/// Bad rows shown on a terminal; `--json` names all.
const SHOWN: usize = 100;

pub fn run(place: &Place, asked: &Import) -> Outcome {
    let Import::Customers { file, map, all_or_nothing, json } = asked;
    let mapping = Mapping::read(&map.display().to_string(), &read_file(map)?)?;
    let open = File::open(file).map_err(|error| unreadable(file, &error))?;
    let choice = if *all_or_nothing { Choice::AllOrNothing } else { Choice::LoadGood };
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let bar = ProgressBar::no_length().with_message("loading");
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} left") {
        bar.set_style(style);
    }
    let mut progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let report = import::customers(&db, &chosen.scope, &mapping, BufReader::new(open), choice, &mut progress);
    bar.finish_and_clear();
    let report = report?;
    if *json {
        output::say_json(&as_json(&report));
    } else {
        tell(&report, &chosen.shown());
    }
    match report.bad.len() {
        0 => Ok(()),
        _ => Err(refusal(&report, *all_or_nothing)),
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be read: {}.", file.display(), why(error)), "Check the name of the file.")
}

fn tell(report: &Report, shown: &str) {
    let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
    let already = match report.already {
        0 => String::new(),
        already => format!(
            " {} there before and left alone.",
            if already == 1 { "1 was".to_owned() } else { format!("{already} were") }
        ),
    };
    output::say(format!(
        "{} loaded into {shown}, each with its subscription.{already}",
        count(number(report.loaded), "customer")
    ));
    if report.bad.is_empty() {
        return;
    }
    let mut table = Table::new([
        ("line", Side::Right),
        ("column", Side::Left),
        ("value", Side::Left),
        ("what is wrong", Side::Left),
    ]);
    for BadRow { line, column, value, reason } in report.bad.iter().take(SHOWN) {
        table.row([line.to_string(), column.clone().unwrap_or_default(), value.clone(), reason.clone()]);
    }
    output::say("");
    table.say("");
    if report.bad.len() > SHOWN {
        output::say(format!("… and {} more; --json names all.", report.bad.len() - SHOWN));
    }
    output::say("");
}

fn refusal(report: &Report, all_or_nothing: bool) -> Failure {
    let rows = count(i64::try_from(report.bad.len()).unwrap_or(i64::MAX), "row");
    let (what, rest) = if all_or_nothing {
        ("is bad, so nothing was loaded", "")
    } else {
        ("could not be loaded", "; what was loaded is left alone")
    };
    let what = if all_or_nothing && report.bad.len() != 1 { "are bad, so nothing was loaded" } else { what };
    Failure::new(
        format!("{rows} {what}."),
        format!("Correct the file or the mapping and run the import again{rest}."),
    )
}

fn as_json(report: &Report) -> serde_json::Value {
    let bad: Vec<_> = report
        .bad
        .iter()
        .map(
            |row| json!({ "line": row.line, "column": row.column, "value": row.value, "reason": row.reason }),
        )
        .collect();
    json!({ "loaded": report.loaded, "already": report.already, "bad": bad })
}
