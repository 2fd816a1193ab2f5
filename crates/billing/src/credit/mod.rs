//! A customer's credit: what it pays of invoices that were issued before there was so much of it.
//!
//! An invoice takes what credit there is when it is issued. Credit that comes later, because a credit note, a payment
//! that was too much or a voided invoice leaves some, waits for the next invoice, unless somebody lets it pay the
//! customer's open ones.

mod model;
mod ops;

pub use model::{Applied, Held, Used};
pub use ops::{apply, preview};
