//! Subscriptions: starting them and carrying them from period to period.

mod model;
mod ops;
mod renewal;
pub mod rules;
pub(crate) mod search;
pub(crate) mod sql;

pub use model::{BillFrom, Change, Item, ItemKind, Start, Started, State, Subscription, Timing, Transition};
pub use ops::change::{ChangePreview, Changed, cancel, change, keep_on, pause, preview_change, resume};
pub use ops::trial::{convert, extend_trial, reinstate, set_method, suspend};
pub use ops::{Preview, find, list, of_customer, preview, resolve, start, start_all};
pub(crate) use renewal::{RENEWAL, TRIAL_END, TRIAL_REMINDER};
pub use search::{Filter, Place, counts, due_count, plan_counts, search};
pub(crate) use search::{customers_in, having};
