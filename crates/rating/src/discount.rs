//! Coupons on the lines of an invoice.

use kernel::{Exact, Money, Rate, Result, allocate};

/// What a coupon takes off the lines it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// A share of what is left of them, at most all.
    Percent(Rate),
    /// An amount, at most what is left of them.
    Amount(Money),
    /// So many of the months they are for.
    FreeMonths {
        /// Months that are free.
        free: u32,
        /// Months of the period.
        of: u32,
    },
}

/// A coupon on an invoice.
#[derive(Clone, Copy, Debug)]
pub struct Coupon<'a> {
    /// What it takes off.
    pub reduction: Reduction,
    /// Whether it covers each line.
    pub covers: &'a [bool],
}

/// What one coupon takes off each line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// All of it.
    pub total: Money,
    /// For each line, whole minor units that add up to the total: by largest remainder, ties to the earlier line.
    pub parts: Vec<Money>,
    /// For each line, the exact share in minor units, as if earlier coupons had not been rounded either.
    pub exact: Vec<Exact>,
}

/// Take coupons off the lines of an invoice, one after the other: each is spread over the lines it covers in
/// proportion to what the earlier ones left of them, and never takes more. Lines below zero are not reduced.
///
/// Errors: `currency_mismatch`, `amount_out_of_range`.
pub fn discount(lines: &[Money], coupons: &[Coupon<'_>]) -> Result<Vec<Split>> {
    let Some(currency) = lines.first().map(|line| line.currency()) else { return Ok(Vec::new()) };
    Money::total(lines.iter().copied(), currency)?;
    let mut left: Vec<i64> = lines.iter().map(|line| line.minor().max(0)).collect();
    let mut left_exact: Vec<Exact> = left.iter().copied().map(Exact::from).collect();
    let mut splits = Vec::with_capacity(coupons.len());
    for coupon in coupons {
        let covers = |line: usize| coupon.covers.get(line).copied().unwrap_or(false);
        let weights: Vec<i128> = left
            .iter()
            .enumerate()
            .map(|(line, left)| if covers(line) { i128::from(*left) } else { 0 })
            .collect();
        let covered: i128 = weights.iter().sum();
        let exact_covered: Exact = left_exact
            .iter()
            .enumerate()
            .filter(|(line, _)| covers(*line))
            .map(|(_, left)| left.clone())
            .sum();
        let total = taken(coupon.reduction, &Exact::from(covered), currency)?.round_half_up()?;
        let exact_total = taken(coupon.reduction, &exact_covered, currency)?;
        let parts = if covered == 0 { vec![0; lines.len()] } else { allocate(total, &weights) };
        let share = exact_total.checked_div(&exact_covered).unwrap_or_else(Exact::zero);
        let exact: Vec<Exact> = left_exact
            .iter()
            .enumerate()
            .map(|(line, left)| if covers(line) { left * &share } else { Exact::zero() })
            .collect();
        left.iter_mut().zip(&parts).for_each(|(left, part)| *left -= part);
        left_exact.iter_mut().zip(&exact).for_each(|(left, part)| *left = &*left - part);
        let parts: Result<Vec<Money>> = parts.into_iter().map(|part| Money::new(part, currency)).collect();
        let (parts, total) = (parts?, Money::new(if covered == 0 { 0 } else { total }, currency)?);
        splits.push(Split { total, parts, exact });
    }
    Ok(splits)
}

/// What a coupon takes off so many minor units, exactly.
fn taken(reduction: Reduction, covered: &Exact, currency: kernel::Currency) -> Result<Exact> {
    let share = match reduction {
        Reduction::Amount(amount) => {
            // Only to compare the currencies.
            Money::zero(currency).checked_add(amount)?;
            return Ok(Exact::from(amount.minor().max(0)).min(covered.clone()));
        }
        Reduction::Percent(rate) => rate.exact(),
        Reduction::FreeMonths { free, of } => Exact::ratio(free.into(), of.max(1).into()),
    };
    Ok(share.min(Exact::one()) * covered)
}
