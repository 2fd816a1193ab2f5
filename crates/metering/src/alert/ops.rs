//! Taking crossings to the core database, and listing alerts.

use jiff::Timestamp;
use kernel::{
    Id, Result,
    ids::{AlertId, CustomerId},
};
use serde_json::json;
use store::{Db, NewFact, Row, Scope, ToValue, Tx, Value, View, params};
use uuid::Uuid;

use super::{
    model::{Alert, Place, Wanted},
    sql,
};

/// Crossings taken over in one transaction.
const AT_ONCE: i64 = 200;

/// Make alerts and facts of the crossings that are noted; how many were told that were not before. Done again after a
/// crash, or by two processes at once, it tells nothing twice.
///
/// Errors: `clock_advancing` in a sandbox whose clock is being moved.
pub fn follow(db: &Db, scope: &Scope) -> Result<u64> {
    let mut told = 0;
    loop {
        let noted =
            db.usage().read(scope, |view| view.all(&crate::sql::UNTOLD, params![AT_ONCE], read_noted));
        let noted = noted.wait()?;
        if noted.is_empty() {
            return Ok(told);
        }
        let (last, now) = ((noted.len() as i64) < AT_ONCE, db.real_now().as_microsecond());
        let places: Vec<Place> = noted.iter().map(|alert| alert.place.clone()).collect();
        told += db.write(scope, move |tx| tell(tx, &noted)).wait()?;
        let mark = move |tx: &mut Tx<'_>| {
            tx.bulk_all(
                &crate::sql::TELL,
                places.iter().map(|place| {
                    let Place { customer, meter, who, since, level } = place;
                    let (since, level, now) = (Value::Int(*since), Value::Int(*level), Value::Int(now));
                    [customer.to_value(), meter.to_value(), who.to_value(), since, level, now]
                }),
            )
        };
        db.usage().write(scope, mark).wait()?;
        if last {
            return Ok(told);
        }
    }
}

fn tell(tx: &mut Tx<'_>, noted: &[Alert]) -> Result<u64> {
    let mut told = 0;
    for alert in noted {
        let Alert { place, subscription, until, amount, used, decimals, upgrade, reached, .. } = alert;
        let Place { customer, meter, who, since, level } = place;
        let id: AlertId = tx.new_id();
        let row = params![
            id,
            customer,
            subscription,
            meter,
            who,
            since,
            until,
            level,
            amount,
            used,
            decimals,
            upgrade,
            reached
        ];
        if tx.exec(&sql::INSERT, row)? == 0 {
            continue;
        }
        told += 1;
        let (from, to) = alert.window()?;
        // Whose of the customer's users it was stands in the alert only: it may be a name.
        let payload = json!({
            "subscription": subscription, "meter": meter, "level": level, "limit": alert.limit()?.to_string(),
            "used": alert.used()?.to_string(), "from": from, "to": to, "upgrade": upgrade,
        });
        let fact = NewFact::new("alert.limit_reached", id.any(), payload)?;
        tx.fact(fact.of(*customer).effective(alert.at()?));
    }
    Ok(told)
}

/// The newest first.
pub fn list(view: &mut View<'_>, wanted: &Wanted) -> Result<Vec<Alert>> {
    let before = wanted.before.unwrap_or_else(|| Id::from_uuid(Uuid::max()));
    match wanted.customer {
        Some(customer) => view.all(&sql::OF_CUSTOMER, params![customer, before, wanted.limit], read),
        None => view.all(&sql::LIST, params![before, wanted.limit], read),
    }
}

/// The alerts of several customers that were reached at an instant or later, in no order.
pub fn since(view: &mut View<'_>, customers: Vec<CustomerId>, from: Timestamp) -> Result<Vec<Alert>> {
    view.all(&sql::SINCE, params![customers, from.as_microsecond()], read)
}

fn read(row: &Row<'_>) -> Result<Alert> {
    read_behind(row, row.get(0)?, 1)
}

/// A crossing as it is noted: an alert that has no id yet.
fn read_noted(row: &Row<'_>) -> Result<Alert> {
    read_behind(row, Id::from_uuid(Uuid::nil()), 0)
}

/// An alert from the columns after the first `n`.
fn read_behind(row: &Row<'_>, id: AlertId, n: usize) -> Result<Alert> {
    let place = Place {
        customer: row.get(n)?,
        meter: row.get(n + 1)?,
        who: row.get(n + 2)?,
        since: row.get(n + 3)?,
        level: row.get(n + 4)?,
    };
    Ok(Alert {
        id,
        place,
        until: row.get(n + 5)?,
        subscription: row.get(n + 6)?,
        amount: row.get(n + 7)?,
        used: row.get(n + 8)?,
        decimals: row.get::<i64>(n + 9)? as u8,
        upgrade: row.get(n + 10)?,
        reached: row.get(n + 11)?,
    })
}
