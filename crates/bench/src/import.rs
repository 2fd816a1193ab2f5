//! Bringing in what another system exported: 100,000 customers with a subscription each, some changed, some ended.

use std::fmt::Write;

use billing::import::{File, Mapping, Options, import};
use kernel::Result;
use store::Mode;

use crate::{
    Figure,
    ground::{on_both, raw, seconds},
    memory,
    subscribers::FEES,
};

const SUBSCRIPTIONS: usize = 100_000;

const MAPPING: &str = r#"
[customer]
id = "customer"
name = "company"
country = "country"

[subscription]
id = "subscription"
customer = "customer"
plan = "plan"
start = "start"
end = "end"

[change]
subscription = "subscription"
at = "at"
plan = "to"
from_plan = "from"

[zones]
DE = "Europe/Berlin"
US = "America/New_York"
"#;

/// A fifth of the subscriptions has ended, a tenth was a Starter before.
fn files() -> Result<Vec<File>> {
    let mut customers = "customer,company,country,industry,email\n".to_owned();
    let mut subscriptions = "subscription,customer,plan,start,end\n".to_owned();
    let mut changes = "subscription,at,from,to\n".to_owned();
    for n in 0..SUBSCRIPTIONS {
        let (year, month, day) = (2022 + n % 4, n / 7 % 12 + 1, n / 3 % 20 + 1);
        let country = ["DE", "US", "GB"][n % 3];
        writeln!(customers, "c-{n},Customer number {n},{country},Machines,billing-{n}@example.com")
            .map_err(raw)?;
        let plan = if n % 10 == 0 { "professional" } else { "starter" };
        let end = if n % 5 == 1 { "2025-12-24" } else { "" };
        writeln!(subscriptions, "s-{n},c-{n},{plan},{year}-{month:02}-{day:02},{end}").map_err(raw)?;
        if n % 10 == 0 {
            writeln!(changes, "s-{n},2025-12-30,starter,professional").map_err(raw)?;
        }
    }
    let named =
        [("customers.csv", customers), ("subscriptions.csv", subscriptions), ("changes.csv", changes)];
    Ok(named.into_iter().map(|(name, text)| File::of(name, text.into_bytes())).collect())
}

pub fn run() -> Result<Vec<Figure>> {
    let (mapping, files) = (Mapping::read("mapping.toml", MAPPING)?, files()?);
    on_both(|ground| {
        let scope =
            ground.environment(Mode::Sandbox, "2026-01-10T00:00:00Z".parse().map_err(raw)?, FEES.book)?;
        let before = memory::resident_megabytes(std::process::id())?;
        memory::forget_peak()?;
        let bring = |options| seconds(|| import(&ground.db, &scope, &mapping, &files, options, &mut |_| {}));
        let (checked, check) = bring(Options { dry_run: true, ..Options::default() })?;
        let (report, load) = bring(Options::default())?;
        if checked.bad_rows > 0 || report.subscriptions.loaded != SUBSCRIPTIONS as u64 {
            return Err(raw(format!("{:?} {:?}", report.subscriptions, checked.bad.first())));
        }
        let (again, repeat) = bring(Options::default())?;
        if again.subscriptions.already != SUBSCRIPTIONS as u64 {
            return Err(raw("a second run loaded something"));
        }
        let engine = ground.engine;
        let peak = memory::peak_megabytes()? - before;
        Ok(vec![
            Figure::new("import of 210,000 rows", engine, load.as_secs_f64(), "s"),
            Figure::new("import, only checked", engine, check.as_secs_f64(), "s"),
            Figure::new("import, a second time", engine, repeat.as_secs_f64(), "s"),
            Figure::new("import, memory added", engine, peak, "MB"),
        ])
    })
}
