//! Bringing customers and their subscriptions in from CSV files, with the history the files tell.
//!
//! A mapping file says which column is which. Files are read twice, row by row: first every row is checked, by the
//! same pure decisions that loading makes, and one that cannot be loaded is named with its reason; then the good
//! ones are loaded. What is kept in memory is a few words a row: ids, and the rows of files that are joined.

mod check;
mod decision;
mod field;
mod finding;
mod load;
mod mapping;
mod outline;
mod parts;
mod reading;
mod run;
mod source;
pub(crate) mod sql;
mod story;
mod subscription;
mod table;
mod value;

pub use finding::{Count, Finding, NAMED, Report};
pub use mapping::Mapping;
pub use outline::{Mapped, Outline, outline};
pub use run::{OnBad, Options, Progress, import};
pub use table::{File, MAX_COLUMNS, MAX_FILE, MAX_ROW, MAX_ROWS};
