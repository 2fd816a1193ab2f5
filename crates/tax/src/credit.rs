//! The tax that goes with a credit of a line.

use kernel::{Money, Result, cumulative_share};

/// A line that was billed, and what of it was credited before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billed {
    /// Before tax.
    pub net: Money,
    /// Its part of the document's tax.
    pub tax: Money,
    /// What of the net amount was credited before.
    pub credited_net: Money,
    /// What of the tax was credited before.
    pub credited_tax: Money,
}

/// The tax to credit with `credit` of the net amount of a line.
///
/// Cumulative: to date, tax × credited to date ÷ net is credited, rounded half up. So steps never drift, and the
/// credit of the whole line gives back its whole tax, whatever the steps (domain rules §1, §4).
///
/// Errors: `currency_mismatch`, `amount_out_of_range`.
pub fn credited(line: &Billed, credit: Money) -> Result<Money> {
    let to_date = line.credited_net.checked_add(credit)?;
    let tax = cumulative_share(line.tax.minor(), to_date.minor(), line.net.minor());
    Money::new(tax, line.tax.currency())?.checked_sub(line.credited_tax)
}
