//! What was used: figures posted for a stretch of a subscription, by a merchant's own counting or by metering. They
//! are billed when the stretch is over.

mod behind;
mod billed;
mod catch_up;
mod cut;
mod follow;
pub(crate) mod known;
pub(crate) mod measure;
mod model;
pub(crate) mod ops;
pub(crate) mod owner;
pub(crate) mod rated;
pub(crate) mod reconcile;
mod settled;
pub(crate) mod sql;
mod standing;
pub(crate) mod turns;

pub use behind::{Behind, behind};
pub(crate) use billed::{measured_by, plan_at};
pub use catch_up::{catch_up, catch_up_waiting};
pub use cut::cut;
pub use follow::{Followed, follow};
pub use known::so_far;
pub(crate) use measure::not_below_zero;
pub use measure::{group_name, log_place};
pub use model::{Figure, Figures, Groups, Posted};
pub use ops::{
    MAX_GROUPS, MAX_TRANSACTIONS, Post, Taken, history, history_behind, of_stretch, post, post_all,
};
pub(crate) use rated::keep_unbilled;
pub use reconcile::{Compared, LinePlace, measured_after, reconcile};
pub use settled::{kept, settled_by};
pub(crate) use settled::{settled, with_settled};
pub use standing::{Open, Standing, standing};
