//! Schedules: jobs of the installation that come back by real time.

use jiff::Timestamp;
use kernel::{Error, Result, ids::JobId};
use serde::Serialize;
use serde_json::json;
use store::{Db, Scope, Tx, params, statements};

use crate::job::{DEFAULT_ATTEMPTS, INSTALLATION, Order, insert};

statements! {
    /// A new schedule; one whose rule changed comes no later than the new rule says.
    installation REGISTER = "INSERT INTO schedule (name, kind, next_at) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET kind = excluded.kind,
            next_at = CASE WHEN schedule.next_at > excluded.next_at THEN excluded.next_at ELSE schedule.next_at END";
    installation DUE = "SELECT name, next_at FROM schedule WHERE next_at <= $1";
    /// One process gets it.
    installation MOVE_ON = "UPDATE schedule SET last_at = $3, next_at = $4 WHERE name = $1 AND next_at = $2";
    installation KIND = "SELECT kind FROM schedule WHERE name = $1";
    installation LIST = "SELECT name, kind, next_at, last_at FROM schedule";
}

const SCOPE: Scope = Scope::installation("run schedules");

/// How often a schedule comes back, in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// At each multiple of so many seconds since 1970.
    Seconds(u32),
    /// Once a day.
    DailyUtc {
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
    },
}

impl Every {
    /// The first time behind `after`.
    pub fn next(self, after: Timestamp) -> Timestamp {
        const DAY: i64 = 86_400;
        let (step, offset) = match self {
            Self::Seconds(step) => (i64::from(step.max(1)), 0),
            Self::DailyUtc { hour, minute } => (DAY, i64::from(hour) * 3_600 + i64::from(minute) * 60),
        };
        // Before 1970 an instant with a fraction reads as the second after it; no clock stands there.
        let rounds = (after.as_second() - offset).div_euclid(step) + 1;
        Timestamp::from_second(rounds * step + offset).unwrap_or(Timestamp::MAX)
    }
}

/// A job of the installation that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name, also what keeps two of its jobs from overlapping.
    pub name: &'static str,
    /// The name of the [`JobKind`](crate::JobKind) to run. Its payload is `{"schedule": name}`.
    pub kind: &'static str,
    /// When.
    pub every: Every,
}

/// A schedule as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// The job kind it runs.
    pub kind: String,
    /// When it comes next, in real time.
    pub next_at: Timestamp,
    /// When it last came.
    pub last_at: Option<Timestamp>,
}

/// Every schedule there is, by name.
pub fn schedules(db: &Db) -> Result<Vec<Planned>> {
    let list = db.read(&SCOPE, |view| {
        view.all(&LIST, params![], |row| {
            Ok(Planned { name: row.get(0)?, kind: row.get(1)?, next_at: row.get(2)?, last_at: row.get(3)? })
        })
    });
    let mut list = list.wait()?;
    list.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(list)
}

/// Enqueue the job of a schedule now, out of turn; the one under way when there is one.
///
/// Errors: `not_found`.
pub fn trigger(db: &Db, name: &str) -> Result<JobId> {
    let name = name.to_owned();
    db.write(&SCOPE, move |tx| enqueue(tx, &name)).wait()
}

fn enqueue(tx: &mut Tx<'_>, name: &str) -> Result<JobId> {
    let kind: Option<String> = tx.opt(&KIND, params![name], |row| row.get(0))?;
    let kind = kind.ok_or_else(|| Error::not_found("schedule"))?;
    let order = Order {
        env: INSTALLATION,
        sandbox: false,
        kind: &kind,
        payload: &json!({ "schedule": name }),
        run_at: None,
        dedupe: Some(name),
        max_attempts: DEFAULT_ATTEMPTS,
    };
    insert(tx, &order)
}

/// Make the schedules known to the database.
pub(crate) fn register(db: &Db, schedules: &[Schedule]) -> Result<()> {
    let schedules = schedules.to_vec();
    db.write(&SCOPE, move |tx| {
        let now = tx.recorded();
        schedules.iter().try_for_each(|schedule| {
            tx.exec(&REGISTER, params![schedule.name, schedule.kind, schedule.every.next(now)]).map(drop)
        })
    })
    .wait()
}

/// Enqueue what is due. However long nobody looked, each schedule runs once and then goes on from now.
pub(crate) fn tick(db: &Db, schedules: &[Schedule]) -> Result<()> {
    let now = db.real_now();
    let due: Vec<(String, Timestamp)> = db
        .read(&SCOPE, move |view| view.all(&DUE, params![now], |row| Ok((row.get(0)?, row.get(1)?))))
        .wait()?;
    for (name, next_at) in due {
        // Schedules of another release are left to it.
        let Some(schedule) = schedules.iter().find(|schedule| schedule.name == name) else { continue };
        let schedule = *schedule;
        db.write(&SCOPE, move |tx| come_round(tx, schedule, next_at)).wait()?;
    }
    Ok(())
}

fn come_round(tx: &mut Tx<'_>, schedule: Schedule, next_at: Timestamp) -> Result<()> {
    let now = tx.recorded();
    match tx.exec(&MOVE_ON, params![schedule.name, next_at, now, schedule.every.next(now)])? {
        0 => Ok(()), // another process was faster
        _ => enqueue(tx, schedule.name).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_next_time_lies_ahead() {
        let daily = |hour, minute| Every::DailyUtc { hour, minute };
        for (every, after, next) in [
            (daily(2, 0), "2026-01-15T01:59:59.999999Z", "2026-01-15T02:00:00Z"),
            (daily(2, 0), "2026-01-15T02:00:00Z", "2026-01-16T02:00:00Z"),
            (daily(2, 0), "2026-12-31T23:00:00Z", "2027-01-01T02:00:00Z"),
            (daily(0, 0), "2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z"),
            (daily(23, 59), "2026-01-15T12:00:00Z", "2026-01-15T23:59:00Z"),
            (Every::Seconds(60), "2026-01-15T12:00:00Z", "2026-01-15T12:01:00Z"),
            (Every::Seconds(60), "2026-01-15T12:00:00.000001Z", "2026-01-15T12:01:00Z"),
            (Every::Seconds(0), "2026-01-15T12:00:00.5Z", "2026-01-15T12:00:01Z"),
        ] {
            assert_eq!(every.next(after.parse().unwrap()).to_string(), next, "{every:?} after {after}");
        }
        assert_eq!(daily(2, 0).next(Timestamp::MAX), Timestamp::MAX);
    }

    proptest! {
        #[test]
        fn no_time_is_left_out(after in 0..4_000_000_000_i64, step in 1..100_000_u32, hour in 0..24_u8, minute in 0..60_u8) {
            let after = Timestamp::from_second(after).unwrap();
            for (every, longest) in [(Every::Seconds(step), i64::from(step)), (Every::DailyUtc { hour, minute }, 86_400)] {
                let next = every.next(after);
                prop_assert!(after < next && next.as_second() - after.as_second() <= longest);
                prop_assert_eq!(every.next(next).as_second() - next.as_second(), longest);
            }
        }
    }
}
