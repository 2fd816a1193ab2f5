//! Splitting an amount so that the parts always add up to the whole.

use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::{ToPrimitive, Zero};

/// Split `total` over parts in proportion to `weights` by largest remainder, ties to the earlier part.
///
/// A negative total is the mirror of the positive one. A weight of zero, or below, takes nothing;
/// when no weight is above zero the first part takes everything. The parts add up to `total` (there
/// are none only when there are no weights).
pub fn allocate(total: i64, weights: &[i128]) -> Vec<i64> {
    let weights: Vec<BigUint> =
        weights.iter().map(|weight| BigUint::try_from(*weight).unwrap_or_default()).collect();
    let sum: BigUint = weights.iter().sum();
    if sum.is_zero() {
        return (0..weights.len()).map(|part| if part == 0 { total } else { 0 }).collect();
    }
    let size = BigUint::from(total.unsigned_abs());
    let (mut parts, remainders): (Vec<u64>, Vec<BigUint>) = weights
        .iter()
        .map(|weight| {
            let (share, remainder) = (&size * weight).div_rem(&sum);
            (share.to_u64().expect("a share is not above the total"), remainder)
        })
        .unzip();

    let left = total.unsigned_abs() - parts.iter().sum::<u64>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| remainders[*b].cmp(&remainders[*a]));
    // Fewer units are left than there are parts with a remainder, so every part takes one at most.
    for part in order.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        parts[part] += 1;
    }
    parts.into_iter().map(|part| signed(part, total < 0)).collect()
}

fn signed(size: u64, negative: bool) -> i64 {
    let value = if negative { -i128::from(size) } else { i128::from(size) };
    i64::try_from(value).expect("a part is not larger than the total, which is an i64")
}

/// How much of `total` is reversed once `done` of `base` is: `total × done / base`, rounded half away
/// from zero.
///
/// Shares are cumulative, so steps never drift: what a step reverses is this share less the share
/// before it. All of the base (or more) gives all of the total; nothing done gives nothing.
pub fn cumulative_share(total: i64, done: i64, base: i64) -> i64 {
    let (mut done, mut base) = (i128::from(done), i128::from(base));
    if base < 0 {
        (done, base) = (-done, -base);
    }
    if done >= base {
        return total;
    }
    // Below 2^127: total is at most 2^63 in size, and done is below base, which is at most 2^63.
    let product = i128::from(total) * done.max(0);
    let magnitude = (product.abs() * 2 + base) / (base * 2);
    i64::try_from(magnitude * product.signum())
        .expect("a share is not larger than the total, which is an i64")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Exact;

    #[test]
    fn worked_splits() {
        for (total, weights, parts) in [
            (100, &[1, 1, 1][..], &[34, 33, 33][..]),
            (101, &[1, 1, 1], &[34, 34, 33]),
            (-100, &[1, 1, 1], &[-34, -33, -33]),
            (10, &[1, 2, 4], &[1, 3, 6]),
            (5, &[0, 3, 0, 2], &[0, 3, 0, 2]),
            (1, &[1, 1], &[1, 0]),
            (0, &[1, 2], &[0, 0]),
            (7, &[0, 0], &[7, 0]),
            (7, &[-5, 0, 1], &[0, 0, 7]),
            (2, &[1, 1, 1, 1], &[1, 1, 0, 0]),
            (1, &[i128::MAX, i128::MAX], &[1, 0]),
            (i64::MIN, &[1], &[i64::MIN]),
            (i64::MAX, &[i128::MAX, 1], &[i64::MAX, 0]),
            (3, &[], &[]),
        ] {
            assert_eq!(allocate(total, weights), parts, "{total} over {weights:?}");
        }
    }

    #[test]
    fn worked_shares() {
        for (total, done, base, share) in [
            (100, 1, 3, 33),
            (100, 2, 3, 67),
            (100, 3, 3, 100),
            (1, 1, 2, 1),
            (-1, 1, 2, -1),
            (-100, 2, 3, -67),
            (100, -1, -3, 33),
            (100, -3, -3, 100),
            (50, 0, 10, 0),
            (50, -1, 10, 0),
            (50, 11, 10, 50),
            (50, 0, 0, 50),
            (i64::MAX, i64::MAX - 1, i64::MAX, i64::MAX - 1),
            (i64::MIN, i64::MIN + 1, i64::MIN, i64::MIN + 1),
            (i64::MIN, 1, 1, i64::MIN),
        ] {
            assert_eq!(cumulative_share(total, done, base), share, "{total} x {done}/{base}");
        }
    }

    proptest! {
        #[test]
        fn parts_add_up_and_stay_within_one_of_their_exact_share(total: i64, weights in prop::collection::vec(prop_oneof![0..10_i128, 0..=i128::MAX], 1..12)) {
            let parts = allocate(total, &weights);
            prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(total));
            let sum: Exact = weights.iter().map(|weight| Exact::from(*weight)).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                if let Some(share) = (Exact::from(*weight) * Exact::from(total)).checked_div(&sum) {
                    prop_assert!((Exact::from(*part) - share).abs() < Exact::one());
                    prop_assert!(*weight > 0 || *part == 0);
                }
            }
        }

        #[test]
        fn a_negative_total_is_the_mirror(total in 0..=i64::MAX, weights in prop::collection::vec(0..1000_i128, 1..8)) {
            let mirrored: Vec<i64> = allocate(-total, &weights).iter().map(|part| -part).collect();
            prop_assert_eq!(mirrored, allocate(total, &weights));
        }

        #[test]
        fn equal_weights_differ_by_one_at_most_the_earlier_the_more(total in 0..1_000_000_i64, count in 1..50_usize) {
            let parts = allocate(total, &vec![7; count]);
            prop_assert!(parts.is_sorted_by(|a, b| a >= b) && parts[0] - parts[count - 1] <= 1);
        }

        #[test]
        fn steps_of_any_size_reverse_everything(total in -1_000_000_i64..1_000_000, steps in prop::collection::vec(1..10_000_i64, 1..20)) {
            let base: i64 = steps.iter().sum();
            let (mut done, mut reversed) = (0, 0);
            for step in steps {
                let before = cumulative_share(total, done, base);
                done += step;
                let now = cumulative_share(total, done, base);
                prop_assert!(now.abs() >= before.abs(), "a share never shrinks");
                prop_assert_eq!(now, Exact::ratio(i128::from(total) * i128::from(done), base.into()).round_half_up().unwrap());
                reversed += now - before;
            }
            prop_assert_eq!(reversed, total);
        }
    }
}
