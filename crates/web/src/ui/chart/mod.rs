//! Charts: drawn on the server, read by everybody.
//!
//! Every chart says in a sentence what it shows and keeps its figures in a table below it: the drawing itself is
//! hidden from screen readers, because the sentence and the table say more. Widths are shares of the room there is,
//! heights are pixels, so text keeps its size on a phone and on paper. Geometry is integer arithmetic: the same
//! figures draw the same chart, byte for byte.

mod against;
mod columns;
mod figure;
mod lines;
mod plot;
mod scale;
mod shares;
mod spark;

#[cfg(test)]
mod tests;

pub use against::{Against, against};
pub use columns::columns;
pub use figure::{Chart, Series, Slot, Value};
pub use lines::lines;
pub use shares::{Share, shares};
pub use spark::spark;
