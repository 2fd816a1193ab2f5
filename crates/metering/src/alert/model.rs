//! An alert.

use jiff::Timestamp;
use kernel::{
    Quantity, Result,
    ids::{AlertId, CustomerId, SubscriptionId},
    time,
};

/// A percentage of a limit was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its id; none while it is only noted.
    pub id: AlertId,
    /// What was reached, by whom, when.
    pub place: Place,
    /// The subscription the limit comes from.
    pub subscription: SubscriptionId,
    /// Until when it is not told again: the window's end, or the length of a rolling one after it was reached.
    pub until: i64,
    /// The limit then, scaled by the meter's decimals.
    pub amount: i64,
    /// What was used then, likewise.
    pub used: i64,
    /// Decimals of the two.
    pub decimals: u8,
    /// The cheapest plan that would allow more.
    pub upgrade: Option<String>,
    /// When it was reached, in microseconds of business time.
    pub reached: i64,
}

/// What makes a crossing one crossing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose limit.
    pub customer: CustomerId,
    /// On which meter.
    pub meter: String,
    /// The user, seat or key whose use counts together; empty: the customer's.
    pub who: String,
    /// When the window began, or when a rolling use got there, in microseconds.
    pub since: i64,
    /// The percentage.
    pub level: i64,
}

impl Alert {
    /// The limit in the meter's unit.
    pub fn limit(&self) -> Result<Quantity> {
        Quantity::from_scaled(self.amount, self.decimals)
    }

    /// What was used, in the meter's unit.
    pub fn used(&self) -> Result<Quantity> {
        Quantity::from_scaled(self.used, self.decimals)
    }

    /// When it was reached.
    pub fn at(&self) -> Result<Timestamp> {
        time::from_micros(self.reached)
    }

    /// From when until when the window runs.
    pub fn window(&self) -> Result<(Timestamp, Timestamp)> {
        Ok((time::from_micros(self.place.since)?, time::from_micros(self.until)?))
    }
}

/// Which alerts, or which sudden jumps: both are told in the same order.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of this customer; none: of all.
    pub customer: Option<CustomerId>,
    /// Older than this one.
    pub before: Option<AlertId>,
    /// So many at most.
    pub limit: i64,
}
