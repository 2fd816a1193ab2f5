//! `steelyard import …`

use std::path::Path;

use billing::import::{self, Count, File, Finding, Mapping, Options, Progress, Report};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};

use super::book::read_file;
use crate::{
    arguments::{Import, ImportFiles, OnBad},
    failure::{Failure, Outcome},
    output::{self, count, grouped},
    place::Place,
    table::{Side, Table},
};

/// Rows shown on a terminal; `--json` and `--bad-rows` name more.
const SHOWN: usize = 100;

pub fn run(place: &Place, asked: &Import) -> Outcome {
    let (asked, only_customers) = match asked {
        Import::Customers(asked) => (asked, true),
        Import::Subscriptions(asked) => (asked, false),
    };
    let ImportFiles { files, map, dry_run, on_bad, bad_rows, json } = asked;
    let mapping = Mapping::read(&map.display().to_string(), &read_file(map)?)?;
    let files: Vec<File> = files.iter().map(File::at).collect();
    let on_bad = match on_bad {
        OnBad::Stop => import::OnBad::Stop,
        OnBad::Skip => import::OnBad::Skip,
    };
    let options = Options { on_bad, dry_run: *dry_run, only_customers };
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let bar = Bar::new();
    let report = import::import(&db, &chosen.scope, &mapping, &files, options, &mut |at| bar.show(at));
    bar.clear();
    let report = report?;
    if let Some(path) = bad_rows {
        write_bad(path, &report)?;
    }
    if *json {
        output::say_json(&as_json(&report));
    } else {
        tell(&report, &chosen.shown(), only_customers);
    }
    if report.bad_rows > 0 && on_bad == import::OnBad::Stop {
        Err(refusal(&report, *dry_run))
    } else {
        Ok(())
    }
}

/// Rows counted while they are checked, a bar while they are loaded.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        Self(ProgressBar::no_length().with_style(style("{spinner} checking, {human_pos} rows")))
    }

    fn show(&self, progress: Progress) {
        match progress {
            Progress::Checked(rows) => self.0.set_position(rows),
            Progress::Loaded(done, total) => {
                if self.0.length().is_none() {
                    self.0.set_style(style("loading {wide_bar} {human_pos}/{human_len}, {eta} left"));
                    self.0.reset_eta();
                    self.0.set_length(total);
                }
                self.0.set_position(done);
            }
        }
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn tell(report: &Report, shown: &str, only_customers: bool) {
    findings("These rows are bad:", &report.bad, report.bad_rows);
    findings("Look at these rows:", &report.notices, report.noticed_rows);
    let verb = if report.only_checked { "can be loaded" } else { "loaded" };
    let customers = count(number(report.customers.loaded), "customer");
    let subscriptions = match only_customers {
        true => String::new(),
        false => format!(" and {}", count(number(report.subscriptions.loaded), "subscription")),
    };
    let states: Vec<String> =
        report.states.iter().map(|(state, count)| format!("{} {state}", grouped(number(*count)))).collect();
    let states = if states.is_empty() { String::new() } else { format!(": {}", states.join(", ")) };
    output::say(format!("{customers}{subscriptions} {verb} into {shown}{states}."));
    let already = report.customers.already + report.subscriptions.already;
    if already > 0 {
        let were = if already == 1 { "was" } else { "were" };
        let (customers, subscriptions) = (report.customers.already, report.subscriptions.already);
        let what = if only_customers {
            count(number(customers), "customer")
        } else {
            format!(
                "{} and {}",
                count(number(customers), "customer"),
                count(number(subscriptions), "subscription")
            )
        };
        output::say(format!("{what} {were} there before and left alone."));
    }
    if report.skipped > 0 {
        output::say(format!("{} left out, as the mapping says.", count(number(report.skipped), "row")));
    }
    if report.bad_rows > 0 && !report.only_checked {
        output::say(format!("{} could not be loaded.", count(number(report.bad_rows), "row")));
    }
}

fn findings(heading: &str, findings: &[Finding], all: u64) {
    if findings.is_empty() {
        return;
    }
    output::say(heading);
    let mut table = Table::new([
        ("file", Side::Left),
        ("line", Side::Right),
        ("column", Side::Left),
        ("value", Side::Left),
        ("what is wrong", Side::Left),
    ]);
    for Finding { file, line, column, value, reason } in findings.iter().take(SHOWN) {
        let column = column.clone().unwrap_or_default();
        table.row([file.clone(), line.to_string(), column, value.clone(), reason.clone()]);
    }
    table.say("");
    let more = all.saturating_sub(SHOWN as u64);
    if more > 0 {
        output::say(format!("… and {} more; --json names them.", grouped(number(more))));
    }
    output::say("");
}

fn refusal(report: &Report, dry_run: bool) -> Failure {
    let rows = count(number(report.bad_rows), "row");
    let are = if report.bad_rows == 1 { "is" } else { "are" };
    let so = if dry_run { "" } else { ", so nothing was loaded" };
    Failure::new(
        format!("{rows} {are} bad{so}."),
        "Correct the files or the mapping and run the import again, or load the good rows with --on-bad skip.",
    )
}

/// The bad rows as a file of their own, to be worked through.
fn write_bad(path: &Path, report: &Report) -> Outcome {
    let failed = |error: csv::Error| {
        Failure::new(
            format!("{} cannot be written: {error}.", path.display()),
            "Name another file with --bad-rows.",
        )
    };
    let mut csv = csv::Writer::from_path(path).map_err(failed)?;
    csv.write_record(["file", "line", "column", "value", "what is wrong"]).map_err(failed)?;
    for Finding { file, line, column, value, reason } in &report.bad {
        let line = line.to_string();
        csv.write_record([file, &line, column.as_deref().unwrap_or(""), value, reason]).map_err(failed)?;
    }
    csv.flush().map_err(|error| failed(error.into()))
}

fn as_json(report: &Report) -> Json {
    let counted = |Count { loaded, already }: Count| json!({ "loaded": loaded, "already": already });
    let found = |all: &[Finding]| -> Vec<Json> {
        let one = |Finding { file, line, column, value, reason }: &Finding| json!({ "file": file, "line": line, "column": column, "value": value, "reason": reason });
        all.iter().map(one).collect()
    };
    json!({
        "only_checked": report.only_checked,
        "customers": counted(report.customers),
        "subscriptions": counted(report.subscriptions),
        "states": report.states,
        "skipped": report.skipped,
        "bad_rows": report.bad_rows,
        "bad": found(&report.bad),
        "noticed_rows": report.noticed_rows,
        "notices": found(&report.notices),
    })
}
