//! Exactly once: which names of events are known.
//!
//! The names accepted last are in memory, written through to a tail of rows; older ones are in sealed segments.
//! A name that is in neither was never accepted.

mod layer;
mod memory;
pub mod segment;

pub use layer::Layers;
pub use memory::{IntMap, Names, Place, Recent};
pub use segment::{Filter, Known, PAGE, Record};
