//! Sudden jumps: a day of a customer whose use of a meter is far above the usual.
//!
//! A meter's `jump` in the price book says how far: more than so many times the average of the seven days before, and
//! more than a floor. What was used stands, whatever it was: a jump is told once for each meter, customer and day, as a row and
//! a fact. Days are those of UTC. Who used nothing in the seven days before has no usual, and no jump.
//!
//! [`follow`] reads the event log behind the owner, as billing does, so that it costs events nothing.

mod model;
mod ops;
mod rules;
pub(crate) mod sql;

pub use model::Jump;

pub use crate::alert::Wanted;
pub use ops::{follow, list};
pub use rules::{DAYS, usual_exceeded};
