//! The owner of an environment's metering: its memory, its groups, its lease.

mod account;
mod ask;
mod book;
mod change;
mod counters;
mod customer;
mod decide;
mod desks;
mod groups;
mod hold;
mod hours;
mod lease;
mod load;
mod metering;
mod owner;
mod room;
mod rows;
mod seal;
mod stale;
mod standing;
mod state;
mod station;
mod worker;

pub use account::{Account, Agreement, Beside, Directory, InForce, Resolved, Terms, scaled};
pub use change::Changed;
pub use metering::{Metering, Options};
use rows::Rows;
pub use stale::Changes;
pub use standing::Standing;
use state::State;
