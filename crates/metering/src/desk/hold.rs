//! A hold as stored.

use kernel::{Result, ids::HoldId};
use serde_json::json;
use store::{Row, View, params};
use uuid::Uuid;

use crate::{
    event::{Checked, EventName, Meters, Reading},
    limit::{Answer, HoldState},
    sql,
};

/// A hold, and the event it will be when it is committed.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub state: HoldState,
    /// What is held.
    pub amount: i64,
    /// When it was reserved.
    pub reserved: i64,
    /// When it is released by itself.
    pub expires: i64,
    /// The event, as it was when it was reserved.
    pub event: Checked,
    /// The answer to its reserve or, once it has ended, to that.
    pub answer: Answer,
}

/// The event of a hold, as stored.
pub fn write_event(event: &Checked) -> serde_json::Value {
    json!({
        "source": event.name.source, "id": event.name.id, "subject": event.subject,
        "dimensions": event.dimensions, "data": event.data, "content": event.content.to_string(),
    })
}

/// A hold; none when there is no such one, or its meter is in the price book no more.
pub fn find(view: &mut View<'_>, id: HoldId, meters: &Meters) -> Result<Option<Hold>> {
    let found = view.opt(&sql::HOLD, params![id], |row| read(row, meters))?;
    Ok(found.flatten())
}

fn read(row: &Row<'_>, meters: &Meters) -> Result<Option<Hold>> {
    let (meter, event): (String, serde_json::Value) = (row.get(2)?, row.get(6)?);
    let Some(meter) = meters.get(&meter) else { return Ok(None) };
    let text = |name: &str| event.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
    let (identity, answer): (Vec<u8>, Vec<u8>) = (row.get(8)?, row.get(7)?);
    let (amount, reserved) = (row.get(3)?, row.get(4)?);
    let event = Checked {
        name: EventName { source: text("source"), id: text("id") },
        identity: <[u8; 16]>::try_from(identity).map_or(0, u128::from_be_bytes),
        content: text("content").parse().unwrap_or(0),
        meter: meter.clone(),
        subject: text("subject"),
        at: Some(reserved),
        reading: Reading::Amount(amount),
        dimensions: text("dimensions"),
        data: text("data"),
    };
    let state = row.parse(1, HoldState::parse)?;
    let (id, expires, answer) = (row.get(0)?, row.get(5)?, Answer::decode(&answer)?);
    Ok(Some(Hold { id, state, amount, reserved, expires, event, answer }))
}
