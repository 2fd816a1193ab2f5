//! Which tax applies to what is sold, and how much it comes to. Pure.
//!
//! | what | function |
//! |---|---|
//! | whose tax applies to a sale, at which rate, and why | [`treat`] |
//! | tax on the lines of a document, and each line's part of it | [`compute`] |
//! | the tax that goes with a credit of a line | [`credited`] |
//! | tax ids, regions and registrations as they are entered | [`tax_id`], [`region`], [`Registration`] |
//!
//! The rates are plain data with the date each is valid from ([`PLACES`]); `docs/tax.md` shows them with their
//! sources. Where no rate can be told, nothing is charged and the reason says so: a bill never fails over tax.

mod category;
mod compute;
mod credit;
mod jurisdiction;
mod places;
mod region;
mod tax_id;
mod treatment;

#[cfg(test)]
mod tests;

pub use category::Category;
pub use compute::{Rounding, Tax, TaxedLine, Taxes, compute};
pub use credit::{Billed, credited};
pub use jurisdiction::{Jurisdiction, Registration};
pub use places::{Band, Dated, PLACES, Place, Regime};
pub use region::region;
pub use tax_id::tax_id;
pub use treatment::{Buyer, Kind, Seller, Treatment, treat};
