use proptest::prelude::*;

use super::*;

fn exact(text: &str) -> Exact {
    text.parse().unwrap()
}

#[test]
fn plain_decimals_are_read_and_nothing_else() {
    for (text, shown) in [
        ("0", "0"),
        ("-0", "0"),
        ("007", "7"),
        ("1.50", "1.5"),
        ("-12.5", "-12.5"),
        ("0.000000000001", "0.000000000001"),
        ("1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"),
    ] {
        assert_eq!(Exact::parse_decimal(text).unwrap().to_string(), shown, "{text}");
    }
    let long = "1".repeat(41);
    for bad in [
        "", "-", ".", "1.", ".5", "+1", "1e3", "1E3", "NaN", "inf", "1,000", " 1", "1 ", "--1", "1.2.3",
        "0x1", "１", &long,
    ] {
        assert_eq!(Exact::parse_decimal(bad).unwrap_err().code, "number_malformed", "{bad:?}");
    }
}

#[test]
fn it_is_shown_as_a_decimal_when_it_ends_and_as_a_fraction_otherwise() {
    for (numerator, denominator, shown) in [
        (1, 4, "0.25"),
        (-1, 8, "-0.125"),
        (1, 3, "1/3"),
        (-2, 6, "-1/3"),
        (0, 7, "0"),
        (10, 5, "2"),
        (1, 1 << 20, "0.00000095367431640625"),
        (1, 1 << 21, "1/2097152"),
        (1, 100_000_000_000_000_000_000, "0.00000000000000000001"),
        (1, 1_000_000_000_000_000_000_000, "1/1000000000000000000000"),
    ] {
        assert_eq!(Exact::ratio(numerator, denominator).to_string(), shown);
    }
}

#[test]
fn a_half_goes_away_from_zero() {
    for (text, rounded) in [
        ("0.4", 0),
        ("0.5", 1),
        ("1.5", 2),
        ("2.5", 3),
        ("-0.4", 0),
        ("-0.5", -1),
        ("-2.5", -3),
        ("-2.49", -2),
        ("7", 7),
        ("1/3", 0),
        ("2/3", 1),
    ] {
        assert_eq!(exact(text).round_half_up().unwrap(), rounded, "{text}");
    }
    assert_eq!((Exact::from(i64::MAX) + exact("0.4")).round_half_up().unwrap(), i64::MAX);
    assert_eq!(
        (Exact::from(i64::MAX) + exact("0.5")).round_half_up().unwrap_err().code,
        "amount_out_of_range"
    );
    assert_eq!((Exact::from(i64::MIN) - exact("0.4")).round_half_up().unwrap(), i64::MIN);
    assert!((Exact::from(i64::MIN) - exact("0.5")).round_half_up().is_err());
}

#[test]
fn a_half_goes_to_the_even_neighbour_when_asked() {
    for (text, places, rounded) in [
        ("0.5", 0, "0"),
        ("1.5", 0, "2"),
        ("2.5", 0, "2"),
        ("-0.5", 0, "0"),
        ("-1.5", 0, "-2"),
        ("-2.5", 0, "-2"),
        ("0.0000005", 6, "0"),
        ("0.0000015", 6, "0.000002"),
        ("1/3", 6, "0.333333"),
        ("2/3", 6, "0.666667"),
        ("1.25", 1, "1.2"),
        ("1.35", 1, "1.4"),
    ] {
        assert_eq!(exact(text).round_half_even_to(places).to_string(), rounded, "{text}");
    }
}

#[test]
fn floor_ceil_and_fixed_places() {
    for (text, floor, ceil) in [("1.2", 1, 2), ("-1.2", -2, -1), ("3", 3, 3), ("-1/3", -1, 0)] {
        assert_eq!((exact(text).floor().unwrap(), exact(text).ceil().unwrap()), (floor, ceil), "{text}");
    }
    for (text, places, shown) in [
        ("1/3", 4, "0.3333"),
        ("2/3", 2, "0.67"),
        ("-0.005", 2, "-0.01"),
        ("-0.004", 2, "0.00"),
        ("5", 2, "5.00"),
        ("5.5", 0, "6"),
        ("12345.678", 1, "12345.7"),
    ] {
        assert_eq!(exact(text).to_decimal_string(places), shown, "{text}");
    }
}

#[test]
fn division_by_zero_is_none() {
    assert_eq!(exact("1").checked_div(&Exact::zero()), None);
    assert_eq!(exact("1").checked_div(&exact("-4")).unwrap(), exact("-0.25"));
    assert!(serde_json::from_str::<Exact>("\"1/0\"").is_err());
}

/// Numbers of every size, from those that fit a machine word to far beyond.
fn any_exact() -> impl Strategy<Value = Exact> {
    let small = (-1000_i128..1000, 1_i128..100).prop_map(|(n, d)| Exact::ratio(n, d));
    let large = (any::<i128>(), 1..=i128::MAX).prop_map(|(n, d)| Exact::ratio(n, d));
    prop_oneof![small, large]
}

proptest! {
    #[test]
    fn the_laws_of_arithmetic_hold_exactly(a in any_exact(), b in any_exact(), c in any_exact()) {
        prop_assert_eq!(&a + &b, &b + &a);
        prop_assert_eq!((&a + &b) + &c, &a + (&b + &c));
        prop_assert_eq!((&a * &b) * &c, &a * (&b * &c));
        prop_assert_eq!(&a * (&b + &c), &a * &b + &a * &c);
        prop_assert_eq!((&a + &b) - &b, a.clone());
        prop_assert!((&a + -&a).is_zero());
        if let Some(quotient) = a.checked_div(&b) {
            prop_assert_eq!(quotient * &b, a.clone());
        }
        prop_assert_eq!(a < b, (&a - &b).is_negative());
    }

    /// Machine words show what big integers show.
    #[test]
    fn what_is_shown_does_not_depend_on_the_form(n in any::<i64>(), twos in 0_u32..25, fives in 0_u32..25) {
        let a = Exact::ratio(n.into(), 2_i128.pow(twos) * 5_i128.pow(fives));
        let general = match a.terminating_places() {
            Some(places) => a.to_decimal_string(places as u32),
            None => format!("{}/{}", a.0.big().numer(), a.0.big().denom()),
        };
        prop_assert_eq!(a.to_string(), general);
    }

    #[test]
    fn what_is_shown_reads_back(a in any_exact()) {
        let shown = a.to_string();
        if shown.len() <= 40 {
            prop_assert_eq!(exact(&shown), a);
        }
    }

    #[test]
    fn rounding_is_symmetric_and_never_off_by_more_than_half(n in -1_000_000_000_i128..1_000_000_000, d in 1_i128..1000) {
        let value = Exact::ratio(n, d);
        let rounded = value.round_half_up().unwrap();
        prop_assert_eq!((-&value).round_half_up().unwrap(), -rounded);
        let off = (Exact::from(rounded) - &value).abs();
        prop_assert!(off <= Exact::ratio(1, 2));
        if off == Exact::ratio(1, 2) {
            prop_assert!(Exact::from(rounded).abs() > value.abs());
        }
        prop_assert!(value.floor().unwrap() <= rounded && rounded <= value.ceil().unwrap());
        let even = value.round_half_even_to(0);
        prop_assert!((even - &value).abs() <= Exact::ratio(1, 2));
    }
}
