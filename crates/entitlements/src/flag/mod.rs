//! Flags of an environment: which variant of something is served to whom.

mod check;
mod model;
mod ops;
mod percent;
pub mod rules;
pub(crate) mod sql;
mod version;

#[cfg(test)]
mod tests;

pub use check::{MOST_FLAGS, check};
pub use model::{Condition, Definition, Flag, Kind, Listed, Op, Rule, Share};
pub use ops::{all, archive, create, exists, find, history, save, switch};
pub use percent::Percent;
pub use rules::{Compiled, Outcome, Subject, bucket};
