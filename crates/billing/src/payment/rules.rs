//! What money settles, and where it is taken back from. Pure.

use kernel::{Error, Money, Result, ids::InvoiceId};

/// An invoice that waits for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Which.
    pub invoice: InvoiceId,
    /// What is left to pay; above zero.
    pub due: Money,
}

/// What an amount settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// How much of which invoice, in the order given; each above zero.
    pub settled: Vec<(InvoiceId, Money)>,
    /// What is left and becomes credit.
    pub rest: Money,
}

/// Pay open invoices in their order, each as far as the amount goes.
///
/// Errors: `currency_mismatch`.
pub fn split(amount: Money, open: &[Open]) -> Result<Split> {
    let (mut settled, mut rest) = (Vec::new(), amount);
    for Open { invoice, due } in open {
        if rest.minor() <= 0 {
            break;
        }
        let left = rest.checked_sub(*due)?;
        let paid = if left.is_negative() { rest } else { *due };
        settled.push((*invoice, paid));
        rest = rest.checked_sub(paid)?;
    }
    Ok(Split { settled, rest })
}

/// Where credit that a reversed payment had given is taken back from, beyond the `held` that is still unused: from
/// the invoices that credit paid, in the order given, each at most what it was paid.
///
/// Errors: `internal` when they were not paid so much.
pub fn take_back(credit: Money, held: Money, paid_by_credit: &[Open]) -> Result<Vec<(InvoiceId, Money)>> {
    let used = credit.checked_sub(held)?;
    if used.minor() <= 0 {
        return Ok(Vec::new());
    }
    let Split { settled, rest } = split(used, paid_by_credit)?;
    if rest.is_zero() {
        return Ok(settled);
    }
    Err(Error::internal(format!("{rest} of a customer's credit went nowhere")))
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, SeededIds, new_id};
    use proptest::prelude::*;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    fn open(dues: &[i64]) -> Vec<Open> {
        let ids = SeededIds::new(1);
        dues.iter().map(|due| Open { invoice: new_id(&ids), due: usd(*due) }).collect()
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_overpaid(amount in 1_i64..5_000, dues in proptest::collection::vec(1_i64..1_000, 0..8)) {
            let open = open(&dues);
            let Split { settled, rest } = split(usd(amount), &open).unwrap();
            let paid: i64 = settled.iter().map(|(_, paid)| paid.minor()).sum();
            prop_assert_eq!(paid + rest.minor(), amount);
            prop_assert!(!rest.is_negative());
            for ((invoice, paid), open) in settled.iter().zip(&open) {
                prop_assert_eq!(*invoice, open.invoice);
                prop_assert!(paid.minor() > 0 && paid.minor() <= open.due.minor());
            }
            // Only the last one may be paid in part, and only when nothing is left.
            let in_part = settled.iter().zip(&open).filter(|((_, paid), open)| *paid != open.due).count();
            prop_assert!(in_part == 0 || in_part == 1 && rest.is_zero());
            prop_assert!(settled.len() == open.len() || rest.is_zero());
        }

        #[test]
        fn credit_is_taken_back_whole(credit in 1_i64..2_000, held in 0_i64..2_000, used in proptest::collection::vec(1_i64..1_000, 0..8)) {
            let users = open(&used);
            let enough = held + used.iter().sum::<i64>() >= credit;
            match take_back(usd(credit), usd(held), &users) {
                Ok(taken) => {
                    let sum: i64 = taken.iter().map(|(_, amount)| amount.minor()).sum();
                    prop_assert_eq!(sum, (credit - held).max(0));
                }
                Err(error) => prop_assert!(!enough && error.code == "internal"),
            }
        }
    }
}
