//! Subscriptions: starting them and carrying them from period to period.

mod agreement;
mod closing;
pub(crate) mod edge;
pub(crate) mod groups;
pub mod history;
mod model;
mod ops;
pub mod rules;
pub(crate) mod search;
pub(crate) mod sql;

pub use agreement::{AgreedPrice, Agreement, COMP, Discount, MAX_TERM, NewTerm, Off, Scheduled, Term};
pub use closing::Closing;
pub(crate) use edge::{EDGE, TRIAL_REMINDER};
pub use edge::{at_edge, foresee};
pub(crate) use groups::first_of;
pub use groups::{
    Group, agreed_books, agreed_meters, count_again, group_counts, group_counts_again, groups, state_counts,
};
pub use model::{
    BillFrom, Change, Item, ItemKind, Rhythm, Start, Started, State, Subscription, Timing, Transition,
};
pub use ops::change::{ChangePreview, Changed, cancel, change, keep_on, pause, preview_change, resume};
pub(crate) use ops::history::entity;
pub use ops::history::record_all;
pub(crate) use ops::load;
pub use ops::trial::{convert, extend_trial, reinstate, set_method, suspend};
pub use ops::{
    Preview, find, list, named, of_customer, preview, resolve, running_of, start, start_all, whose,
};
pub(crate) use ops::{
    change::{end, lock, preview_end, wait},
    due_until, follow_zone, of_customers, save_all,
};
pub use search::{Filter, Place, due_count, search, states_of};
pub(crate) use search::{customers_in, having};
