//! A jump.

use jiff::{Timestamp, civil::Date};
use kernel::{
    Exact,
    ids::{AlertId, CustomerId},
};

/// A day on which a customer used far more of a meter than usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Its id.
    pub id: AlertId,
    /// Whose use.
    pub customer: CustomerId,
    /// Of which meter.
    pub meter: String,
    /// The day, of UTC.
    pub day: Date,
    /// What was used by then, in the meter's unit.
    pub used: Exact,
    /// What is used in a day on the average of the seven before.
    pub usual: Exact,
    /// How many times that is told of.
    pub times: u32,
    /// When it was noticed, in business time.
    pub noticed: Timestamp,
}
