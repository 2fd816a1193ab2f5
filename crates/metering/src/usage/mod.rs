//! Usage: tallies of hours, figures of spans, windows.

mod behind;
mod figure;
mod price;
mod read;
mod tally;
#[cfg(test)]
mod tests;
pub mod window;

pub use behind::{Addressed, Cursor, events, last_events};
pub use figure::{Figure, Total};
pub use price::{
    Charged, Measurement, Touched, accepted_before, base, looked_at_each, measurements, read_to, set_read_to,
    touched_between,
};
pub use read::{Dimensions, Group, Subject, figure, figures, figures_of_spans, history, watermark};
pub(crate) use read::{figures_of_series, read_dimensions};
pub use tally::{Followed, Sample, State, Tally};
pub use window::{Grain, MAX_WINDOWS, Span, windows};
