//! Events: what comes in, what it says to its meter, and whether it is in order.

mod data;
mod fingerprint;
mod meters;
mod model;
mod rules;
pub mod wire;

pub use data::MAX_DATA;
pub use fingerprint::Fingerprints;
pub use meters::{Meter, Meters, Range, can_be_limited, kind, scope_property, word};
pub use model::{Checked, EventName, NewEvent, Reading, Receipt};
pub(crate) use rules::check_or_keep;
pub use rules::{Horizon, check};
