//! An event as it comes in, and what is answered to it.

use std::sync::Arc;

use jiff::Timestamp;
use kernel::Error;
use serde_json::value::RawValue;

/// Something a customer did, as reported by the merchant's product.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Where it was noticed; with `id` it names the event. Up to 256 characters.
    pub source: String,
    /// Its name at the source. Up to 256 characters.
    pub id: String,
    /// The key of the meter it is for.
    pub meter: String,
    /// Whose it is: an id of ours or the merchant's own, of a customer or a subscription.
    pub subject: String,
    /// When it happened; none: when it is first received.
    pub at: Option<Timestamp>,
    /// A JSON object with the value and the dimensions; none: `{}`. Up to 16 KiB.
    pub data: Option<Box<RawValue>>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is stored and counted.
    Accepted,
    /// It was there before, and nothing was counted. `differs`: with another content; the first one stands.
    Duplicate {
        /// Whether the first one said something else.
        differs: bool,
    },
    /// It was not stored, for this reason.
    Rejected(Error),
}

/// The name of an event: a source and an id, whatever its time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventName {
    /// Where it was noticed.
    pub source: String,
    /// Its name there.
    pub id: String,
}

/// The value an event brings to its meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A number, scaled by the meter's decimals; 1 for a count.
    Amount(i64),
    /// Which of the different values that are counted, as a fingerprint of 128 bits.
    Value(u128),
}

impl Reading {
    /// The number that is summed, compared or limited; a different value counts as 1.
    pub const fn amount(self) -> i64 {
        match self {
            Self::Amount(amount) => amount,
            Self::Value(_) => 1,
        }
    }
}

/// An event that was read and found in order, before anything is known of its customer.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its name.
    pub name: EventName,
    /// Fingerprint of the name.
    pub identity: u128,
    /// Fingerprint of everything else, to tell a repeat from a change.
    pub content: u64,
    /// The meter.
    pub meter: Arc<super::Meter>,
    /// Whose it is, as it was sent.
    pub subject: String,
    /// When it happened, in microseconds; none: when it is received.
    pub at: Option<i64>,
    /// What it brings.
    pub reading: Reading,
    /// Its values of the meter's dimensions, as canonical JSON: `{"region":"eu"}`.
    pub dimensions: String,
    /// The JSON object as it was sent.
    pub data: String,
}
