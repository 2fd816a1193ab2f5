//! The words every other crate speaks: ids, money, exact arithmetic, quantities, time and error kinds.
//!
//! Nothing here does I/O. The wall clock and fresh ids come in through [`WallClock`] and [`IdSource`];
//! [`SystemClock`] and [`SystemIds`] are their only impure ends. Amounts are integers of minor units,
//! intermediate values exact rationals, periods half-open `[start, end)`.

mod allocate;
mod clock;
mod currency;
mod cycle;
mod decimal;
mod error;
mod exact;
mod id;
mod id_source;
mod money;
mod period;
mod price;
mod proration;
mod quantity;
mod rate;
mod rational;
mod text_serde;
pub mod time;
mod zone;

pub use allocate::{allocate, cumulative_share};
pub use clock::{FixedClock, SteppedClock, SystemClock, WallClock};
pub use currency::Currency;
pub use cycle::{Cycle, CycleUnit};
pub use error::{Error, FieldError, Kind, Result};
pub use exact::Exact;
pub use id::{AnyId, Id, IdKind, ids};
pub use id_source::{IdSource, PassingIds, SeededIds, SystemIds, new_id};
pub use money::{MAX_MINOR, Money};
pub use period::{Edge, Period, Schedule};
pub use price::UnitPrice;
pub use proration::{MonthDays, ProrationUnit, fraction, units};
pub use quantity::{MAX_DECIMALS, Quantity};
pub use rate::Rate;
pub use zone::Zone;
