//! What is charged once beside a subscription: a setup fee, an integration built to order.

mod model;
mod ops;
mod rules;
pub(crate) mod sql;

pub use model::{Added, BillWith, Charge, ChargePreview, MAX_PENDING, NewCharge};
pub use ops::{add, of_subscription, preview, remove};
pub(crate) use ops::{billed, pending, store};
pub use rules::line;
pub(crate) use rules::{lines, places, taken};
