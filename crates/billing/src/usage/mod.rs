//! What was used: figures posted for a stretch of a subscription, by a merchant's own counting or by metering. They
//! are billed when the stretch is over.

mod model;
pub(crate) mod ops;
pub(crate) mod sql;
mod standing;

pub use model::{Figure, Figures, Groups, Posted};
pub use ops::{
    MAX_GROUPS, MAX_TRANSACTIONS, Post, Taken, history, history_behind, of_stretch, post, post_all, so_far,
};
pub use standing::{Open, Standing, standing};
