//! `steelyard doctor`

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use jobs::State;
use kernel::{Result, Zone};
use store::{Db, Location, Mode, Scope, View, clock, facts};

use super::{backup::size, check, postgres, sqlite};
use crate::{
    failure::{Failure, Outcome},
    output::{self, count},
    place::{self, Chosen, Place},
};

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Ok,
    Warn,
    Fail,
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    warnings: i64,
    failures: i64,
}

impl Findings {
    fn ok(&mut self, what: impl AsRef<str>) {
        self.say(Mark::Ok, what.as_ref(), "");
    }

    fn warn(&mut self, what: impl AsRef<str>, advice: &str) {
        self.warnings += 1;
        self.say(Mark::Warn, what.as_ref(), advice);
    }

    fn fail(&mut self, what: impl AsRef<str>, advice: &str) {
        self.failures += 1;
        self.say(Mark::Fail, what.as_ref(), advice);
    }

    fn say(&self, mark: Mark, what: &str, advice: &str) {
        let mark = match mark {
            Mark::Ok => "ok  ",
            Mark::Warn => "warn",
            Mark::Fail => "FAIL",
        };
        output::say(format!("{mark}  {what}"));
        if !advice.is_empty() {
            output::say(format!("      → {advice}"));
        }
    }

    /// Something that cannot be looked at is a failure.
    fn note(&mut self, looked: Outcome) {
        if let Err(failure) = looked {
            let text = failure.to_string();
            let (what, advice) = text.split_once("\nhelp: ").unwrap_or((&text, ""));
            self.fail(what.trim_start_matches("error: "), advice);
        }
    }
}

pub fn run(place: &Place) -> Outcome {
    let mut findings = Findings::default();
    let looked = look(place, &mut findings);
    findings.note(looked);
    match findings {
        Findings { warnings: 0, failures: 0 } => output::say("\nAll is well."),
        Findings { warnings, failures: 0 } => {
            output::say(format!("\nAll is well, with {}.", count(warnings, "warning")))
        }
        Findings { failures, .. } => {
            let what = format!("{} found.", count(failures, "failure"));
            return Err(Failure::new(what, "Do what the arrows say, the first one first."));
        }
    }
    Ok(())
}

fn look(place: &Place, findings: &mut Findings) -> Outcome {
    place.must_exist()?;
    match &place.location {
        Location::Sqlite(folder) => look_at_sqlite(folder, findings)?,
        Location::Postgres(url) => look_at_postgres(url, findings)?,
    }
    let db = place.open()?;
    findings.ok("the schema is up to date");
    findings.ok(format!("time zones: IANA {}, built in", Zone::database_version()));
    let all = place::every(&db)?;
    if all.is_empty() {
        findings.warn("there is no merchant yet", "Start `steelyard serve` on this database once.");
    }
    look_at_clock(&db, &all, findings)?;
    for chosen in &all {
        look_at_environment(&db, chosen, findings)?;
    }
    look_at_jobs(&db, "the installation", &Scope::installation("list jobs"), findings)?;
    Ok(())
}

fn look_at_sqlite(folder: &Path, findings: &mut Findings) -> Outcome {
    findings.ok(format!("SQLite {} in {}", rusqlite::version(), folder.display()));
    for file in sqlite::files(folder)? {
        let path = folder.join(&file);
        let faults = sqlite::faults(&path);
        let bytes = path.metadata().map(|metadata| metadata.len()).unwrap_or_default();
        if faults.is_empty() {
            findings.ok(format!("{} is sound ({})", file.display(), size(bytes)));
        } else {
            let what = format!("{} is damaged: {}", file.display(), faults.join("; "));
            findings.fail(
                what,
                "Stop the server, keep this folder, and bring back the last backup with `steelyard restore`.",
            );
        }
    }
    look_at_room(folder, findings);
    Ok(())
}

/// Room below this is a warning: a full disk stops every change.
const ROOM: u64 = 1_000_000_000;

fn look_at_room(folder: &Path, findings: &mut Findings) {
    // A system that does not say is no finding.
    let Ok(disk) = rustix::fs::statvfs(folder) else { return };
    let room = disk.f_bavail.saturating_mul(disk.f_frsize);
    if room < ROOM {
        findings
            .warn(format!("the disk has {} left", size(room)), "Make room: a full disk stops every change.");
    } else {
        findings.ok(format!("the disk has {} left", size(room)));
    }
}

fn look_at_postgres(url: &str, findings: &mut Findings) -> Outcome {
    let mut client = postgres::connect(url)?;
    findings.ok(format!(
        "PostgreSQL {} at {}",
        postgres::version(&mut client)?,
        place::shown(&Location::Postgres(url.to_owned()))
    ));
    postgres::schema(&mut client)?;
    let (fsync, commit) =
        (postgres::setting(&mut client, "fsync")?, postgres::setting(&mut client, "synchronous_commit")?);
    if fsync == "on" && commit != "off" {
        findings.ok("what is acknowledged is on the disk (fsync, synchronous_commit)");
    } else {
        findings.warn(
            "the server may lose what it acknowledged",
            "Set fsync and synchronous_commit to on in postgresql.conf.",
        );
    }
    let roles = postgres::wrong_roles(&mut client)?;
    if roles.is_empty() {
        findings.ok("the restricted roles are there");
    } else {
        let what = format!("roles are missing or may do too much: {}", roles.join(", "));
        findings.fail(what, "Make them NOLOGIN NOSUPERUSER NOBYPASSRLS and grant them to the login.");
    }
    let tables = postgres::unprotected_tables(&mut client)?;
    if tables.is_empty() {
        findings.ok("row-level security guards every table of environments");
    } else {
        let what = format!("row-level security does not guard {}", tables.join(", "));
        findings
            .fail(what, "ENABLE and FORCE ROW LEVEL SECURITY on them with the policy of the other tables.");
    }
    if postgres::login_is_privileged(&mut client)? {
        let advice = "Serve with an ordinary login that owns the tables; keep this one for backups.";
        findings.warn("the login passes by row-level security (superuser or BYPASSRLS)", advice);
    } else {
        findings.ok("the login is an ordinary one");
    }
    let apart =
        postgres::now(&mut client)?.duration_since(kernel::WallClock::now(&kernel::SystemClock)).abs();
    if apart > SignedDuration::from_secs(5) {
        let what = format!("this machine's clock and the database server's are {} s apart", apart.as_secs());
        findings.warn(what, "Let both machines take their time from NTP.");
    }
    Ok(())
}

/// The machine's clock must not lie before what was recorded already.
fn look_at_clock(db: &Db, all: &[Chosen], findings: &mut Findings) -> Outcome {
    let mut newest: Option<Timestamp> = None;
    for chosen in all {
        let last = db.read(&chosen.scope, |view| facts::latest(view, i64::MAX, 1)).wait()?;
        newest = newest.max(last.first().map(|fact| fact.recorded));
    }
    let now = db.real_now();
    match newest {
        Some(newest) if newest > now + SignedDuration::from_secs(1) => {
            let what = format!("this machine's clock ({now:.0}) lies before the newest fact ({newest:.0})");
            findings.fail(what, "Set the clock right (NTP) before anything is billed.");
        }
        _ => findings.ok(format!("the clock reads {now:.0}")),
    }
    Ok(())
}

fn look_at_environment(db: &Db, chosen: &Chosen, findings: &mut Findings) -> Outcome {
    const RESTORE: &str =
        "Bring back the last good backup with `steelyard restore`, and find out who changed the database.";
    match check::facts_of(db, chosen) {
        Ok(sentence) => findings.ok(sentence),
        Err(error) => findings.fail(format!("{}: {}", chosen.shown(), error.detail), RESTORE),
    }
    let report = db.read(&chosen.scope, ledger::check).wait()?;
    if report.is_sound() {
        findings.ok(check::ledger_sentence(chosen, &report));
    } else {
        findings.fail(format!("{}: {}", chosen.shown(), check::faults(&report).join("; ")), RESTORE);
    }
    let counts = db.read(&chosen.scope, check::counts_differ).wait()?;
    if counts {
        let what =
            format!("{}: customers, subscriptions or accounts are miscounted on the pages", chosen.shown());
        findings.fail(
            what,
            "Stop older releases that still write here, then run `steelyard migrate`: it counts again.",
        );
    }
    look_at_due_work(db, chosen, findings)?;
    look_at_jobs(db, &chosen.shown(), &chosen.scope, findings)
}

/// How late work may be before a missing server is suspected.
const LATE: SignedDuration = SignedDuration::from_hours(1);
/// Stuck items counted at most.
const MANY: i64 = 1_000;

fn look_at_due_work(db: &Db, chosen: &Chosen, findings: &mut Findings) -> Outcome {
    let look = |view: &mut View<'_>| -> Result<_> {
        Ok((jobs::due::stuck(view, MANY)?, jobs::due::next(view, 1)?, clock::read(view)?))
    };
    let (stuck, next, standing) = db.read(&chosen.scope, look).wait()?;
    let shown = chosen.shown();
    if let Some(first) = stuck.first() {
        let number = count(i64::try_from(stuck.len()).unwrap_or(MANY), "due item");
        let why = first.error.as_deref().unwrap_or_default();
        findings.fail(
            format!("{shown}: {number} could not be done, first {}: {why}", first.due.at),
            "Remove the cause, then run `steelyard jobs run`.",
        );
    }
    let late = next
        .first()
        .filter(|item| chosen.environment.mode == Mode::Live && item.due.at + LATE < db.real_now());
    if let Some(item) = late.filter(|_| stuck.is_empty()) {
        findings.warn(
            format!("{shown}: work waits since {}", item.due.at),
            "Let `steelyard serve` run, or run `steelyard jobs run`.",
        );
    }
    if let Some(target) = standing.and_then(|standing| standing.target) {
        look_at_moving_clock(db, chosen, target, findings)?;
    }
    Ok(())
}

/// A clock on its way needs the job that moves it: until it arrives nobody else may write.
fn look_at_moving_clock(db: &Db, chosen: &Chosen, target: Timestamp, findings: &mut Findings) -> Outcome {
    const NEWEST: i64 = 1_000;
    let jobs = db.read(&chosen.scope, |view| jobs::list(view, None, NEWEST)).wait()?;
    let open = |job: &jobs::Job| matches!(job.state, State::Queued | State::Running);
    let shown = chosen.shown();
    if jobs.iter().any(|job| job.kind == billing::clock::ADVANCE && open(job)) {
        let advice = "Let it arrive; without a server, run `steelyard jobs run`.";
        findings.warn(format!("{shown}: the clock is on its way to {target}"), advice);
    } else {
        let advice = "Report this, and go on in a restored backup: nothing can be changed until it arrives.";
        findings.fail(format!("{shown}: the clock was sent to {target}, and no job moves it"), advice);
    }
    Ok(())
}

fn look_at_jobs(db: &Db, shown: &str, scope: &Scope, findings: &mut Findings) -> Outcome {
    const NEWEST: i64 = 200;
    let newest = db.read(scope, |view| jobs::list(view, None, NEWEST)).wait()?;
    let failed: Vec<_> = newest.iter().filter(|job| job.state == State::Failed).collect();
    if let Some(last) = failed.first() {
        let number = count(i64::try_from(failed.len()).unwrap_or(NEWEST), "failed job");
        let why = last.error.as_deref().unwrap_or_default();
        findings.warn(
            format!("{shown}: {number}, the last one {} ({}): {why}", last.id, last.kind),
            "See `steelyard jobs list` and remove the cause.",
        );
    }
    Ok(())
}
