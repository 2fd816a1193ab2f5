//! Rationals in lowest terms: machine words while they fit, big integers beyond. Only speed depends on
//! which, never a result.

use std::{borrow::Cow, cmp::Ordering};

use num_bigint::{BigInt, Sign};
use num_rational::{BigRational, Ratio};
use num_traits::{CheckedAdd, CheckedMul, CheckedSub, Signed, ToPrimitive, Zero};

/// A rational. A value that fits the small form is always in it, so equality and hash can be derived.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Rational {
    /// Both parts fit, and the numerator can be negated.
    Small(Ratio<i128>),
    Big(Box<BigRational>),
}

impl Rational {
    /// `numerator / denominator`; the denominator is above zero.
    pub fn new(numerator: i128, denominator: i128) -> Self {
        match (numerator, denominator) {
            (i128::MIN, _) => Self::from_big(BigRational::new(numerator.into(), denominator.into())),
            (_, 1) => Self::Small(Ratio::new_raw(numerator, 1)),
            _ => Self::Small(Ratio::new(numerator, denominator)),
        }
    }

    /// Numerator and denominator, when they fit.
    pub fn small_parts(&self) -> Option<(i128, i128)> {
        match self {
            Self::Small(value) => Some((*value.numer(), *value.denom())),
            Self::Big(_) => None,
        }
    }

    pub fn from_big(value: BigRational) -> Self {
        match (value.numer().to_i128(), value.denom().to_i128()) {
            (Some(numerator), Some(denominator)) if numerator != i128::MIN => {
                Self::Small(Ratio::new_raw(numerator, denominator))
            }
            _ => Self::Big(Box::new(value)),
        }
    }

    pub fn big(&self) -> Cow<'_, BigRational> {
        match self {
            Self::Small(value) => {
                Cow::Owned(BigRational::new_raw((*value.numer()).into(), (*value.denom()).into()))
            }
            Self::Big(value) => Cow::Borrowed(value),
        }
    }

    pub fn is_zero(&self) -> bool {
        matches!(self, Self::Small(value) if value.is_zero())
    }

    pub fn is_negative(&self) -> bool {
        match self {
            Self::Small(value) => value.is_negative(),
            Self::Big(value) => value.is_negative(),
        }
    }

    pub fn add(&self, other: &Self) -> Self {
        self.small(other, i128::checked_add, Ratio::checked_add)
            .unwrap_or_else(|| Self::from_big(&*self.big() + &*other.big()))
    }

    pub fn sub(&self, other: &Self) -> Self {
        self.small(other, i128::checked_sub, Ratio::checked_sub)
            .unwrap_or_else(|| Self::from_big(&*self.big() - &*other.big()))
    }

    pub fn mul(&self, other: &Self) -> Self {
        self.small(other, i128::checked_mul, Ratio::checked_mul)
            .unwrap_or_else(|| Self::from_big(&*self.big() * &*other.big()))
    }

    /// The quotient; the divisor is not zero.
    pub fn div(&self, other: &Self) -> Self {
        let inverse = match other {
            Self::Small(value) => Self::Small(value.recip()),
            Self::Big(value) => Self::from_big(value.recip()),
        };
        self.mul(&inverse)
    }

    pub fn neg(&self) -> Self {
        match self {
            Self::Small(value) => Self::Small(-value),
            Self::Big(value) => Self::from_big(-&**value),
        }
    }

    /// The nearest integer, a half going away from zero.
    pub fn round_half_away(&self) -> BigInt {
        match self {
            Self::Small(value) => {
                let (numerator, denominator) = (*value.numer(), *value.denom());
                let (quotient, rest) = (numerator / denominator, (numerator % denominator).abs());
                let step = if rest >= denominator - rest { numerator.signum() } else { 0 };
                BigInt::from(quotient) + step
            }
            Self::Big(value) => {
                let (numerator, denominator) = (value.numer().magnitude(), value.denom().magnitude());
                let magnitude = (numerator * 2_u8 + denominator) / (denominator * 2_u8);
                BigInt::from_biguint(if value.is_negative() { Sign::Minus } else { Sign::Plus }, magnitude)
            }
        }
    }

    /// The result in machine words, when both sides and everything on the way fit. Whole numbers, which
    /// most are, need no reducing.
    fn small(
        &self,
        other: &Self,
        of_whole: fn(i128, i128) -> Option<i128>,
        operation: fn(&Ratio<i128>, &Ratio<i128>) -> Option<Ratio<i128>>,
    ) -> Option<Self> {
        let (Self::Small(a), Self::Small(b)) = (self, other) else { return None };
        let value = if *a.denom() == 1 && *b.denom() == 1 {
            of_whole(*a.numer(), *b.numer()).map(|whole| Ratio::new_raw(whole, 1))
        } else {
            operation(a, b)
        };
        value.filter(|value| *value.numer() != i128::MIN).map(Self::Small)
    }
}

impl Ord for Rational {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Small(a), Self::Small(b)) => a.cmp(b),
            _ => self.big().cmp(&other.big()),
        }
    }
}
impl PartialOrd for Rational {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Parts at and around the edges of the small form.
    fn any_part() -> impl Strategy<Value = i128> {
        let edges = vec![0, 1, -1, 2, i128::MIN, i128::MIN + 1, i128::MAX, i128::MAX - 1, i128::MAX / 2];
        prop_oneof![prop::sample::select(edges), any::<i128>(), any::<i64>().prop_map(i128::from)]
    }
    fn any_big() -> impl Strategy<Value = BigRational> {
        (any_part(), any_part().prop_filter("not zero", |part| *part != 0))
            .prop_map(|(n, d)| BigRational::new(n.into(), d.into()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_result_is_that_of_big_integers(a in any_big(), b in any_big()) {
            let (small_a, small_b) = (Rational::from_big(a.clone()), Rational::from_big(b.clone()));
            let same = |ours: Rational, theirs: BigRational| ours == Rational::from_big(theirs);
            prop_assert!(small_a.big().as_ref() == &a);
            prop_assert!(same(small_a.add(&small_b), &a + &b));
            prop_assert!(same(small_a.sub(&small_b), &a - &b));
            prop_assert!(same(small_a.mul(&small_b), &a * &b));
            prop_assert!(same(small_a.neg(), -&a));
            prop_assert!(b.is_zero() || same(small_a.div(&small_b), &a / &b));
            prop_assert_eq!(small_a.cmp(&small_b), a.cmp(&b));
            prop_assert_eq!(small_a.is_negative(), a.is_negative());
            prop_assert_eq!(small_a.is_zero(), a.is_zero());
            prop_assert_eq!(small_a.round_half_away(), a.round().to_integer());
        }

        #[test]
        fn parts_of_any_size_are_reduced(n in any_part(), d in 1..=i128::MAX) {
            prop_assert!(Rational::new(n, d) == Rational::from_big(BigRational::new(n.into(), d.into())));
        }
    }
}
