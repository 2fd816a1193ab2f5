//! Subscriptions: starting them and carrying them from period to period.

pub mod history;
mod model;
mod ops;
mod renewal;
pub mod rules;
pub(crate) mod sql;

pub use model::{BillFrom, Change, Item, ItemKind, Start, Started, State, Subscription, Timing, Transition};
pub use ops::change::{ChangePreview, Changed, cancel, change, keep_on, pause, preview_change, resume};
pub(crate) use ops::history::entity;
pub use ops::history::record_all;
pub use ops::trial::{convert, extend_trial, reinstate, set_method, suspend};
pub use ops::{Preview, find, list, of_customer, preview, resolve, start, start_all};
pub(crate) use renewal::{RENEWAL, TRIAL_END, TRIAL_REMINDER};
