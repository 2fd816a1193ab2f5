//! Limits: what is used, what is held, whether more fits.

mod alert;
mod bucket;
mod model;
mod rules;
#[cfg(test)]
mod tests;

pub use alert::{Crossing, reached};
pub use bucket::{Bucket, Buckets, Taken};
pub use model::{Answer, HoldState, Pace, Reason, Reserved};
pub use rules::{Bound, Counter, Counting, Having, Held, decide, upgrade};
