//! Usage amounts at which an invoice is issued before the period's end.

use kernel::{Currency, Exact, Money, UnitPrice};
use serde::{Deserialize, Serialize};

/// The amounts of usage, before tax and discounts, at which a plan's usage of a period is billed at once: each of
/// `at`, then every `every` beyond the last of them. They begin anew with each period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Their currency.
    pub currency: Currency,
    /// In rising order, above 0, in major units and whole minor ones. May be empty when there is `every`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<UnitPrice>,
    /// The step beyond the last of `at`, or from nothing when that is empty; above 0, like the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<UnitPrice>,
}

impl Thresholds {
    /// The amount of usage at which the next invoice is due, when `billed` of the period has been billed already:
    /// the lowest threshold above it. It is reached by usage of at least that amount. None when there is no further
    /// one, and for another currency.
    pub fn next_after(&self, billed: Money) -> Option<Money> {
        if billed.currency() != self.currency {
            return None;
        }
        let billed = billed.minor().max(0);
        let money = |amount: &UnitPrice| self.minor(*amount);
        if let Some(next) = self.at.iter().filter_map(money).find(|at| *at > billed) {
            return Money::new(next, self.currency).ok();
        }
        let every = self.every.as_ref().and_then(money).filter(|every| *every > 0)?;
        let last = self.at.last().map_or(Some(0), money)?;
        // No overflow: both are at most 10^15.
        let steps = (billed - last) / every + 1;
        Money::new(last.checked_add(steps.checked_mul(every)?)?, self.currency).ok()
    }

    fn minor(&self, amount: UnitPrice) -> Option<i64> {
        Money::from_exact_major(&amount.exact(), self.currency).ok().map(Money::minor)
    }

    /// Whether an amount is above nothing and a whole number of minor units.
    pub(super) fn allows(amount: UnitPrice, currency: Currency) -> bool {
        let minor: Exact = amount.exact() * Exact::from(currency.minor_per_major());
        !minor.is_zero() && minor.is_integer() && Money::from_exact_major(&amount.exact(), currency).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    fn thresholds(at: &[i64], every: Option<i64>) -> Thresholds {
        let price = |minor: i64| UnitPrice::parse(&usd(minor).decimal()).unwrap();
        Thresholds {
            currency: Currency::parse("USD").unwrap(),
            at: at.iter().copied().map(price).collect(),
            every: every.map(price),
        }
    }

    #[test]
    fn the_next_threshold_is_above_what_was_billed() {
        let steps = thresholds(&[20_000, 50_000], Some(100_000));
        for (billed, next) in [
            (-1, 20_000),
            (0, 20_000),
            (19_999, 20_000),
            (20_000, 50_000),
            (50_000, 150_000),
            (149_999, 150_000),
            (150_000, 250_000),
            (1_000_000, 1_050_000),
        ] {
            assert_eq!(steps.next_after(usd(billed)), Some(usd(next)), "{billed}");
        }
        assert_eq!(thresholds(&[20_000], None).next_after(usd(20_000)), None);
        assert_eq!(thresholds(&[], Some(7)).next_after(usd(0)), Some(usd(7)));
        let euro = Money::zero(Currency::parse("EUR").unwrap());
        assert_eq!(steps.next_after(euro), None, "another currency");
        assert_eq!(
            thresholds(&[], Some(7)).next_after(usd(1_000_000_000_000_000)),
            None,
            "beyond any amount"
        );
    }

    /// Billed whenever the next threshold is reached, events of so much give these invoices.
    fn invoices(steps: &Thresholds, events: &[i64]) -> Vec<i64> {
        let (mut used, mut billed, mut invoices) = (0, 0, Vec::new());
        for event in events {
            used += event;
            if steps.next_after(usd(billed)).is_some_and(|next| used >= next.minor()) {
                invoices.push(used - billed);
                billed = used;
            }
        }
        invoices
    }

    /// Worked cases of our own in the shape of those public engines give.
    #[test]
    fn progressive_billing_follows_the_thresholds() {
        for (at, every, events, expected) in [
            (&[10_000][..], None, &[15_000, 15_000][..], &[15_000][..]),
            (&[10_000, 30_000], None, &[12_000, 12_000, 12_000], &[12_000, 24_000]),
            (&[100, 300], Some(500), &[150, 150, 150, 400, 1_000], &[150, 150, 550, 1_000]),
            (&[100, 300], Some(500), &[5_000], &[5_000]),
        ] {
            assert_eq!(invoices(&thresholds(at, every), events), expected, "{at:?} {every:?} {events:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_lies_between(at in prop::collection::btree_set(1..1_000_000_i64, 0..6), every in prop::option::of(1..100_000_i64), billed in -10..5_000_000_i64) {
            let at: Vec<i64> = at.into_iter().collect();
            let next = thresholds(&at, every).next_after(usd(billed)).map(Money::minor);
            let last = at.last().copied().unwrap_or(0);
            let is_threshold = |amount: i64| at.contains(&amount)
                || every.is_some_and(|every| amount > last && (amount - last) % every == 0);
            match next {
                Some(next) => {
                    prop_assert!(next > billed.max(0) && is_threshold(next));
                    let before = (billed.max(0) + 1).max(next - 1_000)..next;
                    prop_assert!(!before.into_iter().any(is_threshold));
                }
                None => prop_assert!(every.is_none() && billed >= last),
            }
        }
    }
}
